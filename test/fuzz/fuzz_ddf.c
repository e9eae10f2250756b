/*
 * The reader of definition files: any bytes either give sound objects or an error with a place.
 */
#include "objects-xml/ddf.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ddf file;
    struct ddf_error error = { 0 };
    int err = ddf_read(data, size, &file, &error);
    if (err && (err != -EBADMSG || error.line == 0 || error.reason[0] == '\0' || file.objects)) {
        abort();
    }
    for (size_t i = 0; i < file.objects_count; i++) {
        const struct catalogue_object *object = file.objects[i].definition;
        for (size_t j = 0; j < object->resources_count; j++) {
            const struct catalogue_resource *resource = &object->resources[j];
            if (catalogue_object_resource(object, resource->id) != resource) {
                abort();
            }
        }
    }
    ddf_deinit(&file);
    return 0;
}
