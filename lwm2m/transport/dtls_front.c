/*
 * What is answered, or dropped, without a byte of memory: garbage, ClientHellos whose sender has
 * not shown that it receives at its address (RFC 6347, 4.2.1), records that no session knows.
 *
 * A cookie is the time in slices and a keyed hash over that, the address, the listener and the
 * client's random; it holds for one to two slices. SipHash does here what HMAC does elsewhere, in a
 * twentieth of the time: the key never leaves the process, and a guess succeeds once in 2^64.
 */
#include "lwm2m/hash/siphash.h"
#include "lwm2m/transport/dtls_internal.h"

#include <string.h>

#define SLICE_MS 60000

#define HANDSHAKE_HEADER_LEN 12
#define COOKIE_LEN           12 /* time slice, hash */

enum { CLIENT_HELLO = 1, HELLO_VERIFY_REQUEST = 3 };

static uint64_t read_uint(const uint8_t *bytes, size_t len)
{
    uint64_t value = 0;

    for (size_t i = 0; i < len; i++) {
        value = value << 8 | bytes[i];
    }
    return value;
}

static void write_uint(uint8_t *bytes, size_t len, uint64_t value)
{
    for (size_t i = len; i > 0; i--) {
        bytes[i - 1] = (uint8_t)value;
        value >>= 8;
    }
}

bool dtls_record_read(const uint8_t *bytes, size_t len, bool cids, struct dtls_record *record)
{
    if (len <= DTLS_HEADER_LEN) {
        return false;
    }
    bool known = (bytes[0] >= DTLS_CHANGE_CIPHER_SPEC && bytes[0] <= DTLS_APPLICATION_DATA) ||
                 (bytes[0] == DTLS_WITH_CID && cids);
    /* {254, 253} is DTLS 1.2; a first ClientHello may say {254, 255}, 1.0. */
    if (!known || bytes[1] != 254 || (bytes[2] != 253 && bytes[2] != 255)) {
        return false;
    }
    *record = (struct dtls_record){
        .bytes = bytes,
        .header_len = DTLS_HEADER_LEN,
        .type = bytes[0],
        .epoch = (uint16_t)read_uint(bytes + 3, 2),
        .number = read_uint(bytes + 5, 6),
    };
    if (record->type == DTLS_WITH_CID) {
        record->header_len += DTLS_CID_LEN;
        record->cid = bytes + 11;
        if (len <= record->header_len) {
            return false;
        }
    }
    size_t payload_len = (size_t)read_uint(bytes + record->header_len - 2, 2);
    record->len = record->header_len + payload_len;
    return payload_len > 0 && record->len <= len;
}

/* The parts of a ClientHello that a cookie is about (RFC 6347, 4.2.1). */
struct hello {
    const uint8_t *random;
    const uint8_t *cookie;
    size_t cookie_len;
};

/* A hello in fragments is not read: then its cookie could not be checked from nothing. */
static bool read_hello(const struct dtls_record *record, struct hello *hello)
{
    const uint8_t *at = record->bytes + record->header_len;
    size_t left = record->len - record->header_len;

    if (left < HANDSHAKE_HEADER_LEN + 2 + DTLS_RANDOM_LEN + 1) {
        return false;
    }
    uint64_t length = read_uint(at + 1, 3);
    if (length != left - HANDSHAKE_HEADER_LEN || read_uint(at + 6, 3) != 0 ||
        read_uint(at + 9, 3) != length) {
        return false;
    }
    at += HANDSHAKE_HEADER_LEN;
    left -= HANDSHAKE_HEADER_LEN;
    if (at[0] != 254 || at[1] > 253) { /* 1.2 or above; the numbers count down */
        return false;
    }
    hello->random = at + 2;
    at += 2 + DTLS_RANDOM_LEN;
    left -= 2 + DTLS_RANDOM_LEN;
    if (at[0] > 32 || left < (size_t)1 + at[0] + 1) {
        return false;
    }
    left -= (size_t)1 + at[0];
    at += 1 + at[0];
    hello->cookie_len = at[0];
    hello->cookie = at + 1;
    return left > hello->cookie_len;
}

static void make_cookie(const struct transport_dtls *dtls, const struct transport_route *route,
                        const uint8_t *random, uint32_t slice, uint8_t cookie[COOKIE_LEN])
{
    struct {
        uint8_t ip[16];
        uint8_t random[DTLS_RANDOM_LEN];
        uint32_t scope_id, slice;
        uint16_t port, listener;
        uint32_t zero;
    } about = { .scope_id = route->remote.scope_id,
                .slice = slice,
                .port = route->remote.port,
                .listener = route->listener };

    memcpy(about.ip, route->remote.ip, sizeof about.ip);
    memcpy(about.random, random, sizeof about.random);
    write_uint(cookie, 4, slice);
    write_uint(cookie + 4, 8, lwm2m_siphash_proof(dtls->cookie_key, &about, sizeof about));
}

