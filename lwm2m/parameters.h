/*
 * The query parameters of a registration (Core TS 6.2.1), kept as the device wrote them in one
 * packed block: a fleet of a million keeps a million of these.
 *
 * A parameter is "name" NUL, then "=value" NUL or, without a '=', an empty string NUL.
 */
#pragma once

#include "lwm2m/device.h"

struct lwm2m_parameters {
    char *packed; /* NULL while empty */
    size_t len;
};

void lwm2m_parameters_deinit(struct lwm2m_parameters *parameters);

/**
 * Sets a parameter, in its old place when it was there before.
 *
 * @param value  `value_len` bytes; NULL for a parameter without '='
 * @return 0, -EINVAL (empty name, or a NUL inside), -ENOSPC (too much in all), -ENOMEM
 */
[[nodiscard]] int lwm2m_parameters_set(struct lwm2m_parameters *parameters, const uint8_t *name,
                                       size_t name_len, const uint8_t *value, size_t value_len);

/** Parameter `index`; false past the last. */
bool lwm2m_parameters_at(const struct lwm2m_parameters *parameters, size_t index,
                         struct lwm2m_parameter *parameter);

/** Whether there is a parameter of this name; then `*value` is its value, NULL without '='. */
bool lwm2m_parameters_find(const struct lwm2m_parameters *parameters, const char *name,
                           const char **value);

/**
 * Takes a packed block back, from a store that may have damaged it, into empty parameters.
 *
 * @return 0, -EBADMSG (not packed parameters, or too many), -ENOMEM
 */
[[nodiscard]] int lwm2m_parameters_unpack(struct lwm2m_parameters *parameters, const char *packed,
                                          size_t len);

/** A copy for an Update to change before it is taken over. @return 0 or -ENOMEM */
[[nodiscard]] int lwm2m_parameters_copy(struct lwm2m_parameters *copy,
                                        const struct lwm2m_parameters *parameters);
