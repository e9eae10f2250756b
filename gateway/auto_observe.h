/*
 * What is observed without anybody asking for it, when a device registers or changes its object
 * list (`lwm2m.auto_observe`).
 */
#pragma once

#include "config/config.h"

#include "lwm2m/device.h"

struct auto_observe;

/** Whether there is a definition of an object. */
typedef bool auto_observe_defined(void *ctx, uint16_t object);

/** A path to observe. */
typedef void auto_observe_want(void *ctx, struct lwm2m_device *device,
                               const struct lwm2m_path *path);

/**
 * @param most  how many object instances of a device `true` observes, the first ones of its list
 * @return 0, -EINVAL (a path of the list is none), -ENOMEM
 */
[[nodiscard]] int auto_observe_new(const struct config_auto_observe *config, size_t most,
                                   struct auto_observe **auto_observe);
void auto_observe_free(struct auto_observe *auto_observe);

/**
 * Calls `want` for each path that the device has, that is to be observed, and that is not yet. With
 * `true` that is every object instance but those of the device management objects 0, 1, 2, 4, 5, 6,
 * 7, 9, 15 and those without a definition.
 *
 * @param defined  called with `ctx`, as `want` is
 */
void auto_observe_select(const struct auto_observe *auto_observe, struct lwm2m_device *device,
                         auto_observe_defined *defined, auto_observe_want *want, void *ctx);
