/*
 * Amounts are whole numbers with a unit from a small table, so durations and sizes share one
 * parser, one printer and one guesser. Nothing depends on the locale.
 */
#include "config/value.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

struct unit {
    const char *name;
    uint64_t factor;
};

struct guess {
    const char *prefix; /* how a wrong unit begins, in any case */
    const char *unit;   /* what is meant */
};

struct config_scale {
    struct unit units[4]; /* from the smallest to the largest */
    struct guess guesses[5];
};

const struct config_scale config_scale_duration = {
    .units = { { "ms", 1 }, { "s", 1000 }, { "m", 60 * 1000 }, { "h", 60 * 60 * 1000 } },
    .guesses = { { "ms", "ms" }, { "mil", "ms" }, { "m", "m" }, { "h", "h" }, { "", "s" } },
};

const struct config_scale config_scale_size = {
    .units = { { "", 1 }, { "KiB", 1 << 10 }, { "MiB", 1 << 20 }, { "GiB", 1 << 30 } },
    .guesses = { { "k", "KiB" }, { "m", "MiB" }, { "g", "GiB" }, { "b", "" }, { "", "" } },
};

/* Reads digits up to the first other character. */
static int read_digits(const char **text, uint64_t *value)
{
    const char *at = *text;
    uint64_t sum = 0;
    for (; *at >= '0' && *at <= '9'; at++) {
        uint64_t digit = (uint64_t)(*at - '0');
        if (sum > (UINT64_MAX - digit) / 10) {
            return -ERANGE;
        }
        sum = sum * 10 + digit;
    }
    if (at == *text) {
        return -EBADMSG;
    }
    *text = at;
    *value = sum;
    return 0;
}

int config_value_amount(const struct config_scale *scale, const char *text, uint64_t *amount)
{
    uint64_t number;
    int err = read_digits(&text, &number);
    if (err) {
        return err;
    }
    for (size_t i = 0; i < sizeof scale->units / sizeof scale->units[0]; i++) {
        const struct unit *unit = &scale->units[i];
        if (strcmp(text, unit->name) != 0) {
            continue;
        }
        if (number > UINT64_MAX / unit->factor) {
            return -ERANGE;
        }
        *amount = number * unit->factor;
        return 0;
    }
    return -EBADMSG;
}

const char *config_value_amount_text(const struct config_scale *scale, uint64_t amount,
                                     char text[CONFIG_VALUE_SIZE])
{
    size_t i = sizeof scale->units / sizeof scale->units[0] - 1;
    if (amount == 0) {
        i = scale == &config_scale_duration ? 1 : 0; /* "0s" reads better than "0h" */
    }
    while (i > 0 && amount % scale->units[i].factor != 0) {
        i--;
    }
    snprintf(text, CONFIG_VALUE_SIZE, "%" PRIu64 "%s", amount / scale->units[i].factor,
             scale->units[i].name);
    return text;
}

bool config_value_amount_guess(const struct config_scale *scale, const char *text,
                               char guess[CONFIG_VALUE_SIZE])
{
    uint64_t number;
    if (read_digits(&text, &number)) {
        return false;
    }
    text += strspn(text, " ");
    const struct guess *best = scale->guesses;
    while (strncasecmp(text, best->prefix, strlen(best->prefix)) != 0) {
        best++; /* the last prefix is empty and matches anything */
    }
    if (best->prefix[0] == '\0' && text[0] != '\0' && strchr("sS", text[0]) == NULL) {
        return false;
    }
    snprintf(guess, CONFIG_VALUE_SIZE, "%" PRIu64 "%s", number, best->unit);
    return config_value_amount(scale, guess, &number) == 0;
}

int config_value_integer(const char *text, uint64_t *value)
{
    uint64_t number;
    int err = read_digits(&text, &number);
    if (err) {
        return err;
    }
    if (*text != '\0') {
        return -EBADMSG;
    }
    *value = number;
    return 0;
}

