/*
 * Decimal text to numbers and back. The C library converts what is really a fraction; whole
 * numbers never pass through a double, and common fractions are written without it because
 * every notification with a Float needs that.
 */
#include "lwm2m/content/decimal.h"

#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPONENT_MAX 100000u
#define TEXT_MAX     1000
/* Up to here every whole number is a double. */
#define EXACT_DOUBLE_MAX ((uint64_t)1 << 53)

static size_t count_digits(const char *text, size_t len)
{
    size_t digits = 0;
    while (digits < len && text[digits] >= '0' && text[digits] <= '9') {
        digits++;
    }
    return digits;
}

/* Length of a `.digits` or `e-digits` part, 0 when it is not complete. */
static size_t scan_fraction(const char *text, size_t len)
{
    if (len == 0 || text[0] != '.') {
        return 0;
    }
    size_t digits = count_digits(text + 1, len - 1);
    return digits > 0 ? digits + 1 : 0;
}

static size_t scan_exponent(const char *text, size_t len, uint32_t *exponent)
{
    if (len == 0 || (text[0] != 'e' && text[0] != 'E')) {
        return 0;
    }
    size_t at = len > 1 && (text[1] == '-' || text[1] == '+') ? 2 : 1;
    size_t digits = count_digits(text + at, len - at);
    *exponent = 0;
    for (size_t i = at; i < at + digits; i++) {
        *exponent = *exponent * 10 + (uint32_t)(text[i] - '0');
        if (*exponent > EXPONENT_MAX) {
            *exponent = EXPONENT_MAX;
        }
    }
    return digits > 0 ? at + digits : 0;
}

struct lwm2m_decimal_shape lwm2m_decimal_scan(const char *text, size_t len)
{
    struct lwm2m_decimal_shape shape = { 0 };
    size_t at = len > 0 && text[0] == '-' ? 1 : 0;
    size_t digits = count_digits(text + at, len - at);
    if (digits == 0) {
        return shape;
    }
    if (digits > 1 && text[at] == '0') {
        digits = 1; /* "01" is the number 0 and then something else */
    }
    size_t first = at;
    at += digits;
    at += scan_fraction(text + at, len - at);
    for (size_t i = first; i < at; i++) {
        bool is_digit = text[i] != '.';
        if (is_digit && (shape.significant > 0 || text[i] != '0')) {
            shape.significant++;
        }
    }
    shape.len = at + scan_exponent(text + at, len - at, &shape.exponent);
    return shape;
}

/* A decimal as magnitude * 10^power, with no trailing zeros in the magnitude. */
struct scaled {
    uint64_t magnitude;
    int64_t power;
    bool negative;
    bool overflow; /* more digits than 64 bits hold */
    bool exponent; /* written with one */
};

static void scaled_add_digit(struct scaled *scaled, unsigned digit)
{
    if (digit == 0) {
        scaled->power++;
        return;
    }
    while (scaled->magnitude != 0 && scaled->power > 0 && !scaled->overflow) {
        scaled->overflow = __builtin_mul_overflow(scaled->magnitude, 10u, &scaled->magnitude);
        scaled->power--;
    }
    scaled->power = 0;
    scaled->overflow |= __builtin_mul_overflow(scaled->magnitude, 10u, &scaled->magnitude) ||
                        __builtin_add_overflow(scaled->magnitude, digit, &scaled->magnitude);
}

static struct scaled scale(const char *text, size_t len)
{
    struct scaled scaled = { 0 };
    int64_t fraction_digits = 0;
    bool in_fraction = false;
    size_t at = 0;

    if (text[0] == '-') {
        scaled.negative = true;
        at++;
    }
    for (; at < len && text[at] != 'e' && text[at] != 'E' && !scaled.overflow; at++) {
        if (text[at] == '.') {
            in_fraction = true;
            continue;
        }
        fraction_digits += in_fraction ? 1 : 0;
        scaled_add_digit(&scaled, (unsigned)(text[at] - '0'));
    }
    uint32_t exponent = 0;
    if (scan_exponent(text + at, len - at, &exponent) > 0) {
        scaled.exponent = true;
        scaled.power += text[at + 1] == '-' ? -(int64_t)exponent : (int64_t)exponent;
    }
    scaled.power -= fraction_digits;
    return scaled;
}

/*
 * Whether the decimal is a whole number that 64 bits hold, sign apart. A large one with an exponent
 * is a double that somebody wrote as short as can be: its zeros are not meant.
 */
static bool scaled_is_whole(const struct scaled *scaled, uint64_t *whole)
{
    *whole = scaled->magnitude;
    if (scaled->overflow || (scaled->magnitude == 0 && scaled->negative)) {
        return false;
    }
    if (scaled->magnitude == 0) {
        return true;
    }
    if (scaled->power < 0 || scaled->power > 19) {
        return false;
    }
    for (int64_t i = 0; i < scaled->power; i++) {
        if (__builtin_mul_overflow(*whole, 10u, whole)) {
            return false;
        }
    }
    return !scaled->exponent || *whole <= EXACT_DOUBLE_MAX;
}

