/*
 * The pre-shared keys of devices: the psk_file read as a whole into one table, which is never
 * changed afterwards; a reload makes another one. Identities and endpoints are found by a keyed
 * hash, patterns one after the other.
 *
 * Keys are in two places of memory only, the table and the text while it is read; both are wiped.
 * No message quotes what the file says.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct config_error;
struct credentials;

enum { CREDENTIALS_PATTERNS_MAX = 1000 }; /* each is tried for a name that no line spells out */

/** One line of the file; everything is borrowed from the table. */
struct credential {
    const uint8_t *identity;
    size_t identity_len;
    const uint8_t *key;
    size_t key_len;
    const char *endpoint; /* terminated */
    bool is_pattern;
};

struct credentials_settings {
    size_t max_count;     /* lines with a credential */
    size_t max_key_len;   /* what the DTLS library takes */
    uint64_t hash_key[2]; /* random */
};

/**
 * Reads a psk_file, with the permissions that secret_file.h wants.
 *
 * @param[out] error  messages more after a failure, `file:line:column: …`; of many the first few
 * @return 0, -EBADMSG (the content), -EACCES (the permissions), -EFBIG, -ENOMEM, or what open(2)
 *         and read(2) say
 */
[[nodiscard]] int credentials_load(const char *path, const struct credentials_settings *settings,
                                   struct credentials **credentials, struct config_error *error);

/** As credentials_load(), with the text in memory; the caller wipes it. */
[[nodiscard]] int credentials_parse(const char *file, const char *text, size_t len,
                                    const struct credentials_settings *settings,
                                    struct credentials **credentials, struct config_error *error);

/** Wipes and frees; accepts NULL. */
void credentials_free(struct credentials *credentials);

/** Accepts NULL, as the next. */
size_t credentials_count(const struct credentials *credentials);

/** Keys shorter than the 16 bytes that are advised. */
size_t credentials_short_keys(const struct credentials *credentials);

/** The credential of an identity. Accepts NULL, which holds none. */
bool credentials_find(const struct credentials *credentials, const uint8_t *identity, size_t len,
                      struct credential *credential);

/** Whether a line names this endpoint, literally or by a pattern. Accepts NULL. */
bool credentials_name(const struct credentials *credentials, const char *endpoint);

/** Whether a credential is good for this endpoint. */
bool credential_covers(const struct credential *credential, const char *endpoint);

/** Credential `index` in the order of the file; false past the last. Accepts NULL. */
bool credentials_at(const struct credentials *credentials, size_t index,
                    struct credential *credential);

/** Whether key and endpoint are the same. */
bool credential_equal(const struct credential *a, const struct credential *b);