int config_value_thousandths(const char *text, uint64_t *value)
{
    uint64_t whole;
    int err = read_digits(&text, &whole);
    if (err) {
        return err;
    }
    uint64_t fraction = 0;
    if (*text == '.') {
        size_t digits = strlen(++text);
        err = read_digits(&text, &fraction);
        if (err || digits > 3) {
            return -EBADMSG;
        }
        for (; digits < 3; digits++) {
            fraction *= 10;
        }
    }
    if (*text != '\0') {
        return -EBADMSG;
    }
    if (whole > (UINT64_MAX - fraction) / 1000) {
        return -ERANGE;
    }
    *value = whole * 1000 + fraction;
    return 0;
}

enum { WORD_MAX = 40 };

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static bool same_letter(char a, char b)
{
    bool letter = (a >= 'a' && a <= 'z') || (a >= 'A' && a <= 'Z');
    return a == b || (letter && (a ^ b) == ('a' ^ 'A'));
}

size_t config_value_distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
    if (a_len > WORD_MAX || b_len > WORD_MAX || a_len == 0) {
        return SIZE_MAX;
    }
    size_t longer = a_len > b_len ? a_len : b_len;
    size_t tolerated = longer < 2 ? 0 : longer < 4 ? 1 : longer < 9 ? 2 : 3;
    size_t cost[WORD_MAX + 1][WORD_MAX + 1]; /* of turning the first i of a into the first j of b */
    for (size_t i = 0; i <= a_len; i++) {
        for (size_t j = 0; j <= b_len; j++) {
            if (i == 0 || j == 0) {
                cost[i][j] = i + j;
                continue;
            }
            size_t replaced = cost[i - 1][j - 1] + !same_letter(a[i - 1], b[j - 1]);
            cost[i][j] = least(replaced, least(cost[i - 1][j], cost[i][j - 1]) + 1);
            if (i > 1 && j > 1 && same_letter(a[i - 1], b[j - 2]) &&
                same_letter(a[i - 2], b[j - 1])) {
                cost[i][j] = least(cost[i][j], cost[i - 2][j - 2] + 1);
            }
        }
    }
    return cost[a_len][b_len] <= tolerated ? cost[a_len][b_len] : SIZE_MAX;
}

bool config_value_is_path(const char *text)
{
    size_t levels = 0;
    while (*text == '/' && levels < 4) {
        text++;
        bool padded = text[0] == '0' && text[1] >= '0' && text[1] <= '9';
        uint64_t id;
        if (padded || read_digits(&text, &id) || id >= UINT16_MAX) {
            return false;
        }
        levels++;
    }
    return levels > 0 && *text == '\0';
}

/* The number of bytes of the UTF-8 character at text, 0 when it is none. */
static size_t utf8_length(const unsigned char *text)
{
    static const struct {
        unsigned char mask, lead;
        uint32_t first; /* smallest code point that needs this length */
    } forms[] = {
        { 0x80, 0x00, 0 }, { 0xe0, 0xc0, 0x80 }, { 0xf0, 0xe0, 0x800 }, { 0xf8, 0xf0, 0x10000 }
    };
    for (size_t more = 0; more < sizeof forms / sizeof forms[0]; more++) {
        if ((text[0] & forms[more].mask) != forms[more].lead) {
            continue;
        }
        uint32_t point = text[0] & (unsigned char)~forms[more].mask;
        for (size_t i = 1; i <= more; i++) {
            if ((text[i] & 0xc0) != 0x80) {
                return 0;
            }
            point = point << 6 | (text[i] & 0x3f);
        }
        bool surrogate = point >= 0xd800 && point <= 0xdfff;
        return point < forms[more].first || point > 0x10ffff || surrogate ? 0 : more + 1;
    }
    return 0;
}

bool config_value_is_clean_utf8(const char *text)
{
    const unsigned char *at = (const unsigned char *)text;
    while (*at != '\0') {
        size_t len = utf8_length(at);
        bool control = *at < 0x20 || *at == 0x7f || (*at == 0xc2 && at[1] < 0xa0);
        if (len == 0 || control) {
            return false;
        }
        at += len;
    }
    return true;
}
