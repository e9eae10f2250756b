/*
 * What the settings under `security` name, read together: the keys and certificates of the dtls
 * listeners. Either all of it is good or none of it is used, at the start as at a reload.
 */
#pragma once

#include "gateway/credentials.h"
#include "gateway/secret_file.h"

#include <stdint.h>

struct config;
struct config_error;

struct security_files {
    struct credentials *psk;                /* NULL without psk_file */
    struct secret_file chain, key, ca, crl; /* PEM or DER; empty where none is configured */
};

/**
 * Reads the files that a configuration names.
 *
 * @param hash_key    random; of the table of pre-shared keys
 * @param[out] files  zeroed after a failure
 * @param[out] error  the mistakes, `file:line:column: …`
 * @return 0, or a negative errno
 */
[[nodiscard]] int security_files_load(const struct config *config, const uint64_t hash_key[2],
                                      struct security_files *files, struct config_error *error);

/** Wipes and frees; accepts zeroed memory. */
void security_files_deinit(struct security_files *files);
