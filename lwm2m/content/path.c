/*
 * Paths of the data model as text and as numbers.
 */
#include "lwm2m/content/decimal.h"
#include "lwm2m/content/value.h"

#include <errno.h>

/* Reads one id at `*at`: digits without leading zeros, 0..65534 (65535 is reserved, Core TS 7.2).
 */
static int parse_id(const char *text, size_t len, size_t *at, uint16_t *id)
{
    size_t start = *at;
    uint32_t number = 0;
    while (*at < len && text[*at] >= '0' && text[*at] <= '9') {
        if (*at - start == 5) {
            return -EINVAL;
        }
        number = number * 10 + (uint32_t)(text[*at] - '0');
        (*at)++;
    }
    size_t digits = *at - start;
    if (digits == 0 || number >= LWM2M_ID_ANY || (digits > 1 && text[start] == '0')) {
        return -EINVAL;
    }
    *id = (uint16_t)number;
    return 0;
}

int lwm2m_path_parse(const char *text, size_t len, struct lwm2m_path *path)
{
    struct lwm2m_path parsed = { 0 };
    size_t at = 0;

    if (at < len && text[at] == '/') {
        at++;
    }
    while (at < len) {
        if (parsed.depth == 4 || parse_id(text, len, &at, &parsed.ids[parsed.depth]) != 0) {
            return -EINVAL;
        }
        parsed.depth++;
        if (at < len && text[at++] != '/') {
            return -EINVAL;
        }
    }
    *path = parsed;
    return 0;
}

size_t lwm2m_path_format(const struct lwm2m_path *path, char text[LWM2M_PATH_TEXT_MAX])
{
    size_t len = 0;
    for (uint8_t i = 0; i < path->depth; i++) {
        text[len++] = '/';
        len += lwm2m_decimal_write(path->ids[i], text + len);
    }
    if (len == 0) {
        text[len++] = '/';
    }
    text[len] = '\0';
    return len;
}

bool lwm2m_path_is_within(const struct lwm2m_path *path, const struct lwm2m_path *ancestor)
{
    if (path->depth < ancestor->depth) {
        return false;
    }
    for (uint8_t i = 0; i < ancestor->depth; i++) {
        if (path->ids[i] != ancestor->ids[i]) {
            return false;
        }
    }
    return true;
}

bool lwm2m_path_equal(const struct lwm2m_path *a, const struct lwm2m_path *b)
{
    return a->depth == b->depth && lwm2m_path_is_within(a, b);
}
