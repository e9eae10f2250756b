#include "test/bench/content.h"

#include <stdio.h>
#include <string.h>

/* What a simple sensor registers: the Device object, connectivity, firmware, a thermometer. */
#define OBJECTS         "</1/0>,</3/0>,</4/0>,</5/0>,</3303/0>"
#define ANNOUNCES_SENML "</>;rt=\"oma.lwm2m\";ct=110,"

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

static const struct content contents[] = {
    { "float-tlv", "/3303/0/5700", OBJECTS, CONTENT_TLV, write_float_tlv },
    { "float-senml", "/3303/0/5700", ANNOUNCES_SENML OBJECTS, CONTENT_SENML_JSON,
      write_float_senml },
    { "device-tlv", "/3/0", OBJECTS, CONTENT_TLV, write_device_tlv },
    { "device-senml", "/3/0", ANNOUNCES_SENML OBJECTS, CONTENT_SENML_JSON, write_device_senml },
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
