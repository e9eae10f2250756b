/*
 * Identity and endpoint: which names the peer of a DTLS session may use (LwM2M Transport TS 5.2.8).
 * A pre-shared key is bound to a name or a pattern by its line of the psk_file; a certificate to
 * its common name and to the DNS names among its alternative names.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct credentials;
struct transport_dtls_info;

/** Whether the peer may register as this endpoint. */
bool identity_covers(const struct transport_dtls_info *info, const struct credentials *psk,
                     const char *endpoint);

/**
 * The name of a peer that has just one, or a certificate's common name.
 *
 * @return false when there is none, or it is too long for `name`
 */
bool identity_name(const struct transport_dtls_info *info, const struct credentials *psk,
                   char *name, size_t size);

enum { IDENTITY_TEXT_SIZE = 96 };

/** The identity for a log line: as it is when it is printable, else `hex:…`; cut when long. */
const char *identity_text(const unsigned char *identity, size_t len, char text[IDENTITY_TEXT_SIZE]);
