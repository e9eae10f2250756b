/** See base64.h. */
#include "test/sim/base64.h"

#include <errno.h>
#include <stdbool.h>

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

static void encode(const uint8_t *data, size_t len, const char *last_two, bool padded,
                   struct bytes *out)
{
    for (size_t i = 0; i < len; i += 3) {
        size_t count = len - i < 3 ? len - i : 3;
        uint32_t group = (uint32_t)data[i] << 16;
        group |= count > 1 ? (uint32_t)data[i + 1] << 8 : 0;
        group |= count > 2 ? data[i + 2] : 0;
        for (size_t digit = 0; digit < 4; digit++) {
            uint32_t index = group >> (18 - 6 * digit) & 63;
            if (digit <= count) {
                bytes_add_byte(out, (uint8_t)(index < 62 ? letters[index] : last_two[index - 62]));
            } else if (padded) {
                bytes_add_byte(out, '=');
            }
        }
    }
}

void base64_encode(const uint8_t *data, size_t len, struct bytes *out)
{
    encode(data, len, "+/", true, out);
}

void base64_encode_url(const uint8_t *data, size_t len, struct bytes *out)
{
    encode(data, len, "-_", false, out);
}

static int digit_value(char digit)
{
    if (digit >= 'A' && digit <= 'Z') {
        return digit - 'A';
    }
    if (digit >= 'a' && digit <= 'z') {
        return digit - 'a' + 26;
    }
    if (digit >= '0' && digit <= '9') {
        return digit - '0' + 52;
    }
    if (digit == '+' || digit == '-') {
        return 62;
    }
    return digit == '/' || digit == '_' ? 63 : -1;
}

int base64_decode(const char *text, size_t len, struct bytes *out)
{
    for (int padding = 0; padding < 2 && len > 0 && text[len - 1] == '='; padding++) {
        len--;
    }
    if (len % 4 == 1) {
        return -EBADMSG;
    }
    uint32_t group = 0;
    for (size_t i = 0; i < len; i++) {
        int digit = digit_value(text[i]);
        if (digit < 0) {
            return -EBADMSG;
        }
        group = group << 6 | (uint32_t)digit;
        if (i % 4 != 0) {
            bytes_add_byte(out, (uint8_t)(group >> (6 - 2 * (i % 4))));
        }
    }
    return 0;
}
