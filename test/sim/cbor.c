/** See cbor.h. */
#include "test/sim/cbor.h"

#include <errno.h>
#include <math.h>
#include <string.h>

enum { INFO_INDEFINITE = 31, BREAK = 0xFF };

static void fail(struct cbor_reader *in)
{
    in->err = -EBADMSG;
    in->at = in->end;
}

struct head {
    enum cbor_major major;
    unsigned int info; /* the low five bits */
    uint64_t argument;
};

static struct head read_head(struct cbor_reader *in)
{
    struct head head = { .major = CBOR_SIMPLE };
    if (in->at == in->end) {
        fail(in);
        return head;
    }
    uint8_t first = *in->at++;
    head.major = (enum cbor_major)(first >> 5);
    head.info = first & 31U;
    head.argument = head.info;
    if (head.info >= 24 && head.info <= 27) {
        size_t size = (size_t)1 << (head.info - 24);
        if ((size_t)(in->end - in->at) < size) {
            fail(in);
            return head;
        }
        head.argument = 0;
        for (size_t i = 0; i < size; i++) {
            head.argument = head.argument << 8 | *in->at++;
        }
    } else if (head.info >= 28 && head.info <= 30) {
        fail(in);
    }
    return head;
}

enum cbor_major cbor_peek(struct cbor_reader *in)
{
    while (in->at < in->end && *in->at >> 5 == CBOR_TAG) {
        read_head(in);
    }
    return in->at == in->end ? CBOR_SIMPLE : (enum cbor_major)(*in->at >> 5);
}

struct cbor_items cbor_enter(struct cbor_reader *in, enum cbor_major array_or_map)
{
    struct cbor_items items = { 0 };
    if (cbor_peek(in) != array_or_map) {
        fail(in);
        return items;
    }
    struct head head = read_head(in);
    items.indefinite = head.info == INFO_INDEFINITE;
    items.left = head.argument;
    return items;
}

bool cbor_next(struct cbor_reader *in, struct cbor_items *items)
{
    if (in->err != 0) {
        return false;
    }
    if (!items->indefinite) {
        return items->left != 0 && items->left-- != 0;
    }
    if (in->at < in->end && *in->at == BREAK) {
        in->at++;
        return false;
    }
    return true;
}

static void read_chunk(struct cbor_reader *in, uint64_t len, struct bytes *out)
{
    if ((uint64_t)(in->end - in->at) < len) {
        fail(in);
        return;
    }
    bytes_add(out, in->at, (size_t)len);
    in->at += len;
}

static void read_string(struct cbor_reader *in, const struct head *head, struct bytes *out)
{
    if (head->info != INFO_INDEFINITE) {
        read_chunk(in, head->argument, out);
        return;
    }
    struct cbor_items chunks = { .indefinite = true };
    while (cbor_next(in, &chunks)) {
        struct head chunk = read_head(in);
        if (chunk.major != head->major || chunk.info == INFO_INDEFINITE) {
            fail(in);
        } else {
            read_chunk(in, chunk.argument, out);
        }
    }
}

static double half_to_double(uint64_t bits)
{
    int exponent = (int)(bits >> 10 & 31);
    double mantissa = (double)(bits & 1023);
    double size = exponent == 0    ? ldexp(mantissa, -24)
                  : exponent != 31 ? ldexp(mantissa + 1024, exponent - 25)
                  : mantissa > 0   ? (double)NAN
                                   : (double)INFINITY;
    return bits >> 15 != 0 ? -size : size;
}

static void read_simple(struct cbor_reader *in, const struct head *head, struct scalar *scalar)
{
    scalar->kind = SCALAR_REAL;
    if (head->info == 20 || head->info == 21) {
        scalar->kind = SCALAR_BOOLEAN;
        scalar->boolean = head->info == 21;
    } else if (head->info == 22) {
        scalar->kind = SCALAR_NONE;
    } else if (head->info == 25) {
        scalar->real = half_to_double(head->argument);
    } else if (head->info == 26) {
        uint32_t bits = (uint32_t)head->argument;
        float real = 0;
        memcpy(&real, &bits, sizeof real);
        scalar->real = (double)real;
    } else if (head->info == 27) {
        memcpy(&scalar->real, &head->argument, sizeof scalar->real);
    } else {
        fail(in);
    }
}

