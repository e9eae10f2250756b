/*
 * A pass over the text before cJSON sees it: it checks what cJSON is lax about (the grammar of
 * numbers, NUL characters, \u escapes) and finds the numbers that a double might change. If there
 * are any, cJSON gets a copy in which they stand in quotes; afterwards those strings are made raw
 * items. Which strings they are is known by counting: the n-th string of the text is the n-th
 * string of the tree, whatever it says, so nothing that a user writes can be taken for one of them.
 */
#include "lwm2m/content/json_exact.h"
#include "lwm2m/content/decimal.h"

#include <cjson/cJSON.h>

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Decimals of up to 15 digits survive a double and back (IEEE 754). */
#define EXACT_DIGITS 15
/* cJSON reads no number of more than 63 characters. */
#define EXACT_LEN 60

/* One number that is to be kept as text. */
struct mark {
    size_t offset; /* in the original text */
    size_t len;
    size_t string; /* how many strings begin before it, other marks included */
};

struct scanner {
    const char *text;
    size_t len;
    size_t at;
    size_t strings;
    struct mark *marks;
    size_t mark_count;
    size_t mark_capacity;
};

static int add_mark(struct scanner *scanner, size_t len)
{
    if (scanner->mark_count == scanner->mark_capacity) {
        size_t capacity = scanner->mark_capacity > 0 ? scanner->mark_capacity * 2 : 8;
        struct mark *marks = reallocarray(scanner->marks, capacity, sizeof(*marks));
        if (marks == NULL) {
            return -ENOMEM;
        }
        scanner->marks = marks;
        scanner->mark_capacity = capacity;
    }
    scanner->marks[scanner->mark_count++] =
        (struct mark){ .offset = scanner->at, .len = len, .string = scanner->strings };
    scanner->strings++;
    return 0;
}

static int scan_number(struct scanner *scanner)
{
    struct lwm2m_decimal_shape shape =
        lwm2m_decimal_scan(scanner->text + scanner->at, scanner->len - scanner->at);
    if (shape.len == 0) {
        return -EBADMSG;
    }
    if (shape.significant + shape.exponent > EXACT_DIGITS || shape.len > EXACT_LEN) {
        int err = add_mark(scanner, shape.len);
        if (err != 0) {
            return err;
        }
    }
    scanner->at += shape.len;
    /* What follows a number ends it: "01", "1.", "1x" are none. */
    if (scanner->at < scanner->len &&
        memchr(" \t\r\n,]}:", scanner->text[scanner->at], 8) == NULL) {
        return -EBADMSG;
    }
    return 0;
}

/*
 * Whether a backslash begins an escape that cJSON reads as it should: \u needs four hexadecimal
 * digits (cJSON takes others for zeros), and not that of NUL, at which its strings end.
 */
static bool is_sound_escape(const char *text, size_t len)
{
    bool is_zero = true;
    if (len < 2 || text[1] != 'u') {
        return true; /* any other is cJSON's to judge */
    }
    for (size_t i = 2; i < 6; i++) {
        if (i == len || !isxdigit((unsigned char)text[i])) {
            return false;
        }
        is_zero &= text[i] == '0';
    }
    return !is_zero;
}

static int scan_string(struct scanner *scanner)
{
    scanner->strings++;
    for (scanner->at++; scanner->at < scanner->len; scanner->at++) {
        char c = scanner->text[scanner->at];
        if (c == '"') {
            scanner->at++;
            return 0;
        }
        if (c == '\0') {
            return -EBADMSG;
        }
        if (c == '\\') {
            if (!is_sound_escape(scanner->text + scanner->at, scanner->len - scanner->at)) {
                return -EBADMSG;
            }
            scanner->at++;
        }
    }
    return -EBADMSG;
}

static int scan(struct scanner *scanner)
{
    while (scanner->at < scanner->len) {
        char c = scanner->text[scanner->at];
        int err = 0;
        if (c == '"') {
            err = scan_string(scanner);
        } else if (c == '-' || (c >= '0' && c <= '9')) {
            err = scan_number(scanner);
        } else if (memchr(" \t\r\n[]{},:truefalsn", c, 19) != NULL) {
            scanner->at++; /* its place is for cJSON to judge */
        } else {
            err = -EBADMSG;
        }
        if (err != 0) {
            return err;
        }
    }
    return 0;
}

/* The text with its marks in quotes. */
static char *quote_marks(const struct scanner *scanner, size_t *quoted_len)
{
    char *quoted = malloc(scanner->len + 2 * scanner->mark_count);
    if (quoted == NULL) {
        return NULL;
    }
    size_t from = 0;
    size_t to = 0;
    for (size_t i = 0; i < scanner->mark_count; i++) {
        const struct mark *mark = &scanner->marks[i];
        memcpy(quoted + to, scanner->text + from, mark->offset - from);
        to += mark->offset - from;
        quoted[to++] = '"';
        memcpy(quoted + to, scanner->text + mark->offset, mark->len);
        to += mark->len;
        quoted[to++] = '"';
        from = mark->offset + mark->len;
    }
    memcpy(quoted + to, scanner->text + from, scanner->len - from);
    *quoted_len = to + scanner->len - from;
    return quoted;
}

