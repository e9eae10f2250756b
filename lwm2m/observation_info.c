/*
 * Observations as others may look at them.
 */
#include "lwm2m/observation.h"

struct lwm2m_observation *lwm2m_device_observation_after(const struct lwm2m_device *device,
                                                         const struct lwm2m_observation *before)
{
    struct lwm2m_observation *next = before ? before->next : device->observations;
    while (next && next->state == LWM2M_OBSERVATION_ENDED) {
        next = next->next;
    }
    return next;
}

struct lwm2m_observation_info lwm2m_observation_info_of(const struct lwm2m_observation *observation)
{
    return (struct lwm2m_observation_info){
        .path = observation->path,
        .paths = observation->paths,
        .path_count = observation->path_count,
        .query = observation->query,
        .state = observation->state,
        .heard = observation->told,
        .heard_ms = observation->told_ms,
        .pmax_s = observation->pmax_s,
    };
}

void lwm2m_observation_set_context(struct lwm2m_server *server,
                                   struct lwm2m_observation *observation, void *context)
{
    if (observation->context && observation->context != context) {
        server->callbacks.observation_context_free(server->callbacks.ctx, observation->context);
    }
    observation->context = context;
}

void *lwm2m_observation_context(const struct lwm2m_observation *observation)
{
    return observation->context;
}
