/*
 * Whatever records a format can carry come back as they went in: random ones, of every type, at
 * every level of base path. The seed is fixed, and printed.
 */
#include "fixture.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ROUNDS 100000

#define SEED        0x9e3779b97f4a7c15u
#define RECORDS_MAX 12

struct random {
    uint64_t state;
};

static uint64_t next(struct random *random)
{
    random->state ^= random->state << 13;
    random->state ^= random->state >> 7;
    random->state ^= random->state << 17;
    return random->state * 0x2545f4914f6cdd1d;
}

static uint64_t below(struct random *random, uint64_t bound)
{
    return (next(random) >> 11) % bound;
}

/* Numbers of all magnitudes, the edges of the sizes among them. */
static uint64_t any_integer(struct random *random)
{
    uint64_t number = next(random) >> below(random, 64);
    if (below(random, 4) == 0) {
        number = ((uint64_t)1 << below(random, 64)) + below(random, 3) - 1;
    }
    return below(random, 2) == 0 ? number : 0 - number;
}

static double any_double(struct random *random)
{
    double number;
    uint64_t bits = next(random);
    memcpy(&number, &bits, sizeof(number));
    switch (below(random, 3)) {
    case 0:
        return (double)(int64_t)below(random, 100000) / 100 - 500;
    case 1:
        return isfinite(number) ? number : 0;
    default:
        return (double)(int64_t)any_integer(random);
    }
}

static struct lwm2m_bytes any_bytes(struct random *random, struct lwm2m_records *records)
{
    size_t len = below(random, 8) == 0 ? below(random, 300) : below(random, 12);
    uint8_t *data = lwm2m_records_alloc(records, len);
    for (size_t i = 0; i < len; i++) {
        data[i] = (uint8_t)next(random);
    }
    return (struct lwm2m_bytes){ data, len };
}

static struct lwm2m_bytes any_text(struct random *random, struct lwm2m_records *records)
{
    static const char *const pieces[] = {
        "a", "\"", "\\", "/", "\n", "\x01", "ü", "€", "😀", "\x7f", " ", "0", "12345678901234567890",
        "="
    };
    char text[400] = "";
    for (uint64_t i = below(random, 12); i > 0; i--) {
        strcat(text, pieces[below(random, sizeof(pieces) / sizeof(pieces[0]))]);
    }
    uint8_t *data = lwm2m_records_alloc(records, strlen(text));
    memcpy(data, text, strlen(text));
    return (struct lwm2m_bytes){ data, strlen(text) };
}

static struct lwm2m_value any_value(struct random *random, enum lwm2m_type type,
                                    struct lwm2m_records *records)
{
    struct lwm2m_value value = { .type = type };
    switch (type) {
    case LWM2M_TYPE_STRING:
    case LWM2M_TYPE_CORELNK:
        value.bytes = any_text(random, records);
        break;
    case LWM2M_TYPE_OPAQUE:
        value.bytes = any_bytes(random, records);
        break;
    case LWM2M_TYPE_INTEGER:
    case LWM2M_TYPE_TIME:
        value.integer = (int64_t)any_integer(random);
        break;
    case LWM2M_TYPE_UNSIGNED:
        value.unsigned_integer = any_integer(random);
        break;
    case LWM2M_TYPE_FLOAT:
        value.number = any_double(random);
        break;
    case LWM2M_TYPE_BOOLEAN:
        value.boolean = below(random, 2) == 0;
        break;
    case LWM2M_TYPE_OBJLNK:
        value.link.object = (uint16_t)next(random);
        value.link.instance = (uint16_t)next(random);
        break;
    default:
        break;
    }
    return value;
}

static uint16_t any_id(struct random *random)
{
    return (uint16_t)(below(random, 3) == 0 ? below(random, LWM2M_ID_ANY) : below(random, 3));
}

/* A resource of object 1000 that has a value; of the multiple ones an instance. */
static struct lwm2m_path any_path(struct random *random)
{
    struct lwm2m_path path = { { 1000, any_id(random) }, 3 };
    path.ids[2] = (uint16_t)(below(random, 9) + 10 * below(random, 2));
    if (path.ids[2] >= 10) {
        path.ids[3] = any_id(random);
        path.depth = 4;
    }
    return path;
}

/* What one format carries besides. */
struct limits {
    const char *name;
    bool times;
    bool composite; /* base may be the root */
    bool opaque_only;
    bool unique; /* no path twice */
};

static const struct limits limits[] = {
    { .name = "tlv" },
    { .name = "text" },
    { .name = "opaque", .opaque_only = true },
    { .name = "json", .times = true, .composite = true },
    { .name = "senml-json", .times = true, .composite = true },
    { .name = "cbor" },
    { .name = "senml-cbor", .times = true, .composite = true },
    { .name = "senml-etch-json", .times = true, .composite = true },
    { .name = "senml-etch-cbor", .times = true, .composite = true },
    { .name = "lwm2m-cbor", .composite = true, .unique = true },
};

