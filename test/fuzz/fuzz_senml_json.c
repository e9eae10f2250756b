/* Payloads of SenML JSON, and of SenML-ETCH JSON: they differ only in what is written. */
#include "fuzz_content.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bool is_etch = size > 0 && (data[0] & 0x20) != 0;
    return fuzz_content(is_etch ? LWM2M_FORMAT_SENML_ETCH_JSON : LWM2M_FORMAT_SENML_JSON, data,
                        size);
}
