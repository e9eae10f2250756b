#include "lwm2m/observation.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lwm2m/operation.h"
#include "lwm2m/queue.h"
#include "lwm2m/silence.h"

/* The records of a composite operation name its paths; the same ones in another order are
 * another observation, as the device answers in the order that it was asked. */
static bool observes(const struct lwm2m_observation *observation, const struct lwm2m_path *path,
                     const struct lwm2m_record *paths, size_t path_count)
{
    if (observation->state == LWM2M_OBSERVATION_ENDED ||
        !lwm2m_path_equal(&observation->path, path) || observation->path_count != path_count) {
        return false;
    }
    for (size_t i = 0; i < path_count; i++) {
        if (!lwm2m_path_equal(&observation->paths[i].path, &paths[i].path)) {
            return false;
        }
    }
    return true;
}

static struct lwm2m_observation *find(const struct lwm2m_device *device,
                                      const struct lwm2m_path *path,
                                      const struct lwm2m_record *paths, size_t path_count)
{
    for (struct lwm2m_observation *at = device->observations; at; at = at->next) {
        if (observes(at, path, paths, path_count)) {
            return at;
        }
    }
    return NULL;
}

struct lwm2m_observation *lwm2m_observation_find(const struct lwm2m_device *device,
                                                 const struct lwm2m_path *path)
{
    return find(device, path, NULL, 0);
}

static struct lwm2m_observation *find_of(const struct lwm2m_request *request)
{
    return find(request->device, &request->path, request->records, request->record_count);
}

static void become(struct lwm2m_observation *observation, enum lwm2m_observation_state state)
{
    observation->changed |= observation->state != state;
    observation->state = state;
}

static void end(struct lwm2m_server *server, struct lwm2m_observation *observation)
{
    lwcoap_observation_remove(server->coap, &observation->coap);
    become(observation, LWM2M_OBSERVATION_ENDED);
}

static void observation_free(struct lwm2m_server *server, struct lwm2m_observation *observation)
{
    lwcoap_observation_remove(server->coap, &observation->coap);
    lwm2m_observation_set_context(server, observation, NULL);
    free(observation->renewal);
    free(observation->paths);
    free(observation->query);
    free(observation);
}

static int keep_paths(struct lwm2m_observation *observation, const struct lwm2m_request *request)
{
    observation->path = request->path;
    if (request->record_count == 0) {
        return 0;
    }
    observation->paths = calloc(request->record_count, sizeof(*observation->paths));
    if (!observation->paths) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < request->record_count; i++) {
        observation->paths[i].path = request->records[i].path;
    }
    observation->path_count = request->record_count;
    return 0;
}

/* One that is asked for, not in the device's list yet; NULL when memory is short. */
static struct lwm2m_observation *observation_new(const struct lwm2m_request *request)
{
    struct lwm2m_observation *observation = calloc(1, sizeof(*observation));
    if (!observation || keep_paths(observation, request)) {
        free(observation);
        return NULL;
    }
    observation->device = request->device;
    observation->automatic = request->automatic;
    observation->accept = LWM2M_FORMAT_NONE;
    return observation;
}

static void add_to_device(struct lwm2m_observation *observation)
{
    observation->next = observation->device->observations;
    observation->device->observations = observation;
}

int lwm2m_observation_want(struct lwm2m_server *server, const struct lwm2m_request *request)
{
    if (find_of(request)) {
        return 0;
    }
    struct lwm2m_observation *observation = observation_new(request);
    if (!observation) {
        return -ENOMEM;
    }
    lwcoap_observation_init(server->coap, &observation->coap, NULL);
    add_to_device(observation);
    return 0;
}

/* The query is kept for renewals, which point at it: one that waits gets the new one. */
static int keep_query(struct lwm2m_observation *observation, const char *query)
{
    if (query == observation->query) {
        return 0;
    }
    char *copy = query && *query ? strdup(query) : NULL;
    if (query && *query && !copy) {
        return -ENOMEM;
    }
    free(observation->query);
    observation->query = copy;
    if (observation->renewal) {
        observation->renewal->query = copy;
    }
    return 0;
}

