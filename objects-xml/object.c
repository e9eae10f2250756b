/*
 * See object.h. The block of an object is laid out as: the object, its resources, then all strings
 * with their terminators.
 */
#include "objects-xml/object.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

int catalogue_version_compare(struct catalogue_version left, struct catalogue_version right)
{
    return left.major != right.major ? left.major - right.major : left.minor - right.minor;
}

/* Reads one to three digits; @return the first character behind them, NULL if there is no number.
 */
static const char *read_part(const char *text, uint8_t *part)
{
    unsigned value = 0;
    size_t digits = 0;
    for (; digits < 3 && text[digits] >= '0' && text[digits] <= '9'; digits++) {
        value = value * 10 + (unsigned)(text[digits] - '0');
    }
    *part = (uint8_t)value;
    return digits > 0 && value <= UINT8_MAX ? text + digits : NULL;
}

int catalogue_version_parse(const char *text, struct catalogue_version *version)
{
    struct catalogue_version read = { 0 };
    const char *rest = read_part(text, &read.major);
    if (rest && *rest == '.') {
        rest = read_part(rest + 1, &read.minor);
    }
    if (!rest || *rest != '\0' || (read.major == 0 && read.minor == 0)) {
        return -EBADMSG;
    }
    *version = read;
    return 0;
}

static size_t strings_size(const struct catalogue_object *object)
{
    size_t size = strlen(object->name) + strlen(object->urn) + 2;
    for (size_t i = 0; i < object->resources_count; i++) {
        const struct catalogue_resource *resource = &object->resources[i];
        size += strlen(resource->name) + strlen(resource->range) + strlen(resource->units) + 3;
    }
    return size;
}

/* Copies a string to *free_space and moves that behind it. */
static const char *put_string(char **free_space, const char *text)
{
    char *copy = *free_space;
    *free_space = stpcpy(copy, text) + 1;
    return copy;
}

static_assert(sizeof(struct catalogue_object) % _Alignof(struct catalogue_resource) == 0,
              "resources follow the object without a gap");

struct catalogue_object *catalogue_object_new(const struct catalogue_object *draft)
{
    size_t resources_size = draft->resources_count * sizeof *draft->resources;
    struct catalogue_object *object = malloc(sizeof *object + resources_size + strings_size(draft));
    if (!object) {
        return NULL;
    }
    struct catalogue_resource *resources = (void *)(object + 1);
    char *strings = (char *)(object + 1) + resources_size;
    *object = *draft;
    object->name = put_string(&strings, draft->name);
    object->urn = put_string(&strings, draft->urn);
    object->resources = resources;
    for (size_t i = 0; i < draft->resources_count; i++) {
        assert(i == 0 || draft->resources[i - 1].id < draft->resources[i].id);
        resources[i] = draft->resources[i];
        resources[i].name = put_string(&strings, draft->resources[i].name);
        resources[i].range = put_string(&strings, draft->resources[i].range);
        resources[i].units = put_string(&strings, draft->resources[i].units);
    }
    return object;
}

void catalogue_object_free(struct catalogue_object *object)
{
    free(object);
}

/* The bounds need no look: they follow from the range's text. */
static bool resource_equal(const struct catalogue_resource *left,
                           const struct catalogue_resource *right)
{
    return left->id == right->id && left->operations == right->operations &&
           left->multiple == right->multiple && left->mandatory == right->mandatory &&
           left->type == right->type && strcmp(left->name, right->name) == 0 &&
           strcmp(left->range, right->range) == 0 && strcmp(left->units, right->units) == 0;
}

bool catalogue_object_equal(const struct catalogue_object *left,
                            const struct catalogue_object *right)
{
    if (left->id != right->id || catalogue_version_compare(left->version, right->version) != 0 ||
        catalogue_version_compare(left->lwm2m_version, right->lwm2m_version) != 0 ||
        left->multiple != right->multiple || left->mandatory != right->mandatory ||
        strcmp(left->name, right->name) != 0 || strcmp(left->urn, right->urn) != 0 ||
        left->resources_count != right->resources_count) {
        return false;
    }
    for (size_t i = 0; i < left->resources_count; i++) {
        if (!resource_equal(&left->resources[i], &right->resources[i])) {
            return false;
        }
    }
    return true;
}

const struct catalogue_resource *catalogue_object_resource(const struct catalogue_object *object,
                                                           uint16_t resource_id)
{
    size_t low = 0;
    size_t high = object->resources_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct catalogue_resource *resource = &object->resources[middle];
        if (resource->id == resource_id) {
            return resource;
        }
        if (resource->id < resource_id) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return NULL;
}
