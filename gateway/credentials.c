#include "gateway/credentials.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "config/error.h"
#include "gateway/psk_line.h"
#include "gateway/secret_file.h"
#include "lwm2m/hash/siphash.h"

enum {
    ADVISED_KEY_LEN = 16,  /* bytes */
    LINE_BYTES_MAX = 1024, /* that a line takes on average, comments and all */
};

/* In `bytes`: the identity with a NUL behind it, the key, then the endpoint, terminated. A missing
 * endpoint is the identity itself. */
struct entry {
    uint32_t at;
    uint32_t endpoint_at;
    uint32_t line;
    uint8_t identity_len;
    uint8_t key_len;
    bool is_pattern;
};

/* Open addressing. A part of the hash beside the number saves most looks at entries, each of which
 * misses the caches when they are a million. */
struct slot {
    uint32_t number; /* of the entry, from 1; 0: free */
    uint32_t hash;
};

struct index {
    struct slot *slots;
    uint32_t mask;
};

struct credentials {
    struct credentials_settings settings;
    struct entry *entries;
    size_t count;
    size_t short_keys;
    uint8_t *bytes;
    size_t bytes_size;
    size_t bytes_used;
    struct index by_identity;
    struct index
        by_endpoint; /* names other than the identity; of those spelled out twice the first */
    uint32_t patterns[CREDENTIALS_PATTERNS_MAX];
    size_t pattern_count;
};

/* --- look-up --- */

static struct credential view(const struct credentials *credentials, const struct entry *entry)
{
    const uint8_t *identity = credentials->bytes + entry->at;
    return (struct credential){
        .identity = identity,
        .identity_len = entry->identity_len,
        .key = identity + entry->identity_len + 1,
        .key_len = entry->key_len,
        .endpoint = (const char *)credentials->bytes + entry->endpoint_at,
        .is_pattern = entry->is_pattern,
    };
}

static bool is_identity(const struct credential *credential, const void *name, size_t len)
{
    return credential->identity_len == len && memcmp(credential->identity, name, len) == 0;
}

static bool is_endpoint(const struct credential *credential, const void *name, size_t len)
{
    return strlen(credential->endpoint) == len && memcmp(credential->endpoint, name, len) == 0;
}

typedef bool matcher(const struct credential *credential, const void *name, size_t len);

/* Where a name is in an index, or belongs. */
struct place {
    struct slot *slot;
    uint32_t hash; /* for the slot, if it is free */
};

static struct place find_place(const struct credentials *credentials, const struct index *index,
                               matcher *matches, const void *name, size_t len)
{
    uint64_t hash = lwm2m_siphash(credentials->settings.hash_key, name, len);
    struct place place = { .hash = (uint32_t)(hash >> 32) };
    for (uint32_t i = (uint32_t)hash & index->mask;; i = (i + 1) & index->mask) {
        place.slot = &index->slots[i]; /* half of them are free: the search ends */
        if (place.slot->number == 0) {
            return place;
        }
        if (place.slot->hash == place.hash) {
            struct credential credential =
                view(credentials, &credentials->entries[place.slot->number - 1]);
            if (matches(&credential, name, len)) {
                return place;
            }
        }
    }
}

/* The entry of a name; NULL when there is none. */
static const struct entry *find_entry(const struct credentials *credentials,
                                      const struct index *index, matcher *matches, const void *name,
                                      size_t len)
{
    struct place place = find_place(credentials, index, matches, name, len);
    return place.slot->number != 0 ? &credentials->entries[place.slot->number - 1] : NULL;
}

static void take_place(const struct place *place, size_t number)
{
    *place->slot = (struct slot){ .number = (uint32_t)number, .hash = place->hash };
}

bool credentials_find(const struct credentials *credentials, const uint8_t *identity, size_t len,
                      struct credential *credential)
{
    if (credentials == NULL) {
        return false;
    }
    const struct entry *entry =
        find_entry(credentials, &credentials->by_identity, is_identity, identity, len);
    if (entry != NULL) {
        *credential = view(credentials, entry);
    }
    return entry != NULL;
}

static bool is_own_endpoint(const struct entry *entry)
{
    return entry->endpoint_at == entry->at;
}

