/**
 * lwm2m-sim: simulated LwM2M devices on libcoap's full stack, an independent peer to test
 * the gateway against. This file: the loop over all devices, signals, the way out.
 *
 * Each device has a libcoap context of its own; their descriptors lie in one epoll set.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "test/sim/device.h"
#include "test/sim/options.h"

enum {
    LEAVE_MS = 5000, /* how long a De-register may take: one retransmission */
    EXIT_REFUSED = 1,
    EXIT_USAGE = 2,
};

struct simulation {
    struct options options;
    struct device *devices;
    unsigned int count; /* of those that are open */
    int epoll;
    int signals;
    bool leaving;
    int64_t leave_at_ms; /* --duration; then the end of LEAVE_MS */
};

static int64_t clock_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void watch(struct simulation *simulation, int descriptor, struct device *device)
{
    struct epoll_event event = { .events = EPOLLIN, .data.ptr = device };
    if (epoll_ctl(simulation->epoll, EPOLL_CTL_ADD, descriptor, &event) != 0) {
        abort();
    }
}

static int open_signals(struct simulation *simulation)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGUSR2);
    sigprocmask(SIG_BLOCK, &set, NULL);
    simulation->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return simulation->signals < 0 ? -1 : 0;
}

static int open_all(struct simulation *simulation)
{
    simulation->epoll = epoll_create1(EPOLL_CLOEXEC);
    simulation->devices = calloc(simulation->options.count, sizeof *simulation->devices);
    if (simulation->epoll < 0 || simulation->devices == NULL || open_signals(simulation) != 0) {
        return -1;
    }
    watch(simulation, simulation->signals, NULL);
    for (unsigned int i = 0; i < simulation->options.count; i++) {
        struct device *device = &simulation->devices[i];
        simulation->count++;
        if (device_init(device, &simulation->options, i, clock_ms()) != 0) {
            return -1;
        }
        watch(simulation, network_descriptor(&device->network), device);
    }
    return 0;
}

static void close_all(struct simulation *simulation)
{
    for (unsigned int i = 0; i < simulation->count; i++) {
        device_deinit(&simulation->devices[i]);
    }
    free(simulation->devices);
    close(simulation->epoll);
    close(simulation->signals);
}

static void leave(struct simulation *simulation)
{
    if (simulation->leaving) { /* asked twice: at once */
        simulation->leave_at_ms = 0;
        return;
    }
    simulation->leaving = true;
    simulation->leave_at_ms = clock_ms() + LEAVE_MS;
    for (unsigned int i = 0; i < simulation->count; i++) {
        device_leave(&simulation->devices[i]);
    }
}

static bool all_over(const struct simulation *simulation)
{
    for (unsigned int i = 0; i < simulation->count; i++) {
        if (simulation->devices[i].registration.state != REGISTRATION_OVER) {
            return false;
        }
    }
    return true;
}

/** A device's turn; its descriptor is a new one after a reboot. */
static void turn(struct simulation *simulation, struct device *device)
{
    coap_context_t *before = device->network.context;
    device_turn(device, clock_ms());
    if (device->network.context != before) {
        watch(simulation, network_descriptor(&device->network), device);
    }
}

static int timeout_ms(const struct simulation *simulation)
{
    int64_t now_ms = clock_ms();
    int64_t earliest = simulation->leave_at_ms;
    for (unsigned int i = 0; i < simulation->count; i++) {
        int64_t deadline = device_deadline_ms(&simulation->devices[i]);
        if (deadline != DEVICE_NEVER && (earliest == DEVICE_NEVER || deadline < earliest)) {
            earliest = deadline;
        }
    }
    if (earliest == DEVICE_NEVER) {
        return -1;
    }
    int64_t left = earliest - now_ms;
    return left <= 0 ? 0 : left > 60000 ? 60000 : (int)left;
}

static void handle_signal(struct simulation *simulation, uint32_t number)
{
    void (*const wish)(struct device *) = number == SIGUSR1   ? device_move
                                          : number == SIGUSR2 ? device_update
                                          : number == SIGHUP  ? device_forget
                                                              : NULL;
    if (wish == NULL) {
        leave(simulation);
        return;
    }
    for (unsigned int i = 0; i < simulation->count; i++) {
        wish(&simulation->devices[i]);
        turn(simulation, &simulation->devices[i]);
    }
}

static void wait_and_turn(struct simulation *simulation)
{
    struct epoll_event events[64];
    int count = epoll_wait(simulation->epoll, events, 64, timeout_ms(simulation));
    for (int i = 0; i < count; i++) {
        struct signalfd_siginfo signal;
        if (events[i].data.ptr != NULL) {
            turn(simulation, events[i].data.ptr);
        } else if (read(simulation->signals, &signal, sizeof signal) == sizeof signal) {
            handle_signal(simulation, signal.ssi_signo);
        }
    }
    int64_t now_ms = clock_ms();
    for (unsigned int i = 0; i < simulation->count; i++) {
        int64_t deadline = device_deadline_ms(&simulation->devices[i]);
        if (deadline != DEVICE_NEVER && deadline <= now_ms) {
            turn(simulation, &simulation->devices[i]);
        }
    }
}

static bool is_refused(const struct simulation *simulation)
{
    for (unsigned int i = 0; i < simulation->count; i++) {
        if (simulation->devices[i].registration.refused) {
            return true;
        }
    }
    return false;
}

static void run(struct simulation *simulation)
{
    double duration_s = simulation->options.duration_s;
    simulation->leave_at_ms =
        duration_s > 0 ? clock_ms() + (int64_t)(duration_s * 1000) : DEVICE_NEVER;
    for (unsigned int i = 0; i < simulation->count; i++) {
        turn(simulation, &simulation->devices[i]);
    }
    while (!simulation->leaving || !all_over(simulation)) {
        wait_and_turn(simulation);
        bool late =
            simulation->leave_at_ms != DEVICE_NEVER && simulation->leave_at_ms <= clock_ms();
        if (late && simulation->leaving) {
            break;
        }
        if (late || (simulation->options.once && !simulation->leaving && is_refused(simulation))) {
            leave(simulation);
        }
    }
}

static bool all_were_in(const struct simulation *simulation)
{
    for (unsigned int i = 0; i < simulation->count; i++) {
        if (!simulation->devices[i].registration.was_in) {
            return false;
        }
    }
    return true;
}

int main(int argc, char **argv)
{
    struct simulation simulation = { .epoll = -1, .signals = -1 };
    int err = options_parse(argc, argv, &simulation.options);
    if (err != 0) {
        return err > 0 ? EXIT_SUCCESS : EXIT_USAGE;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    coap_startup();
    static const int levels[] = { LOG_ERR, LOG_INFO, LOG_DEBUG };
    unsigned int verbose = simulation.options.verbose;
    coap_set_log_level((coap_log_t)levels[verbose > 2 ? 2 : verbose]);
    int status = EXIT_REFUSED;
    if (open_all(&simulation) == 0) {
        run(&simulation);
        status = all_were_in(&simulation) ? EXIT_SUCCESS : EXIT_REFUSED;
    }
    close_all(&simulation);
    coap_cleanup();
    return status;
}
