/* Payloads of application/cbor. */
#include "fuzz_content.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return fuzz_content(LWM2M_FORMAT_CBOR, data, size);
}
