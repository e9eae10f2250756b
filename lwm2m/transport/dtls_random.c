/* Random numbers, seeded by the system, and forgetting what must not be found later. */
#include "lwm2m/transport/dtls_context.h"

#include <errno.h>
#include <stdlib.h>

int dtls_random_new(struct dtls_random **made)
{
    struct dtls_random *random = calloc(1, sizeof *random);

    if (!random) {
        return -ENOMEM;
    }
    mbedtls_entropy_init(&random->entropy);
    mbedtls_ctr_drbg_init(&random->generator);
    *made = random;
#if DTLS_NEEDS_PSA
    if (psa_crypto_init() != PSA_SUCCESS) {
        return -EIO;
    }
#endif
    return mbedtls_ctr_drbg_seed(&random->generator, mbedtls_entropy_func, &random->entropy, NULL,
                                 0) == 0
               ? 0
               : -EIO;
}

void dtls_random_free(struct dtls_random *random)
{
    if (random) {
        mbedtls_ctr_drbg_free(&random->generator);
        mbedtls_entropy_free(&random->entropy);
        free(random);
    }
}

int dtls_random_fill(struct dtls_random *random, void *bytes, size_t len)
{
    return mbedtls_ctr_drbg_random(&random->generator, bytes, len) == 0 ? 0 : -EIO;
}

void dtls_forget(void *bytes, size_t len)
{
    mbedtls_platform_zeroize(bytes, len);
}
