/*
 * The content formats as a filter, for tests that compare them with other people's code: reads
 * questions from stdin, one a line, and writes an answer for each, one a line.
 *
 *   encode FORMAT PATH ROOT NOW DEFINITIONS RECORD…   ->  ok HEX
 *   decode FORMAT PATH ROOT NOW DEFINITIONS HEX       ->  ok RECORD…
 *
 * FORMAT is a name ("senml-cbor"), ROOT an alternate path; DEFINITIONS is 1 when object 1000 of
 * the unit tests is known, else 0. "-" stands for empty. A failure is "error ERRNO", what is not
 * a question ends the program with status 2. How records are written: tool_record.h.
 */
#include "lwm2m/content/content.h"
#include "test/differential/tool_record.h"
#include "test/unit/lwm2m/content/fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RECORDS_MAX 10000
#define PAYLOAD_MAX ((size_t)1 << 26)

struct question {
    bool is_decode;
    const struct lwm2m_content_format *format;
    struct lwm2m_content_context context;
    char *rest; /* what is behind the context: words of records, or a payload */
};

static bool parse_question(char *line, struct question *question)
{
    char *words[6];
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        words[i] = strtok_r(i == 0 ? line : NULL, " \n", &question->rest);
        if (words[i] == NULL) {
            return false;
        }
    }
    question->is_decode = strcmp(words[0], "decode") == 0;
    question->format = lwm2m_content_find_name(words[1]);
    question->context = (struct lwm2m_content_context){
        .root = strcmp(words[3], "-") == 0 ? "" : words[3],
        .definition = strcmp(words[5], "1") == 0 ? fixture_definition : NULL,
        .now_s = strtod(words[4], NULL),
    };
    return question->format != NULL && tool_path_parse(words[2], &question->context.base) &&
           (question->is_decode || strcmp(words[0], "encode") == 0);
}

static bool answer_decode(struct question *question, struct lwm2m_records *records)
{
    struct lwm2m_bytes copied;
    char *word = strtok_r(NULL, " \n", &question->rest);
    if (word == NULL || !tool_bytes_parse(word, records, &copied)) {
        return false;
    }
    /* Memory of its own size, so that reading past the end is seen. */
    uint8_t *payload = malloc(copied.len > 0 ? copied.len : 1);
    if (payload == NULL) {
        return false;
    }
    if (copied.len > 0) {
        memcpy(payload, copied.data, copied.len);
    }
    int err = question->format->decode(&question->context, payload, copied.len, records);
    if (err != 0) {
        printf("error %d\n", -err);
    } else {
        fputs("ok", stdout);
        for (size_t i = 0; i < records->count; i++) {
            putchar(' ');
            tool_record_write(stdout, &records->items[i]);
        }
        putchar('\n');
    }
    free(payload);
    return true;
}

static bool answer_encode(struct question *question, struct lwm2m_records *records)
{
    struct lwm2m_buffer payload;
    char *word;
    while ((word = strtok_r(NULL, " \n", &question->rest)) != NULL) {
        if (!tool_record_parse(word, records)) {
            return false;
        }
    }
    lwm2m_buffer_init(&payload, PAYLOAD_MAX);
    int err =
        question->format->encode(&question->context, records->items, records->count, &payload);
    if (err != 0) {
        printf("error %d\n", -err);
    } else {
        fputs("ok ", stdout);
        tool_bytes_write(stdout, (struct lwm2m_bytes){ payload.data, payload.len });
        putchar('\n');
    }
    lwm2m_buffer_deinit(&payload);
    return true;
}

int main(void)
{
    struct lwm2m_records records;
    char *line = NULL;
    size_t capacity = 0;
    bool ok = true;

    lwm2m_records_init(&records, RECORDS_MAX);
    for (unsigned number = 1; ok && getline(&line, &capacity, stdin) > 0; number++) {
        struct question question = { 0 };
        ok = parse_question(line, &question) &&
             (question.is_decode ? answer_decode(&question, &records)
                                 : answer_encode(&question, &records));
        if (!ok) {
            fprintf(stderr, "content_tool: line %u is not a question\n", number);
        }
        lwm2m_records_clear(&records);
    }
    free(line);
    lwm2m_records_deinit(&records);
    return ok && fflush(stdout) == 0 ? 0 : 2;
}
