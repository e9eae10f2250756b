/*
 * The worker: waits for requests, a lost connection or queued publishes, in this order. A client
 * that is lost is ended at once with all its state; what it had not confirmed is reported as
 * failed.
 */
#include "mqtt/worker.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "mqtt/client.h"
#include "mqtt/link.h"
#include "mqtt/processor.h"

struct worker {
    struct mqtt_link *link;
    struct mqtt_client *client; /* NULL: none */
};

/* Reports as lost all that is still queued or was never answered by paho. */
static void fail_all(struct mqtt_link *link)
{
    struct mqtt_slot *slots[MQTT_LINK_BATCH];
    size_t count;
    do {
        pthread_mutex_lock(&link->lock);
        count = mqtt_outbox_take(&link->outbox, slots, MQTT_LINK_BATCH);
        pthread_mutex_unlock(&link->lock);
        for (size_t i = 0; i < count; i++) {
            (void)mqtt_link_confirm(link, slots[i], -ENOTCONN);
        }
    } while (count > 0);
    for (size_t i = 0; i < link->outbox.count; i++) {
        (void)mqtt_link_confirm(link, &link->outbox.slots[i], -ENOTCONN);
    }
}

static void end_client(struct worker *worker)
{
    struct mqtt_link *link = worker->link;
    mqtt_client_free(worker->client);
    worker->client = NULL;
    fail_all(link);
    pthread_mutex_lock(&link->lock);
    memcpy(link->reason, link->cause, sizeof(link->reason));
    link->active = link->lost = false;
    pthread_mutex_unlock(&link->lock);
    mqtt_link_push(link, (struct mqtt_event){ .kind = MQTT_EVENT_DOWN });
}

static void connect_client(struct worker *worker)
{
    struct mqtt_link *link = worker->link;
    char reason[MQTT_REASON_MAX];
    int err = mqtt_client_new(link, link->settings->brokers[link->broker], &worker->client, reason,
                              sizeof(reason));
    if (err) {
        mqtt_link_lost(link, reason);
    }
}

static void publish_offline(struct worker *worker)
{
    if (worker->client == NULL || mqtt_client_publish_offline(worker->client)) {
        mqtt_link_offline_sent(worker->link);
    }
}

/* Serves requests and a loss. True when the worker shall end. */
static bool serve(struct worker *worker, unsigned requests, bool lost)
{
    if (requests & MQTT_REQUEST_CONNECT) {
        connect_client(worker);
    }
    if (requests & MQTT_REQUEST_OFFLINE) {
        publish_offline(worker);
    }
    if (worker->client && requests & MQTT_REQUEST_NUDGE) {
        mqtt_client_nudge(worker->client);
    }
    if (worker->client && requests & MQTT_REQUEST_HEARTBEAT) {
        mqtt_client_heartbeat(worker->client);
    }
    if (lost) {
        end_client(worker);
    }
    return requests & MQTT_REQUEST_EXIT;
}

static void publish(struct worker *worker, struct mqtt_slot **slots, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int err = mqtt_client_publish(worker->client, slots[i]);
        if (err) {
            (void)mqtt_link_confirm(worker->link, slots[i], err);
        }
    }
}

/* Waits for something to do: publishes (returns how many), requests or a loss. */
static size_t wait_for_work(struct mqtt_link *link, struct mqtt_slot **slots, unsigned *requests,
                            bool *lost)
{
    size_t count = 0;
    pthread_mutex_lock(&link->lock);
    while (!link->requests && !link->lost) {
        size_t room = link->window > link->outbox.sent ? link->window - link->outbox.sent : 0;
        if (link->accepting && link->outbox.queued > 0 && room > 0) {
            count = mqtt_outbox_take(&link->outbox, slots,
                                     room < MQTT_LINK_BATCH ? room : MQTT_LINK_BATCH);
            break;
        }
        link->starved = link->outbox.queued > 0;
        pthread_cond_wait(&link->work, &link->lock);
    }
    *requests = link->requests;
    *lost = link->lost;
    link->requests = 0;
    pthread_mutex_unlock(&link->lock);
    return count;
}

static void run(struct worker *worker)
{
    struct mqtt_slot *slots[MQTT_LINK_BATCH];
    unsigned requests;
    bool lost;
    do {
        size_t count = wait_for_work(worker->link, slots, &requests, &lost);
        publish(worker, slots, count);
    } while (!serve(worker, requests, lost));
}

static void *work(void *arg)
{
    struct worker worker = { .link = arg };
    (void)mqtt_processor_stay(); /* paho's threads as well; else all of it is slower, no more */
    void *hold = mqtt_client_hold_library();
    run(&worker);
    mqtt_client_free(worker.client);
    mqtt_client_release_library(hold);
    pthread_mutex_lock(&worker.link->lock);
    worker.link->finished = true;
    pthread_cond_signal(&worker.link->ended);
    pthread_mutex_unlock(&worker.link->lock);
    return NULL;
}

int mqtt_worker_start(struct mqtt_link *link)
{
    /* Signals are the loop's: the worker blocks them, and paho's threads inherit that from it. */
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int err = pthread_create(&link->worker, NULL, work, link);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return err ? -EAGAIN : 0;
}
