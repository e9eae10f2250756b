/* Payloads of SenML CBOR, and of SenML-ETCH CBOR: they differ only in what is written. */
#include "fuzz_content.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bool is_etch = size > 0 && (data[0] & 0x20) != 0;
    return fuzz_content(is_etch ? LWM2M_FORMAT_SENML_ETCH_CBOR : LWM2M_FORMAT_SENML_CBOR, data,
                        size);
}