void cbor_read_scalar(struct cbor_reader *in, struct scalar *scalar)
{
    cbor_peek(in);
    struct head head = read_head(in);
    switch (head.major) {
    case CBOR_UNSIGNED:
    case CBOR_NEGATIVE:
        scalar->kind = SCALAR_INTEGER;
        scalar->negative = head.major == CBOR_NEGATIVE;
        scalar->magnitude = head.argument + (scalar->negative ? 1 : 0);
        if (head.info == INFO_INDEFINITE || (scalar->negative && scalar->magnitude == 0)) {
            fail(in);
        }
        break;
    case CBOR_BYTES:
    case CBOR_TEXT:
        scalar->kind = head.major == CBOR_TEXT ? SCALAR_TEXT : SCALAR_BYTES;
        read_string(in, &head, &scalar->bytes);
        break;
    case CBOR_SIMPLE:
        read_simple(in, &head, scalar);
        break;
    default:
        fail(in);
        break;
    }
}

void cbor_add_head(struct bytes *out, enum cbor_major major, uint64_t argument)
{
    unsigned int high = (unsigned int)major << 5;
    if (argument < 24) {
        bytes_add_byte(out, (uint8_t)(high | argument));
        return;
    }
    unsigned int step = argument <= UINT8_MAX    ? 0
                        : argument <= UINT16_MAX ? 1
                        : argument <= UINT32_MAX ? 2
                                                 : 3;
    bytes_add_byte(out, (uint8_t)(high | (24 + step)));
    bytes_add_big_endian(out, argument, (size_t)1 << step);
}

void cbor_add_text(struct bytes *out, const char *text)
{
    cbor_add_head(out, CBOR_TEXT, strlen(text));
    bytes_add_text(out, text);
}

void cbor_add_real(struct bytes *out, double real)
{
    float narrow = (float)real;
    double back = (double)narrow;
    if (memcmp(&back, &real, sizeof real) == 0) {
        uint32_t bits = 0;
        memcpy(&bits, &narrow, sizeof bits);
        bytes_add_byte(out, 0xFA);
        bytes_add_big_endian(out, bits, sizeof bits);
        return;
    }
    uint64_t bits = 0;
    memcpy(&bits, &real, sizeof bits);
    bytes_add_byte(out, 0xFB);
    bytes_add_big_endian(out, bits, sizeof bits);
}

void cbor_add_value(struct bytes *out, const struct value *value)
{
    struct bytes text = { 0 };
    switch (value->type) {
    case VALUE_INTEGER:
    case VALUE_TIME:
        if (value->integer < 0) {
            cbor_add_head(out, CBOR_NEGATIVE, ~(uint64_t)value->integer);
        } else {
            cbor_add_head(out, CBOR_UNSIGNED, (uint64_t)value->integer);
        }
        break;
    case VALUE_UNSIGNED:
        cbor_add_head(out, CBOR_UNSIGNED, value->natural);
        break;
    case VALUE_FLOAT:
        cbor_add_real(out, value->real);
        break;
    case VALUE_BOOLEAN:
        bytes_add_byte(out, value->boolean ? 0xF5 : 0xF4);
        break;
    case VALUE_OPAQUE:
        cbor_add_head(out, CBOR_BYTES, value->bytes.len);
        bytes_add(out, value->bytes.data, value->bytes.len);
        break;
    default:
        value_format(value, &text);
        cbor_add_head(out, CBOR_TEXT, text.len);
        bytes_add(out, text.data, text.len);
        bytes_deinit(&text);
        break;
    }
}