/* Where an offset of the quoted text lies in the original. */
static size_t original_offset(const struct scanner *scanner, size_t offset)
{
    size_t inserted = 0;
    for (size_t i = 0; i < scanner->mark_count; i++) {
        const struct mark *mark = &scanner->marks[i];
        if (offset <= mark->offset + inserted) {
            break;
        }
        inserted += offset > mark->offset + mark->len + inserted + 1 ? 2 : 1;
    }
    return offset - inserted;
}

struct unmarker {
    const struct scanner *scanner;
    size_t string; /* strings met so far in the tree */
    size_t mark;   /* the next mark to find */
};

static bool is_marked(const struct unmarker *unmarker)
{
    return unmarker->mark < unmarker->scanner->mark_count &&
           unmarker->scanner->marks[unmarker->mark].string == unmarker->string;
}

/*
 * Makes the marked strings raw, in document order. False if a name is marked: a number stood
 * where a name must stand. The depth is bounded by cJSON's CJSON_NESTING_LIMIT.
 */
static bool unmark(struct unmarker *unmarker, cJSON *item)
{
    if (item->string != NULL) {
        if (is_marked(unmarker)) {
            return false;
        }
        unmarker->string++;
    }
    if (cJSON_IsString(item)) {
        if (is_marked(unmarker)) {
            item->type = (item->type & ~0xff) | cJSON_Raw;
            unmarker->mark++;
        }
        unmarker->string++;
        return true;
    }
    for (cJSON *child = item->child; child != NULL; child = child->next) {
        if (!unmark(unmarker, child)) {
            return false;
        }
    }
    return true;
}

static size_t skip_blanks(const char *text, size_t len, size_t at)
{
    while (at < len && memchr(" \t\r\n", text[at], 4) != NULL) {
        at++;
    }
    return at;
}

/* Parses what the scanner has looked at; `*offset` is where the mistake is. */
static cJSON *parse_scanned(const struct scanner *scanner, size_t *offset)
{
    const char *text = scanner->text;
    size_t len = scanner->len;
    char *quoted = NULL;
    const char *end = NULL;

    *offset = 0;
    if (scanner->mark_count > 0) {
        quoted = quote_marks(scanner, &len);
        if (quoted == NULL) {
            return NULL;
        }
        text = quoted;
    }
    cJSON *tree = cJSON_ParseWithLengthOpts(text, len, &end, 0);
    size_t at = end != NULL ? (size_t)(end - text) : 0;
    struct unmarker unmarker = { scanner, 0, 0 };
    if (tree != NULL && (skip_blanks(text, len, at) < len || !unmark(&unmarker, tree))) {
        cJSON_Delete(tree);
        tree = NULL;
    }
    *offset = original_offset(scanner, at);
    free(quoted);
    return tree;
}

struct cJSON *lwm2m_json_parse(const char *text, size_t len, size_t *error_offset)
{
    struct scanner scanner = { .text = text, .len = len };
    size_t offset = 0;
    cJSON *tree = NULL;

    if (len > 0 && len <= SIZE_MAX / 2) {
        if (scan(&scanner) == 0) {
            tree = parse_scanned(&scanner, &offset);
        } else {
            offset = scanner.at;
        }
    }
    free(scanner.marks);
    if (error_offset != NULL) {
        *error_offset = offset < len ? offset : len;
    }
    return tree;
}

bool lwm2m_json_is_number(const struct cJSON *item)
{
    return cJSON_IsNumber(item) || cJSON_IsRaw(item);
}

int lwm2m_json_number(const struct cJSON *item, struct lwm2m_value *value)
{
    if (cJSON_IsRaw(item)) {
        int err = lwm2m_decimal_parse(item->valuestring, strlen(item->valuestring), value);
        return err == 0 ? 0 : -EINVAL;
    }
    if (!cJSON_IsNumber(item)) {
        return -EINVAL;
    }
    double number = item->valuedouble;
    /* Beyond 10^15 numbers are raw, unless somebody else made the item: never out of range here. */
    bool is_whole = fabs(number) < 0x1p53 && !(floor(number) < number);
    if (is_whole && !(signbit(number) && !(number < 0))) {
        *value = (struct lwm2m_value){ .type = LWM2M_TYPE_INTEGER, .integer = (int64_t)number };
    } else {
        *value = (struct lwm2m_value){ .type = LWM2M_TYPE_FLOAT, .number = number };
    }
    return 0;
}

int lwm2m_json_double(const struct cJSON *item, double *number)
{
    struct lwm2m_value value;
    int err = lwm2m_json_number(item, &value);
    if (err != 0) {
        return err;
    }
    *number = value.type == LWM2M_TYPE_INTEGER    ? (double)value.integer
              : value.type == LWM2M_TYPE_UNSIGNED ? (double)value.unsigned_integer
                                                  : value.number;
    return 0;
}
