#include "test/unit/config/fake_environment.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char *variable(const char *name)
{
    static const char *const variables[][2] = {
        { "MQTT_PASSWORD", "hunter2" }, { "HOST", "broker.example" }, { "EMPTY", "" },
        { "KEEPALIVE", "45s" },         { "BAD", "hunter3" },         { "LATIN1", "\xe4" },
    };
    for (size_t i = 0; i < sizeof variables / sizeof variables[0]; i++) {
        if (strcmp(name, variables[i][0]) == 0) {
            return variables[i][1];
        }
    }
    return NULL;
}

static int readable(const char *path, bool directory)
{
    (void)directory;
    return strstr(path, "missing") != NULL ? -ENOENT : 0;
}

static int first_line(const char *path, char *line, size_t size)
{
    if (strstr(path, "missing") != NULL) {
        return -ENOENT;
    }
    if (strstr(path, "long") != NULL) {
        return -ENOSPC;
    }
    snprintf(line, size, "%s", strstr(path, "empty") != NULL ? "" : "from-file");
    return 0;
}

const struct config_environment fake_environment = { .variable = variable,
                                                     .first_line = first_line,
                                                     .readable = readable };
