/*
 * See ddf_draft.h.
 */
#include "objects-xml/ddf_draft.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int ddf_error_set(struct ddf_error *error, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(error->reason, sizeof error->reason, format, arguments);
    va_end(arguments);
    for (char *at = error->reason; *at != '\0'; at++) {
        if (*at < ' ' || *at > '~') {
            *at = '?';
        }
    }
    return -EBADMSG;
}

int ddf_draft_init(struct ddf_draft *draft, size_t file_len)
{
    *draft = (struct ddf_draft){ 0 };
    /* As UTF-8, a text from ISO-8859-1 at most doubles; its tags make up for the terminator. */
    draft->strings_size = 2 * file_len + 1;
    draft->strings = malloc(draft->strings_size);
    return draft->strings ? 0 : -ENOMEM;
}

void ddf_draft_deinit(struct ddf_draft *draft)
{
    free(draft->resources);
    free(draft->strings);
    *draft = (struct ddf_draft){ 0 };
}

/* Forgets which fields of a scope were there: the next Object or Item begins. */
static void forget_fields(struct ddf_draft *draft, enum ddf_scope scope)
{
    for (size_t i = 0; i < DDF_FIELDS; i++) {
        if (ddf_fields[i].scope == scope) {
            draft->fields_seen &= ~(UINT32_C(1) << i);
        }
    }
}

/* @return the first required field that the scope lacks, NULL if none */
static const char *missing_field(const struct ddf_draft *draft, enum ddf_scope scope)
{
    for (size_t i = 0; i < DDF_FIELDS; i++) {
        if (ddf_fields[i].scope == scope && ddf_fields[i].required &&
            !(draft->fields_seen & UINT32_C(1) << i)) {
            return ddf_fields[i].element;
        }
    }
    return NULL;
}

void ddf_draft_begin_object(struct ddf_draft *draft)
{
    draft->object = (struct catalogue_object){
        .version = { 1, 0 },
        .lwm2m_version = { 1, 0 },
        .urn = "",
    };
    draft->strings_len = 0;
    draft->resources_count = 0;
    memset(draft->resources_seen, 0, sizeof draft->resources_seen);
    forget_fields(draft, DDF_OBJECT);
}

int ddf_draft_begin_item(struct ddf_draft *draft, const char *id_text, struct ddf_error *error)
{
    draft->resource = (struct catalogue_resource){ .range = "", .units = "" };
    forget_fields(draft, DDF_ITEM);
    if (!id_text) {
        return ddf_error_set(error, "Item has no ID");
    }
    if (!ddf_id_parse(id_text, &draft->resource.id)) {
        return ddf_error_set(error, "Item ID \"%.40s\": expected a number 0..65535", id_text);
    }
    uint8_t *seen = &draft->resources_seen[draft->resource.id / 8];
    uint8_t bit = (uint8_t)(1U << draft->resource.id % 8);
    if (*seen & bit) {
        return ddf_error_set(error, "resource %u is defined twice", draft->resource.id);
    }
    *seen |= bit;
    return 0;
}

const struct ddf_field *ddf_draft_field(enum ddf_scope scope, const char *element)
{
    for (size_t i = 0; i < DDF_FIELDS; i++) {
        if (ddf_fields[i].scope == scope && strcmp(ddf_fields[i].element, element) == 0) {
            return &ddf_fields[i];
        }
    }
    return NULL;
}

/* Trims, and turns every run of white space (no-break spaces too) into one blank. */
static void normalise(char *text)
{
    char *out = text;
    bool blank = false;
    for (const char *in = text; *in != '\0'; in++) {
        bool no_break = strncmp(in, "\u00a0", 2) == 0;
        if (no_break || strchr(" \t\r\n", *in)) {
            blank = out != text;
            in += no_break;
            continue;
        }
        if (blank) {
            *out++ = ' ';
            blank = false;
        }
        *out++ = *in;
    }
    *out = '\0';
}

/* Copies a text to where it stays until the next object begins. */
static const char *keep(struct ddf_draft *draft, const char *text)
{
    size_t size = strlen(text) + 1;
    assert(size <= draft->strings_size - draft->strings_len);
    const char *kept = memcpy(draft->strings + draft->strings_len, text, size);
    draft->strings_len += size;
    return kept;
}

int ddf_draft_set(struct ddf_draft *draft, const struct ddf_field *field, char *text,
                  struct ddf_error *error)
{
    char where[32] = "";
    if (field->scope == DDF_ITEM) {
        (void)snprintf(where, sizeof where, "resource %u: ", draft->resource.id);
    }
    uint32_t bit = UINT32_C(1) << (field - ddf_fields);
    if (draft->fields_seen & bit) {
        return ddf_error_set(error, "%s%s is given twice", where, field->element);
    }
    draft->fields_seen |= bit;
    normalise(text);
    if (!field->set(draft, keep(draft, text))) {
        return ddf_error_set(error, "%s%s \"%.40s\": expected %s", where, field->element, text,
                             field->expected);
    }
    return 0;
}

int ddf_draft_end_item(struct ddf_draft *draft, struct ddf_error *error)
{
    const char *missing = missing_field(draft, DDF_ITEM);
    if (missing) {
        return ddf_error_set(error, "resource %u has no %s", draft->resource.id, missing);
    }
    if (draft->resources_count == draft->resources_capacity) {
        size_t capacity = draft->resources_capacity ? 2 * draft->resources_capacity : 32;
        void *grown = realloc(draft->resources, capacity * sizeof *draft->resources);
        if (!grown) {
            return -ENOMEM;
        }
        draft->resources = grown;
        draft->resources_capacity = capacity;
    }
    draft->resources[draft->resources_count++] = draft->resource;
    return 0;
}

static int compare_resources(const void *left, const void *right)
{
    const struct catalogue_resource *a = left;
    const struct catalogue_resource *b = right;
    return (int)a->id - (int)b->id;
}

int ddf_draft_end_object(struct ddf_draft *draft, struct catalogue_object **object,
                         struct ddf_error *error)
{
    struct catalogue_object *read = &draft->object;
    const char *missing = missing_field(draft, DDF_OBJECT);
    if (missing) {
        return ddf_error_set(error, "Object has no %s", missing);
    }
    if (draft->resources_count == 0) {
        return ddf_error_set(error, "object %u has no resources", read->id);
    }
    if (!ddf_urn_fits(read)) {
        return ddf_error_set(error, "ObjectURN \"%.60s\" contradicts object %u version %u.%u",
                             read->urn, read->id, read->version.major, read->version.minor);
    }
    qsort(draft->resources, draft->resources_count, sizeof *draft->resources, compare_resources);
    read->resources = draft->resources;
    read->resources_count = draft->resources_count;
    struct catalogue_object *copy = catalogue_object_new(read);
    if (!copy) {
        return -ENOMEM;
    }
    *object = copy;
    return 0;
}
