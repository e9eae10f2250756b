#include "gateway/security_files.h"

#include <string.h>

#include "config/config.h"
#include "config/error.h"
#include "lwm2m/transport/dtls.h"

enum {
    PEM_MAX = 1 << 20, /* bytes of a certificate chain, a key, a list of authorities */
    CRL_MAX = 64 << 20,
};

static int load_psk(const struct config *config, const uint64_t hash_key[2],
                    struct security_files *files, struct config_error *error)
{
    const struct credentials_settings settings = {
        .max_count = config->security.max_identities,
        .max_key_len = transport_dtls_key_max(),
        .hash_key = { hash_key[0], hash_key[1] },
    };
    const char *path = config->security.psk_file;
    return *path != '\0' ? credentials_load(path, &settings, &files->psk, error) : 0;
}

static int load_texts(const struct config *config, struct security_files *files,
                      struct config_error *error)
{
    const struct {
        const char *path;
        size_t max_len;
        bool secret;
        struct secret_file *file;
    } texts[] = {
        { config->security.cert_file, PEM_MAX, false, &files->chain },
        { config->security.key_file, PEM_MAX, true, &files->key },
        { config->security.ca_file, PEM_MAX, false, &files->ca },
        { config->security.crl_file, CRL_MAX, false, &files->crl },
    };
    int err = 0;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        int one = *texts[i].path != '\0' ? secret_file_read(texts[i].path, texts[i].max_len,
                                                            texts[i].secret, texts[i].file, error)
                                         : 0;
        err = err != 0 ? err : one;
    }
    return err;
}

int security_files_load(const struct config *config, const uint64_t hash_key[2],
                        struct security_files *files, struct config_error *error)
{
    *files = (struct security_files){ 0 };
    int psk = load_psk(config, hash_key, files, error);
    int texts = load_texts(config, files, error);
    int err = psk != 0 ? psk : texts;
    if (err != 0) {
        security_files_deinit(files);
    }
    return err;
}

void security_files_deinit(struct security_files *files)
{
    credentials_free(files->psk);
    secret_file_deinit(&files->chain);
    secret_file_deinit(&files->key);
    secret_file_deinit(&files->ca);
    secret_file_deinit(&files->crl);
    *files = (struct security_files){ 0 };
}
