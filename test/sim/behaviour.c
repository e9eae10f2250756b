/** See behaviour.h. */
#include "test/sim/behaviour.h"

#include <math.h>
#include <stdlib.h>
#include <time.h>

#include "test/sim/crc32.h"
#include "test/sim/device.h"
#include "test/sim/model.h"
#include "test/sim/operation.h"

enum {
    FIRMWARE_IDLE,
    FIRMWARE_DOWNLOADING,
    FIRMWARE_DOWNLOADED,
    FIRMWARE_UPDATING,
    FIRMWARE_STEP_MS = 1000, /* a download, an update */
    REBOOT_DELAY_MS = 200,   /* lets the reply to the Execute go out */
};

static const struct path firmware_package = { 3, { 5, 0, 0 } };
static const struct path firmware_state = { 3, { 5, 0, 3 } };
static const struct path firmware_result = { 3, { 5, 0, 5 } };
static const struct path firmware_version = { 3, { 3, 0, 3 } };
static const struct path battery_level = { 3, { 3, 0, 9 } };
static const struct path error_code = { 3, { 3, 0, 11 } };
static const struct path current_time = { 3, { 3, 0, 13 } };
static const struct path signal_strength = { 3, { 4, 0, 2 } };

static void set_real(struct device *device, const struct path *path, double real)
{
    struct value value = { .type = VALUE_FLOAT, .real = real };
    store_set_take(&device->store, path, &value);
}

static double get_number(struct device *device, const struct path *path)
{
    const struct value *value = store_find(&device->store, path);
    return value == NULL ? 0 : value_number(value);
}

static void add_blob(struct device *device, size_t size)
{
    static const struct path data = { 4, { 19, 0, 0, 0 } };
    struct value value = { .type = VALUE_OPAQUE };
    for (size_t i = 0; i < size; i++) { /* a pattern that repeats at no power of two */
        bytes_add_byte(&value.bytes, (uint8_t)(i % 251));
    }
    store_set_take(&device->store, &data, &value);
}

void behaviour_init(struct device *device)
{
    static const uint16_t objects[] = { 1, 3, 4, 5, 6 };
    static const struct path sensors = { 1, { 3303 } };
    for (size_t i = 0; i < sizeof objects / sizeof objects[0]; i++) {
        store_add_initial(&device->store, objects[i], 0);
    }
    store_add_place(&device->store, &sensors);
    for (unsigned int i = 0; i < device->options->sensors; i++) {
        store_add_initial(&device->store, 3303, (uint16_t)i);
    }
    if (device->options->test_object) {
        store_add_initial(&device->store, 3442, 0);
    }
    if (device->options->blob_size != 0) {
        add_blob(device, device->options->blob_size);
    }
    static const struct path lifetime = { 3, { 1, 0, 1 } };
    store_set_integer(&device->store, &lifetime, device->options->lifetime_s);
    behaviour_refresh_time(device);
}

static void move_sensor(struct device *device, const struct path *instance)
{
    struct path value = path_child(instance, 5700);
    struct path smallest = path_child(instance, 5601);
    struct path largest = path_child(instance, 5602);
    double phase = device->moves * (2 * M_PI / 60) + instance->id[1];
    double real = round((20 + 5 * sin(phase)) * 10) / 10;
    set_real(device, &value, real);
    if (real < get_number(device, &smallest)) {
        set_real(device, &smallest, real);
    }
    if (real > get_number(device, &largest)) {
        set_real(device, &largest, real);
    }
}

void behaviour_move(struct device *device)
{
    device->moves++;
    for (size_t i = 0; i < device->store.place_count; i++) {
        struct path place = device->store.places[i];
        if (place.depth == PATH_INSTANCE && place.id[0] == 3303) {
            move_sensor(device, &place);
        }
    }
    if (device->moves % 10 == 0) {
        double level = get_number(device, &battery_level);
        store_set_integer(&device->store, &battery_level, level > 0 ? (int64_t)level - 1 : 100);
    }
    store_set_integer(&device->store, &signal_strength, -92 + (int64_t)(device->moves % 7));
    behaviour_refresh_time(device);
}

void behaviour_refresh_time(struct device *device)
{
    struct value *value = store_find(&device->store, &current_time);
    if (value != NULL) {
        value->integer = (int64_t)time(NULL) + device->time_offset_s;
    }
}

static void set_firmware(struct device *device, int64_t state, int64_t result)
{
    store_set_integer(&device->store, &firmware_state, state);
    store_set_integer(&device->store, &firmware_result, result);
    device_say(device, "firmware state=%d result=%d", (int)state, (int)result);
}

static void firmware_written(struct device *device, struct value *package)
{
    struct bytes *bytes = &package->bytes;
    device->firmware_at_ms = DEVICE_NEVER;
    device_say(device, "firmware size=%zu crc32=%08x", bytes->len,
               (unsigned int)crc32_of(bytes->data, bytes->len));
    bool cancels = bytes->len == 0 || (bytes->len == 1 && bytes->data[0] == 0);
    set_firmware(device, cancels ? FIRMWARE_IDLE : FIRMWARE_DOWNLOADED, 0);
    bytes_deinit(bytes); /* nobody can read it */
}

static void firmware_uri_written(struct device *device, const struct value *uri)
{
    bool cancels = uri->bytes.len == 0;
    set_firmware(device, cancels ? FIRMWARE_IDLE : FIRMWARE_DOWNLOADING, 0);
    device->firmware_at_ms = cancels ? DEVICE_NEVER : device->now_ms + FIRMWARE_STEP_MS;
}

