/*
 * bench-publisher: what paho.mqtt.c allows. Publishes messages of one size as fast as the broker
 * confirms them, a bounded number unconfirmed, and nothing else: the reference for what the
 * gateway spends on a published notification.
 */
#include "test/bench/clock.h"
#include "test/bench/process.h"
#include "test/bench/report.h"

#include <MQTTAsync.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct publisher {
    int port;
    int broker_pid;
    int qos;
    int payload_len;
    bool properties;
    unsigned inflight;
    double seconds;
    const char *topic;
    const char *subject;
    const char *out;
    MQTTAsync client;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool connected;
    bool failed;
    uint64_t sent;
    uint64_t confirmed;
};

static void note(struct publisher *publisher, uint64_t confirmed, bool connected, bool failed)
{
    pthread_mutex_lock(&publisher->lock);
    publisher->confirmed += confirmed;
    publisher->connected = publisher->connected || connected;
    publisher->failed = publisher->failed || failed;
    pthread_cond_signal(&publisher->changed);
    pthread_mutex_unlock(&publisher->lock);
}

static void on_connected(void *context, MQTTAsync_successData5 *data)
{
    (void)data;
    note(context, 0, true, false);
}

static void on_sent(void *context, MQTTAsync_successData5 *data)
{
    (void)data;
    note(context, 1, false, false);
}

static void on_failed(void *context, MQTTAsync_failureData5 *data)
{
    (void)data;
    note(context, 0, false, true);
}

/* Waits until fewer than `limit` publishes are unconfirmed; false when something failed. */
static bool wait_below(struct publisher *publisher, uint64_t limit)
{
    pthread_mutex_lock(&publisher->lock);
    while (!publisher->failed && publisher->sent - publisher->confirmed >= limit) {
        pthread_cond_wait(&publisher->changed, &publisher->lock);
    }
    bool good = !publisher->failed;
    pthread_mutex_unlock(&publisher->lock);
    return good;
}

static bool connect_to_broker(struct publisher *publisher)
{
    char url[64];
    char id[64];
    MQTTAsync_createOptions create = MQTTAsync_createOptions_initializer5;
    MQTTAsync_connectOptions options = MQTTAsync_connectOptions_initializer5;
    snprintf(url, sizeof(url), "tcp://127.0.0.1:%d", publisher->port);
    snprintf(id, sizeof(id), "bench-publisher-%d", (int)getpid());
    create.maxBufferedMessages = (int)publisher->inflight + 16;
    options.maxInflight = (int)publisher->inflight;
    options.onSuccess5 = on_connected;
    options.onFailure5 = on_failed;
    options.context = publisher;
    if (MQTTAsync_createWithOptions(&publisher->client, url, id, MQTTCLIENT_PERSISTENCE_NONE, NULL,
                                    &create) ||
        MQTTAsync_connect(publisher->client, &options)) {
        return false;
    }
    pthread_mutex_lock(&publisher->lock);
    while (!publisher->failed && !publisher->connected) {
        pthread_cond_wait(&publisher->changed, &publisher->lock);
    }
    bool good = !publisher->failed;
    pthread_mutex_unlock(&publisher->lock);
    return good;
}

/* What the gateway sends along with each message: its content type and the endpoint's name. */
static bool add_properties(MQTTProperties *properties)
{
    static char type[] = "application/json";
    static char name[] = "ep";
    static char value[] = "bench-0000000";
    MQTTProperty content_type = { .identifier = MQTTPROPERTY_CODE_CONTENT_TYPE };
    content_type.value.data = (MQTTLenString){ sizeof(type) - 1, type };
    MQTTProperty endpoint = { .identifier = MQTTPROPERTY_CODE_USER_PROPERTY };
    endpoint.value.data = (MQTTLenString){ sizeof(name) - 1, name };
    endpoint.value.value = (MQTTLenString){ sizeof(value) - 1, value };
    return MQTTProperties_add(properties, &content_type) == 0 &&
           MQTTProperties_add(properties, &endpoint) == 0;
}

static bool publish_for_a_while(struct publisher *publisher, const char *payload)
{
    MQTTAsync_responseOptions response = MQTTAsync_responseOptions_initializer;
    uint64_t until_ns = clock_ns() + (uint64_t)(publisher->seconds * 1e9);
    response.onSuccess5 = on_sent;
    response.onFailure5 = on_failed;
    response.context = publisher;
    if (publisher->properties && !add_properties(&response.properties)) {
        return false;
    }
    while (clock_ns() < until_ns) {
        if (!wait_below(publisher, publisher->inflight)) {
            return false;
        }
        publisher->sent++;
        if (MQTTAsync_send(publisher->client, publisher->topic, publisher->payload_len, payload,
                           publisher->qos, 0, &response)) {
            return false;
        }
    }
    bool good = wait_below(publisher, 1);
    MQTTProperties_free(&response.properties);
    return good;
}

