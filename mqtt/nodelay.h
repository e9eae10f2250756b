/*
 * TCP without Nagle's algorithm for connections whose library does not let us at their socket.
 *
 * Paho opens its socket itself and sets no TCP_NODELAY: behind the PUBACK of a command its answer
 * would wait some 40 ms for the broker's delayed acknowledgement. The socket is found among the
 * descriptors of the process, by the address family and protocol that it has; other TCP sockets of
 * the process get the option as well, which harms none of them.
 */
#ifndef MQTT_NODELAY_H
#define MQTT_NODELAY_H

#include <stddef.h>

/**
 * Sets TCP_NODELAY on every connected TCP socket of this process that lacks it. From any thread.
 *
 * @return how many were set; 0 also when /proc/self/fd cannot be read
 */
size_t mqtt_nodelay_apply(void);

#endif
