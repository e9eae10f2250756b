/* The devices of bench-guard: over plain UDP or, each with a session of its own, over DTLS. */
#include "test/bench/guard.h"

#include "test/bench/respond.h"

static uint8_t *slot(void)
{
    return guard_world.secure ? secure_slot(guard_world.secure) : wire_slot(guard_wire());
}

static void commit(uint32_t index, size_t len)
{
    if (guard_world.secure) {
        secure_commit(guard_world.secure, index, len);
    } else {
        wire_commit(guard_wire(), index, len);
    }
}

void guard_devices_send(uint32_t index)
{
    enum kind kind = guard_world.step->kind;
    struct device *device = &guard_world.fleet.devices[index];
    if (kind == KIND_HANDSHAKE) {
        secure_shake(guard_world.secure, index);
        return;
    }
    device->message_id++;
    device->sequence += kind == KIND_NOTIFY_CON || kind == KIND_NOTIFY_NON;
    commit(index, kind_compose(kind, &guard_world.fleet, index, slot()));
    guard_world.ended += !kind_is_confirmable(kind);
}

static void take_message(uint32_t index, const uint8_t *data, size_t len)
{
    const struct guard_step *step = guard_world.step;
    struct fleet *fleet = &guard_world.fleet;
    struct message message;
    if (!message_parse(data, len, &message)) {
        guard_give_up("the gateway sent rubbish");
    }
    if (message.code > 0 && message.code < 0x20) {
        commit(index, respond(fleet, index, &message, slot()));
    } else if (step->command != NULL ||
               kind_answered(step->kind, fleet, index, &message) != KIND_DONE) {
        guard_give_up("the gateway refused a message");
    }
    guard_world.ended++;
}

void guard_devices_receive(uint32_t index, const uint8_t *data, size_t len)
{
    const uint8_t *message = data;
    if (index >= guard_world.fleet.count) {
        guard_give_up("the gateway sent to nobody");
    }
    if (guard_world.secure) {
        enum secure_state state =
            secure_receive(guard_world.secure, index, data, len, &message, &len);
        if (state != SECURE_OPEN && state != SECURE_SHAKING) {
            guard_give_up("a handshake failed, or a session was closed");
        }
        if (guard_world.step->kind == KIND_HANDSHAKE) {
            guard_world.ended += state == SECURE_OPEN;
            return;
        }
    }
    take_message(index, message, len);
}
