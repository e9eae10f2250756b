#include "test/bench/content.h"

#include <stdio.h>
#include <string.h>

/* What a simple sensor registers: the Device object, connectivity, firmware, a thermometer. */
#define OBJECTS         "</1/0>,</3/0>,</4/0>,</5/0>,</3303/0>"
#define ANNOUNCES_SENML "</>;rt=\"oma.lwm2m\";ct=\"110 112\","

/* A temperature that differs from one notification to the next. */
static float value_of(uint32_t sequence)
{
    return 20.0F + (float)(sequence % 1000) / 64.0F;
}

/* Resource 5700, identifier of 16 bits, 4 bytes of float. */
static size_t write_float_tlv(uint8_t buffer[CONTENT_MAX], uint32_t sequence)
{
    float value = value_of(sequence);
    uint32_t bits;
    memcpy(&bits, &value, sizeof(bits));
    const uint8_t tlv[] = { 0xe4,
                            5700 >> 8,
                            5700 & 255,
                            (uint8_t)(bits >> 24),
                            (uint8_t)(bits >> 16),
                            (uint8_t)(bits >> 8),
                            (uint8_t)bits };
    memcpy(buffer, tlv, sizeof(tlv));
    return sizeof(tlv);
}

static size_t write_float_senml(uint8_t buffer[CONTENT_MAX], uint32_t sequence)
{
    return (size_t)snprintf((char *)buffer, CONTENT_MAX, "[{\"bn\":\"/3303/0/5700\",\"v\":%.6g}]",
                            (double)value_of(sequence));
}

/* The /3/0 of the Core specification's examples, 121 bytes; the battery level changes. */
static size_t write_device_tlv(uint8_t buffer[CONTENT_MAX], uint32_t sequence)
{
    static const uint8_t tlv[] = "\xC8\x00\x14Open Mobile Alliance"
                                 "\xC8\x01\x16Lightweight M2M Client"
                                 "\xC8\x02\x09"
                                 "345000123"
                                 "\xC3\x03"
                                 "1.0"
                                 "\x86\x06\x41\x00\x01\x41\x01\x05"
                                 "\x88\x07\x08\x42\x00\x0E\xD8\x42\x01\x13\x88"
                                 "\x87\x08\x41\x00\x7D\x42\x01\x03\x84"
                                 "\xC1\x09\x64"
                                 "\xC1\x0A\x0F"
                                 "\x83\x0B\x41\x00\x00"
                                 "\xC4\x0D\x51\x82\x42\x8F"
                                 "\xC6\x0E"
                                 "+02:00"
                                 "\xC1\x10\x55";
    enum { BATTERY_LEVEL = 91 };
    memcpy(buffer, tlv, sizeof(tlv) - 1);
    buffer[BATTERY_LEVEL] = (uint8_t)(sequence % 101);
    return sizeof(tlv) - 1;
}

static size_t write_device_senml(uint8_t buffer[CONTENT_MAX], uint32_t sequence)
{
    return (size_t)snprintf(
        (char *)buffer, CONTENT_MAX,
        "[{\"bn\":\"/3/0/\",\"n\":\"0\",\"vs\":\"Open Mobile Alliance\"},"
        "{\"n\":\"1\",\"vs\":\"Lightweight M2M Client\"},{\"n\":\"2\",\"vs\":\"345000123\"},"
        "{\"n\":\"3\",\"vs\":\"1.0\"},{\"n\":\"6/0\",\"v\":1},{\"n\":\"6/1\",\"v\":5},"
        "{\"n\":\"7/0\",\"v\":3800},{\"n\":\"7/1\",\"v\":5000},{\"n\":\"8/0\",\"v\":125},"
        "{\"n\":\"8/1\",\"v\":900},{\"n\":\"9\",\"v\":%u},{\"n\":\"10\",\"v\":15},"
        "{\"n\":\"11/0\",\"v\":0},{\"n\":\"13\",\"v\":1367491215},{\"n\":\"14\",\"vs\":\"+02:00\"},"
        "{\"n\":\"16\",\"vs\":\"U\"}]",
        sequence % 101);
}