bool credentials_name(const struct credentials *credentials, const char *endpoint)
{
    if (credentials == NULL) {
        return false;
    }
    size_t len = strlen(endpoint);
    const struct entry *entry =
        find_entry(credentials, &credentials->by_identity, is_identity, endpoint, len);
    if (entry != NULL && is_own_endpoint(entry)) {
        return true;
    }
    if (find_entry(credentials, &credentials->by_endpoint, is_endpoint, endpoint, len) != NULL) {
        return true;
    }
    for (size_t i = 0; i < credentials->pattern_count; i++) {
        struct credential credential =
            view(credentials, &credentials->entries[credentials->patterns[i]]);
        if (credential_covers(&credential, endpoint)) {
            return true;
        }
    }
    return false;
}

bool credential_covers(const struct credential *credential, const char *endpoint)
{
    return credential->is_pattern ? fnmatch(credential->endpoint, endpoint, 0) == 0
                                  : strcmp(credential->endpoint, endpoint) == 0;
}

bool credentials_at(const struct credentials *credentials, size_t index,
                    struct credential *credential)
{
    if (credentials == NULL || index >= credentials->count) {
        return false;
    }
    *credential = view(credentials, &credentials->entries[index]);
    return true;
}

bool credential_equal(const struct credential *a, const struct credential *b)
{
    return a->key_len == b->key_len && memcmp(a->key, b->key, a->key_len) == 0 &&
           a->is_pattern == b->is_pattern && strcmp(a->endpoint, b->endpoint) == 0;
}

size_t credentials_count(const struct credentials *credentials)
{
    return credentials != NULL ? credentials->count : 0;
}

size_t credentials_short_keys(const struct credentials *credentials)
{
    return credentials != NULL ? credentials->short_keys : 0;
}

/* --- making the table --- */

static int index_init(struct index *index, size_t count)
{
    size_t slots = 4;
    while (slots < 2 * count) {
        slots *= 2;
    }
    index->slots = calloc(slots, sizeof(*index->slots));
    index->mask = (uint32_t)(slots - 1);
    return index->slots != NULL ? 0 : -ENOMEM;
}

static uint32_t append(struct credentials *credentials, const void *bytes, size_t len)
{
    uint32_t at = (uint32_t)credentials->bytes_used;
    memcpy(credentials->bytes + at, bytes, len);
    credentials->bytes_used += len;
    return at;
}

static void append_entry(struct credentials *credentials, const struct psk_line *line,
                         uint32_t number)
{
    struct entry *entry = &credentials->entries[credentials->count];
    size_t endpoint_len = strlen(line->endpoint);
    bool same = !line->is_pattern && endpoint_len == line->identity_len &&
                memcmp(line->endpoint, line->identity, endpoint_len) == 0;

    entry->at = append(credentials, line->identity, line->identity_len);
    append(credentials, "", 1);
    append(credentials, line->key, line->key_len);
    entry->endpoint_at = same ? entry->at : append(credentials, line->endpoint, endpoint_len + 1);
    entry->line = number;
    entry->identity_len = line->identity_len;
    entry->key_len = line->key_len;
    entry->is_pattern = line->is_pattern;
    credentials->short_keys += line->key_len < ADVISED_KEY_LEN;
    credentials->count++;
}

static void index_endpoint(struct credentials *credentials, const struct psk_line *line)
{
    uint32_t number = (uint32_t)credentials->count;
    if (line->is_pattern) {
        credentials->patterns[credentials->pattern_count++] = number - 1;
    } else if (!is_own_endpoint(&credentials->entries[number - 1])) {
        struct place place = find_place(credentials, &credentials->by_endpoint, is_endpoint,
                                        line->endpoint, strlen(line->endpoint));
        if (place.slot->number == 0) {
            take_place(&place, number);
        }
    }
}

/* Where a line is, for messages. */
struct position {
    const char *file;
    size_t line;
    struct config_error *error;
};

