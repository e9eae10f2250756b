/* Any datagram through the parser; the options of what it accepts are walked and read. */
#include "lwm2m/coap/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct lwcoap_message message;
    struct lwcoap_option_reader reader;
    struct lwcoap_option option;
    volatile uint32_t sum = 0;
    bool header_ok;

    if (lwcoap_message_parse(data, len, &message, &header_ok)) {
        return 0;
    }
    lwcoap_option_reader_init(&reader, &message);
    while (lwcoap_option_next(&reader, &option)) {
        sum += lwcoap_option_uint(&option) + (option.len > 0 ? option.value[option.len - 1] : 0);
    }
    sum += message.payload_len > 0 ? message.payload[message.payload_len - 1] : 0;
    (void)sum;
    return 0;
}
