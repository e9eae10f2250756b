/** text/plain (0) and application/octet-stream (42): one value, nothing else (Core, 7.4.1, 7.4.2).
 */
#include <errno.h>

#include "test/sim/content.h"
#include "test/sim/model.h"

void text_encode(const struct content *content, struct bytes *out)
{
    if (content->count == 1) {
        value_format(&content->records[0].value, out);
    }
}

int text_decode(const struct path *base, const uint8_t *data, size_t len, struct records *records)
{
    struct value value;
    if (base->depth < PATH_RESOURCE ||
        value_parse(model_type(base), (const char *)data, len, &value) != 0) {
        return -EBADMSG;
    }
    records_add_take(records, base, &value);
    return 0;
}

void opaque_encode(const struct content *content, struct bytes *out)
{
    if (content->count == 1) {
        const struct bytes *bytes = &content->records[0].value.bytes;
        bytes_add(out, bytes->data, bytes->len);
    }
}

int opaque_decode(const struct path *base, const uint8_t *data, size_t len, struct records *records)
{
    if (base->depth < PATH_RESOURCE || model_type(base) != VALUE_OPAQUE) {
        return -EBADMSG;
    }
    struct value value = { .type = VALUE_OPAQUE };
    bytes_add(&value.bytes, data, len);
    records_add_take(records, base, &value);
    return 0;
}
