/*
 * The shared state between threads: what each side may do under the lock, and who is woken by it.
 * The worker's own loop is in worker.c.
 */
#include "mqtt/link.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mqtt/settings.h"
#include "mqtt/window.h"
#include "mqtt/worker.h"

enum {
    CONTROL_EVENTS = 8, /* UP, OFFLINE_SENT and DOWN of an attempt: at most one each, with room */
};

/* Lets go of the lock; wakes the loop when it is worth it and not done already. */
static void unlock_and_wake(struct mqtt_link *link, bool worth_it)
{
    bool wake = worth_it && !link->woken;
    link->woken = link->woken || wake;
    pthread_mutex_unlock(&link->lock);
    if (wake) {
        link->wake(link->ctx);
    }
}

/* The caller holds the lock, which this lets go. */
static void push_and_unlock(struct mqtt_link *link, struct mqtt_event event)
{
    mqtt_inbox_push(&link->inbox, event);
    unlock_and_wake(link, true);
}

void mqtt_link_push(struct mqtt_link *link, struct mqtt_event event)
{
    pthread_mutex_lock(&link->lock);
    push_and_unlock(link, event);
}

static void deinit(struct mqtt_link *link)
{
    mqtt_inbox_deinit(&link->inbox);
    mqtt_outbox_deinit(&link->outbox);
    pthread_mutex_destroy(&link->lock);
    pthread_cond_destroy(&link->work);
    pthread_cond_destroy(&link->taken);
    pthread_cond_destroy(&link->ended);
    free(link);
}

int mqtt_link_new(struct mqtt_settings *settings, void (*wake)(void *), void *ctx,
                  struct mqtt_link **link)
{
    struct mqtt_link *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        return -ENOMEM;
    }
    made->settings = settings;
    made->wake = wake;
    made->ctx = ctx;
    pthread_mutex_init(&made->lock, NULL);
    pthread_cond_init(&made->work, NULL);
    pthread_cond_init(&made->taken, NULL);
    pthread_cond_init(&made->ended, NULL);
    size_t events = settings->max_unconfirmed + settings->max_inbox + settings->subscription_count +
                    CONTROL_EVENTS;
    int err = mqtt_inbox_init(&made->inbox, events);
    err = err ? err : mqtt_outbox_init(&made->outbox, settings->max_unconfirmed, made);
    err = err ? err : mqtt_worker_start(made);
    if (err) {
        deinit(made);
        return err;
    }
    *link = made;
    return 0;
}

static void drop_events(struct mqtt_link *link)
{
    const struct mqtt_event *batch;
    size_t count = mqtt_inbox_swap(&link->inbox, &batch);
    for (size_t i = 0; i < count; i++) {
        if (batch[i].kind == MQTT_EVENT_MESSAGE) {
            free(batch[i].incoming->buffer);
            free(batch[i].incoming);
        }
    }
}

void mqtt_link_free(struct mqtt_link *link)
{
    if (link == NULL) {
        return;
    }
    pthread_mutex_lock(&link->lock);
    link->requests = MQTT_REQUEST_EXIT;
    link->accepting = false;
    pthread_cond_signal(&link->work);
    while (!link->finished && link->parked == 0) {
        pthread_cond_wait(&link->ended, &link->lock);
    }
    bool finished = link->finished;
    pthread_mutex_unlock(&link->lock);
    if (!finished) {
        /* A thread holds a message that nobody took. It stays as it is, and all that it uses. */
        pthread_detach(link->worker);
        return;
    }
    pthread_join(link->worker, NULL);
    drop_events(link);
    mqtt_settings_free(link->settings);
    deinit(link);
}

void mqtt_link_request(struct mqtt_link *link, enum mqtt_request request)
{
    pthread_mutex_lock(&link->lock);
    link->requests |= request;
    pthread_cond_signal(&link->work);
    pthread_mutex_unlock(&link->lock);
}

void mqtt_link_connect(struct mqtt_link *link, size_t broker)
{
    pthread_mutex_lock(&link->lock);
    link->broker = broker;
    link->active = true;
    link->requests = MQTT_REQUEST_CONNECT;
    pthread_cond_signal(&link->work);
    pthread_mutex_unlock(&link->lock);
}

void mqtt_link_lost(struct mqtt_link *link, const char *cause)
{
    pthread_mutex_lock(&link->lock);
    link->accepting = false;
    if (link->active && !link->lost) {
        link->lost = true;
        snprintf(link->cause, sizeof(link->cause), "%s", cause);
        pthread_cond_signal(&link->work);
    }
    pthread_mutex_unlock(&link->lock);
}

int mqtt_link_publish(struct mqtt_link *link, const struct mqtt_message *message, uint64_t id)
{
    struct mqtt_slot *slot;
    int err = mqtt_outbox_fill(&link->outbox, message, id, &slot);
    if (err) {
        return err;
    }
    pthread_mutex_lock(&link->lock);
    if (!link->accepting) {
        pthread_mutex_unlock(&link->lock);
        mqtt_outbox_release(&link->outbox, slot);
        return -ENOTCONN;
    }
    mqtt_outbox_enqueue(&link->outbox, slot);
    bool wake = link->outbox.queued == MQTT_LINK_BATCH && !link->starved;
    pthread_mutex_unlock(&link->lock);
    if (wake) {
        pthread_cond_signal(&link->work);
    }
    return 0;
}

