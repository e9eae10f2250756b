#include "lwm2m/registry.h"

#include <stdlib.h>
#include <string.h>

#include "lwm2m/coap/siphash.h"
#include "lwm2m/content/content.h"

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
        free(device);
    }
}

static unsigned name_hash(const struct lwm2m_registry *registry, const char *endpoint, size_t len)
{
    return (unsigned)lwcoap_siphash(registry->hash_key, endpoint, len);
}

/* Location ids are random: nobody can choose ones that collide, and no hash spreads them better. */
static unsigned number_hash(uint64_t number)
{
    return (unsigned)number;
}

void lwm2m_registry_place(struct lwm2m_registry *registry, struct lwm2m_device *device,
                          uint64_t number)
{
    if (device->number) {
        HASH_DELETE(by_location, registry->by_location, device);
    } else {
        size_t len = strlen(device->endpoint);
        unsigned hash = name_hash(registry, device->endpoint, len);
        HASH_ADD_KEYPTR_BYHASHVALUE(by_endpoint, registry->by_endpoint, device->endpoint, len, hash,
                                    device);
    }
    device->number = number;
    format_location(number, device->location);
    HASH_ADD_BYHASHVALUE(by_location, registry->by_location, number, sizeof(device->number),
                         number_hash(number), device);
}

void lwm2m_registry_remove(struct lwm2m_registry *registry, struct lwm2m_device *device)
{
    HASH_DELETE(by_location, registry->by_location, device);
    HASH_DELETE(by_endpoint, registry->by_endpoint, device);
}

struct lwm2m_device *lwm2m_registry_find(const struct lwm2m_registry *registry,
                                         const char *endpoint)
{
    struct lwm2m_device *device = NULL;
    size_t len = strlen(endpoint);
    HASH_FIND_BYHASHVALUE(by_endpoint, registry->by_endpoint, endpoint, len,
                          name_hash(registry, endpoint, len), device);
    return device;
}

struct lwm2m_device *lwm2m_registry_find_number(const struct lwm2m_registry *registry,
                                                uint64_t number)
{
    struct lwm2m_device *device = NULL;
    HASH_FIND_BYHASHVALUE(by_location, registry->by_location, &number, sizeof(number),
                          number_hash(number), device);
    return device;
}

struct lwm2m_device *lwm2m_registry_find_location(const struct lwm2m_registry *registry,
                                                  const uint8_t *location, size_t len)
{
    uint64_t number = 0;
    if (len != LWM2M_LOCATION_LEN) {
        return NULL;
    }
    for (size_t i = 0; i < len; i++) {
        const char *digit = location[i] ? strchr(base64url, location[i]) : NULL;
        if (!digit) {
            return NULL;
        }
        number = number << 6 | (uint64_t)(digit - base64url);
    }
    struct lwm2m_device *device = lwm2m_registry_find_number(registry, number);
    /* 11 digits hold 66 bits: only the spelling that was given out counts. */
    return device && memcmp(device->location, location, len) == 0 ? device : NULL;
}

size_t lwm2m_registry_count(const struct lwm2m_registry *registry)
{
    return HASH_CNT(by_location, registry->by_location);
}
