/*
 * What a configuration may touch outside of its text: environment variables and files.
 */
#include "config/config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *process_variable(const char *name)
{
    return getenv(name);
}

/* Opens without waiting: a path that names a pipe or a terminal must not block the start. */
static int open_checked(const char *path, bool directory)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) {
        return -errno;
    }
    struct stat status;
    int err = fstat(fd, &status) ? -errno : 0;
    if (err == 0 && directory && !S_ISDIR(status.st_mode)) {
        err = -ENOTDIR;
    } else if (err == 0 && !directory && !S_ISREG(status.st_mode)) {
        err = S_ISDIR(status.st_mode) ? -EISDIR : -EINVAL;
    }
    if (err) {
        close(fd);
        return err;
    }
    return fd;
}

static int process_readable(const char *path, bool directory)
{
    int fd = open_checked(path, directory);
    if (fd < 0) {
        return fd;
    }
    close(fd);
    return 0;
}

static int process_first_line(const char *path, char *line, size_t size)
{
    int fd = open_checked(path, false);
    if (fd < 0) {
        return fd;
    }
    size_t len = 0;
    ssize_t got = 1;
    while (got > 0 && len < size && memchr(line, '\n', len) == NULL) {
        got = read(fd, line + len, size - len);
        len += got > 0 ? (size_t)got : 0;
    }
    int err = got < 0 ? -errno : 0;
    close(fd);
    if (err) {
        return err;
    }
    const char *end = memchr(line, '\n', len);
    if (end == NULL && len == size) {
        return -ENOSPC;
    }
    len = end != NULL ? (size_t)(end - line) : len;
    if (len > 0 && line[len - 1] == '\r') {
        len--;
    }
    line[len] = '\0';
    return 0;
}

const struct config_environment config_environment_process = {
    .variable = process_variable,
    .first_line = process_first_line,
    .readable = process_readable,
};