int lwm2m_observation_restore(struct lwm2m_server *server, const struct lwm2m_request *request,
                              const struct lwm2m_durable_observation *kept)
{
    if (find_of(request) || lwcoap_observation_has(server->coap, kept->token)) {
        return -EEXIST;
    }
    struct lwm2m_observation *observation = observation_new(request);
    if (!observation) {
        return -ENOMEM;
    }
    lwcoap_observation_init(server->coap, &observation->coap, kept->token);
    if (keep_query(observation, kept->query) ||
        lwcoap_observation_add(server->coap, &observation->coap)) {
        observation_free(server, observation);
        return -ENOMEM;
    }
    observation->state = kept->state;
    observation->accept = kept->accept;
    observation->context = kept->context;
    add_to_device(observation);
    if (kept->pmax_depth > 0) {
        lwm2m_silence_restore(observation, kept->pmax_depth, kept->pmax_s);
    }
    lwm2m_silence_settle(server, observation); /* its next word is due as if one came just now */
    return 0;
}

int lwm2m_observation_start(struct lwm2m_server *server, const struct lwm2m_request *request,
                            uint16_t accept, struct lwcoap_observation **coap)
{
    struct lwm2m_device *device = request->device;
    *coap = NULL;
    if (lwm2m_operation_observes(request->operation) && !request->renewal) {
        int rc = lwm2m_observation_want(server, request);
        if (rc) {
            return rc;
        }
    }
    struct lwm2m_observation *observation = request->renewal ? request->context : find_of(request);
    if (!observation) {
        return 0; /* nothing is known to cancel: the device is asked all the same */
    }
    if (observation->state == LWM2M_OBSERVATION_ENDED) {
        return -ENOENT;
    }
    if (lwm2m_operation_observes(request->operation)) {
        int rc = keep_query(observation, request->query);
        if (rc) {
            return rc;
        }
        observation->automatic = request->renewal ? observation->automatic : request->automatic;
        observation->accept = accept;
    }
    device->in_exchange = observation;
    *coap = &observation->coap;
    return 0;
}

/* The failed request took the token out of the match; notifications of what was there before
 * still carry it. */
static void go_on(struct lwm2m_server *server, struct lwm2m_observation *observation)
{
    bool was_there = observation->state == LWM2M_OBSERVATION_ESTABLISHED ||
                     observation->state == LWM2M_OBSERVATION_LOST;
    if (was_there && lwcoap_observation_add(server->coap, &observation->coap)) {
        become(observation, LWM2M_OBSERVATION_LOST);
    }
}

static void observe_unanswered(struct lwm2m_server *server, struct lwm2m_observation *observation)
{
    if (observation->state == LWM2M_OBSERVATION_ASKED) {
        end(server, observation);
    } else {
        go_on(server, observation);
    }
}

void lwm2m_observation_put_back(struct lwm2m_server *server, const struct lwm2m_request *request,
                                struct lwm2m_observation *in_exchange)
{
    if (in_exchange && lwm2m_operation_observes(request->operation)) {
        go_on(server, in_exchange);
    }
}

static void observe_answered(struct lwm2m_server *server, struct lwm2m_observation *observation,
                             struct lwm2m_event *event)
{
    if (event->code >> 5 == 2 && event->sequence >= 0) {
        become(observation, LWM2M_OBSERVATION_ESTABLISHED);
        observation->changed = true; /* also its query, or the members that it sends back */
        lwm2m_silence_told(server, observation, event->max_age_s);
        lwm2m_silence_settle(server, observation);
        event->observation = observation;
    } else {
        end(server, observation);
    }
}

void lwm2m_observation_finish(struct lwm2m_server *server, const struct lwm2m_request *request,
                              struct lwm2m_observation *in_exchange, struct lwm2m_event *event)
{
    struct lwm2m_observation *observation = in_exchange        ? in_exchange
                                            : request->renewal ? request->context
                                                               : find_of(request);

    if (!observation || observation->state == LWM2M_OBSERVATION_ENDED) {
        return;
    }
    if (lwm2m_operation_cancels(request->operation)) {
        if (in_exchange) {
            end(server, observation); /* also without an answer: nobody wants it any more */
        }
    } else if (event->type == LWM2M_EVENT_RESPONSE) {
        observe_answered(server, observation, event);
    } else {
        observe_unanswered(server, observation);
    }
}