static bool is_equal(const uint8_t *a, const uint8_t *b, size_t len)
{
    uint8_t differs = 0;

    for (size_t i = 0; i < len; i++) {
        differs |= a[i] ^ b[i];
    }
    return differs == 0;
}

static bool cookie_is_valid(const struct transport_dtls *dtls, const struct transport_route *route,
                            const struct hello *hello)
{
    uint32_t now = (uint32_t)(dtls->now_ms / SLICE_MS);
    uint8_t cookie[COOKIE_LEN];

    if (hello->cookie_len != COOKIE_LEN) {
        return false;
    }
    uint32_t slice = (uint32_t)read_uint(hello->cookie, 4);
    if (slice != now && slice != now - 1) {
        return false;
    }
    make_cookie(dtls, route, hello->random, slice, cookie);
    return is_equal(cookie, hello->cookie, COOKIE_LEN);
}

/* RFC 6347, 4.2.1 and 4.2.2: the record and the message have the numbers of the hello's. Shorter
 * than any ClientHello. */
static void send_hello_verify(struct transport_dtls *dtls, const struct transport_route *route,
                              const struct dtls_record *record, const struct hello *hello)
{
    uint8_t answer[DTLS_HEADER_LEN + HANDSHAKE_HEADER_LEN + 3 + COOKIE_LEN] = { 0 };
    uint8_t *message = answer + DTLS_HEADER_LEN;
    const size_t body_len = 3 + COOKIE_LEN;

    answer[0] = DTLS_HANDSHAKE;
    write_uint(answer + 1, 2, 0xfefd);
    write_uint(answer + 5, 6, record->number);
    write_uint(answer + 11, 2, HANDSHAKE_HEADER_LEN + body_len);
    message[0] = HELLO_VERIFY_REQUEST;
    write_uint(message + 1, 3, body_len);
    memcpy(message + 4, record->bytes + record->header_len + 4, 2); /* message_seq */
    write_uint(message + 9, 3, body_len);
    write_uint(message + HANDSHAKE_HEADER_LEN, 2, 0xfefd);
    message[HANDSHAKE_HEADER_LEN + 2] = COOKIE_LEN;
    make_cookie(dtls, route, hello->random, (uint32_t)(dtls->now_ms / SLICE_MS),
                message + HANDSHAKE_HEADER_LEN + 3);
    dtls->counters.hello_verify++;
    dtls->events.send(dtls->ctx, route, answer, sizeof answer);
}

bool dtls_front_hello(struct transport_dtls *dtls, const struct transport_route *route,
                      const struct dtls_record *record, const uint8_t **random)
{
    struct hello hello;

    if (!read_hello(record, &hello)) {
        dtls->counters.garbage++;
        return false;
    }
    if (!cookie_is_valid(dtls, route, &hello)) {
        send_hello_verify(dtls, route, record, &hello);
        return false;
    }
    *random = hello.random;
    return true;
}

/* A second of silence earns alerts_per_s, and no more can be saved up. */
static bool take_alert_token(struct transport_dtls *dtls)
{
    uint64_t elapsed_ms = dtls->now_ms - dtls->alert_tokens_at_ms;
    uint64_t earned = elapsed_ms >= 1000 ? dtls->settings.alerts_per_s
                                         : elapsed_ms * dtls->settings.alerts_per_s / 1000;

    if (earned > 0) {
        uint64_t tokens = dtls->alert_tokens + earned;
        dtls->alert_tokens =
            tokens < dtls->settings.alerts_per_s ? (uint32_t)tokens : dtls->settings.alerts_per_s;
        dtls->alert_tokens_at_ms = dtls->now_ms;
    }
    if (dtls->alert_tokens == 0) {
        return false;
    }
    dtls->alert_tokens--;
    return true;
}

/*
 * The alert tells a device whose session is lost to make a new one. It is not protected, so it must
 * not go where a session lives: whoever forges a record of that address would make us end it.
 */
void dtls_front_unknown(struct transport_dtls *dtls, const struct transport_route *route,
                        const struct dtls_record *record)
{
    uint8_t alert[DTLS_HEADER_LEN + 2] = { DTLS_ALERT, 254, 253 };

    dtls->counters.unknown++;
    if (record->type != DTLS_APPLICATION_DATA && record->type != DTLS_WITH_CID) {
        return;
    }
    if (dtls->alerted || record->len < sizeof alert || dtls_session_lives_at(dtls, route) ||
        dtls_handshake_find(dtls, route) || !take_alert_token(dtls)) {
        dtls->counters.alerts_suppressed++;
        return;
    }
    write_uint(alert + 5, 6, record->number);
    write_uint(alert + 11, 2, 2);
    alert[13] = 2;  /* fatal */
    alert[14] = 20; /* bad_record_mac: no key to check it with */
    dtls->alerted = true;
    dtls->counters.alerts_sent++;
    dtls->events.send(dtls->ctx, route, alert, sizeof alert);
}
