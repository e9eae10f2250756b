/*
 * See catalogue.h. The high byte of an object id chooses a page, the low byte a chain of versions
 * in it, highest first. OMA numbers objects in a few dense ranges, so a handful of pages of 2 KiB
 * replaces hashing, and a look-up is two loads and one or two steps along the chain.
 */
#include "objects-xml/catalogue.h"

#include <errno.h>
#include <stdlib.h>

enum { IDS_PER_PAGE = 256, PAGES = 65536 / IDS_PER_PAGE };

struct definition {
    struct catalogue_object *object;
    struct definition *lower; /* the next lower version of the same object */
};

struct page {
    struct definition *highest[IDS_PER_PAGE];
};

struct catalogue {
    struct page *pages[PAGES];
    size_t count;
};

struct catalogue *catalogue_new(void)
{
    return calloc(1, sizeof(struct catalogue));
}

static void chain_free(struct definition *definition)
{
    while (definition) {
        struct definition *lower = definition->lower;
        catalogue_object_free(definition->object);
        free(definition);
        definition = lower;
    }
}

void catalogue_free(struct catalogue *catalogue)
{
    if (!catalogue) {
        return;
    }
    for (size_t i = 0; i < PAGES; i++) {
        for (size_t j = 0; catalogue->pages[i] && j < IDS_PER_PAGE; j++) {
            chain_free(catalogue->pages[i]->highest[j]);
        }
        free(catalogue->pages[i]);
    }
    free(catalogue);
}

/* @return the head of an object's chain, its page made when missing; NULL: out of memory */
static struct definition **chain_of(struct catalogue *catalogue, uint16_t object_id)
{
    struct page **page = &catalogue->pages[object_id / IDS_PER_PAGE];
    if (!*page) {
        *page = calloc(1, sizeof **page);
    }
    return *page ? &(*page)->highest[object_id % IDS_PER_PAGE] : NULL;
}

int catalogue_take(struct catalogue *catalogue, struct catalogue_object *object)
{
    struct definition **link = chain_of(catalogue, object->id);
    if (!link) {
        return -ENOMEM;
    }
    int order = -1;
    while (*link &&
           (order = catalogue_version_compare(object->version, (*link)->object->version)) < 0) {
        link = &(*link)->lower;
    }
    if (*link && order == 0) {
        if (!catalogue_object_equal(object, (*link)->object)) {
            return -EEXIST;
        }
        catalogue_object_free(object);
        return 0;
    }
    struct definition *definition = malloc(sizeof *definition);
    if (!definition) {
        return -ENOMEM;
    }
    *definition = (struct definition){ .object = object, .lower = *link };
    *link = definition;
    catalogue->count++;
    return 0;
}

size_t catalogue_count(const struct catalogue *catalogue)
{
    return catalogue->count;
}

const struct catalogue_object *catalogue_find(const struct catalogue *catalogue, uint16_t object_id,
                                              struct catalogue_version version)
{
    const struct page *page = catalogue->pages[object_id / IDS_PER_PAGE];
    const struct definition *highest = page ? page->highest[object_id % IDS_PER_PAGE] : NULL;
    if (!highest) {
        return NULL;
    }
    const struct definition *same_major = NULL;
    for (const struct definition *at = highest; at; at = at->lower) {
        if (catalogue_version_compare(at->object->version, version) == 0) {
            return at->object;
        }
        if (!same_major && at->object->version.major == version.major) {
            same_major = at;
        }
    }
    return same_major ? same_major->object : highest->object;
}
