/*
 * Dates of the internet to seconds, by the proleptic Gregorian calendar.
 */
#include "lwm2m/content/rfc3339.h"

struct reader {
    const char *next;
    size_t left;
    bool failed;
};

static char take(struct reader *reader)
{
    if (reader->left == 0) {
        reader->failed = true;
        return '\0';
    }
    reader->left--;
    return *reader->next++;
}

static void expect(struct reader *reader, char lower, char upper)
{
    char c = take(reader);
    reader->failed |= c != lower && c != upper;
}

static int take_number(struct reader *reader, int digits, int min, int max)
{
    int number = 0;
    for (int i = 0; i < digits; i++) {
        char c = take(reader);
        if (c < '0' || c > '9') {
            reader->failed = true;
            return min;
        }
        number = number * 10 + (c - '0');
    }
    reader->failed |= number < min || number > max;
    return number;
}

/* Days from 1970-01-01; the year begins in March, so that a leap day is its last. */
static int64_t days_of(int year, int month, int day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t year_of_era = y - era * 400;
    int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

static void skip_fraction(struct reader *reader)
{
    if (reader->left == 0 || *reader->next != '.') {
        return;
    }
    (void)take(reader);
    (void)take_number(reader, 1, 0, 9);
    while (reader->left > 0 && *reader->next >= '0' && *reader->next <= '9') {
        (void)take(reader);
    }
}

/* Seconds east of UTC. */
static int64_t take_offset(struct reader *reader)
{
    char sign = take(reader);
    if (sign == 'Z' || sign == 'z') {
        return 0;
    }
    reader->failed |= sign != '+' && sign != '-';
    int64_t hours = take_number(reader, 2, 0, 23);
    expect(reader, ':', ':');
    int64_t minutes = take_number(reader, 2, 0, 59);
    int64_t offset = hours * 3600 + minutes * 60;
    return sign == '-' ? -offset : offset;
}

bool lwm2m_rfc3339_parse(const char *text, size_t len, int64_t *seconds)
{
    struct reader reader = { text, len, false };
    int year = take_number(&reader, 4, 0, 9999);
    expect(&reader, '-', '-');
    int month = take_number(&reader, 2, 1, 12);
    expect(&reader, '-', '-');
    int day = take_number(&reader, 2, 1, 31);
    expect(&reader, 't', 'T');
    int hour = take_number(&reader, 2, 0, 23);
    expect(&reader, ':', ':');
    int minute = take_number(&reader, 2, 0, 59);
    expect(&reader, ':', ':');
    int second = take_number(&reader, 2, 0, 60); /* a leap second is one */
    skip_fraction(&reader);
    int64_t offset = take_offset(&reader);
    if (reader.failed || reader.left > 0) {
        return false;
    }
    *seconds = days_of(year, month, day) * 86400 + hour * 3600 + minute * 60 + second - offset;
    return true;
}
