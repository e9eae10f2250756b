/*
 * bench-server: our LwM2M library on its UDP transport and nothing else. What it costs is the
 * library's share of the gateway; with --observe it also sets up an observation of one path on
 * every device that registers. Events are counted and thrown away, confirmable notifications
 * acknowledged at once. On SIGUSR1 it prints what malloc holds.
 */
#include "gateway/random.h"

#include "lwm2m/server.h"
#include "lwm2m/transport/udp.h"

#include "test/bench/clock.h"

#include <errno.h>
#include <inttypes.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct bench_server {
    struct transport_udp *udp;
    struct lwm2m_server *server;
    const struct lwm2m_path *observe; /* NULL: nothing */
    uint64_t now_ms;
    uint64_t events;
};

static volatile sig_atomic_t stop; /* set by signals, read by the loop */
static volatile sig_atomic_t print_heap;

static void on_stop(int signal)
{
    (void)signal;
    stop = 1;
}

static void on_print(int signal)
{
    (void)signal;
    print_heap = 1;
}

/* --- callbacks of the library --- */

static void send_datagram(void *ctx, const struct transport_route *route, const uint8_t *data,
                          size_t len)
{
    struct bench_server *bench = ctx;
    transport_udp_send(bench->udp, route, data, len);
}

static void observe(struct bench_server *bench, const struct lwm2m_event *event)
{
    struct lwm2m_device *device =
        lwm2m_server_find(bench->server, lwm2m_device_endpoint(event->device));
    struct lwm2m_request *request = calloc(1, sizeof(*request));
    if (!request || !device) {
        free(request);
        return;
    }
    request->operation = LWM2M_OBSERVE;
    request->path = *bench->observe;
    request->format = LWM2M_FORMAT_NONE;
    request->accept = LWM2M_FORMAT_NONE;
    request->expires_ms = LWM2M_TIMERS_NEVER;
    request->automatic = true;
    if (lwm2m_server_request(bench->server, device, request, bench->now_ms)) {
        free(request);
    }
}

static void on_event(void *ctx, const struct lwm2m_event *event)
{
    struct bench_server *bench = ctx;
    bench->events++;
    if (event->receipt) {
        lwm2m_server_acknowledge(bench->server, event->receipt, bench->now_ms);
    }
    if (event->type == LWM2M_EVENT_REGISTERED && bench->observe) {
        observe(bench, event);
    }
    if (event->request && event->type != LWM2M_EVENT_ACKNOWLEDGED) {
        free(event->request);
    }
}

static void random_bytes(void *ctx, void *bytes, size_t len)
{
    static struct random_pool pool;
    (void)ctx;
    random_fill(&pool, bytes, len);
}

static double wall_clock_s(void *ctx)
{
    struct timespec now;
    (void)ctx;
    clock_gettime(CLOCK_REALTIME, &now);
    return (double)now.tv_sec;
}

static uint64_t awake_window_ms(void *ctx, const char *endpoint)
{
    (void)ctx;
    (void)endpoint;
    return 93000;
}

static bool definition(void *ctx, uint16_t object, struct lwm2m_version version, uint16_t resource,
                       struct lwm2m_definition *found)
{
    (void)ctx;
    (void)object;
    (void)version;
    (void)resource;
    (void)found;
    return false;
}

static void forget_context(void *ctx, void *observation_context)
{
    (void)ctx;
    (void)observation_context; /* none is ever set */
}

/* --- the loop --- */

static void on_coming(void *ctx, const struct transport_route routes[], size_t count)
{
    struct bench_server *bench = ctx;
    lwm2m_server_expect(bench->server, routes, count);
}

static void on_datagram(void *ctx, const struct transport_route *route, uint8_t *data, size_t len)
{
    struct bench_server *bench = ctx;
    lwm2m_server_receive(bench->server, route, data, len, bench->now_ms);
}