void mqtt_link_flush(struct mqtt_link *link)
{
    pthread_mutex_lock(&link->lock);
    bool wake = link->outbox.queued > 0 && !link->starved;
    pthread_mutex_unlock(&link->lock);
    if (wake) { /* without the lock, which the worker takes first */
        pthread_cond_signal(&link->work);
    }
}

size_t mqtt_link_take_events(struct mqtt_link *link, const struct mqtt_event **batch)
{
    pthread_mutex_lock(&link->lock);
    size_t count = mqtt_inbox_swap(&link->inbox, batch);
    link->woken = false;
    pthread_mutex_unlock(&link->lock);
    return count;
}

void mqtt_link_message_taken(struct mqtt_link *link, struct mqtt_incoming *incoming)
{
    pthread_mutex_lock(&link->lock);
    bool waiter = incoming->waiter;
    incoming->taken = true; /* a waiter's memory may be gone after the unlock */
    link->in_hand--;
    if (link->parked > 0) {
        pthread_cond_broadcast(&link->taken);
    }
    pthread_mutex_unlock(&link->lock);
    if (!waiter) {
        free(incoming->buffer);
        free(incoming);
    }
}

void mqtt_link_up(struct mqtt_link *link, const struct mqtt_limits *limits)
{
    pthread_mutex_lock(&link->lock);
    size_t window = link->settings->window;
    window = window ? window : mqtt_window_for(limits->round_trip_us);
    link->window = window < limits->receive_maximum ? window : limits->receive_maximum;
    link->accepting = link->active && !link->lost;
    push_and_unlock(link, (struct mqtt_event){ .kind = MQTT_EVENT_UP,
                                               .session_present = limits->session_present });
}

void mqtt_link_refused(struct mqtt_link *link, size_t filter, int reason_code)
{
    mqtt_link_push(link, (struct mqtt_event){
                             .kind = MQTT_EVENT_REFUSED, .status = reason_code, .filter = filter });
}

void mqtt_link_offline_sent(struct mqtt_link *link)
{
    mqtt_link_push(link, (struct mqtt_event){ .kind = MQTT_EVENT_OFFLINE_SENT });
}

/*
 * Confirmations gather: the loop is woken by a batch of them, or when they are half of what is
 * under way. The rest waits no longer than the loop's next nudge, which is due for as long as any
 * publish is unconfirmed.
 */
static bool is_worth_waking(const struct mqtt_link *link)
{
    size_t count = link->inbox.count;
    return count >= MQTT_LINK_BATCH || count >= link->outbox.sent + link->outbox.queued;
}

bool mqtt_link_confirm(struct mqtt_link *link, struct mqtt_slot *slot, int status)
{
    pthread_mutex_lock(&link->lock);
    if (!mqtt_outbox_finish(&link->outbox, slot)) {
        pthread_mutex_unlock(&link->lock);
        return false;
    }
    bool silent = link->outbox.queued == 0;
    /* Half a window at a time: the worker sends in bursts and seldom has to be woken. */
    if (link->starved && link->outbox.sent <= link->window / 2) {
        link->starved = false;
        pthread_cond_signal(&link->work);
    }
    mqtt_inbox_push(&link->inbox,
                    (struct mqtt_event){ .kind = MQTT_EVENT_PUBLISHED,
                                         .status = status,
                                         .slot = mqtt_outbox_index(&link->outbox, slot) });
    unlock_and_wake(link, is_worth_waking(link));
    return silent;
}

/* Waits for the loop to take a message. Paho's lock is held meanwhile: nothing else moves. */
static void park(struct mqtt_link *link)
{
    link->parked++;
    pthread_cond_signal(&link->ended);
    pthread_cond_wait(&link->taken, &link->lock);
    link->parked--;
}

/* A copy of the message, or NULL when there is no memory for one. */
static struct mqtt_incoming *copy_of(const struct mqtt_message *message)
{
    struct mqtt_incoming *copy = calloc(1, sizeof(*copy));
    if (copy && mqtt_message_copy(&copy->message, message, &copy->buffer, &copy->size)) {
        free(copy);
        return NULL;
    }
    return copy;
}

void mqtt_link_deliver(struct mqtt_link *link, const struct mqtt_message *message)
{
    bool wait = link->settings->acknowledge_when_taken && message->qos > 0;
    struct mqtt_incoming *copy = wait ? NULL : copy_of(message);
    struct mqtt_incoming own = { .message = *message, .waiter = true };
    pthread_mutex_lock(&link->lock);
    while (link->in_hand >= link->settings->max_inbox) {
        park(link);
    }
    link->in_hand++;
    struct mqtt_event event = { .kind = MQTT_EVENT_MESSAGE, .incoming = copy ? copy : &own };
    push_and_unlock(link, event);
    if (copy) {
        return;
    }
    pthread_mutex_lock(&link->lock);
    while (!own.taken) {
        park(link);
    }
    pthread_mutex_unlock(&link->lock);
}
