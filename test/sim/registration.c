/** See registration.h. */
#include "test/sim/registration.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "test/sim/content.h"
#include "test/sim/device.h"
#include "test/sim/object_links.h"

enum { BACK_OFF_MIN_MS = 1000, BACK_OFF_MAX_MS = 60000 };

static void forget_location(struct registration *registration)
{
    for (size_t i = 0; i < registration->location_count; i++) {
        bytes_deinit(&registration->location[i]);
    }
    registration->location_count = 0;
}

void registration_deinit(struct registration *registration)
{
    forget_location(registration);
}

static int64_t update_period_ms(const struct device *device)
{
    static const struct path lifetime = { 3, { 1, 0, 1 } };
    if (device->options->update_interval_s > 0) {
        return (int64_t)(device->options->update_interval_s * 1000);
    }
    for (size_t i = 0; i < device->store.leaves.count; i++) {
        const struct record *record = &device->store.leaves.list[i];
        if (path_compare(&record->path, &lifetime) == 0 && record->value.integer > 0) {
            return record->value.integer * 750;
        }
    }
    return DEVICE_NEVER; /* lifetime 0: for ever */
}

static void plan_update(struct device *device)
{
    int64_t period = update_period_ms(device);
    device->registration.next_ms = period == DEVICE_NEVER ? DEVICE_NEVER : device->now_ms + period;
}

/* ---- requests ---- */