static void report_heap(const struct bench_server *bench)
{
    struct mallinfo2 heap = mallinfo2();
    printf("heap devices=%zu in_use=%zu mapped=%zu free=%zu events=%" PRIu64 "\n",
           lwm2m_server_device_count(bench->server), heap.uordblks, heap.hblkhd, heap.fordblks,
           bench->events);
    fflush(stdout);
    print_heap = 0;
}

static void turn(struct bench_server *bench)
{
    struct pollfd input = { .fd = transport_udp_fd(bench->udp), .events = POLLIN };
    bench->now_ms = clock_ns() / 1000000;
    int came = transport_udp_receive(bench->udp, on_coming, on_datagram, bench);
    if (lwm2m_server_next_ms(bench->server) <= bench->now_ms) {
        lwm2m_server_run(bench->server, bench->now_ms);
    }
    transport_udp_flush(bench->udp);
    if (came <= 0) {
        uint64_t next_ms = lwm2m_server_next_ms(bench->server);
        uint64_t wait_ms = next_ms > bench->now_ms ? next_ms - bench->now_ms : 0;
        (void)poll(&input, 1, wait_ms < 1000 ? (int)wait_ms : 1000);
    }
    if (print_heap) {
        report_heap(bench);
    }
}

static const struct lwm2m_server_settings settings = {
    .coap = { .ack_timeout_ms = 2000,
              .ack_random_factor = 1.5,
              .max_retransmit = 4,
              .exchange_lifetime_ms = 247000,
              .response_timeout_ms = 93000,
              .max_block_size = 1024,
              .max_body_size = 4 << 20,
              .max_transfers = 1024,
              .max_exchanges = 4 << 20 },
    .lifetime_min_s = 15,
    .lifetime_max_s = 86400,
    .max_devices = 4 << 20,
    .queue_length = 32,
    .max_automatic = 256,
    .queue_attempts = 10,
    .max_records = 4096,
};

static int start(struct bench_server *bench, uint16_t port)
{
    const struct transport_udp_settings socket = { .host = "127.0.0.1",
                                                   .port = port,
                                                   .socket_buffer = 4 << 20 };
    const struct lwm2m_server_callbacks callbacks = {
        .ctx = bench,
        .send = send_datagram,
        .event = on_event,
        .random = random_bytes,
        .wall_clock_s = wall_clock_s,
        .awake_window_ms = awake_window_ms,
        .definition = definition,
        .observation_context_free = forget_context,
    };
    int err = transport_udp_new(&socket, &bench->udp);
    return err ? err
               : lwm2m_server_new(&settings, &callbacks, clock_ns() / 1000000, &bench->server);
}

static bool read_arguments(int argc, char **argv, uint16_t *port, struct lwm2m_path *path,
                           const struct lwm2m_path **observed)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--observe") == 0 && i + 1 < argc) {
            if (lwm2m_path_parse(argv[i + 1], strlen(argv[i + 1]), path)) {
                return false;
            }
            *observed = path;
            i++;
        } else if (strcmp(argv[i], "--port") == 0 && i + 1 < argc) {
            *port = (uint16_t)atoi(argv[++i]);
        } else {
            return false;
        }
    }
    return true;
}

int main(int argc, char **argv)
{
    struct bench_server bench = { 0 };
    struct lwm2m_path path;
    uint16_t port = 0;
    if (!read_arguments(argc, argv, &port, &path, &bench.observe)) {
        fputs("usage: bench-server [--port PORT] [--observe PATH]\n", stderr);
        return 2;
    }
    int err = start(&bench, port);
    if (err) {
        fprintf(stderr, "bench-server: %s\n", strerror(-err));
    } else {
        (void)signal(SIGTERM, on_stop);
        (void)signal(SIGINT, on_stop);
        (void)signal(SIGUSR1, on_print);
        printf("port %u\n", (unsigned)transport_udp_port(bench.udp));
        fflush(stdout);
    }
    while (!err && !stop) {
        turn(&bench);
    }
    lwm2m_server_free(bench.server);
    transport_udp_free(bench.udp);
    return err ? 1 : 0;
}