void lwm2m_observation_renewed(struct lwm2m_server *server, struct lwm2m_request *request,
                               const struct lwm2m_event *event)
{
    struct lwm2m_observation *observation = request->context;

    observation->renewal = NULL;
    if (event->type == LWM2M_EVENT_RESPONSE) {
        struct lwm2m_event notification = *event;
        notification.type = LWM2M_EVENT_NOTIFICATION;
        notification.request = NULL;
        notification.asked = true;
        notification.observation = observation;
        notification.path = observation->path;
        lwm2m_server_raise(server, &notification);
    }
    free(request);
}

struct lwm2m_request lwm2m_observation_request(struct lwm2m_observation *observation)
{
    return (struct lwm2m_request){
        .operation = observation->path_count ? LWM2M_OBSERVE_COMPOSITE : LWM2M_OBSERVE,
        .path = observation->path,
        .query = observation->query,
        .records = observation->paths,
        .record_count = observation->path_count,
        .format = LWM2M_FORMAT_NONE,
        .accept = LWM2M_FORMAT_NONE,
        .expires_ms = LWM2M_TIMERS_NEVER,
        .context = observation,
        .renewal = true,
    };
}

void lwm2m_observation_renew(struct lwm2m_server *server, struct lwm2m_observation *observation)
{
    struct lwm2m_request *request = observation->renewal ? NULL : malloc(sizeof(*request));
    if (!request) {
        return;
    }
    *request = lwm2m_observation_request(observation);
    if (lwm2m_queue_add(server, observation->device, request)) {
        free(request);
        return;
    }
    observation->renewal = request;
}

/* An OBSERVE under way may have been carried out by the device before it forgot everything, and
 * be answered from its memory of message ids: it goes out once more, as another message. */
static void restart_observe(struct lwm2m_server *server, struct lwm2m_device *device)
{
    if (device->exchange && lwm2m_operation_observes(device->queue_head->operation)) {
        lwcoap_exchange_cancel(server->coap, device->exchange);
        lwm2m_queue_idle(device);
    }
}

void lwm2m_observations_renew(struct lwm2m_server *server, struct lwm2m_device *device)
{
    restart_observe(server, device);
    for (struct lwm2m_observation *at = device->observations; at; at = at->next) {
        at->last_word = false;
        if (at->state == LWM2M_OBSERVATION_ASKED || at->state == LWM2M_OBSERVATION_ENDED) {
            continue; /* the request for it still waits in the queue */
        }
        become(at, LWM2M_OBSERVATION_LOST);
        if (at->automatic) {
            end(server, at);
        } else {
            lwm2m_observation_renew(server, at);
        }
    }
    lwm2m_observations_sweep(server, device);
}

static bool is_registered(const struct lwm2m_object_list *list, const struct lwm2m_path *path)
{
    if (path->depth == 0) {
        return true; /* composite: a part of it may be left */
    }
    for (size_t i = 0; i < list->count; i++) {
        const struct lwm2m_object_entry *entry = &list->entries[i];
        if (entry->object == path->ids[0] &&
            (path->depth < 2 || entry->instance == LWM2M_INSTANCE_NONE ||
             entry->instance == path->ids[1])) {
            return true;
        }
    }
    return false;
}

void lwm2m_observations_compare(struct lwm2m_server *server, struct lwm2m_device *device,
                                const struct lwm2m_object_list *list)
{
    for (struct lwm2m_observation *at = device->observations; at; at = at->next) {
        if (at->state == LWM2M_OBSERVATION_ENDED ||
            !is_registered(device->object_list, &at->path) || is_registered(list, &at->path)) {
            continue;
        }
        struct lwm2m_event event = lwm2m_event_of(LWM2M_EVENT_NOTIFICATION, device);
        event.observation = at;
        event.path = at->path;
        event.code = LWCOAP_CODE(4, 4);
        event.reason = "the device registered without it";
        end(server, at);
        lwm2m_server_raise(server, &event);
    }
    lwm2m_observations_sweep(server, device);
}

