#include "test/bench/process.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static uint64_t ticks_to_us(uint64_t ticks)
{
    return ticks * 1000000 / (uint64_t)sysconf(_SC_CLK_TCK);
}

static uint64_t read_cpu_us(int pid)
{
    char path[64];
    char line[1024] = "";
    snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    FILE *file = fopen(path, "r");
    if (!file) {
        return 0;
    }
    size_t len = fread(line, 1, sizeof(line) - 1, file);
    fclose(file);
    line[len] = '\0';
    /* The name, in parentheses, may hold anything: fields are counted from behind it. */
    const char *after = strrchr(line, ')');
    uint64_t user = 0;
    uint64_t system = 0;
    if (!after ||
        sscanf(after + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %" SCNu64 " %" SCNu64,
               &user, &system) != 2) {
        return 0;
    }
    return ticks_to_us(user + system);
}

struct process_usage process_usage_of(int pid)
{
    struct process_usage usage = { 0 };
    char path[64];
    char line[256];
    if (pid <= 0) {
        return usage;
    }
    usage.cpu_us = read_cpu_us(pid);
    snprintf(path, sizeof(path), "/proc/%d/status", pid);
    FILE *file = fopen(path, "r");
    while (file && fgets(line, sizeof(line), file)) {
        (void)sscanf(line, "VmRSS: %" SCNu64, &usage.rss_kib);
        (void)sscanf(line, "RssAnon: %" SCNu64, &usage.anonymous_kib);
    }
    if (file) {
        fclose(file);
    }
    return usage;
}

/* One line of /proc/net/udp: the local port stands behind the first colons, drops at the end. */
static uint64_t drops_in_line(char *line, uint16_t port)
{
    unsigned local_port = 0;
    uint64_t drops = 0;
    size_t len = strlen(line);
    while (len > 0 && line[len - 1] <= ' ') {
        line[--len] = '\0';
    }
    const char *last = strrchr(line, ' ');
    if (last && sscanf(line, " %*d: %*[0-9A-F]:%4x", &local_port) == 1 && local_port == port) {
        (void)sscanf(last, " %" SCNu64, &drops);
    }
    return drops;
}

uint64_t process_udp_drops(uint16_t port)
{
    static const char *const tables[] = { "/proc/net/udp", "/proc/net/udp6" };
    uint64_t total = 0;
    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
        char line[512];
        FILE *file = fopen(tables[i], "r");
        while (file && fgets(line, sizeof(line), file)) {
            total += drops_in_line(line, port);
        }
        if (file) {
            fclose(file);
        }
    }
    return total;
}

uint64_t process_machine_busy_us(void)
{
    uint64_t user = 0, nice = 0, system = 0, idle = 0, wait = 0, irq = 0, softirq = 0, steal = 0;
    FILE *file = fopen("/proc/stat", "r");
    if (!file) {
        return 0;
    }
    int got = fscanf(file,
                     "cpu %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64
                     " %" SCNu64 " %" SCNu64,
                     &user, &nice, &system, &idle, &wait, &irq, &softirq, &steal);
    fclose(file);
    return got == 8 ? ticks_to_us(user + nice + system + irq + softirq + steal) : 0;
}
