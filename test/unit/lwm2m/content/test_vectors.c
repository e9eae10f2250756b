/*
 * Runs the conversion vectors of test/vectors/: a file per format, a line per vector:
 *
 *   name | direction | path [root=/x] [defs] | payload | records
 *
 * direction: "decode", "encode" or "both". defs: the definitions of fixture.c are known. payload:
 * hex, blanks ignored, or text as it is for the formats made of text (then `hex:…` for bytes).
 * records: as in fixture.h, or the error that is expected ("!EBADMSG"; what came before it is not
 * looked at). Empty lines and lines that start with '#' are skipped.
 */
#include "fixture.h"

#include <ctype.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define FIELDS 5

struct vector {
    const char *file;
    int line;
    const char *fields[FIELDS]; /* name, direction, context, payload, records */
    const struct lwm2m_content_format *format;
    struct lwm2m_content_context context;
    char root[64];
    uint8_t payload[4096];
    size_t payload_len;
    int expected_err;
};

static bool is_text_format(const struct lwm2m_content_format *format)
{
    return format->number == LWM2M_FORMAT_TEXT || format->number == LWM2M_FORMAT_JSON ||
           format->number == LWM2M_FORMAT_SENML_JSON ||
           format->number == LWM2M_FORMAT_SENML_ETCH_JSON;
}

static char *trim(char *text)
{
    while (isspace((unsigned char)*text)) {
        text++;
    }
    size_t len = strlen(text);
    while (len > 0 && isspace((unsigned char)text[len - 1])) {
        text[--len] = '\0';
    }
    return text;
}

static int error_of(const char *name)
{
    static const struct {
        const char *name;
        int err;
    } rows[] = { { "!EBADMSG", -EBADMSG }, { "!EINVAL", -EINVAL }, { "!ENOSPC", -ENOSPC } };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (strcmp(rows[i].name, name) == 0) {
            return rows[i].err;
        }
    }
    return 0;
}

static bool parse_payload(struct vector *vector)
{
    const char *text = vector->fields[3];
    if (is_text_format(vector->format) && strncmp(text, "hex:", 4) != 0) {
        vector->payload_len = strlen(text);
        memcpy(vector->payload, text, vector->payload_len);
        return true;
    }
    text += strncmp(text, "hex:", 4) == 0 ? 4 : 0;
    for (; *text != '\0'; text++) {
        unsigned byte;
        if (*text == ' ') {
            continue;
        }
        if (!isxdigit((unsigned char)text[1]) || sscanf(text, "%2x", &byte) != 1) {
            return false;
        }
        vector->payload[vector->payload_len++] = (uint8_t)byte;
        text++;
    }
    return true;
}

static bool parse_context(struct vector *vector)
{
    char copy[128];
    char *rest = NULL;
    snprintf(copy, sizeof(copy), "%s", vector->fields[2]);
    char *word = strtok_r(copy, " ", &rest);
    struct lwm2m_content_context *context = &vector->context;
    *context = (struct lwm2m_content_context){ .root = "", .now_s = FIXTURE_NOW };
    if (word == NULL) {
        return false;
    }
    if (strstr(word, "/65535") != NULL) {
        context->base = (struct lwm2m_path){ { 0, LWM2M_ID_ANY }, 2 };
        context->base.ids[0] = (uint16_t)atoi(word + 1);
    } else if (lwm2m_path_parse(word, strlen(word), &context->base) != 0) {
        return false;
    }
    while ((word = strtok_r(NULL, " ", &rest)) != NULL) {
        if (strcmp(word, "defs") == 0) {
            context->definition = fixture_definition;
        } else if (strncmp(word, "root=", 5) == 0) {
            snprintf(vector->root, sizeof(vector->root), "%s", word + 5);
            context->root = vector->root;
        } else {
            return false;
        }
    }
    return true;
}

static bool parse_vector(struct vector *vector, char *line)
{
    for (int i = 0; i < FIELDS; i++) {
        char *bar = i < FIELDS - 1 ? strchr(line, '|') : NULL;
        if (bar == NULL && i < FIELDS - 1) {
            return false;
        }
        if (bar != NULL) {
            *bar = '\0';
        }
        vector->fields[i] = trim(line);
        line = bar != NULL ? bar + 1 : line;
    }
    vector->expected_err = error_of(vector->fields[4]);
    return parse_context(vector) && parse_payload(vector);
}

static bool report(const struct vector *vector, const char *what, const char *expected,
                   const char *actual)
{
    fprintf(stderr, "%s:%d: %s: %s\n  expected %s\n  got      %s\n", vector->file, vector->line,
            vector->fields[0], what, expected, actual);
    return false;
}