void behaviour_firmware_step(struct device *device)
{
    device->firmware_at_ms = DEVICE_NEVER;
    if ((int)get_number(device, &firmware_state) == FIRMWARE_DOWNLOADING) {
        set_firmware(device, FIRMWARE_DOWNLOADED, 0);
        return;
    }
    struct value version;
    if (value_parse(VALUE_STRING, "2.0", 3, &version) == 0) {
        store_set_take(&device->store, &firmware_version, &version);
    }
    set_firmware(device, FIRMWARE_IDLE, 1);
    device->reboot_at_ms = device->now_ms;
}

void behaviour_written(struct device *device, const struct path *path)
{
    static const struct path firmware_uri = { 3, { 5, 0, 1 } };
    static const struct path lifetime = { 3, { 1, 0, 1 } };
    struct value *value = store_find(&device->store, path);
    if (value == NULL) {
        return;
    }
    if (path_compare(path, &lifetime) == 0) {
        device->registration.lifetime_changed = true;
    } else if (path_compare(path, &firmware_package) == 0) {
        firmware_written(device, value);
    } else if (path_compare(path, &firmware_uri) == 0) {
        firmware_uri_written(device, value);
    } else if (path_compare(path, &current_time) == 0) {
        device->time_offset_s = value->integer - (int64_t)time(NULL);
    }
}

static int execute_update_trigger(struct device *device, const struct path *path)
{
    (void)path;
    device->registration.update_wanted = true;
    return 204;
}

static int execute_disable(struct device *device, const struct path *path)
{
    static const struct path timeout = { 3, { 1, 0, 5 } };
    (void)path;
    registration_disable(device, (int64_t)get_number(device, &timeout));
    return 204;
}

static int execute_reboot(struct device *device, const struct path *path)
{
    (void)path;
    device->reboot_at_ms = device->now_ms + REBOOT_DELAY_MS;
    return 204;
}

static int execute_nothing(struct device *device, const struct path *path)
{
    (void)device;
    (void)path;
    return 204;
}

static int execute_reset_errors(struct device *device, const struct path *path)
{
    (void)path;
    struct path first = path_child(&error_code, 0);
    store_remove(&device->store, &error_code);
    store_set_integer(&device->store, &first, 0);
    return 204;
}

static int execute_firmware_update(struct device *device, const struct path *path)
{
    (void)path;
    if ((int)get_number(device, &firmware_state) != FIRMWARE_DOWNLOADED) {
        return 405;
    }
    set_firmware(device, FIRMWARE_UPDATING, 0);
    device->firmware_at_ms = device->now_ms + FIRMWARE_STEP_MS;
    return 204;
}

static int execute_reset_extremes(struct device *device, const struct path *path)
{
    struct path instance = path_parent(path, PATH_INSTANCE);
    struct path value = path_child(&instance, 5700);
    struct path smallest = path_child(&instance, 5601);
    struct path largest = path_child(&instance, 5602);
    set_real(device, &smallest, get_number(device, &value));
    set_real(device, &largest, get_number(device, &value));
    return 204;
}

static int execute_reset_test_object(struct device *device, const struct path *path)
{
    store_add_initial(&device->store, path->id[0], path->id[1]);
    return 204;
}

static const struct {
    uint16_t object, resource;
    int (*run)(struct device *device, const struct path *path);
} executables[] = {
    { 1, 4, execute_disable },
    { 1, 8, execute_update_trigger },
    { 3, 4, execute_reboot },
    { 3, 5, execute_nothing }, /* factory reset: there is nothing to go back to */
    { 3, 12, execute_reset_errors },
    { 5, 2, execute_firmware_update },
    { 3303, 5605, execute_reset_extremes },
    { 3442, 0, execute_reset_test_object },
    { 3442, 3, execute_nothing },
};

/** arglist = arg *("," arg); arg = DIGIT / DIGIT "=" "'" *CHAR "'" (Core, 6.3.5) */
static bool arguments_are_valid(const char *text, size_t len)
{
    bool seen[10] = { false };
    size_t at = 0;
    while (at < len) {
        int digit = text[at] - '0';
        if (digit < 0 || digit > 9 || seen[digit]) {
            return false;
        }
        seen[digit] = true;
        at++;
        if (at + 1 < len && text[at] == '=' && text[at + 1] == '\'') {
            at += 2;
            while (at < len && text[at] > ' ' && text[at] != '\'' && text[at] != '\\') {
                at++;
            }
            if (at == len || text[at++] != '\'') {
                return false;
            }
        }
        if (at < len && (text[at++] != ',' || at == len)) {
            return false;
        }
    }
    return true;
}

int operation_execute(struct device *device, const struct operation_request *request)
{
    const struct path *path = &request->path;
    const char *arguments = (const char *)request->payload;
    struct path instance = path_parent(path, PATH_INSTANCE);
    if (model_find(path->id[0], path->id[2]) == NULL || !store_has(&device->store, &instance)) {
        return 404;
    }
    bool is_text = request->payload_len == 0 || request->content_format <= 0;
    if (!is_text) {
        return 415;
    }
    if (!arguments_are_valid(arguments, request->payload_len)) {
        return 400;
    }
    for (size_t i = 0; i < sizeof executables / sizeof executables[0]; i++) {
        if (executables[i].object == path->id[0] && executables[i].resource == path->id[2]) {
            char text[PATH_TEXT_SIZE];
            device_say(device, "execute %s args=\"%.*s\"", path_format(path, text),
                       (int)request->payload_len, arguments == NULL ? "" : arguments);
            return executables[i].run(device, path);
        }
    }
    return 405;
}