/* --- SenML CBOR (RFC 8428, 6) --- */

enum { CBOR_UNSIGNED = 0, CBOR_TEXT = 3, CBOR_ARRAY = 4, CBOR_MAP = 5 };

/* Keys of a record; the base name is -2. */
enum { KEY_NAME = 0, KEY_VALUE = 2, KEY_TEXT = 3, KEY_BASE_NAME = 0x21 };

static uint8_t *put_head(uint8_t *at, unsigned major, uint32_t value)
{
    unsigned bytes = value < 24 ? 0 : value < 256 ? 1 : value < 65536 ? 2 : 4;
    unsigned info = bytes == 0 ? value : bytes == 1 ? 24 : bytes == 2 ? 25 : 26;
    *at++ = (uint8_t)(major << 5 | info);
    for (unsigned i = bytes; i > 0; i--) {
        *at++ = (uint8_t)(value >> (8 * (i - 1)));
    }
    return at;
}

static uint8_t *put_text(uint8_t *at, const char *text)
{
    size_t len = strlen(text);
    at = put_head(at, CBOR_TEXT, (uint32_t)len);
    memcpy(at, text, len);
    return at + len;
}

/* The values of write_device_senml(). */
static size_t write_device_cbor(uint8_t buffer[CONTENT_MAX], uint32_t sequence)
{
    static const struct {
        const char *name;
        const char *text; /* NULL: a number */
        uint32_t number;
    } rows[] = {
        { "0", "Open Mobile Alliance", 0 },
        { "1", "Lightweight M2M Client", 0 },
        { "2", "345000123", 0 },
        { "3", "1.0", 0 },
        { "6/0", NULL, 1 },
        { "6/1", NULL, 5 },
        { "7/0", NULL, 3800 },
        { "7/1", NULL, 5000 },
        { "8/0", NULL, 125 },
        { "8/1", NULL, 900 },
        { "9", NULL, 0 }, /* the battery level: changes */
        { "10", NULL, 15 },
        { "11/0", NULL, 0 },
        { "13", NULL, 1367491215 },
        { "14", "+02:00", 0 },
        { "16", "U", 0 },
    };
    enum { ROWS = sizeof(rows) / sizeof(rows[0]), BATTERY_ROW = 10 };
    uint8_t *at = put_head(buffer, CBOR_ARRAY, ROWS);
    for (unsigned i = 0; i < ROWS; i++) {
        at = put_head(at, CBOR_MAP, i == 0 ? 3 : 2);
        if (i == 0) {
            *at++ = KEY_BASE_NAME;
            at = put_text(at, "/3/0/");
        }
        *at++ = KEY_NAME;
        at = put_text(at, rows[i].name);
        *at++ = rows[i].text ? KEY_TEXT : KEY_VALUE;
        at = rows[i].text
                 ? put_text(at, rows[i].text)
                 : put_head(at, CBOR_UNSIGNED, i == BATTERY_ROW ? sequence % 101 : rows[i].number);
    }
    return (size_t)(at - buffer);
}

static const struct content contents[] = {
    { "float-tlv", "/3303/0/5700", OBJECTS, CONTENT_TLV, write_float_tlv },
    { "float-senml", "/3303/0/5700", ANNOUNCES_SENML OBJECTS, CONTENT_SENML_JSON,
      write_float_senml },
    { "device-tlv", "/3/0", OBJECTS, CONTENT_TLV, write_device_tlv },
    { "device-senml", "/3/0", ANNOUNCES_SENML OBJECTS, CONTENT_SENML_JSON, write_device_senml },
    { "device-cbor", "/3/0", ANNOUNCES_SENML OBJECTS, CONTENT_SENML_CBOR, write_device_cbor },
};

const struct content *content_at(size_t index)
{
    return index < sizeof(contents) / sizeof(contents[0]) ? &contents[index] : NULL;
}

const struct content *content_find(const char *name)
{
    const struct content *row;
    for (size_t i = 0; (row = content_at(i)); i++) {
        if (strcmp(row->name, name) == 0) {
            return row;
        }
    }
    return NULL;
}
