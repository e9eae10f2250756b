/**
 * What the device does: values that move by themselves, reactions to Writes and Executes,
 * the firmware update (object 5).
 */
#pragma once

#include "test/sim/path.h"

struct device;

/** Fills the store with the objects that the options ask for. */
void behaviour_init(struct device *device);
/** The next step of every value that moves. */
void behaviour_move(struct device *device);
/** Brings /3/0/13 (Current Time) up to date; that alone is no reason to notify. */
void behaviour_refresh_time(struct device *device);
/** Reacts to a new value at @p path. */
void behaviour_written(struct device *device, const struct path *path);
/** The end of a download or of an update of the firmware. */
void behaviour_firmware_step(struct device *device);
