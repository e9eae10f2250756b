#include "test/bench/mutate.h"

#include "test/bench/kind.h"
#include "test/bench/wire.h"

#include <string.h>

enum { ROOM = WIRE_DATAGRAM_MAX - 64 /* what the last way of spoiling may add */ };

/* --- the messages that are spoilt --- */

typedef size_t base_message(struct random *random, struct fleet *fleet, uint32_t index,
                            uint8_t *buffer);

static void random_bytes(struct random *random, uint8_t *at, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        at[i] = (uint8_t)random_next(random);
    }
}

/* Whatever devices send by themselves; the id moves on, or all would be duplicates. */
static size_t base_kind(struct random *random, struct fleet *fleet, uint32_t index, uint8_t *buffer)
{
    fleet->devices[index].message_id++;
    fleet->devices[index].sequence++;
    return kind_compose(random_below(random, KIND_MESSAGES), fleet, index, buffer);
}

static size_t base_answer(struct random *random, struct fleet *fleet, uint32_t index,
                          uint8_t *buffer)
{
    static const uint8_t codes[] = { 0, 0x41, 0x44, 0x45, 0x5f, 0x80, 0x84, 0x88, 0xa0 };
    const struct device *device = &fleet->devices[index];
    struct message_writer out =
        message_begin(buffer, random_below(random, 4), codes[random_below(random, sizeof(codes))],
                      (uint16_t)random_next(random), device->token, device->token_len);
    message_option_uint(&out, MESSAGE_OBSERVE, random_below(random, 1 << 24));
    message_option_uint(&out, MESSAGE_CONTENT_FORMAT, fleet->content->format);
    message_option_uint(&out, MESSAGE_BLOCK2, random_below(random, 1 << 10));
    out.at += fleet->content->write(message_payload_at(&out), device->sequence);
    return message_end(&out);
}

/* A Register whose links come in blocks of 16 … 1024 bytes, any block of them. */
static size_t base_blocks(struct random *random, struct fleet *fleet, uint32_t index,
                          uint8_t *buffer)
{
    char endpoint[FLEET_ENDPOINT_MAX];
    char ep[FLEET_ENDPOINT_MAX + 3] = "ep=";
    uint8_t links[64];
    uint8_t token[KIND_TOKEN_LEN];
    kind_token(index, token);
    fleet_endpoint(fleet, index, endpoint);
    strcat(ep, endpoint);
    memset(links, ',', sizeof(links));
    memcpy(links, "</3/0>,</4/0>", 13);
    struct message_writer out = message_begin(buffer, MESSAGE_CON, MESSAGE_POST,
                                              ++fleet->devices[index].message_id, token, 4);
    message_option_text(&out, MESSAGE_URI_PATH, "rd");
    message_option_uint(&out, MESSAGE_CONTENT_FORMAT, CONTENT_LINK);
    message_option_text(&out, MESSAGE_URI_QUERY, "lwm2m=1.1");
    message_option_text(&out, MESSAGE_URI_QUERY, ep);
    message_option_text(&out, MESSAGE_URI_QUERY, "lt=60");
    /* Number, more-flag, size: 64 bytes most often. */
    uint32_t number = random_below(random, 4);
    uint32_t size = random_below(random, 4) == 0 ? random_below(random, 8) : 2;
    uint32_t more = random_below(random, 3) > 0 ? 1 : 0;
    message_option_uint(&out, MESSAGE_BLOCK1, number << 4 | more << 3 | size);
    message_payload(&out, links, sizeof(links));
    return message_end(&out);
}

static size_t base_send(struct random *random, struct fleet *fleet, uint32_t index, uint8_t *buffer)
{
    uint8_t token[KIND_TOKEN_LEN];
    kind_token(index, token);
    struct message_writer out = message_begin(buffer, random_below(random, 2), MESSAGE_POST,
                                              ++fleet->devices[index].message_id, token, 4);
    message_option_text(&out, MESSAGE_URI_PATH, "dp");
    message_option_uint(&out, MESSAGE_CONTENT_FORMAT, CONTENT_SENML_JSON);
    out.at += content_find("device-senml")
                  ->write(message_payload_at(&out), fleet->devices[index].sequence);
    return message_end(&out);
}

