/**
 * What SenML JSON and SenML CBOR share: a record's members and how a pack of them becomes
 * paths and values (RFC 8428, 4).
 */
#pragma once

#include "test/sim/record.h"

struct senml_record {
    bool has_base_name;
    struct bytes base_name, name; /**< owned */
    struct scalar value;          /**< owned */
};

struct senml_pack {
    bool with_values;       /**< false: names only, as in a composite Read */
    struct bytes base_name; /**< owned; of the records read so far */
};

/**
 * Sets the member @p key, a JSON label; times, units and what else we do not use is skipped.
 * Takes @p scalar. @return 0 or -EBADMSG (unknown member that must be understood, wrong kind)
 */
[[nodiscard]] int senml_record_set_take(struct senml_record *record, const char *key,
                                        struct scalar *scalar);
void senml_record_deinit(struct senml_record *record);

/** Resolves a complete record and adds it to @p records. @return 0 or -EBADMSG */
[[nodiscard]] int senml_pack_add(struct senml_pack *pack, const struct senml_record *record,
                                 struct records *records);
void senml_pack_deinit(struct senml_pack *pack);
