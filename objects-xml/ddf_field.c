/*
 * See ddf_field.h. OMA's schema gives the words; their spelling in practice varies in letter case
 * and blanks, so comparisons ignore both.
 */
#include "objects-xml/ddf_field.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "objects-xml/ddf_draft.h"

bool ddf_id_parse(const char *text, uint16_t *id)
{
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > 9 || text[digits] != '\0') {
        return false;
    }
    unsigned long value = strtoul(text, NULL, 10);
    if (value > UINT16_MAX) {
        return false;
    }
    *id = (uint16_t)value;
    return true;
}

/* urn:oma:lwm2m:<who>:<object id>[:<object version>]; OMA leaves the version 1.0 out. */
bool ddf_urn_fits(const struct catalogue_object *object)
{
    static const char prefix[] = "urn:oma:lwm2m:";
    if (strncasecmp(object->urn, prefix, sizeof prefix - 1) != 0) {
        return true;
    }
    const char *id_text = strchr(object->urn + sizeof prefix - 1, ':');
    if (!id_text) {
        return false;
    }
    id_text++;
    size_t id_len = strcspn(id_text, ":");
    char digits[6] = "";
    uint16_t id;
    if (id_len >= sizeof digits || !ddf_id_parse(memcpy(digits, id_text, id_len), &id) ||
        id != object->id) {
        return false;
    }
    if (id_text[id_len] == '\0') {
        return true;
    }
    struct catalogue_version version;
    return catalogue_version_parse(id_text + id_len + 1, &version) == 0 &&
           catalogue_version_compare(version, object->version) == 0;
}

/* Compares without regard to letter case and blanks. */
static bool is_word(const char *text, const char *word)
{
    for (;;) {
        while (*text == ' ') {
            text++;
        }
        while (*word == ' ') {
            word++;
        }
        if (tolower((unsigned char)*text) != tolower((unsigned char)*word)) {
            return false;
        }
        if (*text == '\0') {
            return true;
        }
        text++;
        word++;
    }
}

static bool set_choice(bool *target, const char *text, const char *yes, const char *no)
{
    *target = is_word(text, yes);
    return *target || is_word(text, no);
}

static bool set_version(struct catalogue_version *target, const char *text)
{
    return *text == '\0' || catalogue_version_parse(text, target) == 0;
}

static bool set_object_name(struct ddf_draft *draft, const char *text)
{
    draft->object.name = text;
    return *text != '\0';
}

static bool set_object_id(struct ddf_draft *draft, const char *text)
{
    return ddf_id_parse(text, &draft->object.id);
}

static bool set_object_urn(struct ddf_draft *draft, const char *text)
{
    draft->object.urn = text;
    return true;
}

static bool set_lwm2m_version(struct ddf_draft *draft, const char *text)
{
    return set_version(&draft->object.lwm2m_version, text);
}

static bool set_object_version(struct ddf_draft *draft, const char *text)
{
    return set_version(&draft->object.version, text);
}

static bool set_object_multiple(struct ddf_draft *draft, const char *text)
{
    return set_choice(&draft->object.multiple, text, "Multiple", "Single");
}

static bool set_object_mandatory(struct ddf_draft *draft, const char *text)
{
    return set_choice(&draft->object.mandatory, text, "Mandatory", "Optional");
}

static bool set_name(struct ddf_draft *draft, const char *text)
{
    draft->resource.name = text;
    return *text != '\0';
}

static bool set_operations(struct ddf_draft *draft, const char *text)
{
    static const char letters[] = "RWE"; /* in the order of the bits */
    for (; *text != '\0'; text++) {
        const char *letter = strchr(letters, toupper((unsigned char)*text));
        if (letter) {
            draft->resource.operations |= (uint8_t)(1U << (letter - letters));
        } else if (*text != ' ') {
            return false;
        }
    }
    return true;
}

static bool set_multiple(struct ddf_draft *draft, const char *text)
{
    return set_choice(&draft->resource.multiple, text, "Multiple", "Single");
}

static bool set_mandatory(struct ddf_draft *draft, const char *text)
{
    return set_choice(&draft->resource.mandatory, text, "Mandatory", "Optional");
}

