/* Any payload of the command topic: a request, or a refusal that can be answered; never a crash. */
#include "gateway/command.h"
#include "gateway/message.h"

#include <stdlib.h>

static bool resource(void *ctx, uint16_t object, uint16_t id, struct command_resource *definition)
{
    (void)ctx;
    *definition = (struct command_resource){
        .type = (enum lwm2m_type)(id % LWM2M_TYPE_UNTYPED),
        .readable = true,
        .writable = id != 8,
        .executable = object != 3,
        .has_range = id % 2 != 0,
        .max = 100,
    };
    return id % 3 != 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    const struct command_context context = {
        .resource = resource,
        .posts_resources = len % 2 == 0,
        .max_records = 16,
    };
    const struct message_context at = { .ts_ms = 1 };
    struct command *command = NULL;
    struct command_refusal refusal;
    struct lwm2m_buffer buffer;
    int err = command_parse((const char *)data, len, &context, &command, &refusal);
    lwm2m_buffer_init(&buffer, 1 << 20);
    if (err == 0) {
        message_write_state(&buffer, &at, "ep", command, "dropped", "reason");
    } else if (command != NULL) {
        message_write_refusal(&buffer, &at, "ep", command, &refusal);
    }
    if (buffer.err == 0 && buffer.len > 0 && !lwm2m_utf8_valid(buffer.data, buffer.len)) {
        abort();
    }
    lwm2m_buffer_deinit(&buffer);
    command_free(command);
    return 0;
}
