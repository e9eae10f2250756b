/*
 * How many publishes may be with paho at a time. Each waits for the broker's confirmation, so that
 * their number bounds the rate to so many in a round trip; but what paho does for each grows with
 * it: some 14 us, and 10 ns for each that is under way. Measured with a broker on the same machine:
 * 64 are 23 000 a second, 128 and 256 are 36 000 at the same or less processor time each, 512 are
 * 32 000.
 */
#ifndef MQTT_WINDOW_H
#define MQTT_WINDOW_H

#include <stddef.h>
#include <stdint.h>

enum {
    MQTT_WINDOW_LEAST = 256,
    MQTT_WINDOW_MOST = 4000,        /* more would cost more than they bring */
    MQTT_WINDOW_PER_SECOND = 50000, /* publishes, more than paho can do */
};

/* @param round_trip_us  to the broker and back; 0: not known */
static inline size_t mqtt_window_for(uint32_t round_trip_us)
{
    size_t window = (size_t)((uint64_t)round_trip_us * MQTT_WINDOW_PER_SECOND / 1000000);
    window = window < MQTT_WINDOW_MOST ? window : MQTT_WINDOW_MOST;
    return window > MQTT_WINDOW_LEAST ? window : MQTT_WINDOW_LEAST;
}

#endif
