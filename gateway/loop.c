#include "gateway/loop.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#include <uv.h>

struct socket {
    uv_poll_t poll;
    struct loop *loop;
    size_t index;
};

struct loop {
    struct loop_callbacks callbacks;
    uv_loop_t uv;
    uv_timer_t timer;
    uv_async_t async;
    uv_prepare_t prepare;
    uv_signal_t signals[3];
    struct socket **sockets;
    size_t socket_count;
    bool watching;
};

static const int signal_numbers[] = { SIGTERM, SIGINT, SIGHUP };

static void on_timer(uv_timer_t *timer)
{
    struct loop *loop = timer->data;
    loop->callbacks.due(loop->callbacks.ctx);
}

static void on_async(uv_async_t *async)
{
    struct loop *loop = async->data;
    loop->callbacks.woken(loop->callbacks.ctx);
}

static void on_signal(uv_signal_t *signal, int number)
{
    struct loop *loop = signal->data;
    loop->callbacks.signal(loop->callbacks.ctx, number);
}

static void on_prepare(uv_prepare_t *prepare)
{
    struct loop *loop = prepare->data;
    uint64_t wait_ms = loop->callbacks.prepare(loop->callbacks.ctx);
    if (wait_ms == LOOP_NEVER) {
        (void)uv_timer_stop(&loop->timer);
        return;
    }
    uv_update_time(&loop->uv); /* its clock stands still while callbacks run */
    (void)uv_timer_start(&loop->timer, on_timer, wait_ms, 0);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct socket *socket = poll->data;
    (void)status; /* an error is found, and cleared, by receiving */
    (void)events;
    socket->loop->callbacks.readable(socket->loop->callbacks.ctx, socket->index);
}

/* libuv's errors are negative errnos already. */
static int start(struct loop *loop)
{
    int err = uv_timer_init(&loop->uv, &loop->timer);
    err = err != 0 ? err : uv_async_init(&loop->uv, &loop->async, on_async);
    err = err != 0 ? err : uv_prepare_init(&loop->uv, &loop->prepare);
    err = err != 0 ? err : uv_prepare_start(&loop->prepare, on_prepare);
    for (size_t i = 0; i < 3 && err == 0; i++) {
        err = uv_signal_init(&loop->uv, &loop->signals[i]);
        err = err != 0 ? err : uv_signal_start(&loop->signals[i], on_signal, signal_numbers[i]);
        loop->signals[i].data = loop;
    }
    loop->timer.data = loop;
    loop->async.data = loop;
    loop->prepare.data = loop;
    return err;
}

int loop_new(const struct loop_callbacks *callbacks, struct loop **loop)
{
    struct loop *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        return -ENOMEM;
    }
    made->callbacks = *callbacks;
    int err = uv_loop_init(&made->uv);
    if (err != 0) {
        free(made);
        return err;
    }
    err = start(made);
    if (err != 0) {
        loop_free(made);
        return err;
    }
    *loop = made;
    return 0;
}

static void close_handle(uv_handle_t *handle, void *ctx)
{
    (void)ctx;
    if (!uv_is_closing(handle)) {
        uv_close(handle, NULL);
    }
}

void loop_free(struct loop *loop)
{
    if (loop == NULL) {
        return;
    }
    uv_walk(&loop->uv, close_handle, NULL);
    (void)uv_run(&loop->uv, UV_RUN_DEFAULT); /* nothing but closing is left to do */
    (void)uv_loop_close(&loop->uv);
    for (size_t i = 0; i < loop->socket_count; i++) {
        free(loop->sockets[i]);
    }
    free(loop->sockets);
    free(loop);
}

int loop_add(struct loop *loop, int fd)
{
    struct socket **sockets =
        reallocarray(loop->sockets, loop->socket_count + 1, sizeof(struct socket *));
    if (sockets == NULL) {
        return -ENOMEM;
    }
    loop->sockets = sockets;
    struct socket *socket = calloc(1, sizeof(*socket));
    if (socket == NULL) {
        return -ENOMEM;
    }
    int err = uv_poll_init(&loop->uv, &socket->poll, fd);
    if (err != 0) {
        free(socket);
        return err;
    }
    socket->poll.data = socket;
    socket->loop = loop;
    socket->index = loop->socket_count;
    loop->sockets[loop->socket_count++] = socket;
    return 0;
}

void loop_watch(struct loop *loop, bool watch)
{
    if (watch == loop->watching) {
        return;
    }
    loop->watching = watch;
    for (size_t i = 0; i < loop->socket_count; i++) {
        if (watch) {
            (void)uv_poll_start(&loop->sockets[i]->poll, UV_READABLE, on_poll);
        } else {
            (void)uv_poll_stop(&loop->sockets[i]->poll);
        }
    }
}

void loop_wake(struct loop *loop)
{
    (void)uv_async_send(&loop->async);
}

void loop_run(struct loop *loop)
{
    (void)uv_run(&loop->uv, UV_RUN_DEFAULT);
}

void loop_stop(struct loop *loop)
{
    uv_stop(&loop->uv);
}
