/*
 * Threads that stay on one processor.
 *
 * Paho has locks that every one of its functions takes on entry and on exit. Its two threads and
 * ours, on processors of their own, meet there several times for each message, and every meeting
 * puts a thread to sleep and wakes it up. On one processor they take turns and hardly ever meet:
 * a QoS 1 publish costs two thirds of the time, although only one of them runs at once. The
 * measurement is in test/bench/README.md.
 */
#ifndef MQTT_PROCESSOR_H
#define MQTT_PROCESSOR_H

/**
 * Keeps the calling thread, and those that it makes from now on, on the processor where it is.
 *
 * @return 0, -ENOMEM, or what the system said: then nothing has changed
 */
int mqtt_processor_stay(void);

#endif
