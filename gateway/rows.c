#include "gateway/rows.h"

#include <errno.h>
#include <string.h>

enum {
    ROUTE_FORM = 1, /* the first byte of a route */

    DEVICE_QUEUE_MODE = 1,
    DEVICE_GAVE_LINKS = 2,
    DEVICE_REFUSES_ACCEPT = 4,

    OBSERVATION_AUTOMATIC = 1,
    OBSERVATION_LOST = 2,
    OBSERVATION_COMPOSITE = 4,
};

/* --- routes --- */

static uint8_t *put(uint8_t *at, const void *bytes, size_t len)
{
    memcpy(at, bytes, len);
    return at + len;
}

static const uint8_t *get(const uint8_t *at, void *bytes, size_t len)
{
    memcpy(bytes, at, len);
    return at + len;
}

size_t rows_from_route(const struct transport_route *route,
                       const struct config_listeners *listeners, uint8_t bytes[ROWS_ROUTE_LEN])
{
    const struct config_listener *listener = &listeners->items[route->listener];
    const uint8_t head[2] = { ROUTE_FORM, (uint8_t)listener->transport };
    uint8_t *at = put(bytes, head, sizeof(head));
    at = put(at, &listener->port, sizeof(listener->port));
    at = put(at, &route->listener, sizeof(route->listener));
    at = put(at, &route->remote.port, sizeof(route->remote.port));
    at = put(at, &route->remote.scope_id, sizeof(route->remote.scope_id));
    at = put(at, &route->local_ifindex, sizeof(route->local_ifindex));
    at = put(at, route->remote.ip, sizeof(route->remote.ip));
    at = put(at, route->local_ip, sizeof(route->local_ip));
    return (size_t)(at - bytes);
}

/* How well a listener of today suits a device that came in on one of yesterday; 0: not at all. */
static unsigned suits(const struct config_listeners *listeners, size_t index, uint8_t transport,
                      uint16_t port, uint16_t listener)
{
    const struct config_listener *candidate = &listeners->items[index];
    if ((uint8_t)candidate->transport != transport) {
        return 0;
    }
    return 1u + (index == listener ? 1u : 0u) + (candidate->port == port ? 2u : 0u);
}

static int find_listener(const struct config_listeners *listeners, uint8_t transport, uint16_t port,
                         uint16_t *listener)
{
    unsigned best = 0;
    uint16_t before = *listener;
    for (size_t i = 0; i < listeners->count; i++) {
        unsigned how_well = suits(listeners, i, transport, port, before);
        if (how_well > best) {
            best = how_well;
            *listener = (uint16_t)i;
        }
    }
    return best > 0 ? 0 : -ENOENT;
}

static int to_route(const void *bytes, size_t len, const struct config_listeners *listeners,
                    struct transport_route *route)
{
    uint8_t head[2];
    uint16_t port;
    if (len != ROWS_ROUTE_LEN) {
        return -EBADMSG;
    }
    *route = (struct transport_route){ 0 };
    const uint8_t *at = get(bytes, head, sizeof(head));
    at = get(at, &port, sizeof(port));
    at = get(at, &route->listener, sizeof(route->listener));
    at = get(at, &route->remote.port, sizeof(route->remote.port));
    at = get(at, &route->remote.scope_id, sizeof(route->remote.scope_id));
    at = get(at, &route->local_ifindex, sizeof(route->local_ifindex));
    at = get(at, route->remote.ip, sizeof(route->remote.ip));
    (void)get(at, route->local_ip, sizeof(route->local_ip));
    return head[0] == ROUTE_FORM ? find_listener(listeners, head[1], port, &route->listener)
                                 : -EBADMSG;
}

/* --- registrations --- */

void rows_from_device(const struct lwm2m_durable_device *device,
                      const struct config_listeners *listeners, uint64_t wall_ms,
                      uint8_t route[ROWS_ROUTE_LEN], struct store_device *row)
{
    *row = (struct store_device){
        .endpoint = device->endpoint,
        .number = device->number,
        .version = (uint32_t)(device->version.major << 8 | device->version.minor),
        .lifetime_s = device->lifetime_s,
        .expires_wall_ms = device->lifetime_s > 0 ? wall_ms + device->remaining_ms : 0,
        .flags = (uint32_t)(DEVICE_QUEUE_MODE * device->queue_mode +
                            DEVICE_GAVE_LINKS * device->gave_object_list +
                            DEVICE_REFUSES_ACCEPT * device->refuses_accept),
        .formats = device->write_format,
        .session = device->route.session,
        .route = route,
        .route_len = rows_from_route(&device->route, listeners, route),
        .parameters = device->parameters,
        .parameters_len = device->parameters_len,
        .links = device->links,
        .links_len = device->links_len,
    };
}

static uint64_t remaining_ms(const struct store_device *row, uint64_t wall_ms)
{
    uint64_t lifetime_ms = (uint64_t)row->lifetime_s * 1000;
    uint64_t late_ms = lifetime_ms / 2;
    if (row->expires_wall_ms >= wall_ms) {
        uint64_t left_ms = row->expires_wall_ms - wall_ms;
        return (left_ms < lifetime_ms ? left_ms : lifetime_ms) + late_ms;
    }
    uint64_t over_ms = wall_ms - row->expires_wall_ms;
    return over_ms < late_ms ? late_ms - over_ms : 0;
}