static size_t base_garbage(struct random *random, struct fleet *fleet, uint32_t index,
                           uint8_t *buffer)
{
    (void)fleet;
    (void)index;
    size_t len = random_below(random, random_below(random, 8) == 0 ? ROOM : 40);
    random_bytes(random, buffer, len);
    return len;
}

static base_message *const bases[] = {
    base_kind, base_kind, base_kind, base_kind, base_answer, base_blocks, base_send, base_garbage,
};

/* --- ways of spoiling --- */

typedef size_t spoil(struct random *random, uint8_t *buffer, size_t len);

static size_t cut_off(struct random *random, uint8_t *buffer, size_t len)
{
    (void)buffer;
    return random_below(random, (uint32_t)len + 1);
}

static size_t flip_bits(struct random *random, uint8_t *buffer, size_t len)
{
    for (uint32_t i = random_below(random, 8) + 1; i > 0 && len > 0; i--) {
        buffer[random_below(random, (uint32_t)len)] ^= (uint8_t)(1U << random_below(random, 8));
    }
    return len;
}

static size_t set_extreme(struct random *random, uint8_t *buffer, size_t len)
{
    static const uint8_t values[] = { 0x00, 0x7f, 0x80, 0xff, 0xd0, 0xdd, 0xee, 0xfe, 0x0d, 0x0e };
    for (uint32_t i = random_below(random, 4) + 1; i > 0 && len > 0; i--) {
        buffer[random_below(random, (uint32_t)len)] = values[random_below(random, sizeof(values))];
    }
    return len;
}

/* Makes room for `count` bytes at `at`; the message keeps within the datagram. */
static size_t insert(uint8_t *buffer, size_t len, size_t at, size_t count)
{
    if (len + count > ROOM) {
        return len;
    }
    memmove(buffer + at + count, buffer + at, len - at);
    return len + count;
}

static size_t insert_random(struct random *random, uint8_t *buffer, size_t len)
{
    size_t at = random_below(random, (uint32_t)len + 1);
    size_t count = random_below(random, 16) + 1;
    size_t new_len = insert(buffer, len, at, count);
    random_bytes(random, buffer + at, new_len - len);
    return new_len;
}

/* An option of any number and length right behind header and token. */
static size_t splice_option(struct random *random, uint8_t *buffer, size_t len)
{
    size_t at = len > 4 ? 4U + (buffer[0] & 15) : len;
    uint8_t option[32];
    struct message_writer out = { .start = option, .at = option };
    uint8_t value[20];
    random_bytes(random, value, sizeof(value));
    message_option(&out, random_below(random, random_below(random, 2) ? 64 : 65536), value,
                   random_below(random, sizeof(value)));
    size_t option_len = message_end(&out);
    if (at > len) {
        return len;
    }
    size_t new_len = insert(buffer, len, at, option_len);
    if (new_len > len) {
        memcpy(buffer + at, option, option_len);
    }
    return new_len;
}

static size_t take_out(struct random *random, uint8_t *buffer, size_t len)
{
    if (len < 2) {
        return len;
    }
    size_t at = random_below(random, (uint32_t)len);
    size_t count = random_below(random, (uint32_t)(len - at)) + 1;
    memmove(buffer + at, buffer + at + count, len - at - count);
    return len - count;
}

static size_t repeat_part(struct random *random, uint8_t *buffer, size_t len)
{
    if (len == 0) {
        return 0;
    }
    size_t at = random_below(random, (uint32_t)len);
    size_t count = random_below(random, (uint32_t)(len - at)) + 1;
    return insert(buffer, len, at, count); /* leaves the old bytes in both places */
}

static spoil *const spoils[] = {
    cut_off, flip_bits, flip_bits, set_extreme, insert_random, splice_option, take_out, repeat_part,
};

size_t mutate_bytes(struct random *random, uint8_t *buffer, size_t len)
{
    uint32_t ways = sizeof(spoils) / sizeof(spoils[0]);
    for (uint32_t i = random_below(random, 4) + 1; i > 0; i--) {
        len = spoils[random_below(random, ways)](random, buffer, len);
    }
    return len;
}

size_t mutate_message(struct random *random, struct fleet *fleet, uint32_t index, uint8_t *buffer)
{
    uint32_t count = sizeof(bases) / sizeof(bases[0]);
    size_t len = bases[random_below(random, count)](random, fleet, index, buffer);
    return mutate_bytes(random, buffer, len < ROOM ? len : ROOM);
}
