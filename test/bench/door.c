/*
 * bench-door: what a datagram of a stranger costs before it is dropped or answered, in nanoseconds
 * and allocations, without sockets: the gate alone, then the way through the server, which has
 * as many devices registered as the first argument says (100000). Beside it what such a device
 * costs: its Update, alone and as one of a batch that the server was told of.
 */
#include "lwm2m/gate/gate.h"
#include "lwm2m/server.h"
#include "lwm2m/transport/udp.h"
#include "test/bench/random.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    ROUNDS = 1000000,
    SOURCES = 100000,
    DATAGRAM_MAX = 256,
    LOCATION_LEN = 11,
    BATCH = TRANSPORT_UDP_BATCH
};

/* Of the processor: other programs do not count. */
static uint64_t used_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

static size_t allocations; /* counted by the wrappers that the linker puts in */

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);

void *__wrap_malloc(size_t size)
{
    allocations++;
    return __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    allocations++;
    return __real_calloc(count, size);
}

void *__wrap_realloc(void *memory, size_t size)
{
    allocations++;
    return __real_realloc(memory, size);
}

struct bench {
    struct lwm2m_server *server;
    struct random random;
    size_t answers;
    size_t answer_bytes;
    size_t longest;
    char (*locations)[LOCATION_LEN]; /* of the devices */
    uint32_t registering;            /* the device that is */
};

static struct transport_route route_of(uint32_t source)
{
    struct transport_route route = { .remote = { .port = 5683 } };
    const uint8_t ip[16] = { [10] = 0xff,
                             [11] = 0xff,
                             [12] = 10,
                             [13] = (uint8_t)(source >> 16),
                             [14] = (uint8_t)(source >> 8),
                             [15] = (uint8_t)source };
    memcpy(route.remote.ip, ip, sizeof(ip));
    return route;
}

/* --- the gate --- */

static void gate_row(const char *name, const struct lwm2m_gate_limits *limits, uint32_t sources)
{
    static const uint64_t key[2] = { 1, 2 };
    struct random random = random_of(1);
    struct lwm2m_gate *gate;
    size_t admitted = 0;
    if (lwm2m_gate_new(limits, key, 0, &gate) != 0) {
        return;
    }
    size_t before = allocations;
    uint64_t begin = used_ns();
    for (uint32_t i = 0; i < ROUNDS; i++) {
        struct transport_route route = route_of(random_below(&random, sources));
        admitted += lwm2m_gate_admit(gate, &route.remote, false, i / 300);
    }
    printf("%-34s %6.0f ns %5.2f allocations, %zu of %d let in\n", name,
           (double)(used_ns() - begin) / ROUNDS, (double)(allocations - before) / ROUNDS, admitted,
           ROUNDS);
    lwm2m_gate_free(gate);
}

static void gate_rows(void)
{
    const struct lwm2m_gate_limits source = { .per_source = 10,
                                              .burst_ms = 1000,
                                              .tracked = 65536 };
    const struct lwm2m_gate_limits both = {
        .per_source = 10, .per_prefix = 100, .burst_ms = 1000, .tracked = 65536
    };
    gate_row("gate: one source", &source, 1);
    gate_row("gate: 100 000 sources", &source, 100000);
    gate_row("gate: 16 million sources", &source, 1 << 24);
    gate_row("gate: 100 000, networks too", &both, 100000);
    gate_row("gate: 16 million, networks too", &both, 1 << 24);
}

/* --- the server's surroundings --- */

static void on_send(void *ctx, const struct transport_route *route, const uint8_t *data, size_t len)
{
    struct bench *bench = ctx;
    (void)route;
    (void)data;
    bench->answers++;
    bench->answer_bytes += len;
    bench->longest = len > bench->longest ? len : bench->longest;
    if (data[1] == LWCOAP_CODE(2, 1)) {
        memcpy(bench->locations[bench->registering], data + len - LOCATION_LEN, LOCATION_LEN);
    }
}

static void on_event(void *ctx, const struct lwm2m_event *event)
{
    (void)ctx;
    (void)event;
}

static void on_random(void *ctx, void *bytes, size_t len)
{
    struct bench *bench = ctx;
    for (size_t i = 0; i < len; i++) {
        ((uint8_t *)bytes)[i] = (uint8_t)random_next(&bench->random);
    }
}

static uint64_t on_awake_window(void *ctx, const char *endpoint)
{
    (void)ctx;
    (void)endpoint;
    return 93000;
}

