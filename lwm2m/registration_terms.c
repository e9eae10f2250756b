#include "lwm2m/registration_terms.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#define DEFAULT_LIFETIME_S 86400 /* of LwM2M 1.0, where `lt` may be missing */
#define MAX_QUERY_OPTIONS  64    /* each is looked for among the others */

static const struct lwm2m_refusal accepted = { 0, "" };

static struct lwm2m_refusal bad_request(const char *reason)
{
    return (struct lwm2m_refusal){ LWCOAP_CODE(4, 0), reason };
}

struct lwm2m_refusal lwm2m_refusal_of_error(int err, const char *reason)
{
    if (err == -ENOMEM) {
        return (struct lwm2m_refusal){ LWCOAP_CODE(5, 3), "out of memory" };
    }
    return bad_request(reason);
}

void lwm2m_terms_deinit(struct lwm2m_server *server, struct lwm2m_terms *terms)
{
    lwm2m_parameters_deinit(&terms->parameters);
    lwm2m_object_list_release(server->object_lists, terms->object_list);
}

static struct lwm2m_refusal read_endpoint(const uint8_t *value, size_t len,
                                          struct lwm2m_terms *terms)
{
    if (len == 0 || memchr(value, 0, len) || !lwm2m_utf8_valid(value, len)) {
        return bad_request("ep is not a name in UTF-8");
    }
    memcpy(terms->endpoint, value, len);
    terms->endpoint[len] = '\0';
    return accepted;
}

/* Takes every Uri-Query option over; unknown parameters are kept (Core TS 6.2.1 is silent, users
 * are not: `imei`, `at`, `apn`). */
static struct lwm2m_refusal read_query(const struct lwcoap_message *message,
                                       struct lwm2m_terms *terms)
{
    struct lwcoap_option_reader reader;
    struct lwcoap_option option;
    unsigned count = 0;

    lwcoap_option_reader_init(&reader, message);
    while (lwcoap_option_next(&reader, &option)) {
        if (option.number != LWCOAP_OPTION_URI_QUERY || option.len == 0) {
            continue;
        }
        if (++count > MAX_QUERY_OPTIONS) {
            return bad_request("too many query parameters");
        }
        const uint8_t *equals = memchr(option.value, '=', option.len);
        size_t name_len = equals ? (size_t)(equals - option.value) : option.len;
        const uint8_t *value = equals ? equals + 1 : NULL;
        size_t value_len = equals ? option.len - name_len - 1 : 0;
        if (name_len == 2 && memcmp(option.value, "ep", 2) == 0) {
            struct lwm2m_refusal refusal = read_endpoint(value, value_len, terms);
            if (refusal.code) {
                return refusal;
            }
            continue;
        }
        int rc = lwm2m_parameters_set(&terms->parameters, option.value, name_len, value, value_len);
        if (rc) {
            return lwm2m_refusal_of_error(rc, rc == -ENOSPC ? "too many query parameters"
                                                            : "a query parameter has no name");
        }
    }
    return accepted;
}

static const struct {
    const char *text;
    struct lwm2m_version version;
} versions[] = {
    { "1.0", { 1, 0 } },
    { "1", { 1, 0 } }, /* old 1.0 clients */
    { "1.1", { 1, 1 } },
    { "1.2", { 1, 2 } },
};

static struct lwm2m_refusal read_version(struct lwm2m_terms *terms)
{
    const char *text = NULL;
    if (!lwm2m_parameters_find(&terms->parameters, "lwm2m", &text) || !text) {
        return bad_request("lwm2m is missing");
    }
    for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
        if (strcmp(text, versions[i].text) == 0) {
            terms->version = versions[i].version;
            return accepted;
        }
    }
    return (struct lwm2m_refusal){ LWCOAP_CODE(4, 12), "this version of LwM2M is not supported" };
}

/* Unsigned seconds; what is larger than 32 bits hold is as good as the largest. */
static bool read_seconds(const char *text, uint32_t *seconds)
{
    uint64_t value = 0;
    if (!text || !*text) {
        return false;
    }
    for (; *text; text++) {
        if (*text < '0' || *text > '9') {
            return false;
        }
        value = value * 10 + (uint64_t)(*text - '0');
        value = value < UINT32_MAX ? value : UINT32_MAX;
    }
    *seconds = (uint32_t)value;
    return true;
}

static struct lwm2m_refusal read_lifetime(const struct lwm2m_server *server,
                                          struct lwm2m_terms *terms)
{
    const char *text = NULL;
    uint32_t seconds = DEFAULT_LIFETIME_S;
    bool newer = terms->version.minor > 0;

    if (!lwm2m_parameters_find(&terms->parameters, "lt", &text)) {
        if (newer) {
            return bad_request("lt is missing");
        }
    } else if (!read_seconds(text, &seconds)) {
        return bad_request("lt is not a number of seconds");
    }
    if (seconds == 0 && newer) {
        terms->lifetime_s = 0; /* Core TS E.2, since 1.1: the registration never ends */
        return accepted;
    }
    seconds = seconds < server->settings.lifetime_max_s ? seconds : server->settings.lifetime_max_s;
    terms->lifetime_s =
        seconds > server->settings.lifetime_min_s ? seconds : server->settings.lifetime_min_s;
    return accepted;
}

