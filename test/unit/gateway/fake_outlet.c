#include "fake_outlet.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static uint64_t wall_ms(void *ctx)
{
    (void)ctx;
    return 1700000000000;
}

static void keep_line(void *ctx, const char *line, size_t len)
{
    struct fake_outlet *outlet = ctx;
    (void)snprintf(outlet->logged, sizeof(outlet->logged), "%.*s", (int)len, line);
}

static int publish(void *ctx, const struct backlog_message *message, uint64_t id)
{
    struct fake_outlet *outlet = ctx;
    if (outlet->stuck) {
        return -EAGAIN;
    }
    outlet->count++;
    outlet->qos = message->qos;
    outlet->has_receipt = message->receipt != NULL;
    outlet->keep = message->keep;
    (void)snprintf(outlet->last, sizeof(outlet->last), "%s %.*s", message->topic,
                   (int)message->payload_len, (const char *)message->payload);
    (void)snprintf(outlet->correlation, sizeof(outlet->correlation), "%.*s",
                   (int)message->correlation_len,
                   message->correlation != NULL ? (const char *)message->correlation : "");
    backlog_published(outlet->backlog, id, BACKLOG_CONFIRMED);
    return 0;
}

static void settled(void *ctx, const struct lwm2m_receipt *receipt, bool kept)
{
    (void)ctx;
    (void)receipt;
    assert_true(kept);
}

static void given_up(void *ctx, const struct backlog_message *message, int err)
{
    (void)ctx;
    fail_msg("%s given up: %d", message->topic, err);
}

static bool names(void *ctx, const struct lwm2m_device *device, uint16_t object, uint16_t resource,
                  const char **name, const char **units)
{
    (void)ctx;
    (void)device;
    (void)object;
    (void)resource;
    *name = "name";
    *units = "";
    return true;
}

void fake_outlet_init(struct fake_outlet *outlet)
{
    static char topics[CONFIG_TOPICS][32] = { "dn/%e",     "up/resp",       "up/register",
                                              "up/update", "up/deregister", "up/notify",
                                              "up/send",   "status" };
    static char empty[] = "";
    static char client_id[] = "gw";
    *outlet = (struct fake_outlet){ 0 };
    for (unsigned i = 0; i < CONFIG_TOPICS; i++) {
        outlet->config.mqtt.topics[i] = (struct config_topic){ topics[i], 1 };
    }
    outlet->config.mqtt.mountpoint = empty;
    outlet->config.mqtt.client_id = client_id;
}

void fake_outlet_open(struct fake_outlet *outlet)
{
    const struct log_settings log = { LOG_LEVEL_TRACE, LOG_FORMAT_TEXT, outlet, wall_ms,
                                      keep_line };
    const struct backlog_settings backlog = {
        .max_waiting = 2,
        .max_inflight = 1,
        .ctx = outlet,
        .publish = publish,
        .settled = settled,
        .given_up = given_up,
    };
    outlet->log = log_new(&log);
    assert_int_equal(backlog_new(&backlog, &outlet->backlog), 0);
    backlog_open(outlet->backlog);
    const struct uplink_settings uplink = {
        .config = &outlet->config,
        .log = outlet->log,
        .backlog = outlet->backlog,
        .wall_ms = wall_ms,
        .names = names,
    };
    const char *reason = NULL;
    assert_int_equal(uplink_new(&uplink, &outlet->uplink, &reason), 0);
}

void fake_outlet_deinit(struct fake_outlet *outlet)
{
    uplink_free(outlet->uplink);
    backlog_free(outlet->backlog);
    log_free(outlet->log);
}