static void add_option(coap_optlist_t **options, uint16_t number, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void add_option(coap_optlist_t **options, uint16_t number, const char *format, ...)
{
    char text[300];
    va_list list;
    va_start(list, format);
    int len = vsnprintf(text, sizeof text, format, list);
    va_end(list);
    if (len >= 0 && (size_t)len < sizeof text) {
        coap_insert_optlist(options, coap_new_optlist(number, (size_t)len, (uint8_t *)text));
    }
}

static void add_content_format(coap_optlist_t **options, int number)
{
    uint8_t value[4];
    size_t len = coap_encode_var_safe(value, sizeof value, (unsigned int)number);
    coap_insert_optlist(options, coap_new_optlist(COAP_OPTION_CONTENT_FORMAT, len, value));
}

static void add_location(const struct registration *registration, coap_optlist_t **options)
{
    for (size_t i = 0; i < registration->location_count; i++) {
        const struct bytes *segment = &registration->location[i];
        coap_insert_optlist(options,
                            coap_new_optlist(COAP_OPTION_URI_PATH, segment->len, segment->data));
    }
}

static void free_body(coap_session_t *session, void *body)
{
    struct bytes bytes = { .data = body };
    (void)session;
    bytes_deinit(&bytes);
}

/** Sends a confirmable request; consumes @p options and @p body. */
static void send_request(struct device *device, enum registration_exchange exchange,
                         coap_request_t method, coap_optlist_t *options, struct bytes *body)
{
    struct registration *registration = &device->registration;
    coap_session_t *session = device->network.session;
    device_spoke(device);
    coap_pdu_t *pdu = coap_new_pdu(COAP_MESSAGE_CON, (coap_pdu_code_t)method, session);
    coap_session_new_token(session, &registration->token_len, registration->token);
    if (pdu == NULL || !coap_add_token(pdu, registration->token_len, registration->token) ||
        !coap_add_optlist_pdu(pdu, &options)) {
        abort();
    }
    if (body->len != 0) {
        coap_add_data_large_request(session, pdu, body->len, body->data, free_body, body->data);
    }
    *body = (struct bytes){ 0 };
    coap_delete_optlist(options);
    registration->exchange = exchange;
    coap_send(session, pdu);
}

static long long lifetime(const struct device *device)
{
    static const struct path path = { 3, { 1, 0, 1 } };
    for (size_t i = 0; i < device->store.leaves.count; i++) {
        const struct record *record = &device->store.leaves.list[i];
        if (path_compare(&record->path, &path) == 0) {
            return record->value.integer;
        }
    }
    return device->options->lifetime_s;
}

static void send_register(struct device *device)
{
    coap_optlist_t *options = NULL;
    struct bytes links = { 0 };
    unsigned int version = device->options->version;
    add_option(&options, COAP_OPTION_URI_PATH, "rd");
    add_content_format(&options, CONTENT_LINK_FORMAT);
    add_option(&options, COAP_OPTION_URI_QUERY, "lwm2m=%u.%u", version / 10, version % 10);
    if (!device->options->no_endpoint) {
        add_option(&options, COAP_OPTION_URI_QUERY, "ep=%s", device->endpoint);
    }
    add_option(&options, COAP_OPTION_URI_QUERY, "b=%s", device->options->binding);
    if (version >= 11 && device->options->queue_mode) {
        add_option(&options, COAP_OPTION_URI_QUERY, "Q");
    }
    add_option(&options, COAP_OPTION_URI_QUERY, "lt=%lld", lifetime(device));
    object_links_add(device, &links);
    send_request(device, EXCHANGE_REGISTER, COAP_REQUEST_POST, options, &links);
}

static void send_update(struct device *device)
{
    struct registration *registration = &device->registration;
    coap_optlist_t *options = NULL;
    struct bytes links = { 0 };
    add_location(registration, &options);
    if (registration->lifetime_changed) {
        add_option(&options, COAP_OPTION_URI_QUERY, "lt=%lld", lifetime(device));
    }
    if (registration->objects_changed) {
        add_content_format(&options, CONTENT_LINK_FORMAT);
        object_links_add(device, &links);
    }
    registration->update_wanted = false;
    registration->lifetime_changed = false;
    registration->objects_changed = false;
    send_request(device, EXCHANGE_UPDATE, COAP_REQUEST_POST, options, &links);
}

static void send_deregister(struct device *device)
{
    coap_optlist_t *options = NULL;
    struct bytes nothing = { 0 };
    add_location(&device->registration, &options);
    send_request(device, EXCHANGE_DEREGISTER, COAP_REQUEST_DELETE, options, &nothing);
}

void registration_send(struct device *device)
{
    static const struct path sensors = { 1, { 3303 } };
    struct registration *registration = &device->registration;
    if (registration->state != REGISTRATION_IN || registration->exchange != EXCHANGE_NONE) {
        return;
    }
    bool json = options_speak(device->options, 110);
    coap_optlist_t *options = NULL;
    struct records records = { 0 };
    struct bytes body = { 0 };
    store_read(&device->store, &sensors, &records);
    struct content content = { .records = records.list, .count = records.count };
    if (device->options->timestamps) {
        content.time_s = (double)time(NULL);
    }
    if (json) {
        senml_json_encode(&content, &body);
    } else {
        senml_cbor_encode(&content, &body);
    }
    add_option(&options, COAP_OPTION_URI_PATH, "dp");
    add_content_format(&options, json ? 110 : 112);
    send_request(device, EXCHANGE_SEND, COAP_REQUEST_POST, options, &body);
    records_deinit(&records);
}

/* ---- answers ---- */

static void keep_location(struct registration *registration, const coap_pdu_t *pdu)
{
    coap_opt_iterator_t iterator;
    coap_opt_filter_t filter;
    forget_location(registration);
    coap_option_filter_clear(&filter);
    coap_option_filter_set(&filter, COAP_OPTION_LOCATION_PATH);
    coap_option_iterator_init(pdu, &iterator, &filter);
    for (;;) {
        coap_opt_t *option = coap_option_next(&iterator);
        if (option == NULL || registration->location_count == REGISTRATION_SEGMENTS_MAX) {
            return;
        }
        bytes_add(&registration->location[registration->location_count++], coap_opt_value(option),
                  coap_opt_length(option));
    }
}

static void say_registered(struct device *device)
{
    struct bytes text = { 0 };
    for (size_t i = 0; i < device->registration.location_count; i++) {
        const struct bytes *segment = &device->registration.location[i];
        bytes_add_byte(&text, '/');
        bytes_add(&text, segment->data, segment->len);
    }
    device_say(device, "registered location=%s", bytes_text(&text));
    bytes_deinit(&text);
}

/** Out for now: registers again after a while that doubles each time. */
static void back_off(struct device *device)
{
    struct registration *registration = &device->registration;
    unsigned int doublings = registration->failures < 6 ? registration->failures : 6;
    int64_t pause_ms = (int64_t)BACK_OFF_MIN_MS << doublings;
    registration->failures++;
    registration->state = REGISTRATION_OUT;
    registration->next_ms =
        device->now_ms + (pause_ms < BACK_OFF_MAX_MS ? pause_ms : BACK_OFF_MAX_MS);
}

static void register_answered(struct device *device, int code, const coap_pdu_t *pdu)
{
    struct registration *registration = &device->registration;
    if (code != 201) {
        device_say(device, "refused register %d.%02d", code / 100, code % 100);
        registration->refused = true;
        back_off(device);
        return;
    }
    keep_location(registration, pdu);
    registration->state = REGISTRATION_IN;
    registration->failures = 0;
    registration->was_in = true;
    registration->refused = false;
    plan_update(device);
    say_registered(device);
}

static void update_answered(struct device *device, int code)
{
    struct registration *registration = &device->registration;
    if (code == 204) {
        device_say(device, "updated");
        registration->failures = 0;
        plan_update(device);
        return;
    }
    device_say(device, "refused update %d.%02d", code / 100, code % 100);
    if (code == 404) {
        registration->state = REGISTRATION_OUT;
        registration->next_ms = device->now_ms;
        return;
    }
    back_off(device);
}

static void deregister_done(struct device *device)
{
    struct registration *registration = &device->registration;
    registration->state = REGISTRATION_OVER;
    if (registration->disable_ms != 0) {
        registration->state = REGISTRATION_OUT;
        registration->next_ms = device->now_ms + registration->disable_ms;
        registration->disable_ms = 0;
    }
}

static bool is_under_way(const struct registration *registration, const coap_pdu_t *pdu)
{
    coap_bin_const_t token = coap_pdu_get_token(pdu);
    return registration->exchange != EXCHANGE_NONE && token.length == registration->token_len &&
           memcmp(token.s, registration->token, token.length) == 0;
}

static coap_response_t handle_response(coap_session_t *session, const coap_pdu_t *sent,
                                       const coap_pdu_t *received, const coap_mid_t mid)
{
    struct device *device = coap_get_app_data(coap_session_get_context(session));
    struct registration *registration = &device->registration;
    (void)sent;
    (void)mid;
    if (!is_under_way(registration, received)) {
        return COAP_RESPONSE_FAIL;
    }
    unsigned int raw = (unsigned int)coap_pdu_get_code(received);
    int code = (int)(raw >> 5) * 100 + (int)(raw & 31);
    enum registration_exchange exchange = registration->exchange;
    registration->exchange = EXCHANGE_NONE;
    if (exchange == EXCHANGE_REGISTER) {
        register_answered(device, code, received);
    } else if (exchange == EXCHANGE_UPDATE) {
        update_answered(device, code);
    } else if (exchange == EXCHANGE_DEREGISTER) {
        device_say(device, "deregistered");
        deregister_done(device);
    } else {
        device_say(device, "sent -> %d.%02d", code / 100, code % 100);
    }
    return COAP_RESPONSE_OK;
}

static void handle_failure(coap_session_t *session, const coap_pdu_t *sent,
                           const coap_nack_reason_t reason, const coap_mid_t mid)
{
    static const char *const names[] = { "none", "register", "update", "deregister", "send" };
    struct device *device = coap_get_app_data(coap_session_get_context(session));
    struct registration *registration = &device->registration;
    (void)mid;
    if (sent == NULL || reason == COAP_NACK_ICMP_ISSUE || !is_under_way(registration, sent)) {
        return; /* after an ICMP error libcoap goes on trying */
    }
    enum registration_exchange exchange = registration->exchange;
    registration->exchange = EXCHANGE_NONE;
    device_say(device, "no-answer %s", names[exchange]);
    device_forget(device); /* perhaps the server knows the session no more, and cannot say so */
    if (exchange == EXCHANGE_DEREGISTER) {
        deregister_done(device);
    } else if (exchange != EXCHANGE_SEND && registration->state != REGISTRATION_LEAVING) {
        back_off(device);
    }
}

void registration_open(struct device *device)
{
    coap_context_t *context = device->network.context;
    coap_set_app_data(context, device);
    coap_register_response_handler(context, handle_response);
    coap_register_nack_handler(context, handle_failure);
}

/* ---- the course of things ---- */

static bool is_due(const struct device *device)
{
    int64_t next_ms = device->registration.next_ms;
    return next_ms != DEVICE_NEVER && next_ms <= device->now_ms;
}

void registration_turn(struct device *device)
{
    struct registration *registration = &device->registration;
    if (registration->exchange != EXCHANGE_NONE) {
        return;
    }
    switch (registration->state) {
    case REGISTRATION_OUT:
        if (is_due(device)) {
            send_register(device);
        }
        break;
    case REGISTRATION_IN:
        if (is_due(device) || registration->update_wanted || registration->lifetime_changed ||
            registration->objects_changed) {
            send_update(device);
        }
        break;
    case REGISTRATION_LEAVING:
        send_deregister(device);
        break;
    case REGISTRATION_OVER:
        break;
    }
}

int64_t registration_deadline_ms(const struct device *device)
{
    const struct registration *registration = &device->registration;
    bool waits =
        registration->exchange == EXCHANGE_NONE && registration->state != REGISTRATION_OVER;
    return waits ? registration->next_ms : DEVICE_NEVER;
}

void registration_restart(struct device *device)
{
    struct registration *registration = &device->registration;
    bool was_in = registration->was_in;
    forget_location(registration);
    *registration = (struct registration){ .next_ms = device->now_ms, .was_in = was_in };
}

void registration_disable(struct device *device, int64_t seconds)
{
    device->registration.state = REGISTRATION_LEAVING;
    device->registration.next_ms = device->now_ms;
    device->registration.disable_ms = seconds < 1 ? 1000 : seconds * 1000;
}

void registration_leave(struct device *device)
{
    struct registration *registration = &device->registration;
    bool says_so = registration->state == REGISTRATION_IN && !device->options->no_deregister;
    registration->disable_ms = 0;
    registration->next_ms = device->now_ms;
    registration->state = says_so ? REGISTRATION_LEAVING : REGISTRATION_OVER;
}