static bool check_decode(const struct vector *vector)
{
    static char actual[16384];
    struct lwm2m_records records;
    lwm2m_records_init(&records, 64);
    /* A copy of its own size, so that reading past the end is seen. */
    uint8_t *payload = malloc(vector->payload_len + 1);
    memcpy(payload, vector->payload, vector->payload_len);
    payload = realloc(payload, vector->payload_len > 0 ? vector->payload_len : 1);
    int err = vector->format->decode(&vector->context, payload, vector->payload_len, &records);
    bool ok = true;
    if (err != vector->expected_err) {
        ok = report(vector, "decode", vector->fields[4], strerror(-err));
    } else if (err == 0) {
        fixture_format(&records, actual, sizeof(actual));
        ok = strcmp(actual, vector->fields[4]) == 0 ||
             report(vector, "decode", vector->fields[4], actual);
    }
    lwm2m_records_deinit(&records);
    free(payload);
    return ok;
}

static bool same_bytes(const struct lwm2m_buffer *payload, const struct vector *vector)
{
    return payload->len == vector->payload_len &&
           (payload->len == 0 || memcmp(payload->data, vector->payload, payload->len) == 0);
}

/* For an error the records stand where the payload would. */
static bool check_encode(const struct vector *vector)
{
    static char actual[16384];
    struct lwm2m_records records;
    struct lwm2m_buffer payload;
    lwm2m_records_init(&records, 64);
    lwm2m_buffer_init(&payload, 1u << 20);
    bool fails = vector->expected_err != 0;
    bool ok = fixture_parse(vector->fields[fails ? 3 : 4], &records);
    int err = vector->format->encode(&vector->context, records.items, records.count, &payload);
    if (!ok || err != vector->expected_err) {
        ok = report(vector, "encode", fails ? vector->fields[4] : "success", strerror(-err));
    } else if (!fails && !same_bytes(&payload, vector)) {
        bool is_text = is_text_format(vector->format);
        size_t used = 0;
        for (size_t i = 0; i < payload.len && used < sizeof(actual) - 3; i++) {
            used += (size_t)sprintf(actual + used, is_text ? "%c" : "%02x", payload.data[i]);
        }
        ok = report(vector, "encode", vector->fields[3], actual);
    }
    lwm2m_buffer_deinit(&payload);
    lwm2m_records_deinit(&records);
    return ok;
}

static bool check(struct vector *vector, char *line)
{
    char copy[8192];
    snprintf(copy, sizeof(copy), "%s", line);
    const char *direction;
    bool encodes_error = strstr(line, "| encode |") != NULL && strstr(line, "| !") != NULL;
    const struct lwm2m_content_format *format = vector->format;
    if (encodes_error) {
        vector->format = lwm2m_content_find(LWM2M_FORMAT_TEXT); /* the payload is records here */
    }
    bool parsed = parse_vector(vector, line);
    vector->format = format;
    if (!parsed) {
        fprintf(stderr, "%s:%d: not a vector: %s\n", vector->file, vector->line, copy);
        return false;
    }
    direction = vector->fields[1];
    bool decodes = strcmp(direction, "decode") == 0;
    bool encodes = strcmp(direction, "encode") == 0;
    bool both = strcmp(direction, "both") == 0;
    if (!decodes && !encodes && !both) {
        return report(vector, "direction", "decode, encode or both", direction);
    }
    bool ok = true;
    if (decodes || both) {
        ok = check_decode(vector);
    }
    if (encodes || both) {
        ok = check_encode(vector) && ok;
    }
    return ok;
}

static int run_file(const struct lwm2m_content_format *format, int *count)
{
    char path[128];
    static char line[8192];
    int failed = 0;
    snprintf(path, sizeof(path), "test/vectors/%s.txt", format->name);
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        return 1;
    }
    for (int number = 1; fgets(line, sizeof(line), file) != NULL; number++) {
        const char *text = trim(line);
        if (*text == '\0' || *text == '#') {
            continue;
        }
        static struct vector vector;
        vector = (struct vector){ .file = path, .line = number, .format = format };
        failed += check(&vector, line) ? 0 : 1;
        (*count)++;
    }
    fclose(file);
    return failed;
}

static void vectors_of_every_format(void **state)
{
    (void)state;
    int failed = 0;
    int total = 0;
    const struct lwm2m_content_format *format;
    for (size_t i = 0; (format = lwm2m_content_row(i)) != NULL; i++) {
        int count = 0;
        failed += run_file(format, &count);
        printf("%s: %d vectors\n", format->name, count);
        assert_true(count >= 10);
        total += count;
    }
    printf("%d vectors, %d failed\n", total, failed);
    assert_int_equal(failed, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(vectors_of_every_format) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