static bool has_path(const struct lwm2m_records *records, const struct lwm2m_path *path)
{
    for (size_t i = 0; i < records->count; i++) {
        if (lwm2m_path_equal(&records->items[i].path, path)) {
            return true;
        }
    }
    return false;
}

static void fill(struct random *random, const struct limits *limit,
                 const struct lwm2m_content_format *format, struct lwm2m_content_context *context,
                 struct lwm2m_records *records)
{
    struct lwm2m_path first = any_path(random);
    if (limit->opaque_only && fixture_type(first.ids[2]) != LWM2M_TYPE_OPAQUE) {
        first.ids[2] = first.depth == 3 ? 5 : 15;
    }
    context->base = first;
    uint64_t count = 1;
    if (!format->single_resource) {
        context->base.depth = (uint8_t)(first.depth - below(random, first.depth));
        if (limit->composite && below(random, 4) == 0) {
            context->base.depth = 0;
        }
        count = below(random, RECORDS_MAX);
    }
    for (uint64_t i = 0; i < count; i++) {
        struct lwm2m_path path = i == 0 ? first : any_path(random);
        memcpy(path.ids, context->base.ids, context->base.depth * sizeof(path.ids[0]));
        path.depth = path.ids[2] >= 10 ? 4 : 3;
        if (limit->unique && has_path(records, &path)) {
            continue;
        }
        struct lwm2m_record *record = lwm2m_records_add(records);
        record->path = path;
        record->value = any_value(random, fixture_type(path.ids[2]), records);
        if (limit->times && below(random, 4) == 0) {
            record->has_time = true;
            record->time_s = 1e9 + (double)below(random, 1000000000) / 1000;
        }
    }
}

static bool same_record(const struct lwm2m_record *a, const struct lwm2m_record *b)
{
    return lwm2m_path_equal(&a->path, &b->path) && lwm2m_value_equal(&a->value, &b->value) &&
           a->has_time == b->has_time && memcmp(&a->time_s, &b->time_s, sizeof(a->time_s)) == 0;
}

/* TLV groups, so the order may differ: records of one path keep theirs. */
static bool same_records(const struct lwm2m_records *a, const struct lwm2m_records *b)
{
    bool used[RECORDS_MAX] = { false };
    if (a->count != b->count) {
        return false;
    }
    for (size_t i = 0; i < a->count; i++) {
        size_t k = 0;
        while (k < b->count &&
               (used[k] || !lwm2m_path_equal(&a->items[i].path, &b->items[k].path))) {
            k++;
        }
        if (k == b->count || !same_record(&a->items[i], &b->items[k])) {
            return false;
        }
        used[k] = true;
    }
    return true;
}

static void explain(const struct lwm2m_records *expected, const struct lwm2m_records *actual,
                    const struct lwm2m_buffer *payload)
{
    static char text[16384];
    fixture_format(expected, text, sizeof(text));
    fprintf(stderr, "expected %s\n", text);
    fixture_format(actual, text, sizeof(text));
    fprintf(stderr, "got      %s\nfrom     ", text);
    for (size_t i = 0; i < payload->len; i++) {
        fprintf(stderr, "%02x", payload->data[i]);
    }
    fprintf(stderr, "\n");
}

static void run(const struct limits *limit)
{
    struct random random = { SEED };
    struct lwm2m_records records;
    struct lwm2m_records back;
    struct lwm2m_buffer payload;
    const struct lwm2m_content_format *format = lwm2m_content_find_name(limit->name);
    struct lwm2m_content_context context = { .root = "",
                                             .definition = fixture_definition,
                                             .now_s = FIXTURE_NOW };
    size_t total = 0;
    assert_non_null(format);
    lwm2m_records_init(&records, RECORDS_MAX);
    lwm2m_records_init(&back, RECORDS_MAX);
    lwm2m_buffer_init(&payload, 1 << 20);
    for (int round = 0; round < ROUNDS; round++) {
        lwm2m_records_clear(&records);
        lwm2m_records_clear(&back);
        lwm2m_buffer_clear(&payload);
        context.root = below(&random, 4) == 0 ? "/lwm2m" : "";
        fill(&random, limit, format, &context, &records);
        int err = format->encode(&context, records.items, records.count, &payload);
        if (err == 0) {
            err = format->decode(&context, payload.data, payload.len, &back);
        }
        if (err != 0 || !same_records(&records, &back)) {
            fprintf(stderr, "%s: round %d: %s\n", limit->name, round, strerror(-err));
            explain(&records, &back, &payload);
            fail();
        }
        total += records.count;
    }
    printf("%s: seed %#llx, %d rounds, %zu records\n", limit->name, (unsigned long long)SEED,
           ROUNDS, total);
    lwm2m_buffer_deinit(&payload);
    lwm2m_records_deinit(&back);
    lwm2m_records_deinit(&records);
}

static void records_come_back_in_every_format(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        run(&limits[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(records_come_back_in_every_format) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
