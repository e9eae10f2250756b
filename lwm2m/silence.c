#include "lwm2m/silence.h"

#include <stdlib.h>
#include <string.h>

#include "lwm2m/content/link_format.h"

#define MAX_AGE_DEFAULT_S 60 /* RFC 7252, 5.10.5: what its lack means */
#define PMAX_LONGEST_S    UINT32_MAX

/* What a device was told for a path, or told itself. */
struct lwm2m_silence_pmax {
    struct lwm2m_silence_pmax *next;
    struct lwm2m_path path;
    uint32_t pmax_s;
};

/* --- reading --- */

static uint32_t read_seconds(const char *text, size_t len)
{
    uint64_t seconds = 0;
    for (size_t i = 0; i < len && text[i] >= '0' && text[i] <= '9'; i++) {
        seconds = seconds * 10 + (uint64_t)(text[i] - '0');
        if (seconds >= PMAX_LONGEST_S) {
            return PMAX_LONGEST_S;
        }
    }
    return (uint32_t)seconds;
}

/* Whether a query names pmax; 0 takes it away. */
static bool query_has_pmax(const char *query, uint32_t *pmax_s)
{
    static const char name[] = "pmax";
    size_t name_len = sizeof(name) - 1;
    while (query && *query) {
        size_t len = strcspn(query, "&");
        bool is_it = len >= name_len && memcmp(query, name, name_len) == 0 &&
                     (len == name_len || query[name_len] == '=');
        if (is_it) {
            *pmax_s = len > name_len ? read_seconds(query + name_len + 1, len - name_len - 1) : 0;
            return true;
        }
        query += len + (query[len] == '&');
    }
    return false;
}

/* --- what was learned --- */

/* The attributes of the longest path that an observation lies within (Core TS 7.3.1); NULL: none.
 */
static const struct lwm2m_silence_pmax *learned_pmax(const struct lwm2m_device *device,
                                                     const struct lwm2m_path *path)
{
    const struct lwm2m_silence_pmax *best = NULL;
    for (const struct lwm2m_silence_pmax *at = device->pmaxes; at; at = at->next) {
        if (lwm2m_path_is_within(path, &at->path) && (!best || at->path.depth > best->path.depth)) {
            best = at;
        }
    }
    return best;
}

/* What finds no room, or no memory, is not known. */
static struct lwm2m_silence_pmax *entry_of(struct lwm2m_device *device,
                                           const struct lwm2m_path *path)
{
    size_t count = 0;
    for (struct lwm2m_silence_pmax *at = device->pmaxes; at; at = at->next, count++) {
        if (lwm2m_path_equal(&at->path, path)) {
            return at;
        }
    }
    struct lwm2m_silence_pmax *entry =
        count < LWM2M_SILENCE_PATHS ? calloc(1, sizeof(*entry)) : NULL;
    if (entry) {
        entry->path = *path;
        entry->next = device->pmaxes;
        device->pmaxes = entry;
    }
    return entry;
}

static void learn(struct lwm2m_device *device, const struct lwm2m_path *path, uint32_t pmax_s)
{
    struct lwm2m_silence_pmax *entry = entry_of(device, path);
    if (entry) {
        entry->pmax_s = pmax_s;
    }
}

void lwm2m_silence_forget(struct lwm2m_device *device)
{
    while (device->pmaxes) {
        struct lwm2m_silence_pmax *next = device->pmaxes->next;
        free(device->pmaxes);
        device->pmaxes = next;
    }
}

/* --- when a word is due --- */

/* The next word is due so long from now. Both promises hold: the later one counts, so that nothing
 * is asked for in vain. */
static void expect(struct lwm2m_server *server, struct lwm2m_observation *observation)
{
    const struct lwm2m_server_settings *settings = &server->settings;
    struct lwm2m_device *device = observation->device;
    uint64_t interval_s =
        observation->pmax_s > observation->max_age_s ? observation->pmax_s : observation->max_age_s;

    interval_s = interval_s > 0 ? interval_s : settings->observe_pmax_s;
    observation->due_ms = LWM2M_TIMERS_NEVER;
    if (settings->observe_grace_ms > 0 && interval_s > 0) {
        observation->due_ms = server->now_ms + interval_s * 1000 + settings->observe_grace_ms;
    }
    if (observation->due_ms < device->silence_ms) {
        device->silence_ms = observation->due_ms;
    }
}

