/*
 * What the TCP socket of a connection needs, when the library that opened it does not let us at it.
 *
 * Two small delays of TCP meet in MQTT, where both sides write little and often: Nagle's algorithm
 * holds a small segment back while an earlier one is not acknowledged, and the other side
 * acknowledges up to 40 ms late. Paho sets no TCP_NODELAY: behind the PUBACK of a command its
 * answer would wait for the broker. And a broker that leaves Nagle's algorithm on, as mosquitto
 * does, holds the next command back until we acknowledge the PUBACK of the last answer.
 *
 * The socket is found among the descriptors of the process, by the address family and protocol
 * that it has; other TCP sockets of the process get the option as well, which harms none of them.
 */
#ifndef MQTT_SOCKET_H
#define MQTT_SOCKET_H

#include <stddef.h>
#include <stdint.h>

/**
 * Sets TCP_NODELAY on every connected TCP socket of this process that lacks it. From any thread.
 *
 * @param[out] fd  the last one of them; -1 when there was none; borrowed, for
 *                 mqtt_socket_acknowledge() while the connection lasts
 * @return how many were set; 0 also when /proc/self/fd cannot be read
 */
size_t mqtt_socket_set_nodelay(int *fd);

/** To the other side and back, smoothed by the kernel; 0 when it does not say (or fd is -1). */
uint32_t mqtt_socket_round_trip_us(int fd);

/**
 * Acknowledges at once what was received (TCP_QUICKACK): for when nothing will be sent soon that
 * would carry the acknowledgement. A socket that has nothing to acknowledge sends nothing.
 *
 * @param fd  -1: nothing happens
 */
void mqtt_socket_acknowledge(int fd);

#endif
