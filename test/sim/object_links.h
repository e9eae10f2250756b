/**
 * The object links of a registration (Core, 6.2.1): the root with its content formats, then
 * each instance, and the object itself when it has no instance or a version to tell.
 */
#pragma once

#include "test/sim/bytes.h"

struct device;

void object_links_add(const struct device *device, struct bytes *out);