/* Access points whose devices sleep although their registration does not say so. */
static const char *const sleepy_access_points[] = {
    "Ctnb",
    "psmA.eDRX0.ctnb",
    "psmC.eDRX0.ctnb",
    "psmF.eDRXC.ctnb",
};

/* `Q` (1.1, 1.2), a binding with Q in it (1.0: UQ, SQ, UQS), or a sleepy access point. */
static void read_queue_mode(struct lwm2m_terms *terms)
{
    const char *value = NULL;
    terms->queue_mode = lwm2m_parameters_find(&terms->parameters, "Q", &value);
    if (lwm2m_parameters_find(&terms->parameters, "b", &value) && value && strchr(value, 'Q')) {
        terms->queue_mode = true;
    }
    if (!lwm2m_parameters_find(&terms->parameters, "apn", &value) || !value) {
        return;
    }
    for (size_t i = 0; i < sizeof(sleepy_access_points) / sizeof(sleepy_access_points[0]); i++) {
        if (strcasecmp(value, sleepy_access_points[i]) == 0) {
            terms->queue_mode = true;
        }
    }
}

/* A profile id stands for an object list (Core TS 6.2.1, since 1.2). None is known here: a device
 * that gives only that is told to register with the list itself; beside a list it is kept. */
static bool names_profile(const struct lwcoap_message *message)
{
    struct lwcoap_option_reader reader;
    struct lwcoap_option option;

    lwcoap_option_reader_init(&reader, message);
    while (lwcoap_option_next(&reader, &option)) {
        if (option.number == LWCOAP_OPTION_URI_QUERY && option.len >= 4 &&
            memcmp(option.value, "pid=", 4) == 0) {
            return true;
        }
    }
    return false;
}

static struct lwm2m_refusal read_object_list(struct lwm2m_server *server,
                                             const struct lwcoap_inbound *inbound,
                                             struct lwm2m_terms *terms)
{
    if (inbound->body_len == 0) {
        return names_profile(inbound->message)
                   ? (struct lwm2m_refusal){ LWCOAP_CODE(4, 9), "the profile id is not known" }
                   : accepted;
    }
    if (inbound->content_format != LWM2M_FORMAT_LINK &&
        inbound->content_format != LWM2M_FORMAT_NONE) {
        return (struct lwm2m_refusal){ LWCOAP_CODE(4, 15),
                                       "the object list is not in link-format" };
    }
    int rc = lwm2m_object_list_hold(server->object_lists, inbound->body, inbound->body_len,
                                    &terms->object_list);
    return rc ? lwm2m_refusal_of_error(rc, "the object list is not link-format") : accepted;
}

/* Core TS 6.2.1, since 1.1: without `ep` the name is that of the identity. */
static struct lwm2m_refusal complete_endpoint(const struct lwm2m_server *server,
                                              const struct transport_route *route,
                                              struct lwm2m_terms *terms)
{
    if (terms->endpoint[0]) {
        return accepted;
    }
    if (terms->version.minor > 0 && server->callbacks.endpoint_of &&
        server->callbacks.endpoint_of(server->callbacks.ctx, route, terms->endpoint,
                                      sizeof(terms->endpoint))) {
        return accepted;
    }
    terms->endpoint[0] = '\0';
    return bad_request("ep is missing");
}

/* With what was just read, in place of `before` bytes of parameters. */
static struct lwm2m_refusal check_room(const struct lwm2m_server *server,
                                       const struct lwm2m_terms *terms, size_t before)
{
    size_t most = server->settings.max_registration_data;
    size_t size = lwm2m_object_lists_size(server->object_lists) + server->parameters_size - before +
                  terms->parameters.len;

    return most == 0 || size <= most
               ? accepted
               : (struct lwm2m_refusal){ LWCOAP_CODE(5, 3), "no room for more object lists" };
}

struct lwm2m_refusal lwm2m_terms_read_register(struct lwm2m_server *server,
                                               const struct lwcoap_inbound *inbound,
                                               struct lwm2m_terms *terms)
{
    struct lwm2m_refusal refusal = read_query(inbound->message, terms);
    if (!refusal.code) {
        refusal = read_version(terms);
    }
    if (!refusal.code) {
        refusal = complete_endpoint(server, &inbound->receipt.route, terms);
    }
    if (!refusal.code) {
        refusal = read_lifetime(server, terms);
    }
    if (!refusal.code) {
        refusal = read_object_list(server, inbound, terms);
    }
    if (!refusal.code) {
        refusal = check_room(server, terms, 0);
    }
    read_queue_mode(terms);
    return refusal;
}

/* Reads what an Update changes (Core TS 6.2.2) on top of what the device registered. */
struct lwm2m_refusal lwm2m_terms_read_update(struct lwm2m_server *server,
                                             const struct lwm2m_device *device,
                                             const struct lwcoap_inbound *inbound,
                                             struct lwm2m_terms *terms)
{
    if (lwm2m_parameters_copy(&terms->parameters, &device->parameters)) {
        return lwm2m_refusal_of_error(-ENOMEM, "");
    }
    terms->version = device->version;
    struct lwm2m_refusal refusal = read_query(inbound->message, terms);
    if (!refusal.code) {
        refusal = read_lifetime(server, terms);
    }
    if (!refusal.code) {
        refusal = read_object_list(server, inbound, terms);
    }
    if (!refusal.code) {
        refusal = check_room(server, terms, device->parameters.len);
    }
    read_queue_mode(terms);
    return refusal;
}