void lwm2m_silence_told(struct lwm2m_server *server, struct lwm2m_observation *observation,
                        uint32_t max_age_s)
{
    observation->told = true;
    observation->told_ms = server->now_ms;
    observation->max_age_s = max_age_s == MAX_AGE_DEFAULT_S ? 0 : max_age_s;
    expect(server, observation);
}

void lwm2m_silence_settle(struct lwm2m_server *server, struct lwm2m_observation *observation)
{
    const struct lwm2m_silence_pmax *learned = NULL;
    if (!query_has_pmax(observation->query, &observation->pmax_s)) {
        learned = observation->path_count == 0
                      ? learned_pmax(observation->device, &observation->path)
                      : NULL;
        observation->pmax_s = learned ? learned->pmax_s : 0;
    }
    observation->pmax_depth = learned ? learned->path.depth : 0;
    expect(server, observation);
}

static void settle_all(struct lwm2m_server *server, struct lwm2m_device *device)
{
    for (struct lwm2m_observation *at = device->observations; at; at = at->next) {
        uint32_t before_s = at->pmax_s;
        uint8_t before_depth = at->pmax_depth;
        lwm2m_silence_settle(server, at);
        at->changed |= at->pmax_s != before_s || at->pmax_depth != before_depth;
    }
}

void lwm2m_silence_learn(struct lwm2m_server *server, struct lwm2m_device *device,
                         const struct lwm2m_path *path, const char *query)
{
    uint32_t pmax_s;
    if (query_has_pmax(query, &pmax_s)) {
        learn(device, path, pmax_s);
        settle_all(server, device);
    }
}

void lwm2m_silence_restore(struct lwm2m_observation *observation, uint8_t depth, uint32_t pmax_s)
{
    struct lwm2m_path path = observation->path;
    path.depth = depth;
    learn(observation->device, &path, pmax_s);
}

/* A path as the device writes it, below its alternate path. */
static bool read_target(const struct lwm2m_device *device, struct lwm2m_bytes target,
                        struct lwm2m_path *path)
{
    const char *root = device->object_list->root;
    size_t root_len = strlen(root);
    if (target.len < root_len || memcmp(target.data, root, root_len) != 0) {
        return false;
    }
    return lwm2m_path_parse((const char *)target.data + root_len, target.len - root_len, path) ==
               0 &&
           path->depth > 0;
}

void lwm2m_silence_learn_links(struct lwm2m_server *server, struct lwm2m_device *device,
                               const uint8_t *links, size_t len)
{
    struct lwm2m_link_reader reader;
    struct lwm2m_link link;
    struct lwm2m_link_attribute attribute;
    struct lwm2m_path path;

    lwm2m_link_reader_init(&reader, links, len);
    while (lwm2m_link_reader_next(&reader, &link)) {
        if (lwm2m_link_attribute_find(&link, "pmax", &attribute) && attribute.value.data &&
            read_target(device, link.target, &path)) {
            learn(device, &path,
                  read_seconds((const char *)attribute.value.data, attribute.value.len));
        }
    }
    settle_all(server, device);
}

/* --- looking --- */

void lwm2m_silence_check(struct lwm2m_server *server, struct lwm2m_device *device)
{
    device->silence_ms = LWM2M_TIMERS_NEVER;
    for (struct lwm2m_observation *at = device->observations; at; at = at->next) {
        if (at->state != LWM2M_OBSERVATION_ESTABLISHED) {
            continue;
        }
        if (server->now_ms >= at->due_ms) {
            lwm2m_observation_renew(server, at);
            expect(server, at); /* should there be no answer, the next time is as far away */
        }
        device->silence_ms = at->due_ms < device->silence_ms ? at->due_ms : device->silence_ms;
    }
}
