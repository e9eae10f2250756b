/*
 * What SenML (RFC 8428) means, apart from how it is written: base fields that hold from their
 * record on, names, sums, times. JSON and CBOR readers fill in one pack record after the other.
 */
#pragma once

#include "lwm2m/content/content.h"

/** One record of a pack as it is written; zeroed is empty. Bytes are borrowed. */
struct lwm2m_senml_record {
    struct lwm2m_bytes base_name; /* data is NULL when absent */
    struct lwm2m_bytes name;
    bool has_base_time;
    double base_time;
    bool has_time;
    double time;
    bool has_base_value;
    struct lwm2m_value base_value; /* INTEGER, UNSIGNED or FLOAT */
    bool has_value;                /* a null value is none, but it is one of NONE when it is set */
    struct lwm2m_value value;      /* strings and bytes must live as long as the records */
};

/** The base fields that hold; zeroed at the start of a pack. */
struct lwm2m_senml_state {
    struct lwm2m_bytes base_name; /* borrowed */
    bool has_base_time;
    double base_time;
    bool has_base_value;
    struct lwm2m_value base_value;
};

/**
 * Resolves a record (RFC 8428, 4.6) and appends it. Without a name at all it is of the path of the
 * request.
 *
 * @return 0, -EBADMSG (its name is no path, a value above resource level), -ENOSPC, -ENOMEM
 */
[[nodiscard]] int lwm2m_senml_resolve(const struct lwm2m_content_context *context,
                                      struct lwm2m_senml_state *state,
                                      const struct lwm2m_senml_record *record,
                                      struct lwm2m_records *records);

/**
 * Reads a name: prefix followed by rest, with or without the device's alternate root.
 *
 * @return 0, -EBADMSG
 */
[[nodiscard]] int lwm2m_senml_path(const struct lwm2m_content_context *context,
                                   struct lwm2m_bytes prefix, struct lwm2m_bytes rest,
                                   struct lwm2m_path *path);

/** The time of a record from its sum of base time and time (RFC 8428, 4.5.3). */
double lwm2m_senml_time(const struct lwm2m_content_context *context, double sum);

/** The reverse: what to write for an absolute time so that it is read as the same. */
double lwm2m_senml_time_field(const struct lwm2m_content_context *context, double time_s);

/* A name to write: the alternate root, or nothing, and what follows it. */
struct lwm2m_senml_name {
    const char *root;
    char path[LWM2M_PATH_TEXT_MAX + 1];
    size_t path_len;
};

/**
 * How many ids of the path of the request to write once, as a base name: 0 unless there are
 * several records, all of them below that path.
 */
uint8_t lwm2m_senml_base_depth(const struct lwm2m_content_context *context,
                               const struct lwm2m_record *records, size_t count);

/** The base name of `depth` ids: "/3/0/" behind the root. */
void lwm2m_senml_write_base(const char *root, const struct lwm2m_path *path, uint8_t depth,
                            struct lwm2m_senml_name *name);

/** The name of a record without its first `base_depth` ids: "9"; all of it, if that is 0. */
void lwm2m_senml_write_name(const char *root, const struct lwm2m_path *path, uint8_t base_depth,
                            struct lwm2m_senml_name *name);

/** Whether a record can be written at all: within the request, with an id that is known. */
bool lwm2m_senml_can_write(const struct lwm2m_content_context *context,
                           const struct lwm2m_record *record);

/** Whether no record has a value: a list of paths, as a composite read takes it. */
bool lwm2m_senml_only_names(const struct lwm2m_record *records, size_t count);