static int start_server(struct bench *bench, size_t devices)
{
    const struct lwm2m_server_settings settings = {
        .coap = { .ack_timeout_ms = 2000,
                  .ack_random_factor = 1.5,
                  .max_retransmit = 4,
                  .exchange_lifetime_ms = 247000,
                  .response_timeout_ms = 93000,
                  .max_block_size = 1024,
                  .max_body_size = 4 << 20,
                  .max_transfers = 1024,
                  .max_exchanges = 1024 },
        .lifetime_min_s = 15,
        .lifetime_max_s = 86400,
        .max_devices = devices, /* whoever else comes is put off */
        .queue_length = 32,
        .max_records = 1000,
    };
    const struct lwm2m_server_callbacks callbacks = { .ctx = bench,
                                                      .send = on_send,
                                                      .event = on_event,
                                                      .random = on_random,
                                                      .awake_window_ms = on_awake_window };
    return lwm2m_server_new(&settings, &callbacks, 0, &bench->server);
}

static size_t write_register(uint8_t *bytes, uint32_t number, const char *version)
{
    static const char links[] = "</1/0>,</3/0>";
    struct lwcoap_writer writer;
    char name[32];
    int len = snprintf(name, sizeof(name), "ep=device-%u", number);
    lwcoap_writer_init(&writer, bytes, DATAGRAM_MAX, LWCOAP_CON, LWCOAP_POST, (uint16_t)number,
                       NULL, 0);
    lwcoap_writer_option(&writer, LWCOAP_OPTION_URI_PATH, "rd", 2);
    lwcoap_writer_option_uint(&writer, LWCOAP_OPTION_CONTENT_FORMAT, 40);
    lwcoap_writer_option(&writer, LWCOAP_OPTION_URI_QUERY, version, strlen(version));
    lwcoap_writer_option(&writer, LWCOAP_OPTION_URI_QUERY, name, (size_t)len);
    lwcoap_writer_payload(&writer, (const uint8_t *)links, sizeof(links) - 1);
    return writer.len;
}

/* --- what strangers send --- */

static size_t write_noise(struct bench *bench, uint8_t *bytes, uint32_t number)
{
    (void)number;
    for (size_t i = 0; i < 40; i++) {
        bytes[i] = (uint8_t)random_next(&bench->random);
    }
    return 40;
}

static size_t write_near_coap(struct bench *bench, uint8_t *bytes, uint32_t number)
{
    size_t len = write_noise(bench, bytes, number);
    bytes[0] = (uint8_t)(0x40 | (bytes[0] & 0x38)); /* version 1, any type, a short token */
    return len;
}

static size_t write_ping(struct bench *bench, uint8_t *bytes, uint32_t number)
{
    (void)bench;
    memcpy(bytes, (const uint8_t[]){ 0x40, 0, (uint8_t)(number >> 8), (uint8_t)number }, 4);
    return 4;
}

static size_t write_notification(struct bench *bench, uint8_t *bytes, uint32_t number)
{
    struct lwcoap_writer writer;
    uint64_t token = random_next(&bench->random);
    lwcoap_writer_init(&writer, bytes, DATAGRAM_MAX, LWCOAP_CON, LWCOAP_CODE(2, 5),
                       (uint16_t)number, (const uint8_t *)&token, sizeof(token));
    lwcoap_writer_option_uint(&writer, LWCOAP_OPTION_OBSERVE, number & 0xffffff);
    lwcoap_writer_payload(&writer, (const uint8_t *)"21.5", 4);
    return writer.len;
}

static size_t write_update_at(uint8_t *bytes, uint32_t number, const char *location)
{
    struct lwcoap_writer writer;
    lwcoap_writer_init(&writer, bytes, DATAGRAM_MAX, LWCOAP_CON, LWCOAP_POST, (uint16_t)number,
                       NULL, 0);
    lwcoap_writer_option(&writer, LWCOAP_OPTION_URI_PATH, "rd", 2);
    lwcoap_writer_option(&writer, LWCOAP_OPTION_URI_PATH, location, LOCATION_LEN);
    return writer.len;
}

static size_t write_update(struct bench *bench, uint8_t *bytes, uint32_t number)
{
    char location[LOCATION_LEN + 1];
    (void)bench;
    snprintf(location, sizeof(location), "%011u", number);
    return write_update_at(bytes, number, location);
}

static size_t write_discovery(struct bench *bench, uint8_t *bytes, uint32_t number)
{
    struct lwcoap_writer writer;
    (void)bench;
    lwcoap_writer_init(&writer, bytes, DATAGRAM_MAX, LWCOAP_CON, LWCOAP_GET, (uint16_t)number, NULL,
                       0);
    lwcoap_writer_option(&writer, LWCOAP_OPTION_URI_PATH, ".well-known", 11);
    lwcoap_writer_option(&writer, LWCOAP_OPTION_URI_PATH, "core", 4);
    return writer.len;
}

