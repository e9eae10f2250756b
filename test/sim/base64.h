/** Base64 (RFC 4648): the padded standard alphabet and SenML's unpadded URL-safe one. */
#pragma once

#include "test/sim/bytes.h"

void base64_encode(const uint8_t *data, size_t len, struct bytes *out);
void base64_encode_url(const uint8_t *data, size_t len, struct bytes *out);

/** Reads either alphabet, with or without padding. @return 0 or -EBADMSG (out is then partial) */
[[nodiscard]] int base64_decode(const char *text, size_t len, struct bytes *out);
