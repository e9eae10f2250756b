/*
 * What a process has cost so far, read from /proc from outside: the programs that are measured
 * know nothing of it. Also what the kernel threw away at a UDP port, and what all cores did.
 */
#pragma once

#include <stdint.h>

struct process_usage {
    uint64_t cpu_us;        /* user + system, all threads; resolution is a clock tick, 10 ms */
    uint64_t rss_kib;       /* resident */
    uint64_t anonymous_kib; /* of that, memory that is no file's: heap and stacks */
};

/** A process that is gone (or pid 0) has used nothing: all zero. */
struct process_usage process_usage_of(int pid);

/** Datagrams dropped because the receive buffer of a socket bound to this port was full. */
uint64_t process_udp_drops(uint16_t port);

/** Time that all cores of the machine were busy, for whomever, in µs. */
uint64_t process_machine_busy_us(void);