void lwm2m_observations_repair(struct lwm2m_server *server, struct lwm2m_device *device)
{
    for (struct lwm2m_observation *at = device->observations; at; at = at->next) {
        if (at->state == LWM2M_OBSERVATION_LOST) {
            lwm2m_observation_renew(server, at);
        }
        if (server->now_ms > at->told_ms + server->settings.coap.exchange_lifetime_ms) {
            at->last_word = false; /* it is not repeated any more */
        }
    }
    lwm2m_observations_sweep(server, device);
}

/* A word came that a renewal was to bring about. */
static void call_off_renewal(struct lwm2m_server *server, struct lwm2m_observation *observation)
{
    struct lwm2m_request *renewal = observation->renewal;
    if (renewal && observation->state == LWM2M_OBSERVATION_ESTABLISHED &&
        !lwm2m_request_is_under_way(renewal)) {
        lwm2m_queue_withdraw(server, renewal);
        observation->renewal = NULL;
        free(renewal);
    }
}

/* The token of an observation that ended goes on to be known until its last word is safe. */
static void note_word(struct lwm2m_server *server, struct lwm2m_observation *observation,
                      const struct lwcoap_response *response)
{
    lwm2m_silence_told(server, observation, response->max_age_s);
    if (response->code >> 5 == 2) {
        call_off_renewal(server, observation);
        return;
    }
    observation->last_word = response->receipt.confirmable;
    become(observation, LWM2M_OBSERVATION_ENDED);
    if (!observation->last_word) {
        end(server, observation);
    }
}

void lwm2m_observation_notified(struct lwm2m_server *server, struct lwm2m_observation *observation,
                                const struct lwcoap_response *response)
{
    struct lwm2m_device *device = observation->device;
    struct lwm2m_event event = lwm2m_event_of(LWM2M_EVENT_NOTIFICATION, device);
    struct lwm2m_receipt receipt = { .coap = response->receipt, .device = device->number };

    if (observation->state == LWM2M_OBSERVATION_ENDED && response->code >> 5 == 2) {
        lwcoap_reject(server->coap, &response->receipt, server->now_ms);
        lwm2m_queue_touch(server, device);
        return;
    }
    event.observation = observation;
    event.path = observation->path;
    event.outdated = response->outdated;
    event.receipt = receipt.coap.confirmable ? &receipt : NULL;
    lwm2m_content_into_event(server, device, &observation->path, response, &event);
    note_word(server, observation, response);
    lwm2m_server_raise(server, &event);
    lwm2m_observations_sweep(server, device);
}

void lwm2m_observations_acknowledged(struct lwm2m_server *server, struct lwm2m_device *device,
                                     const struct lwcoap_receipt *receipt)
{
    if (receipt->code >> 5 == 2 || receipt->token_len != LWCOAP_TOKEN_LEN) {
        return;
    }
    for (struct lwm2m_observation *at = device->observations; at; at = at->next) {
        if (at->last_word && memcmp(at->coap.token, receipt->token, LWCOAP_TOKEN_LEN) == 0) {
            at->last_word = false;
        }
    }
    lwm2m_observations_sweep(server, device);
}

static void tell(struct lwm2m_server *server, struct lwm2m_observation *observation)
{
    if (server->callbacks.observation_changed) {
        server->callbacks.observation_changed(server->callbacks.ctx, observation->device,
                                              observation);
    }
}

void lwm2m_observations_sweep(struct lwm2m_server *server, struct lwm2m_device *device)
{
    struct lwm2m_observation **link = &device->observations;
    while (*link) {
        struct lwm2m_observation *at = *link;
        if (at->changed && !at->last_word) {
            at->changed = false;
            tell(server, at);
        }
        if (at->state == LWM2M_OBSERVATION_ENDED && !at->renewal && !at->last_word &&
            at != device->in_exchange) {
            *link = at->next;
            observation_free(server, at);
        } else {
            link = &at->next;
        }
    }
}

bool lwm2m_observations_fetch(struct lwm2m_device *device)
{
    struct lwm2m_observation *at = device->fetching ? device->observations : NULL;
    while (at && !at->coap.fetch) {
        at = at->next;
    }
    device->fetching = at != NULL;
    return device->fetching;
}

void lwm2m_observations_end(struct lwm2m_server *server, struct lwm2m_device *device)
{
    while (device->observations) {
        struct lwm2m_observation *next = device->observations->next;
        observation_free(server, device->observations);
        device->observations = next;
    }
}
