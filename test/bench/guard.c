/*
 * What bench-guard measures: scenarios, which are configurations of the gateway, and the rows of
 * each, which it goes through one after the other. guard_mark() is called before and after each
 * measured one; there callgrind writes what it counted since the last time. See guard.h.
 */
#include "test/bench/guard.h"

#include "gateway/gateway.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    /* The first half is observed at one path, the second at another; it also warms the tables up.
     */
    DEVICES = 2048,
    HALF = DEVICES / 2,
    /* Over DTLS: more than can be live, so that whoever speaks in turn is parked; those who spoke
     * last are live. */
    SECURE_DEVICES = 512,
    SECURE_HALF = SECURE_DEVICES / 2,
    LIVE = GUARD_BATCH,
    LIVE_MAX = 2 * LIVE,
    HALF_LIFETIME_S = 86400 / 2, /* kind.c */
};

static const struct guard_step udp_steps[] = {
    { .content = "float-tlv", .kind = KIND_REGISTER, .count = HALF, .publishes = 1 },
    { .name = "register", .kind = KIND_REGISTER, .first = HALF, .count = HALF, .publishes = 1 },
    { .name = "update", .kind = KIND_UPDATE, .count = DEVICES },
    { .name = "observe", .command = "observe", .count = HALF, .publishes = 1 },
    { .name = "read", .command = "read", .count = HALF, .publishes = 1 },
    { .name = "notify-con-float-tlv", .kind = KIND_NOTIFY_CON, .count = HALF, .publishes = 1 },
    { .name = "notify-non-float-tlv", .kind = KIND_NOTIFY_NON, .count = HALF, .publishes = 1 },
    { .content = "device-tlv", .command = "observe", .first = HALF, .count = HALF, .publishes = 1 },
    { .name = "notify-con-device-tlv",
      .kind = KIND_NOTIFY_CON,
      .first = HALF,
      .count = HALF,
      .publishes = 1 },
    { .name = "notify-con-device-senml-json",
      .content = "device-senml",
      .kind = KIND_NOTIFY_CON,
      .first = HALF,
      .count = HALF,
      .publishes = 1 },
    { .name = "notify-con-device-senml-cbor",
      .content = "device-cbor",
      .kind = KIND_NOTIFY_CON,
      .first = HALF,
      .count = HALF,
      .publishes = 1 },
    { .name = "deregister", .kind = KIND_DEREGISTER, .count = DEVICES, .publishes = 1 },
    { 0 },
};

static const struct guard_step store_steps[] = {
    { .content = "float-tlv", .kind = KIND_REGISTER, .count = HALF, .publishes = 1 },
    { .name = "store-register",
      .kind = KIND_REGISTER,
      .first = HALF,
      .count = HALF,
      .publishes = 1 },
    { .name = "store-update", .kind = KIND_UPDATE, .count = DEVICES },
    { .name = "store-observe", .command = "observe", .count = HALF, .publishes = 1 },
    { .name = "store-read", .command = "read", .count = HALF, .publishes = 1 },
    { .name = "store-notify-con-float-tlv",
      .kind = KIND_NOTIFY_CON,
      .count = HALF,
      .publishes = 1 },
    /* An Update is written when what is stored has lost half of the lifetime. */
    { .kind = KIND_UPDATE, .count = HALF, .wait_s = HALF_LIFETIME_S },
    { .name = "store-update-late", .kind = KIND_UPDATE, .first = HALF, .count = HALF },
    { .name = "store-deregister",
      .kind = KIND_DEREGISTER,
      .first = HALF,
      .count = HALF,
      .publishes = 1 },
    /* The broker takes no notification: the store does. The first ones tell that it is gone. */
    { .kind = KIND_NOTIFY_CON, .count = GUARD_BATCH, .broker_is_away = true },
    { .name = "store-notify-con-away",
      .kind = KIND_NOTIFY_CON,
      .first = GUARD_BATCH,
      .count = HALF - GUARD_BATCH,
      .broker_is_away = true },
    { 0 },
};

static const struct guard_step dtls_steps[] = {
    { .content = "float-tlv", .kind = KIND_HANDSHAKE, .count = SECURE_HALF },
    { .name = "dtls-handshake",
      .kind = KIND_HANDSHAKE,
      .first = SECURE_HALF,
      .count = SECURE_HALF },
    { .kind = KIND_REGISTER, .count = SECURE_DEVICES, .publishes = 1 },
    { .name = "dtls-update-parked", .kind = KIND_UPDATE, .count = SECURE_DEVICES },
    { .name = "dtls-update-live",
      .kind = KIND_UPDATE,
      .first = SECURE_DEVICES - LIVE,
      .count = 1024 },
    { 0 },
};

static const struct scenario {
    const char *name;
    const char *transport;
    const char *keys;  /* psk_file, "" without: below the scratch directory */
    const char *store; /* likewise */
    uint32_t devices;
    const struct guard_step *steps; /* up to one without messages */
} scenarios[] = {
    { "udp", "udp", "", "", DEVICES, udp_steps },
    { "store", "udp", "", "/store.db", DEVICES, store_steps },
    { "dtls", "dtls", "/keys", "", SECURE_DEVICES, dtls_steps },
};

struct guard_world guard_world;

