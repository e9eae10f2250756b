#include "test/bench/message.h"

#include <string.h>

/* --- writing --- */

struct message_writer message_begin(uint8_t *buffer, enum message_type type, uint8_t code,
                                    uint16_t id, const uint8_t *token, size_t token_len)
{
    buffer[0] = (uint8_t)(0x40U | (unsigned)type << 4 | (unsigned)token_len);
    buffer[1] = code;
    buffer[2] = (uint8_t)(id >> 8);
    buffer[3] = (uint8_t)id;
    if (token_len > 0) {
        memcpy(buffer + 4, token, token_len);
    }
    return (struct message_writer){ .start = buffer, .at = buffer + 4 + token_len };
}

/* The nibble of a delta or length, and the extra bytes it announces (RFC 7252, 3.1). */
static unsigned extended(unsigned value, uint8_t extra[2], unsigned *extra_len)
{
    if (value < 13) {
        *extra_len = 0;
        return value;
    }
    if (value < 269) {
        *extra_len = 1;
        extra[0] = (uint8_t)(value - 13);
        return 13;
    }
    *extra_len = 2;
    extra[0] = (uint8_t)((value - 269) >> 8);
    extra[1] = (uint8_t)(value - 269);
    return 14;
}

void message_option(struct message_writer *writer, unsigned number, const void *value, size_t len)
{
    uint8_t delta_extra[2];
    uint8_t len_extra[2];
    unsigned delta_extra_len;
    unsigned len_extra_len;
    unsigned delta = extended(number - writer->last_option, delta_extra, &delta_extra_len);
    unsigned length = extended((unsigned)len, len_extra, &len_extra_len);
    *writer->at++ = (uint8_t)(delta << 4 | length);
    memcpy(writer->at, delta_extra, delta_extra_len);
    writer->at += delta_extra_len;
    memcpy(writer->at, len_extra, len_extra_len);
    writer->at += len_extra_len;
    if (len > 0) {
        memcpy(writer->at, value, len);
    }
    writer->at += len;
    writer->last_option = number;
}

void message_option_text(struct message_writer *writer, unsigned number, const char *text)
{
    message_option(writer, number, text, strlen(text));
}

void message_option_uint(struct message_writer *writer, unsigned number, uint32_t value)
{
    uint8_t bytes[4];
    unsigned len = 0;
    for (int shift = 24; shift >= 0; shift -= 8) {
        if (value >> shift || len > 0) {
            bytes[len++] = (uint8_t)(value >> shift);
        }
    }
    message_option(writer, number, bytes, len);
}

uint8_t *message_payload_at(struct message_writer *writer)
{
    *writer->at++ = 0xff;
    return writer->at;
}

void message_payload(struct message_writer *writer, const void *payload, size_t len)
{
    memcpy(message_payload_at(writer), payload, len);
    writer->at += len;
}

size_t message_end(const struct message_writer *writer)
{
    return (size_t)(writer->at - writer->start);
}

/* --- reading --- */

struct reader {
    const uint8_t *at;
    const uint8_t *end;
    bool failed;
};

static unsigned read_extended(struct reader *in, unsigned nibble)
{
    static const struct {
        unsigned bytes, base;
    } rows[16] = { [13] = { 1, 13 }, [14] = { 2, 269 } };
    unsigned value = 0;
    if (nibble < 13) {
        return nibble;
    }
    if (nibble == 15 || in->end - in->at < (ptrdiff_t)rows[nibble].bytes) {
        in->failed = true;
        return 0;
    }
    for (unsigned i = 0; i < rows[nibble].bytes; i++) {
        value = value << 8 | *in->at++;
    }
    return value + rows[nibble].base;
}

static uint32_t uint_of(const uint8_t *value, unsigned len)
{
    uint32_t result = 0;
    for (unsigned i = 0; i < len && i < 4; i++) {
        result = result << 8 | value[i];
    }
    return result;
}

static void append_segment(char path[MESSAGE_PATH_MAX], const uint8_t *segment, unsigned len)
{
    size_t used = strlen(path);
    if (used + 1 + len < MESSAGE_PATH_MAX) {
        path[used] = '/';
        memcpy(path + used + 1, segment, len);
        path[used + 1 + len] = '\0';
    }
}

static void take_option(struct message *message, unsigned number, const uint8_t *value,
                        unsigned len)
{
    switch (number) {
    case MESSAGE_OBSERVE:
        message->observe = (int32_t)uint_of(value, len);
        break;
    case MESSAGE_MAX_AGE:
        message->max_age_s = uint_of(value, len);
        break;
    case MESSAGE_LOCATION_PATH:
        message->location = value;
        message->location_len = (uint8_t)(len < 255 ? len : 255);
        break;
    case MESSAGE_URI_PATH:
        append_segment(message->path, value, len);
        break;
    default:
        break;
    }
}

bool message_parse(const uint8_t *data, size_t len, struct message *message)
{
    if (len < 4 || data[0] >> 6 != 1 || (data[0] & 15) > MESSAGE_TOKEN_MAX ||
        len < 4U + (data[0] & 15)) {
        return false;
    }
    message->type = (data[0] >> 4) & 3;
    message->code = data[1];
    message->id = (uint16_t)(data[2] << 8 | data[3]);
    message->token_len = data[0] & 15;
    memcpy(message->token, data + 4, message->token_len);
    message->observe = -1;
    message->max_age_s = 60;
    message->path[0] = '\0';
    message->location = NULL;
    message->location_len = 0;

    struct reader in = { .at = data + 4 + message->token_len, .end = data + len };
    unsigned number = 0;
    while (in.at < in.end && *in.at != 0xff) {
        unsigned nibbles = *in.at++;
        number += read_extended(&in, nibbles >> 4);
        unsigned option_len = read_extended(&in, nibbles & 15);
        if (in.failed || in.end - in.at < (ptrdiff_t)option_len) {
            return false;
        }
        take_option(message, number, in.at, option_len);
        in.at += option_len;
    }
    return true;
}
