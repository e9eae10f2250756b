#include "gateway/backlog_internal.h"

#include <stdlib.h>
#include <string.h>

static char *copy_bytes(char **end, const void *data, size_t len)
{
    char *copy = *end;
    if (len > 0) {
        memcpy(copy, data, len);
    }
    *end += len;
    return copy;
}

struct backlog_entry *backlog_entry_new(const struct backlog_message *message, uint64_t number)
{
    size_t topic_size = strlen(message->topic) + 1;
    size_t endpoint_size = strlen(message->endpoint) + 1;
    struct backlog_entry *entry = malloc(sizeof(*entry) + topic_size + endpoint_size +
                                         message->payload_len + message->correlation_len);
    if (entry == NULL) {
        return NULL;
    }
    *entry = (struct backlog_entry){ .number = number, .slot = NO_SLOT, .message = *message };
    char *end = entry->bytes;
    entry->message.topic = copy_bytes(&end, message->topic, topic_size);
    entry->message.endpoint = copy_bytes(&end, message->endpoint, endpoint_size);
    entry->message.payload = copy_bytes(&end, message->payload, message->payload_len);
    if (message->correlation != NULL) {
        entry->message.correlation =
            copy_bytes(&end, message->correlation, message->correlation_len);
    }
    if (message->receipt != NULL) {
        entry->receipt = *message->receipt;
        entry->message.receipt = &entry->receipt;
    }
    return entry;
}

static void link_between(struct backlog_list *list, enum backlog_link link,
                         struct backlog_entry *before, struct backlog_entry *entry,
                         struct backlog_entry *after)
{
    entry->links[link].before = before;
    entry->links[link].after = after;
    if (before != NULL) {
        before->links[link].after = entry;
    } else {
        list->first = entry;
    }
    if (after != NULL) {
        after->links[link].before = entry;
    } else {
        list->last = entry;
    }
}

void backlog_list_append(struct backlog_list *list, enum backlog_link link,
                         struct backlog_entry *entry)
{
    link_between(list, link, list->last, entry, NULL);
}

void backlog_list_insert(struct backlog_list *list, struct backlog_entry *entry)
{
    struct backlog_entry *before = list->last;
    while (before != NULL && before->number > entry->number) {
        before = before->links[BACKLOG_PLACE].before;
    }
    struct backlog_entry *after = before != NULL ? before->links[BACKLOG_PLACE].after : list->first;
    link_between(list, BACKLOG_PLACE, before, entry, after);
}

void backlog_list_remove(struct backlog_list *list, enum backlog_link link,
                         struct backlog_entry *entry)
{
    struct backlog_entry *before = entry->links[link].before;
    struct backlog_entry *after = entry->links[link].after;
    if (before != NULL) {
        before->links[link].after = after;
    } else {
        list->first = after;
    }
    if (after != NULL) {
        after->links[link].before = before;
    } else {
        list->last = before;
    }
}