static void add_line(struct credentials *credentials, const struct psk_line *line,
                     const struct position *at)
{
    struct place place = find_place(credentials, &credentials->by_identity, is_identity,
                                    line->identity, line->identity_len);
    if (place.slot->number != 0) {
        config_error_add(at->error, at->file, at->line, 1,
                         "found the identity of line %u again; allowed: each once",
                         credentials->entries[place.slot->number - 1].line);
    } else if (line->key_len > credentials->settings.max_key_len) {
        config_error_add(at->error, at->file, at->line, 1,
                         "found a key of %u bytes; allowed: up to %zu, which is what the DTLS "
                         "library here takes",
                         line->key_len, credentials->settings.max_key_len);
    } else if (line->is_pattern && credentials->pattern_count == CREDENTIALS_PATTERNS_MAX) {
        config_error_add(at->error, at->file, at->line, 1,
                         "found one more endpoint with a pattern; allowed: %d lines",
                         CREDENTIALS_PATTERNS_MAX);
    } else {
        append_entry(credentials, line, (uint32_t)at->line);
        take_place(&place, credentials->count);
        index_endpoint(credentials, line);
    }
}

static int read_lines(struct credentials *credentials, const char *text, size_t len,
                      struct position *at)
{
    const char *end = text + len;
    size_t mistakes = at->error->count;
    struct psk_line line;
    while (text < end && !config_error_full(at->error)) {
        const char *newline = memchr(text, '\n', (size_t)(end - text));
        const char *next = newline != NULL ? newline : end;
        at->line++;
        if (psk_line_read(text, (size_t)(next - text), &line) != 0) {
            config_error_add(at->error, at->file, at->line, line.column, "%s", line.mistake);
        } else if (line.identity_len > 0) {
            add_line(credentials, &line, at);
        }
        text = next + 1;
    }
    explicit_bzero(&line, sizeof(line));
    return at->error->count > mistakes ? -EBADMSG : 0;
}

/* Lines that are neither blank nor a comment from their first byte on: an upper bound. */
static size_t count_lines(const char *text, size_t len)
{
    size_t count = 0;
    const char *end = text + len;
    while (text < end) {
        const char *newline = memchr(text, '\n', (size_t)(end - text));
        count += *text != '#' && *text != '\n';
        text = newline != NULL ? newline + 1 : end;
    }
    return count;
}

/* What a line becomes is not longer than the line but for two terminators: each field is copied
 * once, decoded. */
static int allocate(struct credentials *credentials, size_t lines, size_t text_len)
{
    credentials->bytes_size = text_len + 2 * lines;
    if (credentials->bytes_size > UINT32_MAX) {
        return -EFBIG;
    }
    credentials->bytes = malloc(credentials->bytes_size + 1);
    credentials->entries = calloc(lines + 1, sizeof(*credentials->entries));
    if (credentials->bytes == NULL || credentials->entries == NULL) {
        return -ENOMEM;
    }
    int err = index_init(&credentials->by_identity, lines);
    return err != 0 ? err : index_init(&credentials->by_endpoint, lines);
}

int credentials_parse(const char *file, const char *text, size_t len,
                      const struct credentials_settings *settings, struct credentials **out,
                      struct config_error *error)
{
    struct position at = { .file = file, .error = error };
    size_t lines = count_lines(text, len);
    size_t mistakes = error->count;
    if (lines > settings->max_count) {
        config_error_add(error, file, 0, 0, "found %zu lines; allowed: %zu", lines,
                         settings->max_count);
        return -EFBIG;
    }
    struct credentials *credentials = calloc(1, sizeof(*credentials));
    if (credentials == NULL) {
        return -ENOMEM;
    }
    credentials->settings = *settings;
    int err = allocate(credentials, lines, len);
    err = err != 0 ? err : read_lines(credentials, text, len, &at);
    if (err != 0 && error->count == mistakes) {
        config_error_add(error, file, 0, 0, "%s", strerror(-err));
    }
    if (err != 0) {
        credentials_free(credentials);
        return err;
    }
    *out = credentials;
    return 0;
}

void credentials_free(struct credentials *credentials)
{
    if (credentials == NULL) {
        return;
    }
    if (credentials->bytes != NULL) {
        explicit_bzero(credentials->bytes, credentials->bytes_used);
    }
    free(credentials->bytes);
    free(credentials->entries);
    free(credentials->by_identity.slots);
    free(credentials->by_endpoint.slots);
    free(credentials);
}

/* --- the file --- */

int credentials_load(const char *path, const struct credentials_settings *settings,
                     struct credentials **credentials, struct config_error *error)
{
    struct secret_file file;
    int err = secret_file_read(path, settings->max_count * LINE_BYTES_MAX, true, &file, error);
    if (err != 0) {
        return err;
    }
    err = credentials_parse(path, file.text, file.len, settings, credentials, error);
    secret_file_deinit(&file);
    return err;
}