static size_t write_wrong_register(struct bench *bench, uint8_t *bytes, uint32_t number)
{
    (void)bench;
    return write_register(bytes, number, "lwm2m=7.0");
}

static size_t write_late_register(struct bench *bench, uint8_t *bytes, uint32_t number)
{
    (void)bench;
    return write_register(bytes, (1U << 30) + number, "lwm2m=1.0");
}

static const struct {
    const char *name;
    size_t (*write)(struct bench *bench, uint8_t *bytes, uint32_t number);
} kinds[] = {
    { "noise", write_noise },
    { "noise that begins as CoAP does", write_near_coap },
    { "ping", write_ping },
    { "notification of nothing", write_notification },
    { "update of nobody", write_update },
    { "discovery", write_discovery },
    { "register that is wrong", write_wrong_register },
    { "register, but it is full", write_late_register },
};

static void kind_row(struct bench *bench, size_t kind, uint8_t (*bytes)[DATAGRAM_MAX],
                     size_t *lengths)
{
    size_t sent_bytes = 0;
    for (uint32_t i = 0; i < SOURCES; i++) {
        lengths[i] = kinds[kind].write(bench, bytes[i], i);
    }
    bench->answers = bench->answer_bytes = bench->longest = 0;
    size_t before = allocations;
    uint64_t begin = used_ns();
    for (uint32_t i = 0; i < ROUNDS; i++) {
        uint32_t source = i % SOURCES;
        struct transport_route route = route_of((1 << 20) + i);
        sent_bytes += lengths[source];
        lwm2m_server_receive(bench->server, &route, bytes[source], lengths[source], i / 300);
    }
    printf("%-34s %6.0f ns %5.2f allocations, %.2f answers of %.2f times its length\n",
           kinds[kind].name, (double)(used_ns() - begin) / ROUNDS,
           (double)(allocations - before) / ROUNDS, (double)bench->answers / ROUNDS,
           (double)bench->answer_bytes / (double)sent_bytes);
}

/* --- what devices send --- */

static void update_row(struct bench *bench, uint32_t devices, bool announced)
{
    uint8_t bytes[BATCH][DATAGRAM_MAX];
    size_t lengths[BATCH];
    struct transport_route routes[BATCH];
    uint64_t used = 0;
    bench->answers = 0;
    for (uint32_t batch = 0; batch < ROUNDS / BATCH; batch++) {
        for (uint32_t i = 0; i < BATCH; i++) {
            uint32_t device = random_below(&bench->random, devices);
            routes[i] = route_of(device);
            lengths[i] = write_update_at(bytes[i], batch, bench->locations[device]);
        }
        uint64_t begin = used_ns();
        if (announced) {
            lwm2m_server_expect(bench->server, routes, BATCH);
        }
        for (uint32_t i = 0; i < BATCH; i++) {
            lwm2m_server_receive(bench->server, &routes[i], bytes[i], lengths[i], batch / 5);
        }
        used += used_ns() - begin;
    }
    printf("%-34s %6.0f ns, %.2f answers\n",
           announced ? "update of a device, announced" : "update of a device",
           (double)used / (ROUNDS / BATCH * BATCH), (double)bench->answers / ROUNDS);
}

static int register_devices(struct bench *bench, uint32_t devices)
{
    bench->locations = calloc(devices, sizeof(*bench->locations));
    for (uint32_t i = 0; bench->locations && i < devices; i++) {
        struct transport_route route = route_of(i);
        uint8_t bytes[DATAGRAM_MAX];
        size_t len = write_register(bytes, i, "lwm2m=1.0");
        bench->registering = i;
        lwm2m_server_receive(bench->server, &route, bytes, len, 0);
    }
    printf("%zu devices\n", lwm2m_server_device_count(bench->server));
    return lwm2m_server_device_count(bench->server) == devices ? 0 : -1;
}

int main(int argc, char **argv)
{
    static uint8_t bytes[SOURCES][DATAGRAM_MAX];
    static size_t lengths[SOURCES];
    struct bench bench = { .random = random_of(2) };
    uint32_t devices = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 100000;
    gate_rows();
    if (start_server(&bench, devices) != 0 || register_devices(&bench, devices) != 0) {
        return 1;
    }
    for (int round = 0; round < 6; round++) {
        update_row(&bench, devices, round % 2 != 0);
    }
    for (size_t kind = 0; kind < sizeof(kinds) / sizeof(kinds[0]); kind++) {
        kind_row(&bench, kind, bytes, lengths);
    }
    lwm2m_server_free(bench.server);
    free(bench.locations);
    return 0;
}