static bool set_type(struct ddf_draft *draft, const char *text)
{
    static const struct {
        const char *word;
        enum catalogue_type type;
    } types[] = {
        { "", CATALOGUE_TYPE_NONE },
        { "String", CATALOGUE_TYPE_STRING },
        { "Integer", CATALOGUE_TYPE_INTEGER },
        { "Unsigned Integer", CATALOGUE_TYPE_UNSIGNED_INTEGER },
        { "Float", CATALOGUE_TYPE_FLOAT },
        { "Boolean", CATALOGUE_TYPE_BOOLEAN },
        { "Opaque", CATALOGUE_TYPE_OPAQUE },
        { "Time", CATALOGUE_TYPE_TIME },
        { "Objlnk", CATALOGUE_TYPE_OBJLNK },
        { "Corelnk", CATALOGUE_TYPE_CORELNK },
    };
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (is_word(text, types[i].word)) {
            draft->resource.type = types[i].type;
            return true;
        }
    }
    return false;
}

/*
 * Reads an optional sign, digits and an optional fraction; @return what follows, NULL if there is
 * no number. Not strtod: that depends on the locale and takes "inf", "1e5" and "0x10".
 */
static const char *read_decimal(const char *text, double *value)
{
    bool negative = *text == '-';
    text += negative;
    if (!isdigit((unsigned char)*text)) {
        return NULL;
    }
    uint64_t digits = 0;
    double scale = 1;
    bool fraction = false;
    for (;; text++) {
        if (!fraction && text[0] == '.' && isdigit((unsigned char)text[1])) {
            fraction = true;
            text++;
        }
        if (!isdigit((unsigned char)*text)) {
            break;
        }
        if (__builtin_mul_overflow(digits, 10, &digits) ||
            __builtin_add_overflow(digits, (uint64_t)(*text - '0'), &digits)) {
            return NULL;
        }
        scale *= fraction ? 10 : 1;
    }
    *value = (negative ? -(double)digits : (double)digits) / scale;
    return text;
}

/* `0..255`, `-90 .. 90`, `0.0..1.0`; @return false: some other text, or the wrong way round */
static bool read_bounds(const char *text, double *min, double *max)
{
    const char *rest = read_decimal(text, min);
    if (!rest) {
        return false;
    }
    rest += strspn(rest, " ");
    if (strncmp(rest, "..", 2) != 0) {
        return false;
    }
    rest = read_decimal(rest + 2 + strspn(rest + 2, " "), max);
    return rest && *rest == '\0' && *min <= *max;
}

static bool set_range(struct ddf_draft *draft, const char *text)
{
    struct catalogue_resource *resource = &draft->resource;
    double min;
    double max;
    resource->range = text;
    if (read_bounds(text, &min, &max)) {
        resource->has_bounds = true;
        resource->min = min;
        resource->max = max;
    }
    return true;
}

static bool set_units(struct ddf_draft *draft, const char *text)
{
    draft->resource.units = text;
    return true;
}

const struct ddf_field ddf_fields[DDF_FIELDS] = {
    { DDF_OBJECT, "Name", true, set_object_name, "a name" },
    { DDF_OBJECT, "ObjectID", true, set_object_id, "a number 0..65535" },
    { DDF_OBJECT, "ObjectURN", false, set_object_urn, "a URN" },
    { DDF_OBJECT, "LWM2MVersion", false, set_lwm2m_version, "a version such as 1.1" },
    { DDF_OBJECT, "ObjectVersion", false, set_object_version, "a version such as 1.1" },
    { DDF_OBJECT, "MultipleInstances", true, set_object_multiple, "Multiple or Single" },
    { DDF_OBJECT, "Mandatory", true, set_object_mandatory, "Mandatory or Optional" },
    { DDF_ITEM, "Name", true, set_name, "a name" },
    { DDF_ITEM, "Operations", true, set_operations, "R, W, RW, E or nothing" },
    { DDF_ITEM, "MultipleInstances", true, set_multiple, "Multiple or Single" },
    { DDF_ITEM, "Mandatory", true, set_mandatory, "Mandatory or Optional" },
    { DDF_ITEM, "Type", true, set_type,
      "String, Integer, Unsigned Integer, Float, Boolean, Opaque, Time, Objlnk, Corelnk or "
      "nothing" },
    { DDF_ITEM, "RangeEnumeration", false, set_range, "a range" },
    { DDF_ITEM, "Units", false, set_units, "a unit" },
};
