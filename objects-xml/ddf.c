/*
 * See ddf.h. expat calls back for every element; the reader knows in which of the nested scopes
 * (document, LWM2M, Object, Resources, Item) it is, collects the text of the leaves that
 * ddf_field.c lists, hands them to the draft of the object, and skips the rest. The first error
 * stops it.
 */
#include "objects-xml/ddf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <expat.h>

#include "objects-xml/ddf_draft.h"

struct position {
    unsigned line;
    unsigned column;
};

struct reader {
    XML_Parser parser;
    struct ddf *file;
    struct ddf_error *error;
    int err; /* the first one; all callbacks are silent from then on */

    enum ddf_scope scope;
    unsigned skipped; /* depth inside an element that is not ours */
    struct position object_at;
    struct position item_at;
    struct position field_at;
    const struct ddf_field *field; /* leaf that is open, NULL if none; its text so far: */
    char text[DDF_TEXT_MAX + 1];
    size_t text_len;
    struct ddf_draft draft;
};

/* expat 2.9 deprecates the functions whose numbers are as wide as a long. */
#if XML_MAJOR_VERSION > 2 || XML_MINOR_VERSION >= 9
#define CURRENT_LINE   XML_GetCurrentLineNumber64
#define CURRENT_COLUMN XML_GetCurrentColumnNumber64
#else
#define CURRENT_LINE   XML_GetCurrentLineNumber
#define CURRENT_COLUMN XML_GetCurrentColumnNumber
#endif

static struct position here(const struct reader *reader)
{
    return (struct position){ (unsigned)CURRENT_LINE(reader->parser),
                              (unsigned)CURRENT_COLUMN(reader->parser) + 1 };
}

/* Takes the outcome of a step; when that failed, the reader stops and the error gets a place. */
static void settle(struct reader *reader, struct position at, int err)
{
    if (!err) {
        return;
    }
    reader->err = err;
    reader->error->line = at.line;
    reader->error->column = at.column;
    (void)XML_StopParser(reader->parser, XML_FALSE); /* fails only when stopped already */
}

static void begin_item(struct reader *reader, const char **attributes)
{
    const char *id_text = NULL;
    for (size_t i = 0; attributes[i]; i += 2) {
        if (strcmp(attributes[i], "ID") == 0) {
            id_text = attributes[i + 1];
        }
    }
    reader->item_at = here(reader);
    settle(reader, reader->item_at, ddf_draft_begin_item(&reader->draft, id_text, reader->error));
}

static bool is_defined(const struct ddf *file, const struct catalogue_object *object)
{
    for (size_t i = 0; i < file->objects_count; i++) {
        const struct catalogue_object *other = file->objects[i].definition;
        if (other->id == object->id &&
            catalogue_version_compare(other->version, object->version) == 0) {
            return true;
        }
    }
    return false;
}

/* Appends an object to the file's list, which owns it on success. */
static int list_take(struct reader *reader, struct catalogue_object *object)
{
    struct ddf *file = reader->file;
    if (is_defined(file, object)) {
        return ddf_error_set(reader->error, "object %u version %u.%u is defined twice", object->id,
                             object->version.major, object->version.minor);
    }
    if (file->objects_count == DDF_OBJECTS_MAX) {
        return ddf_error_set(reader->error, "more than %d objects", DDF_OBJECTS_MAX);
    }
    void *grown = realloc(file->objects, (file->objects_count + 1) * sizeof *file->objects);
    if (!grown) {
        return -ENOMEM;
    }
    file->objects = grown;
    file->objects[file->objects_count++] =
        (struct ddf_object){ .definition = object, .line = reader->object_at.line };
    return 0;
}

static void end_object(struct reader *reader)
{
    struct catalogue_object *object = NULL;
    int err = ddf_draft_end_object(&reader->draft, &object, reader->error);
    if (!err) {
        err = list_take(reader, object);
    }
    if (err) {
        catalogue_object_free(object);
    }
    settle(reader, reader->object_at, err);
}

/* Goes one scope inwards when the element leads there. */
static bool enter(struct reader *reader, const char *name, const char **attributes)
{
    static const char *const elements[] = {
        [DDF_LWM2M] = "LWM2M",
        [DDF_OBJECT] = "Object",
        [DDF_RESOURCES] = "Resources",
        [DDF_ITEM] = "Item",
    };
    if (reader->scope == DDF_ITEM || strcmp(name, elements[reader->scope + 1]) != 0) {
        return false;
    }
    reader->scope++;
    if (reader->scope == DDF_OBJECT) {
        reader->object_at = here(reader);
        ddf_draft_begin_object(&reader->draft);
    } else if (reader->scope == DDF_ITEM) {
        begin_item(reader, attributes);
    }
    return true;
}

