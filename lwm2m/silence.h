/*
 * Observations that fell silent. A device may lose one without a word: it rebooted and did not
 * register anew, something on the way answered a notification with Reset, its notifications could
 * not be delivered. That shows when it does not keep what it promised: a notification every pmax
 * seconds (Core TS 7.3.2), or before Max-Age has passed (RFC 7641, 4.3.1). Such an observation is
 * set up again, with the same token.
 *
 * There is no timer: it is looked at when the device is awake and its queue is looked at anyway,
 * which every message of the device brings about; and not before the earliest of all dates. So a
 * sleeping device is never woken for it, and an idle one costs nothing.
 */
#pragma once

#include "lwm2m/internal.h"
#include "lwm2m/observation.h"

#define LWM2M_SILENCE_PATHS 64 /* paths of one device whose pmax is remembered */

/** The device told the value of an observation. @param max_age_s  60 says nothing: the default */
void lwm2m_silence_told(struct lwm2m_server *server, struct lwm2m_observation *observation,
                        uint32_t max_age_s);

/** An observation is new, or was asked for with another query. */
void lwm2m_silence_settle(struct lwm2m_server *server, struct lwm2m_observation *observation);

/** The device took attributes: "pmin=1&pmax=60" holds for a path and all below it. */
void lwm2m_silence_learn(struct lwm2m_server *server, struct lwm2m_device *device,
                         const struct lwm2m_path *path, const char *query);

/** The device told its attributes, in links that a Discover was answered with. */
void lwm2m_silence_learn_links(struct lwm2m_server *server, struct lwm2m_device *device,
                               const uint8_t *links, size_t len);

/** What was learned for an observation before a restart, of its path cut to `depth` segments. */
void lwm2m_silence_restore(struct lwm2m_observation *observation, uint8_t depth, uint32_t pmax_s);

/** Has what fell silent set up again; the device is awake, and device->silence_ms has come. */
void lwm2m_silence_check(struct lwm2m_server *server, struct lwm2m_device *device);

/** Frees what was learned. */
void lwm2m_silence_forget(struct lwm2m_device *device);