void guard_give_up(const char *why)
{
    const struct guard_step *step = guard_world.step, *row = step;
    if (step == NULL) {
        fprintf(stderr, "bench-guard: %s\n", why);
        _exit(1);
    }
    while (row->count > 0 && row->name == NULL) {
        row++;
    }
    fprintf(stderr, "bench-guard: %s, %u of %u done: %s\n", row->name ? row->name : "the end",
            (unsigned)guard_world.ended, (unsigned)step->count, why);
    _exit(1);
}

/* --- steps --- */

/* Callgrind writes its figures whenever this is entered. */
__attribute__((noinline)) static void guard_mark(void)
{
    __asm__ volatile("" ::: "memory");
}

static void begin_step(const struct guard_step *step)
{
    guard_world.step = step;
    if (step->content != NULL) {
        guard_world.fleet.content = content_find(step->content);
    }
    guard_world.begun = guard_world.ended = guard_world.published = 0;
    guard_world.now_ms += (uint64_t)step->wait_s * 1000;
    if (step->name != NULL) {
        guard_mark();
    }
}

/* Prints the row's name and the number of its messages, in the order of callgrind's files. */
static void end_step(void)
{
    const struct guard_step *step = guard_world.step;
    if (step->name != NULL) {
        guard_mark();
        printf("%s %u\n", step->name, (unsigned)step->count);
    }
    if (step[1].count == 0) {
        fflush(stdout);
        _exit(0); /* how a gateway ends is not measured */
    }
    begin_step(step + 1);
}

bool guard_batch_is_done(void)
{
    const struct guard_world *world = &guard_world;
    return world->ended == world->begun &&
           world->published == world->begun * world->step->publishes;
}

/* One batch at a time; the next one leaves when all of it is done. */
static void send_batch(void)
{
    const struct guard_step *step = guard_world.step;
    uint32_t devices = guard_world.fleet.count - step->first;
    for (unsigned i = 0; i < GUARD_BATCH && guard_world.begun < step->count; i++) {
        uint32_t index = step->first + guard_world.begun++ % devices;
        if (step->command != NULL) {
            guard_broker_command(index);
        } else {
            guard_devices_send(index);
        }
    }
}

void guard_go_on(void)
{
    if (guard_world.begun == guard_world.step->count) {
        end_step();
    }
    send_batch();
}

/* --- the program --- */

static const struct scenario *find_scenario(const char *name)
{
    for (size_t i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++) {
        if (strcmp(scenarios[i].name, name) == 0) {
            return &scenarios[i];
        }
    }
    return NULL;
}

/* A path below the scratch directory; "" stays what it is. */
static void join(const char *scratch, const char *name, char path[256])
{
    (void)snprintf(path, 256, "%s%s", *name ? scratch : "", name);
}

static int open_fleet(const struct scenario *scenario, const char *keys)
{
    struct fleet *fleet = &guard_world.fleet;
    if (fleet_init(fleet, scenario->devices, content_at(0), 1)) {
        return -1;
    }
    if (*keys == '\0') {
        return 0;
    }
    (void)umask(077); /* the gateway refuses keys that others may read */
    FILE *out = fopen(keys, "w");
    if (out == NULL) {
        perror(keys);
        return -1;
    }
    secure_write_keys(fleet, out);
    if (fclose(out)) {
        perror(keys);
        return -1;
    }
    guard_world.secure = secure_new(fleet, guard_wire());
    return guard_world.secure ? 0 : -1;
}

static int load_config(struct config *config, const struct scenario *scenario, const char *xml_dir,
                       const char *keys, const char *store)
{
    static const char format[] = "mqtt: {broker: 'mqtt://127.0.0.1:1883'}\n"
                                 "lwm2m:\n"
                                 "  listeners: [{transport: %s, bind: '127.0.0.1:%u'}]\n"
                                 "  xml_dir: '%s'\n"
                                 "  update_publish: object_list_changed\n"
                                 "  dtls: {live_sessions: %d}\n"
                                 "security: {psk_file: '%s'}\n"
                                 "store: {path: '%s'}\n"
                                 "log: {level: warn}\n";
    char text[2048];
    struct config_error error = { 0 };
    int len = snprintf(text, sizeof(text), format, scenario->transport, (unsigned)guard_world.port,
                       xml_dir, LIVE_MAX, keys, store);
    int err =
        config_load_text("guard", text, (size_t)len, &config_environment_process, config, &error);
    for (size_t i = 0; i < error.count; i++) {
        fprintf(stderr, "bench-guard: %s\n", error.messages[i]);
    }
    return err;
}

int main(int argc, char **argv)
{
    struct config config;
    char keys[256], store[256];
    const struct scenario *scenario = argc == 4 ? find_scenario(argv[1]) : NULL;
    if (scenario == NULL) {
        fputs("usage: bench-guard udp|store|dtls DIRECTORY-OF-DEFINITIONS EMPTY-DIRECTORY\n",
              stderr);
        return 2;
    }
    join(argv[3], scenario->keys, keys);
    join(argv[3], scenario->store, store);
    guard_world.random = random_of(1);
    guard_world.port = guard_free_port();
    if (open_fleet(scenario, keys) || load_config(&config, scenario, argv[2], keys, store)) {
        return 1;
    }
    begin_step(scenario->steps);
    (void)gateway_run(&config, "guard");
    fputs("bench-guard: the gateway ended\n", stderr);
    return 1;
}
