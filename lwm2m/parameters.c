#include "lwm2m/parameters.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Of all parameters of one registration; a Uri-Query option holds at most 255 bytes. */
#define MAX_PACKED 4096
#define MAX_COUNT  64

void lwm2m_parameters_deinit(struct lwm2m_parameters *parameters)
{
    free(parameters->packed);
    *parameters = (struct lwm2m_parameters){ 0 };
}

/* Reads the parameter at `*at` and moves on to the next one. */
static bool next_parameter(const struct lwm2m_parameters *parameters, size_t *at,
                           struct lwm2m_parameter *parameter)
{
    if (*at >= parameters->len) {
        return false;
    }
    const char *name = parameters->packed + *at;
    const char *value = name + strlen(name) + 1;
    *at += strlen(name) + 1 + strlen(value) + 1;
    parameter->name = name;
    parameter->value = value[0] == '=' ? value + 1 : NULL;
    return true;
}

bool lwm2m_parameters_at(const struct lwm2m_parameters *parameters, size_t index,
                         struct lwm2m_parameter *parameter)
{
    size_t at = 0;
    while (next_parameter(parameters, &at, parameter)) {
        if (index-- == 0) {
            return true;
        }
    }
    return false;
}

bool lwm2m_parameters_find(const struct lwm2m_parameters *parameters, const char *name,
                           const char **value)
{
    size_t at = 0;
    struct lwm2m_parameter parameter;
    while (next_parameter(parameters, &at, &parameter)) {
        if (strcmp(parameter.name, name) == 0) {
            *value = parameter.value;
            return true;
        }
    }
    return false;
}

/* Where a parameter of this name stands: [*start, *end); both at the end when it is new. Returns
 * how many stand before it. */
static size_t find_place(const struct lwm2m_parameters *parameters, const uint8_t *name,
                         size_t name_len, size_t *start, size_t *end)
{
    struct lwm2m_parameter parameter;
    size_t before = 0;
    *start = 0;
    *end = 0;
    while (next_parameter(parameters, end, &parameter)) {
        if (strlen(parameter.name) == name_len && memcmp(parameter.name, name, name_len) == 0) {
            break;
        }
        *start = *end;
        before++;
    }
    return before;
}

int lwm2m_parameters_set(struct lwm2m_parameters *parameters, const uint8_t *name, size_t name_len,
                         const uint8_t *value, size_t value_len)
{
    if (name_len == 0 || memchr(name, 0, name_len) || (value && memchr(value, 0, value_len))) {
        return -EINVAL;
    }
    size_t start, end;
    size_t before = find_place(parameters, name, name_len, &start, &end);
    size_t new_len = name_len + 1 + (value ? 1 + value_len : 0) + 1;
    size_t tail_len = parameters->len - end;
    if (before == MAX_COUNT || start + new_len + tail_len > MAX_PACKED) {
        return -ENOSPC;
    }
    char *packed = malloc(start + new_len + tail_len);
    if (!packed) {
        return -ENOMEM;
    }
    char *at = packed;
    if (parameters->packed) {
        memcpy(at, parameters->packed, start);
        memcpy(at + start + new_len, parameters->packed + end, tail_len);
    }
    at += start;
    memcpy(at, name, name_len);
    at += name_len;
    *at++ = '\0';
    if (value) {
        *at++ = '=';
        memcpy(at, value, value_len);
        at += value_len;
    }
    *at = '\0';
    free(parameters->packed);
    parameters->packed = packed;
    parameters->len = start + new_len + tail_len;
    return 0;
}

/* Whether every parameter is whole: a name, then nothing or "=…", both terminated. */
static bool is_packed(const char *packed, size_t len)
{
    size_t count = 0;
    for (size_t at = 0; at < len; count++) {
        size_t name_len = strnlen(packed + at, len - at);
        size_t value_at = at + name_len + 1;
        size_t value_len = value_at < len ? strnlen(packed + value_at, len - value_at) : 0;
        if (name_len == 0 || value_at + value_len >= len ||
            (value_len > 0 && packed[value_at] != '=') || count == MAX_COUNT) {
            return false;
        }
        at = value_at + value_len + 1;
    }
    return true;
}

int lwm2m_parameters_unpack(struct lwm2m_parameters *parameters, const char *packed, size_t len)
{
    if (len > MAX_PACKED || !is_packed(packed, len)) {
        return -EBADMSG;
    }
    const struct lwm2m_parameters whole = { (char *)(uintptr_t)packed, len };
    return len > 0 ? lwm2m_parameters_copy(parameters, &whole) : 0;
}

int lwm2m_parameters_copy(struct lwm2m_parameters *copy, const struct lwm2m_parameters *parameters)
{
    *copy = (struct lwm2m_parameters){ 0 };
    if (!parameters->packed) {
        return 0;
    }
    copy->packed = malloc(parameters->len);
    if (!copy->packed) {
        return -ENOMEM;
    }
    memcpy(copy->packed, parameters->packed, parameters->len);
    copy->len = parameters->len;
    return 0;
}
