/*
 * A file read as a whole that may hold keys: who else may read it is looked at first, and its text
 * is wiped when it is given back.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct config_error;

struct secret_file {
    char *text; /* not terminated; NULL when nothing was read */
    size_t len;
};

/**
 * Reads a regular file. One that is `secret` must not be readable or writable by others nor
 * writable by its group; that the group may read it lets a service read what it does not own.
 *
 * @param[out] file   zeroed after a failure
 * @param[out] error  one message more after a failure: "path: found …; allowed: …"
 * @return 0, -EACCES (what it is, or its permissions), -EFBIG (longer than max_len), -ENOMEM, or
 *         what open(2) and read(2) say
 */
[[nodiscard]] int secret_file_read(const char *path, size_t max_len, bool secret,
                                   struct secret_file *file, struct config_error *error);

/** Wipes and frees the text; accepts zeroed memory. */
void secret_file_deinit(struct secret_file *file);
