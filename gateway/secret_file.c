#include "gateway/secret_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/error.h"

static int check(const struct stat *status, const char *path, size_t max_len, bool secret,
                 struct config_error *error)
{
    if (!S_ISREG(status->st_mode)) {
        config_error_add(error, path, 0, 0, "found something else; allowed: a regular file");
        return -EACCES;
    }
    if (secret && (status->st_mode & (S_IROTH | S_IWOTH | S_IWGRP))) {
        config_error_add(error, path, 0, 0,
                         "found permissions %03o; allowed: 640 or stricter, as it holds keys "
                         "(chmod g-w,o= FILE)",
                         status->st_mode & 0777);
        return -EACCES;
    }
    if (status->st_size < 0 || (uintmax_t)status->st_size > max_len) {
        config_error_add(error, path, 0, 0, "found %lld bytes; allowed: %zu",
                         (long long)status->st_size, max_len);
        return -EFBIG;
    }
    return 0;
}

/* Reads what fstat() promised; of a file that grows meanwhile the rest is left. */
static int read_text(int fd, size_t size, struct secret_file *file)
{
    file->text = malloc(size + 1);
    if (file->text == NULL) {
        return -ENOMEM;
    }
    while (file->len < size) {
        ssize_t got = read(fd, file->text + file->len, size - file->len);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return got < 0 ? -errno : 0;
        }
        file->len += (size_t)got;
    }
    return 0;
}

int secret_file_read(const char *path, size_t max_len, bool secret, struct secret_file *file,
                     struct config_error *error)
{
    struct stat status;
    size_t mistakes = error->count;
    *file = (struct secret_file){ 0 };
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe is refused, not waited for */
    int err = fd < 0 || fstat(fd, &status) != 0 ? -errno : 0;
    err = err != 0 ? err : check(&status, path, max_len, secret, error);
    err = err != 0 ? err : read_text(fd, (size_t)status.st_size, file);
    if (fd >= 0) {
        (void)close(fd);
    }
    if (err != 0 && error->count == mistakes) {
        config_error_add(error, path, 0, 0, "%s", strerror(-err));
    }
    if (err != 0) {
        secret_file_deinit(file);
    }
    return err;
}

void secret_file_deinit(struct secret_file *file)
{
    if (file->text != NULL) {
        explicit_bzero(file->text, file->len);
    }
    free(file->text);
    *file = (struct secret_file){ 0 };
}
