/** See name.h. */
#include "test/sim/name.h"

int name_resolve(const struct bytes *base_name, const struct bytes *name, struct path *path)
{
    struct bytes joined = { 0 };
    bytes_add(&joined, base_name->data, base_name->len);
    bytes_add(&joined, name->data, name->len);
    int err = path_parse(bytes_text(&joined), joined.len, path);
    bytes_deinit(&joined);
    return err;
}

void name_add_base(const struct path *base, struct bytes *out)
{
    char text[PATH_TEXT_SIZE];
    bytes_add_text(out, path_format(base, text));
    if (base->depth > PATH_ROOT && base->depth < PATH_RESOURCE) {
        bytes_add_byte(out, '/');
    }
}

void name_add_relative(const struct path *base, const struct path *path, struct bytes *out)
{
    for (uint8_t i = base->depth; i < path->depth; i++) {
        bool first = i == base->depth;
        bool slash = !first || (i >= PATH_RESOURCE && base->depth >= PATH_RESOURCE);
        bytes_printf(out, "%s%u", slash ? "/" : "", path->id[i]);
    }
}