static void leave(struct reader *reader)
{
    if (reader->scope == DDF_OBJECT) {
        end_object(reader);
    } else if (reader->scope == DDF_ITEM) {
        settle(reader, reader->item_at, ddf_draft_end_item(&reader->draft, reader->error));
    }
    reader->scope--;
}

static void skip(struct reader *reader)
{
    reader->skipped++;
    if (reader->skipped > DDF_DEPTH_MAX) {
        settle(reader, here(reader),
               ddf_error_set(reader->error, "elements nested deeper than %d", DDF_DEPTH_MAX));
    }
}

static void on_start(void *context, const char *name, const char **attributes)
{
    struct reader *reader = context;
    if (reader->err) {
        return;
    }
    if (reader->skipped > 0 || reader->field) {
        skip(reader);
        return;
    }
    if (enter(reader, name, attributes)) {
        return;
    }
    if (reader->scope == DDF_DOCUMENT) {
        settle(reader, here(reader),
               ddf_error_set(reader->error, "root element is \"%.40s\", not \"LWM2M\"", name));
        return;
    }
    reader->field = ddf_draft_field(reader->scope, name);
    if (!reader->field) {
        skip(reader);
        return;
    }
    reader->field_at = here(reader);
    reader->text_len = 0;
}

static void on_end(void *context, const char *name)
{
    (void)name; /* expat checks that it is the open one */
    struct reader *reader = context;
    if (reader->err) {
        return;
    }
    if (reader->skipped > 0) {
        reader->skipped--;
    } else if (reader->field) {
        reader->text[reader->text_len] = '\0';
        settle(reader, reader->field_at,
               ddf_draft_set(&reader->draft, reader->field, reader->text, reader->error));
        reader->field = NULL;
    } else {
        leave(reader);
    }
}

static void on_text(void *context, const char *text, int len)
{
    struct reader *reader = context;
    if (reader->err || !reader->field || reader->skipped > 0) {
        return;
    }
    if ((size_t)len > DDF_TEXT_MAX - reader->text_len) {
        settle(reader, reader->field_at,
               ddf_error_set(reader->error, "%s is longer than %d bytes", reader->field->element,
                             DDF_TEXT_MAX));
        return;
    }
    memcpy(reader->text + reader->text_len, text, (size_t)len);
    reader->text_len += (size_t)len;
}

/* Without a DTD nobody can declare an entity, and none can expand. */
static void on_doctype(void *context, const char *name, const char *system_id,
                       const char *public_id, int has_internal_subset)
{
    (void)name;
    (void)system_id;
    (void)public_id;
    (void)has_internal_subset;
    struct reader *reader = context;
    settle(reader, here(reader),
           ddf_error_set(reader->error, "document type declarations are refused"));
}

/* Feeds the whole file to expat; the outcome is in reader->err. */
static void parse(struct reader *reader, const void *bytes, size_t len)
{
    XML_SetUserData(reader->parser, reader);
    XML_SetElementHandler(reader->parser, on_start, on_end);
    XML_SetCharacterDataHandler(reader->parser, on_text);
    XML_SetStartDoctypeDeclHandler(reader->parser, on_doctype);
    enum XML_Status status = XML_Parse(reader->parser, bytes, (int)len, XML_TRUE);
    enum XML_Error xml_error = XML_GetErrorCode(reader->parser);
    if (reader->err) {
        return;
    }
    if (status != XML_STATUS_OK && xml_error == XML_ERROR_NO_MEMORY) {
        reader->err = -ENOMEM;
    } else if (status != XML_STATUS_OK) {
        settle(reader, here(reader),
               ddf_error_set(reader->error, "malformed XML: %s", XML_ErrorString(xml_error)));
    } else if (reader->file->objects_count == 0) {
        settle(reader, here(reader), ddf_error_set(reader->error, "no Object in the file"));
    }
}

int ddf_read(const void *bytes, size_t len, struct ddf *file, struct ddf_error *error)
{
    *file = (struct ddf){ 0 };
    if (len > DDF_LEN_MAX) {
        error->line = 1;
        error->column = 1;
        return ddf_error_set(error, "file is larger than %d bytes", DDF_LEN_MAX);
    }
    struct reader reader = { .file = file, .error = error };
    reader.err = ddf_draft_init(&reader.draft, len);
    reader.parser = XML_ParserCreate(NULL);
    if (!reader.err && reader.parser) {
        parse(&reader, bytes, len);
    } else {
        reader.err = -ENOMEM;
    }
    XML_ParserFree(reader.parser);
    ddf_draft_deinit(&reader.draft);
    if (reader.err) {
        ddf_deinit(file);
    }
    return reader.err;
}

void ddf_deinit(struct ddf *file)
{
    for (size_t i = 0; i < file->objects_count; i++) {
        catalogue_object_free(file->objects[i].definition);
    }
    free(file->objects);
    *file = (struct ddf){ 0 };
}
