/* A configuration: any text is loaded or refused with a message, and leaks nothing. */
#include "config/config.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *variable(const char *name)
{
    return name[0] == 'X' ? "60s" : NULL;
}

static int first_line(const char *path, char *line, size_t size)
{
    strncpy(line, path, size - 1);
    return 0;
}

static int readable(const char *path, bool directory)
{
    return path[0] == 'x' && directory ? -1 : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct config_environment environment = { variable, first_line, readable };
    struct config config;
    struct config_error error;
    int err = config_load_text("f", (const char *)data, size, &environment, &config, &error);
    if ((err == 0) != (error.count == 0)) {
        abort();
    }
    config_deinit(&config);
    return 0;
}
