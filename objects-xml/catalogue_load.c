/*
 * Fills a catalogue from a directory (the contract is in catalogue.h): names in byte order, so that
 * the outcome depends neither on the file system nor on the locale; each file as a whole or not at
 * all.
 */
#include "objects-xml/catalogue.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "objects-xml/ddf.h"

/* Who wants to know about the files left out. */
struct reporter {
    catalogue_problem_cb *report;
    void *context;
    const char *path; /* of the file at hand */
};

static void report(const struct reporter *reporter, unsigned line, unsigned column,
                   const char *reason)
{
    if (reporter->report) {
        struct catalogue_problem problem = { reporter->path, line, column, reason };
        reporter->report(reporter->context, &problem);
    }
}

/* Reads at most `size` bytes. @return how many, or a negative errno */
static ssize_t read_bytes(int fd, char *bytes, size_t size)
{
    size_t len = 0;
    while (len < size) {
        ssize_t got = read(fd, bytes + len, size - len);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return -errno;
        }
        if (got == 0) {
            break;
        }
        len += (size_t)got;
    }
    return (ssize_t)len;
}

/*
 * Reads a whole regular file, and one byte more than a definition file may have, so that the reader
 * sees when it is too large.
 *
 * @param[out] bytes  the caller's, for free
 * @return 0 or a negative errno; -EINVAL: not a regular file
 */
static int read_file(int fd, char **bytes, size_t *len)
{
    struct stat status;
    if (fstat(fd, &status) != 0) {
        return -errno;
    }
    if (!S_ISREG(status.st_mode)) {
        return -EINVAL;
    }
    size_t size = status.st_size > DDF_LEN_MAX ? DDF_LEN_MAX + 1 : (size_t)status.st_size;
    *bytes = malloc(size + 1);
    if (!*bytes) {
        return -ENOMEM;
    }
    ssize_t got = read_bytes(fd, *bytes, size);
    if (got < 0) {
        free(*bytes);
        return (int)got;
    }
    *len = (size_t)got;
    return 0;
}

/* Non-blocking, so that a pipe of that name cannot hang us. */
static int read_path(const char *path, char **bytes, size_t *len)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) {
        return -errno;
    }
    int err = read_file(fd, bytes, len);
    close(fd);
    return err;
}

/* @return whether no object of the file says something else than the catalogue; if so, reports it
 */
static bool agrees(const struct catalogue *catalogue, const struct ddf *file,
                   const struct reporter *reporter)
{
    for (size_t i = 0; i < file->objects_count; i++) {
        const struct catalogue_object *object = file->objects[i].definition;
        const struct catalogue_object *known =
            catalogue_find(catalogue, object->id, object->version);
        if (known && catalogue_version_compare(known->version, object->version) == 0 &&
            !catalogue_object_equal(known, object)) {
            char reason[80];
            (void)snprintf(reason, sizeof reason,
                           "object %u version %u.%u was defined differently by an earlier file",
                           object->id, object->version.major, object->version.minor);
            report(reporter, file->objects[i].line, 0, reason);
            return false;
        }
    }
    return true;
}

static int take_all(struct catalogue *catalogue, struct ddf *file)
{
    for (size_t i = 0; i < file->objects_count; i++) {
        int err = catalogue_take(catalogue, file->objects[i].definition);
        if (err) {
            return err;
        }
        file->objects[i].definition = NULL;
    }
    return 0;
}

/* @return 0 (a file that was reported and left out included), -ENOMEM */
static int load_file(struct catalogue *catalogue, const struct reporter *reporter)
{
    char *bytes = NULL;
    size_t len = 0;
    int err = read_path(reporter->path, &bytes, &len);
    if (err && err != -ENOMEM) {
        report(reporter, 0, 0, err == -EINVAL ? "not a regular file" : strerror(-err));
        return 0;
    }
    if (err) {
        return err;
    }
    struct ddf file;
    struct ddf_error error;
    err = ddf_read(bytes, len, &file, &error);
    free(bytes);
    if (err == -EBADMSG) {
        report(reporter, error.line, error.column, error.reason);
        return 0;
    }
    if (!err && agrees(catalogue, &file, reporter)) {
        err = take_all(catalogue, &file);
    }
    ddf_deinit(&file);
    return err;
}

static int is_definition_file(const struct dirent *entry)
{
    const char *suffix = strrchr(entry->d_name, '.');
    return entry->d_name[0] != '.' && suffix && strcasecmp(suffix, ".xml") == 0;
}

/* Not alphasort: that depends on the locale. */
static int compare_names(const struct dirent **left, const struct dirent **right)
{
    return strcmp((*left)->d_name, (*right)->d_name);
}

static int load_entry(struct catalogue *catalogue, const char *directory, const char *name,
                      struct reporter *reporter)
{
    char *path;
    if (asprintf(&path, "%s/%s", directory, name) < 0) {
        return -ENOMEM;
    }
    reporter->path = path;
    int err = load_file(catalogue, reporter);
    free(path);
    return err;
}

int catalogue_load_dir(struct catalogue *catalogue, const char *directory,
                       catalogue_problem_cb *report_cb, void *context)
{
    struct dirent **entries;
    int count = scandir(directory, &entries, is_definition_file, compare_names);
    if (count < 0) {
        return -errno;
    }
    struct reporter reporter = { .report = report_cb, .context = context };
    int err = 0;
    for (int i = 0; i < count; i++) {
        if (!err) {
            err = load_entry(catalogue, directory, entries[i]->d_name, &reporter);
        }
        free(entries[i]);
    }
    free(entries);
    return err;
}
