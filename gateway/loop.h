/*
 * The event loop: sockets, one timer, wake-ups from other threads, signals. Wraps libuv, which
 * nobody else gets to see.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct loop;

/* Never from another thread, and none from within another. */
struct loop_callbacks {
    void *ctx;
    /** A watched socket has something to read. */
    void (*readable)(void *ctx, size_t index);
    /** Somebody called loop_wake(); several calls may end in one. */
    void (*woken)(void *ctx);
    /** What `prepare` asked for is due. */
    void (*due)(void *ctx);
    /** SIGTERM, SIGINT or SIGHUP came. */
    void (*signal)(void *ctx, int number);
    /** Before each wait: finish what was collected. Returns in how many ms `due` is to be called;
     *  LOOP_NEVER for not at all. */
    uint64_t (*prepare)(void *ctx);
};

#define LOOP_NEVER UINT64_MAX

/** @return 0, -ENOMEM, or what the system says */
[[nodiscard]] int loop_new(const struct loop_callbacks *callbacks, struct loop **loop);

/** Accepts NULL. Sockets stay open. */
void loop_free(struct loop *loop);

/** Adds a socket, not watched yet; indices count from 0. @return 0, -ENOMEM, or what libuv says */
[[nodiscard]] int loop_add(struct loop *loop, int fd);

/** Starts or stops watching all sockets. */
void loop_watch(struct loop *loop, bool watch);

/** From any thread: `woken` will be called. */
void loop_wake(struct loop *loop);

/** Runs until loop_stop(). */
void loop_run(struct loop *loop);
void loop_stop(struct loop *loop);
