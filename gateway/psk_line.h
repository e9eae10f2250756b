/*
 * One line of a psk_file: `identity key [endpoint]`, separated by blanks; `#` starts a comment.
 * A pure function over bytes, so that tests and fuzzing reach all of it without a file.
 *
 *   identity   printable ASCII, or `hex:…` for what has blanks or other bytes
 *   key        hex digits, or `base64:…`
 *   endpoint   the identity when it is missing; a shell pattern when it holds * ? [ or \;
 *              `hex:…` for a name with blanks or bytes outside ASCII, which is never a pattern
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    PSK_IDENTITY_MAX = 128, /* bytes (LwM2M Transport TS 5.2.8) */
    PSK_KEY_MAX = 64,
    PSK_ENDPOINT_MAX = 255, /* a Uri-Query option is not longer */
};

/** What a line says; the caller wipes it, a key is in it. */
struct psk_line {
    uint8_t identity[PSK_IDENTITY_MAX];
    uint8_t key[PSK_KEY_MAX];
    char endpoint[PSK_ENDPOINT_MAX + 1]; /* terminated */
    uint8_t identity_len;                /* 0: the line is blank or a comment */
    uint8_t key_len;
    bool is_pattern;

    /* After -EBADMSG. */
    size_t column;       /* where the mistake is; from 1 */
    const char *mistake; /* "found …; allowed: …"; quotes nothing of the line; lives for ever */
};

/** @return 0, or -EBADMSG */
[[nodiscard]] int psk_line_read(const char *text, size_t len, struct psk_line *line);