int rows_to_device(const struct store_device *row, const struct config_listeners *listeners,
                   uint64_t wall_ms, struct lwm2m_durable_device *device)
{
    if (row->version > UINT16_MAX || row->formats > UINT16_MAX || row->session > UINT32_MAX) {
        return -EBADMSG;
    }
    *device = (struct lwm2m_durable_device){
        .endpoint = row->endpoint,
        .number = row->number,
        .version = { (uint8_t)(row->version >> 8), (uint8_t)(row->version & 0xff) },
        .lifetime_s = row->lifetime_s,
        .remaining_ms = remaining_ms(row, wall_ms),
        .queue_mode = (row->flags & DEVICE_QUEUE_MODE) != 0,
        .gave_object_list = (row->flags & DEVICE_GAVE_LINKS) != 0,
        .refuses_accept = (row->flags & DEVICE_REFUSES_ACCEPT) != 0,
        .write_format = (uint16_t)row->formats,
        .parameters = row->parameters,
        .parameters_len = row->parameters_len,
        .links = row->links,
        .links_len = row->links_len,
    };
    int err = to_route(row->route, row->route_len, listeners, &device->route);
    device->route.session = (uint32_t)row->session;
    return err;
}

/* --- observations --- */

/* "/3/0/9", or of a composite one "/3/0/9 /4/0/2": whoever looks into the file can read it. */
static void append_path(struct lwm2m_buffer *target, const struct lwm2m_path *path)
{
    char text[LWM2M_PATH_TEXT_MAX];
    size_t len = lwm2m_path_format(path, text);
    if (target->len > 0) {
        lwm2m_buffer_append_byte(target, ' ');
    }
    lwm2m_buffer_append(target, text, len);
}

int rows_from_observation(const struct lwm2m_durable_observation *observation,
                          const struct command_text *echo, struct lwm2m_buffer *target,
                          struct store_observation *row)
{
    bool is_composite = observation->path_count > 0;
    if (!is_composite) {
        append_path(target, &observation->path);
    }
    for (size_t i = 0; i < observation->path_count; i++) {
        append_path(target, &observation->paths[i].path);
    }
    if (target->err != 0) {
        return -ENOMEM;
    }
    *row = (struct store_observation){
        .token = observation->token,
        .token_len = sizeof(observation->token),
        .target = target->data,
        .target_len = target->len,
        .query = observation->query,
        .accept = observation->accept,
        .flags =
            (uint32_t)(OBSERVATION_AUTOMATIC * observation->automatic +
                       OBSERVATION_LOST * (observation->state != LWM2M_OBSERVATION_ESTABLISHED) +
                       OBSERVATION_COMPOSITE * is_composite),
        .echo = echo->len > 0 && !observation->automatic ? echo->text : NULL,
        .pmax_s = observation->pmax_s,
        .pmax_depth = observation->pmax_depth,
    };
    return 0;
}

static int read_paths(const char *target, size_t len, struct lwm2m_records *paths)
{
    while (len > 0) {
        const char *blank = memchr(target, ' ', len);
        size_t path_len = blank != NULL ? (size_t)(blank - target) : len;
        struct lwm2m_record *record = lwm2m_records_add(paths);
        if (record == NULL) {
            return -ENOMEM;
        }
        if (path_len == 0 || lwm2m_path_parse(target, path_len, &record->path) != 0) {
            return -EBADMSG;
        }
        path_len += blank != NULL;
        target += path_len;
        len -= path_len;
    }
    return paths->count > 0 ? 0 : -EBADMSG;
}

int rows_to_observation(const struct store_observation *row, struct lwm2m_records *paths,
                        struct lwm2m_durable_observation *observation)
{
    static const struct lwm2m_path root = { .depth = 0 };
    bool is_composite = (row->flags & OBSERVATION_COMPOSITE) != 0;
    if (row->token_len != sizeof(observation->token) || row->accept > UINT16_MAX ||
        row->pmax_depth > UINT8_MAX) {
        return -EBADMSG;
    }
    int err = read_paths(row->target, row->target_len, paths);
    if (err != 0 || (!is_composite && paths->count > 1)) {
        return err != 0 ? err : -EBADMSG;
    }
    *observation = (struct lwm2m_durable_observation){
        .state =
            row->flags & OBSERVATION_LOST ? LWM2M_OBSERVATION_LOST : LWM2M_OBSERVATION_ESTABLISHED,
        .path = is_composite ? root : paths->items[0].path,
        .paths = is_composite ? paths->items : NULL,
        .path_count = is_composite ? paths->count : 0,
        .query = row->query,
        .accept = (uint16_t)row->accept,
        .pmax_s = row->pmax_s,
        .pmax_depth = (uint8_t)row->pmax_depth,
        .automatic = (row->flags & OBSERVATION_AUTOMATIC) != 0,
    };
    memcpy(observation->token, row->token, sizeof(observation->token));
    return 0;
}
