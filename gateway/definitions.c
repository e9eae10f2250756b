#include "gateway/definitions.h"

#include "objects-xml/catalogue.h"

#include <errno.h>
#include <stdlib.h>

struct definitions {
    struct log *log;
    struct catalogue *catalogue;
};

/* What a load has met. */
struct load {
    struct log *log;
    size_t skipped;
};

static const enum lwm2m_type types[] = {
    [CATALOGUE_TYPE_NONE] = LWM2M_TYPE_NONE,
    [CATALOGUE_TYPE_STRING] = LWM2M_TYPE_STRING,
    [CATALOGUE_TYPE_INTEGER] = LWM2M_TYPE_INTEGER,
    [CATALOGUE_TYPE_UNSIGNED_INTEGER] = LWM2M_TYPE_UNSIGNED,
    [CATALOGUE_TYPE_FLOAT] = LWM2M_TYPE_FLOAT,
    [CATALOGUE_TYPE_BOOLEAN] = LWM2M_TYPE_BOOLEAN,
    [CATALOGUE_TYPE_OPAQUE] = LWM2M_TYPE_OPAQUE,
    [CATALOGUE_TYPE_TIME] = LWM2M_TYPE_TIME,
    [CATALOGUE_TYPE_OBJLNK] = LWM2M_TYPE_OBJLNK,
    [CATALOGUE_TYPE_CORELNK] = LWM2M_TYPE_CORELNK,
};

struct definitions *definitions_new(struct log *log)
{
    struct definitions *definitions = calloc(1, sizeof(*definitions));
    struct catalogue *catalogue = catalogue_new();
    if (definitions == NULL || catalogue == NULL) {
        free(definitions);
        catalogue_free(catalogue);
        return NULL;
    }
    definitions->log = log;
    definitions->catalogue = catalogue;
    return definitions;
}

void definitions_free(struct definitions *definitions)
{
    if (definitions != NULL) {
        catalogue_free(definitions->catalogue);
        free(definitions);
    }
}

static void report(void *context, const struct catalogue_problem *problem)
{
    struct load *load = context;
    load->skipped++;
    log_write(load->log, LOG_LEVEL_WARN, "definition-skipped",
              (const struct log_field[]){
                  LOG_TEXT("file", problem->path), LOG_NUMBER("line", problem->line),
                  LOG_NUMBER("column", problem->column), LOG_TEXT("reason", problem->reason) },
              4);
}

int definitions_load(struct definitions *definitions, const char *directory)
{
    struct load load = { .log = definitions->log };
    struct catalogue *loaded = catalogue_new();
    if (loaded == NULL) {
        return -ENOMEM;
    }
    int err = *directory != '\0' ? catalogue_load_dir(loaded, directory, report, &load) : 0;
    if (err != 0) {
        catalogue_free(loaded);
        return err;
    }
    catalogue_free(definitions->catalogue);
    definitions->catalogue = loaded;
    log_info(definitions->log, "definitions-loaded", LOG_NUMBER("objects", catalogue_count(loaded)),
             LOG_NUMBER("files_skipped", load.skipped), LOG_TEXT("directory", directory));
    return 0;
}

bool definitions_has_object(const struct definitions *definitions, uint16_t object)
{
    return catalogue_find(definitions->catalogue, object, CATALOGUE_VERSION_NONE) != NULL;
}

static const struct catalogue_resource *find(const struct definitions *definitions, uint16_t object,
                                             struct lwm2m_version version, uint16_t resource)
{
    struct catalogue_version wanted = { version.major, version.minor };
    const struct catalogue_object *found = catalogue_find(definitions->catalogue, object, wanted);
    return found != NULL ? catalogue_object_resource(found, resource) : NULL;
}

bool definitions_resource(const struct definitions *definitions, uint16_t object,
                          struct lwm2m_version version, uint16_t resource,
                          struct lwm2m_definition *definition)
{
    const struct catalogue_resource *found = find(definitions, object, version, resource);
    if (found == NULL) {
        return false;
    }
    *definition =
        (struct lwm2m_definition){ .type = types[found->type], .multiple = found->multiple };
    return true;
}

bool definitions_access(const struct definitions *definitions, uint16_t object,
                        struct lwm2m_version version, uint16_t resource,
                        struct command_resource *access)
{
    const struct catalogue_resource *found = find(definitions, object, version, resource);
    if (found == NULL) {
        return false;
    }
    *access = (struct command_resource){
        .type = types[found->type],
        .readable = (found->operations & CATALOGUE_READ) != 0,
        .writable = (found->operations & CATALOGUE_WRITE) != 0,
        .executable = (found->operations & CATALOGUE_EXECUTE) != 0,
        .has_range = found->has_bounds,
        .min = found->min,
        .max = found->max,
    };
    return true;
}

bool definitions_names(const struct definitions *definitions, uint16_t object,
                       struct lwm2m_version version, uint16_t resource, const char **name,
                       const char **units)
{
    const struct catalogue_resource *found = find(definitions, object, version, resource);
    if (found == NULL) {
        return false;
    }
    *name = found->name;
    *units = found->units;
    return true;
}
