/* Payloads of the JSON of LwM2M 1.0. */
#include "fuzz_content.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return fuzz_content(LWM2M_FORMAT_JSON, data, size);
}