static int parse_double(const char *text, size_t len, struct lwm2m_value *value)
{
    char copy[TEXT_MAX + 1];
    memcpy(copy, text, len);
    copy[len] = '\0';
    double number = strtod(copy, NULL);
    if (isinf(number)) {
        return -ERANGE;
    }
    *value = (struct lwm2m_value){ .type = LWM2M_TYPE_FLOAT, .number = number };
    return 0;
}

int lwm2m_decimal_parse(const char *text, size_t len, struct lwm2m_value *value)
{
    if (len > TEXT_MAX) {
        return -ERANGE;
    }
    if (len == 0 || lwm2m_decimal_scan(text, len).len != len) {
        return -EINVAL;
    }
    struct scaled scaled = scale(text, len);
    uint64_t whole;
    if (!scaled_is_whole(&scaled, &whole)) {
        return parse_double(text, len, value);
    }
    if (!scaled.negative && whole > INT64_MAX) {
        *value = (struct lwm2m_value){ .type = LWM2M_TYPE_UNSIGNED, .unsigned_integer = whole };
        return 0;
    }
    if (whole > (uint64_t)INT64_MAX + 1) {
        return parse_double(text, len, value);
    }
    *value = (struct lwm2m_value){ .type = LWM2M_TYPE_INTEGER };
    value->integer = scaled.negative ? (int64_t)(0 - whole) : (int64_t)whole;
    return 0;
}

size_t lwm2m_decimal_write(uint64_t number, char *text)
{
    size_t len = 1;
    for (uint64_t rest = number; rest >= 10; rest /= 10) {
        len++;
    }
    for (size_t at = len; at > 0; at--) {
        text[at - 1] = (char)('0' + number % 10);
        number /= 10;
    }
    return len;
}

/* Writes mantissa / 10^decimals, decimals >= 1. */
static size_t write_fixed(uint64_t mantissa, unsigned decimals, char *text)
{
    char digits[20];
    size_t count = lwm2m_decimal_write(mantissa, digits);
    size_t len = 0;
    size_t whole = count > decimals ? count - decimals : 0;
    if (whole == 0) {
        text[len++] = '0';
    }
    memcpy(text + len, digits, whole);
    len += whole;
    text[len++] = '.';
    for (size_t zeros = count < decimals ? decimals - count : 0; zeros > 0; zeros--) {
        text[len++] = '0';
    }
    memcpy(text + len, digits + whole, count - whole);
    return len + count - whole;
}

/*
 * Mantissa and power of ten are both exact in a double, so their quotient is the double nearest
 * to the decimal: what strtod would give. The first match has the fewest digits. Not found:
 * the number needs more than 15 digits, or is too small.
 */
static size_t write_short_fraction(double number, char *text)
{
    static const double powers[] = { 1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                     1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15 };
    if (number < 1e-5) {
        return 0;
    }
    for (unsigned decimals = 0; decimals < sizeof(powers) / sizeof(powers[0]); decimals++) {
        double product = number * powers[decimals];
        if (product >= 1e15) {
            return 0;
        }
        uint64_t mantissa = (uint64_t)(product + 0.5);
        if ((double)mantissa / powers[decimals] >= number &&
            (double)mantissa / powers[decimals] <= number) {
            return decimals == 0 ? lwm2m_decimal_write(mantissa, text)
                                 : write_fixed(mantissa, decimals, text);
        }
    }
    return 0;
}

/* "1e+20" and "1e-07" as printf writes them -> "1e20", "1e-7". */
static size_t shorten_exponent(char *text)
{
    char *exponent = strchr(text, 'e');
    if (exponent == NULL) {
        return strlen(text);
    }
    char *to = exponent + 1;
    const char *from = exponent + 1;
    if (*from == '-') {
        to++;
    }
    from++;
    while (*from == '0') {
        from++;
    }
    size_t len = strlen(from);
    memmove(to, from, len + 1);
    return (size_t)(to - text) + len;
}

/*
 * The nearest decimal of 15, 16 or 17 digits. Next to 46 of the powers of two, below which doubles
 * lie closer than above, another one of 16 digits would do; they get 17.
 */
static size_t write_any(double number, char *text)
{
    char digits[40]; /* 17 of them, a sign, a point and an exponent take 24 */
    /* A subnormal has fewer digits to tell. */
    for (int precision = number < DBL_MIN ? 1 : 15; precision <= 17; precision++) {
        (void)snprintf(digits, sizeof(digits), "%.*g", precision, number);
        double back = strtod(digits, NULL);
        if (back >= number && back <= number) {
            break;
        }
    }
    size_t len = shorten_exponent(digits);
    memcpy(text, digits, len + 1);
    return len;
}

size_t lwm2m_value_format_double(double number, char text[LWM2M_NUMBER_TEXT_MAX])
{
    size_t len = 0;
    if (isnan(number)) {
        return strlen(strcpy(text, "NaN"));
    }
    if (signbit(number)) {
        text[len++] = '-';
        number = -number;
    }
    if (isinf(number)) {
        return len + strlen(strcpy(text + len, "Infinity"));
    }
    size_t digits =
        number > 0 ? write_short_fraction(number, text + len) : lwm2m_decimal_write(0, text + len);
    if (digits == 0) {
        digits = write_any(number, text + len);
    }
    len += digits;
    text[len] = '\0';
    return len;
}
