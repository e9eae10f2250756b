/** See device.h. */
#include "test/sim/device.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "test/sim/behaviour.h"

static int64_t after(const struct device *device, double seconds)
{
    return seconds > 0 ? device->now_ms + (int64_t)(seconds * 1000) : DEVICE_NEVER;
}

static void say_line(void *ctx, const char *line)
{
    device_say(ctx, "%s", line);
}

/** Opens the network and all that hangs on it: at the start, and after a reboot. */
static int boot(struct device *device, uint16_t port)
{
    const struct options *options = device->options;
    const struct tunnel_settings security = {
        .identity = options->psk != NULL ? device->identity : NULL,
        .psk = options->key,
        .psk_len = options->key_len,
        .cert_file = options->cert_file,
        .key_file = options->key_file,
        .ca_file = options->ca_file,
        .suites = options->suites,
        .fragment = options->fragment,
        .connection_id = options->connection_id,
        .ctx = device,
        .say = say_line,
    };
    int err = network_open(&device->network, device->options->server, port, &security);
    if (err != 0) {
        fprintf(stderr, "lwm2m-sim: %s, local port %u: %s\n", device->options->server, port,
                strerror(-err));
        return err;
    }
    registration_open(device);
    server_open(device);
    device->last_sent_ms = device->now_ms;
    device->asleep = false;
    return 0;
}

static void shut_down(struct device *device)
{
    observations_deinit(&device->observations);
    network_close(&device->network);
    server_close(&device->server);
}

int device_init(struct device *device, const struct options *options, unsigned int index,
                int64_t now_ms)
{
    *device = (struct device){ .options = options, .now_ms = now_ms };
    if (options->count > 1) {
        snprintf(device->endpoint, sizeof device->endpoint, "%s-%04u", options->endpoint,
                 index + 1);
        snprintf(device->identity, sizeof device->identity, "%s-%04u", options->identity,
                 index + 1);
    } else {
        snprintf(device->endpoint, sizeof device->endpoint, "%s", options->endpoint);
        snprintf(device->identity, sizeof device->identity, "%s", options->identity);
    }
    device->move_at_ms = after(device, options->notify_interval_s);
    device->send_at_ms = after(device, options->version >= 11 ? options->send_interval_s : 0);
    device->reboot_at_ms = DEVICE_NEVER;
    device->firmware_at_ms = DEVICE_NEVER;
    device->registration.next_ms = now_ms;
    behaviour_init(device);
    uint16_t port = options->local_port;
    return boot(device, port == 0 ? 0 : (uint16_t)(port + index));
}

void device_deinit(struct device *device)
{
    shut_down(device);
    registration_deinit(&device->registration);
    attributes_deinit(&device->attributes);
    store_deinit(&device->store);
}

void device_say(const struct device *device, const char *format, ...)
{
    va_list list;
    if (device->options->count > 1) {
        printf("[%s] ", device->endpoint);
    }
    va_start(list, format);
    vprintf(format, list);
    va_end(list);
    printf("\n");
}

void device_spoke(struct device *device)
{
    device->last_sent_ms = device->now_ms;
    if (device->asleep) {
        device->asleep = false;
        network_set_deaf(&device->network, false);
        device_say(device, "awake");
    }
}

/** As after losing power: observations and the registration are gone, written values stay. */
static void reboot(struct device *device)
{
    device->reboot_at_ms = DEVICE_NEVER;
    device_say(device, "rebooted");
    uint16_t port = network_port(&device->network);
    shut_down(device);
    registration_restart(device);
    if (boot(device, port) != 0) {
        abort();
    }
}

static bool is_due(const struct device *device, int64_t at_ms)
{
    return at_ms != DEVICE_NEVER && at_ms <= device->now_ms;
}

static void run_timers(struct device *device)
{
    if (is_due(device, device->move_at_ms)) {
        device->move_at_ms = after(device, device->options->notify_interval_s);
        behaviour_move(device);
    }
    if (is_due(device, device->firmware_at_ms)) {
        behaviour_firmware_step(device);
    }
    if (is_due(device, device->send_at_ms)) {
        device->send_at_ms = after(device, device->options->send_interval_s);
        registration_send(device);
    }
    if (is_due(device, device->reboot_at_ms)) {
        reboot(device);
    }
}

static int64_t sleep_at_ms(const struct device *device)
{
    bool may = !device->asleep && device->registration.state == REGISTRATION_IN &&
               device->registration.exchange == EXCHANGE_NONE && device->options->awake_s > 0;
    return may ? device->last_sent_ms + (int64_t)(device->options->awake_s * 1000) : DEVICE_NEVER;
}

void device_turn(struct device *device, int64_t now_ms)
{
    device->now_ms = now_ms;
    network_process(&device->network);
    run_timers(device);
    server_sync(device);
    registration_turn(device);
    if (observations_check(device)) {
        network_process(&device->network);
    }
    if (is_due(device, sleep_at_ms(device))) {
        device->asleep = true;
        network_set_deaf(&device->network, true);
        device_say(device, "asleep");
    }
}

int64_t device_deadline_ms(const struct device *device)
{
    const int64_t deadlines[] = {
        device->move_at_ms,
        device->send_at_ms,
        device->reboot_at_ms,
        device->firmware_at_ms,
        sleep_at_ms(device),
        registration_deadline_ms(device),
        observations_deadline_ms(device),
    };
    int64_t earliest = DEVICE_NEVER;
    for (size_t i = 0; i < sizeof deadlines / sizeof deadlines[0]; i++) {
        if (deadlines[i] != DEVICE_NEVER && (earliest == DEVICE_NEVER || deadlines[i] < earliest)) {
            earliest = deadlines[i];
        }
    }
    return earliest;
}

void device_leave(struct device *device)
{
    registration_leave(device);
}

void device_move(struct device *device)
{
    if (device->network.tunnel != NULL) {
        tunnel_move(device->network.tunnel);
    }
}

void device_forget(struct device *device)
{
    if (device->network.tunnel != NULL) {
        tunnel_forget(device->network.tunnel);
        device_say(device, "session forgotten");
    }
}

void device_update(struct device *device)
{
    device->registration.update_wanted = true;
}