static void report_result(const struct publisher *publisher, double seconds,
                          const struct process_usage *own, const struct process_usage *broker)
{
    struct report report;
    FILE *out = publisher->out ? fopen(publisher->out, "a") : NULL;
    double messages = (double)publisher->confirmed;
    report_begin(&report, out);
    report_text(&report, "subject", publisher->subject);
    report_text(&report, "phase", "publish");
    report_text(&report, "label", publisher->properties ? "publish-properties" : "publish");
    report_number(&report, "qos", publisher->qos);
    report_number(&report, "payload_bytes", publisher->payload_len);
    report_number(&report, "window", publisher->inflight);
    report_number(&report, "messages", messages);
    report_number(&report, "seconds", seconds);
    report_number(&report, "per_second", messages / seconds);
    report_number(&report, "server_cpu_us", (double)own->cpu_us / messages);
    report_number(&report, "broker_cpu_us", (double)broker->cpu_us / messages);
    report_number(&report, "rss_after_kib", (double)own->rss_kib);
    report_end(&report);
    if (out) {
        fclose(out);
    }
    printf(
        "paho           publish, QoS %d, %d bytes: %.0f messages %.2f s %.0f/s  %.2f us/message\n",
        publisher->qos, publisher->payload_len, messages, seconds, messages / seconds,
        (double)own->cpu_us / messages);
}

static int measure(struct publisher *publisher)
{
    char *payload = malloc((size_t)publisher->payload_len + 1);
    if (!payload || !connect_to_broker(publisher)) {
        fputs("bench-publisher: cannot connect\n", stderr);
        free(payload);
        return 1;
    }
    memset(payload, 'x', (size_t)publisher->payload_len);
    struct process_usage before = process_usage_of((int)getpid());
    struct process_usage broker_before = process_usage_of(publisher->broker_pid);
    uint64_t began_ns = clock_ns();
    bool good = publish_for_a_while(publisher, payload);
    double seconds = (double)(clock_ns() - began_ns) / 1e9;
    struct process_usage own = process_usage_of((int)getpid());
    struct process_usage broker = process_usage_of(publisher->broker_pid);
    own.cpu_us -= before.cpu_us;
    broker.cpu_us -= broker_before.cpu_us;
    if (good) {
        report_result(publisher, seconds, &own, &broker);
    } else {
        fputs("bench-publisher: a publish failed\n", stderr);
    }
    MQTTAsync_disconnectOptions end = MQTTAsync_disconnectOptions_initializer5;
    MQTTAsync_disconnect(publisher->client, &end);
    MQTTAsync_destroy(&publisher->client);
    free(payload);
    return good ? 0 : 1;
}

int main(int argc, char **argv)
{
    struct publisher publisher = { .payload_len = 160,
                                   .inflight = 1000,
                                   .seconds = 5,
                                   .topic = "up/notify",
                                   .subject = "paho",
                                   .lock = PTHREAD_MUTEX_INITIALIZER,
                                   .changed = PTHREAD_COND_INITIALIZER };
    int option;
    while ((option = getopt(argc, argv, "p:b:q:l:i:s:t:o:n:P")) >= 0) {
        switch (option) {
        case 'p':
            publisher.port = atoi(optarg);
            break;
        case 'b':
            publisher.broker_pid = atoi(optarg);
            break;
        case 'q':
            publisher.qos = atoi(optarg);
            break;
        case 'l':
            publisher.payload_len = atoi(optarg);
            break;
        case 'i':
            publisher.inflight = (unsigned)atoi(optarg);
            break;
        case 's':
            publisher.seconds = atof(optarg);
            break;
        case 't':
            publisher.topic = optarg;
            break;
        case 'P':
            publisher.properties = true;
            break;
        case 'n':
            publisher.subject = optarg;
            break;
        case 'o':
            publisher.out = optarg;
            break;
        default:
            publisher.port = 0;
            break;
        }
    }
    if (publisher.port <= 0 || publisher.payload_len < 0 || publisher.inflight == 0) {
        fputs("usage: bench-publisher -p PORT [-b BROKER-PID] [-q QOS] [-l PAYLOAD-BYTES]\n"
              "       [-i UNCONFIRMED] [-s SECONDS] [-t TOPIC] [-o FILE] [-n SUBJECT] [-P]\n",
              stderr);
        return 2;
    }
    return measure(&publisher);
}
