#include "lwm2m/registry.h"

#include <stdlib.h>
#include <string.h>

#include "lwm2m/content/content.h"
#include "lwm2m/hash/siphash.h"
#include "lwm2m/silence.h"

static const char base64url[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static void format_location(uint64_t number, char location[LWM2M_LOCATION_LEN + 1])
{
    for (int i = LWM2M_LOCATION_LEN - 1; i >= 0; i--) {
        location[i] = base64url[number & 63];
        number >>= 6;
    }
    location[LWM2M_LOCATION_LEN] = '\0';
}

struct lwm2m_device *lwm2m_device_new(const char *endpoint)
{
    size_t len = strlen(endpoint);
    struct lwm2m_device *device = calloc(1, sizeof(*device) + len + 1);
    if (device) {
        memcpy(device->endpoint, endpoint, len);
        device->write_format = LWM2M_FORMAT_NONE;
    }
    return device;
}

void lwm2m_device_free(struct lwm2m_device *device)
{
    if (device) {
        lwm2m_parameters_deinit(&device->parameters);
        lwm2m_silence_forget(device);
        free(device);
    }
}

static uint32_t name_hash(const struct lwm2m_registry *registry, const char *endpoint)
{
    return (uint32_t)lwm2m_siphash(registry->hash_key, endpoint, strlen(endpoint));
}

/* Location ids are random: nobody can choose ones that collide, and no hash spreads them better. */
static uint32_t number_hash(uint64_t number)
{
    return (uint32_t)number;
}

static bool has_name(const void *item, const void *key)
{
    const struct lwm2m_device *device = item;
    return strcmp(device->endpoint, key) == 0;
}

static bool has_number(const void *item, const void *key)
{
    const struct lwm2m_device *device = item;
    return device->number == *(const uint64_t *)key;
}

void lwm2m_registry_deinit(struct lwm2m_registry *registry)
{
    lwm2m_table_deinit(&registry->by_endpoint);
    lwm2m_table_deinit(&registry->by_location);
}

int lwm2m_registry_place(struct lwm2m_registry *registry, struct lwm2m_device *device,
                         uint64_t number)
{
    int rc = lwm2m_table_add(&registry->by_location, number_hash(number), device);
    if (rc) {
        return rc;
    }
    if (device->number) {
        lwm2m_table_remove(&registry->by_location, number_hash(device->number), device);
    } else {
        rc = lwm2m_table_add(&registry->by_endpoint, name_hash(registry, device->endpoint), device);
    }
    if (rc) {
        lwm2m_table_remove(&registry->by_location, number_hash(number), device);
        return rc;
    }
    device->number = number;
    format_location(number, device->location);
    return 0;
}

void lwm2m_registry_remove(struct lwm2m_registry *registry, struct lwm2m_device *device)
{
    lwm2m_table_remove(&registry->by_location, number_hash(device->number), device);
    lwm2m_table_remove(&registry->by_endpoint, name_hash(registry, device->endpoint), device);
}

struct lwm2m_device *lwm2m_registry_find(const struct lwm2m_registry *registry,
                                         const char *endpoint)
{
    return lwm2m_table_find(&registry->by_endpoint, name_hash(registry, endpoint), has_name,
                            endpoint);
}

struct lwm2m_device *lwm2m_registry_find_number(const struct lwm2m_registry *registry,
                                                uint64_t number)
{
    return lwm2m_table_find(&registry->by_location, number_hash(number), has_number, &number);
}

void lwm2m_registry_prefetch(const struct lwm2m_registry *registry,
                             const struct lwm2m_device *device)
{
    lwm2m_table_prefetch(&registry->by_location, number_hash(device->number));
}

/* The value of a digit of base64url; -1. Every Update reads eleven of them. */
static int digit_value(uint8_t c)
{
    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }
    if (c >= '0' && c <= '9') {
        return c - '0' + 52;
    }
    return c == '-' ? 62 : c == '_' ? 63 : -1;
}

struct lwm2m_device *lwm2m_registry_find_location(const struct lwm2m_registry *registry,
                                                  const uint8_t *location, size_t len)
{
    uint64_t number = 0;
    if (len != LWM2M_LOCATION_LEN) {
        return NULL;
    }
    for (size_t i = 0; i < len; i++) {
        int digit = digit_value(location[i]);
        if (digit < 0) {
            return NULL;
        }
        number = number << 6 | (uint64_t)digit;
    }
    struct lwm2m_device *device = lwm2m_registry_find_number(registry, number);
    /* 11 digits hold 66 bits: only the spelling that was given out counts. */
    return device && memcmp(device->location, location, len) == 0 ? device : NULL;
}

struct lwm2m_device *lwm2m_registry_next(const struct lwm2m_registry *registry, size_t *cursor)
{
    return lwm2m_table_next(&registry->by_location, cursor);
}

size_t lwm2m_registry_count(const struct lwm2m_registry *registry)
{
    return lwm2m_table_count(&registry->by_location);
}
