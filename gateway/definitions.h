/*
 * Object definitions as the rest of the gateway asks for them: the catalogue in the terms of the
 * LwM2M library. A reload puts a new catalogue in the place of the old one.
 */
#pragma once

#include "gateway/command.h"
#include "gateway/log.h"

struct definitions;

/** @return the caller's, without any definition; NULL when memory is short */
struct definitions *definitions_new(struct log *log);
void definitions_free(struct definitions *definitions);

/**
 * Loads all files of a directory in place of what was there. Each file that is left out is
 * logged with its line and reason, and how many were loaded. "" stands for no definitions.
 *
 * @return 0, or why the directory cannot be read; then what was there stays
 */
[[nodiscard]] int definitions_load(struct definitions *definitions, const char *directory);

bool definitions_has_object(const struct definitions *definitions, uint16_t object);

/** Definition of a resource in a version of its object (the nearest that is known). */
bool definitions_resource(const struct definitions *definitions, uint16_t object,
                          struct lwm2m_version version, uint16_t resource,
                          struct lwm2m_definition *definition);

/** What may be done with a resource, and its type. */
bool definitions_access(const struct definitions *definitions, uint16_t object,
                        struct lwm2m_version version, uint16_t resource,
                        struct command_resource *access);

/** Name and units; borrowed until the next load. */
bool definitions_names(const struct definitions *definitions, uint16_t object,
                       struct lwm2m_version version, uint16_t resource, const char **name,
                       const char **units);
