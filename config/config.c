/*
 * From a file to a struct: text, tree, table, checks. Each step runs only when the one before
 * found nothing wrong, so that one mistake gives one message.
 */
#include "config/config.h"

#include "config/checks.h"
#include "config/error.h"
#include "config/reader.h"
#include "config/setting.h"
#include "config/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int config_load_text(const char *file, const char *text, size_t len,
                     const struct config_environment *environment, struct config *config,
                     struct config_error *error)
{
    *config = (struct config){ 0 };
    error->count = 0;
    if (len > CONFIG_TEXT_MAX) {
        config_error_add(error, file, 0, 0, "the file is larger than 1MiB");
        return -EBADMSG;
    }
    struct config_tree tree;
    int err = config_tree_parse(&tree, file, text, len, error);
    if (err == 0) {
        struct config_reader reader = { .file = file, .environment = environment, .error = error };
        config_reader_defaults(&reader, config);
        if (!reader.no_memory) {
            config_reader_tree(&reader, &tree, config);
        }
        if (!reader.no_memory && error->count == 0) {
            config_checks_run(&reader, &tree, config);
        }
        err = reader.no_memory ? -ENOMEM : error->count > 0 ? -EBADMSG : 0;
        config_tree_deinit(&tree);
    }
    if (err == -ENOMEM) {
        config_error_add(error, file, 0, 0, "out of memory");
    }
    if (err) {
        config_deinit(config);
    }
    return err;
}

/* Reads up to size bytes. @return the number of bytes, negative errno */
static ssize_t read_file(const char *path, char *text, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return -errno;
    }
    size_t len = 0;
    ssize_t got = 1;
    while (got > 0 && len < size) {
        got = read(fd, text + len, size - len);
        len += got > 0 ? (size_t)got : 0;
    }
    int err = got < 0 ? -errno : 0;
    close(fd);
    return err ? err : (ssize_t)len;
}

int config_load_file(const char *path, struct config *config, struct config_error *error)
{
    enum { SIZE = CONFIG_TEXT_MAX + 1 }; /* one more byte tells a file that is too large */
    *config = (struct config){ 0 };
    error->count = 0;
    char *text = malloc(SIZE);
    ssize_t len = text != NULL ? read_file(path, text, SIZE) : -ENOMEM;
    int err;
    if (len < 0) {
        err = (int)len;
        config_error_add(error, path, 0, 0, "the file cannot be read: %s", strerror(-err));
    } else {
        err = config_load_text(path, text, (size_t)len, &config_environment_process, config, error);
        explicit_bzero(text, (size_t)len);
    }
    free(text);
    return err;
}

void config_deinit(struct config *config)
{
    for (size_t i = 0; i < config_settings_count; i++) {
        const struct config_setting *setting = &config_settings[i];
        if (setting->kind->clear != NULL) {
            setting->kind->clear(config_setting_member(setting, config));
        }
    }
    *config = (struct config){ 0 };
}

void config_print_reference(FILE *out)
{
    for (size_t i = 0; i < config_settings_count; i++) {
        const struct config_setting *setting = &config_settings[i];
        char allowed[CONFIG_ALLOWED_SIZE];
        setting->kind->allowed(setting, allowed, sizeof allowed);
        fprintf(out, "%s: %s\n    %s\n    %s: %s\n", setting->name, setting->preset, setting->help,
                setting->kind->name, allowed);
    }
}
