/** See object_links.h. */
#include "test/sim/object_links.h"

#include "test/sim/device.h"

static void add_root_link(const struct device *device, struct bytes *links)
{
    const struct options *options = device->options;
    bool rooted = options->root[0] != 0;
    if (options->version < 11 && !rooted) {
        return;
    }
    bytes_printf(links, "</%s>;rt=\"oma.lwm2m\"", options->root);
    const char *separator = ";ct=\"";
    for (size_t i = 0; options->version >= 11 && i < options->format_count; i++) {
        int format = options->formats[i];
        if (format != 0 && format != 42) { /* every client has these two */
            bytes_printf(links, "%s%d", separator, format);
            separator = " ";
        }
    }
    bytes_add_text(links, separator[0] == ' ' ? "\"," : ",");
}

void object_links_add(const struct device *device, struct bytes *links)
{
    const struct store *store = &device->store;
    bool rooted = device->options->root[0] != 0;
    add_root_link(device, links);
    for (size_t i = 0; i < store->place_count; i++) {
        const struct path *place = &store->places[i];
        bool has_instance =
            i + 1 < store->place_count && path_starts_with(&store->places[i + 1], place);
        bool versioned = place->id[0] == 3303 && device->options->version >= 11;
        if (place->depth == PATH_OBJECT && has_instance && !versioned) {
            continue;
        }
        char text[PATH_TEXT_SIZE];
        bytes_printf(links, "<%s%s%s>%s,", rooted ? "/" : "", device->options->root,
                     path_format(place, text),
                     place->depth == PATH_OBJECT && versioned ? ";ver=1.1" : "");
    }
    if (links->len > 0) {
        links->len--; /* the last comma */
    }
}
