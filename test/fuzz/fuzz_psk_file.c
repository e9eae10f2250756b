/* Reads the input as a psk_file; whoever is in the table must be found in it again. */
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "gateway/credentials.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct credentials_settings settings = {
        .max_count = 1000,
        .max_key_len = 48,
        .hash_key = { 1, 2 },
    };
    struct credentials *credentials = NULL;
    struct config_error error = { 0 };
    if (credentials_parse("psk", (const char *)data, size, &settings, &credentials, &error) != 0) {
        return 0;
    }
    struct credential each, found;
    for (size_t i = 0; credentials_at(credentials, i, &each); i++) {
        if (!credentials_find(credentials, each.identity, each.identity_len, &found) ||
            !credential_equal(&each, &found) ||
            (!each.is_pattern && !credentials_name(credentials, each.endpoint))) {
            abort();
        }
    }
    credentials_free(credentials);
    return 0;
}
