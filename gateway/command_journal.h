/*
 * The commands in the store: from before the broker is told that a command was taken until its
 * final message is stored, in the same transaction in which the command is deleted.
 *
 * A broker that did not get our confirmation, because one of us died, sends a command once more.
 * It is known by its packet identifier and a digest of what it says: of the last commands that were
 * taken these are kept, also when the command has ended. How many that is, bounds how many may be
 * on their way unconfirmed when the connection breaks.
 *
 * Without a store it knows repetitions as long as the process lives. Every function accepts NULL.
 */
#pragma once

#include "gateway/command.h"

#include "mqtt/message.h"

struct command_journal;
struct store;
struct store_command;

#define COMMAND_JOURNAL_RECENT 128

struct command_journal_settings {
    struct store *store; /* NULL: nothing outlives the process */
    void *ctx;
    uint64_t (*now_ms)(void *ctx); /* the clock of the server */
    uint64_t (*wall_ms)(void *ctx);
    int (*commit)(void *ctx); /* makes durable what is pending: 0 or a negative errno */
};

/** @return NULL when memory is short */
struct command_journal *command_journal_new(const struct command_journal_settings *settings);
void command_journal_free(struct command_journal *journal);

/** Whether the broker sends a command once more that was taken already. */
bool command_journal_knows(const struct command_journal *journal,
                           const struct mqtt_message *message);

/**
 * Makes a command durable that came with a message. Its deadline is that of its request; one that
 * is to be sent now or never has none that lasts.
 *
 * @param at_once  it will be sent in this turn: nothing more is written when that happens
 * @return 0 (also without a journal); -ENOSPC, -EIO, -EBUSY: it is not kept, and nothing is pending
 *         of it
 */
[[nodiscard]] int command_journal_take(struct command_journal *journal, const char *endpoint,
                                       const struct mqtt_message *message, struct command *command,
                                       bool at_once);

/**
 * A message was answered at once, or there is no answer to it: if it is not known yet, it will be
 * known from now on, and after a restart if the final message is.
 */
void command_journal_note(struct command_journal *journal, const struct mqtt_message *message);

/** A command that changes something is about to be sent. */
void command_journal_sent(struct command_journal *journal, struct command *command);

/** The final message of a command was put into the store, or the command ends without one. */
void command_journal_end(struct command_journal *journal, const struct command *command);

/** A row of the store at the start, in their order. @return whether it is a command to carry out */
bool command_journal_restore(struct command_journal *journal, const struct store_command *row,
                             struct mqtt_message *message);

/** Gives a restored command its deadline, and what was tried before. */
void command_journal_resume(const struct command_journal *journal, const struct store_command *row,
                            struct command *command);

/** The broker forgot us: what it sends from now on was never sent before. */
void command_journal_forget(struct command_journal *journal);

/** Writes a command as if it had come just now: the store lost what it had. */
void command_journal_rewrite(struct command_journal *journal, const char *endpoint,
                             const struct command *command);

/** The same of what is remembered of commands that ended. */
void command_journal_rewrite_ended(struct command_journal *journal);
