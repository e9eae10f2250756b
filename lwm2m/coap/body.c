/*
 * A body that grows block by block: memory follows what arrived, never what was announced, and
 * the number of bodies under way and their memory are bounded for all peers together.
 */
#include "lwm2m/coap/endpoint_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_CAPACITY 2048

static bool has_room(const struct lwcoap_endpoint *endpoint, size_t more)
{
    size_t most = endpoint->settings.max_bodies_size;

    return most == 0 || (endpoint->bodies_size <= most && more <= most - endpoint->bodies_size);
}

int lwcoap_body_append(struct lwcoap_endpoint *endpoint, struct lwcoap_body *body, size_t limit,
                       const uint8_t *bytes, size_t len)
{
    if (body->len > limit || len > limit - body->len) {
        return -EMSGSIZE;
    }
    if (!body->bytes && endpoint->body_count >= endpoint->settings.max_transfers) {
        return -ENOSPC;
    }
    if (!body->bytes || len > body->capacity - body->len) {
        size_t capacity = body->bytes ? body->capacity * 2 : FIRST_CAPACITY;
        while (capacity - body->len < len) {
            capacity *= 2;
        }
        if (!has_room(endpoint, capacity - body->capacity)) {
            return -ENOSPC;
        }
        uint8_t *grown = realloc(body->bytes, capacity);
        if (!grown) {
            return -ENOMEM;
        }
        endpoint->body_count += !body->bytes;
        endpoint->bodies_size += capacity - body->capacity;
        body->bytes = grown;
        body->capacity = capacity;
    }
    if (len > 0) {
        memcpy(body->bytes + body->len, bytes, len);
        body->len += len;
    }
    return 0;
}

void lwcoap_body_clear(struct lwcoap_endpoint *endpoint, struct lwcoap_body *body)
{
    if (body->bytes) {
        endpoint->body_count--;
        endpoint->bodies_size -= body->capacity;
    }
    free(body->bytes);
    *body = (struct lwcoap_body){ 0 };
}
