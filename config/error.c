/*
 * Messages are kept in a fixed array: a hostile or hopeless file costs no memory. What a
 * file says is quoted with its control characters escaped, so that it cannot play with the
 * terminal or forge a line of a log.
 */
#include "config/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void config_error_add(struct config_error *error, const char *file, size_t line, size_t column,
                      const char *format, ...)
{
    if (config_error_full(error)) {
        return;
    }
    char *message = error->messages[error->count++];
    int used = line == 0
                   ? snprintf(message, CONFIG_MESSAGE_SIZE, "%s: ", file)
                   : snprintf(message, CONFIG_MESSAGE_SIZE, "%s:%zu:%zu: ", file, line, column);
    if (used < 0 || used >= CONFIG_MESSAGE_SIZE) {
        return;
    }
    va_list args;
    va_start(args, format);
    vsnprintf(message + used, (size_t)(CONFIG_MESSAGE_SIZE - used), format, args);
    va_end(args);
}

bool config_error_full(const struct config_error *error)
{
    return error->count == CONFIG_ERRORS_MAX;
}

const char *config_error_quote(const char *text, size_t len, char quote[CONFIG_QUOTE_SIZE])
{
    static const char ellipsis[] = "…";
    const size_t room = CONFIG_QUOTE_SIZE - sizeof ellipsis - 2; /* text, then "…" and a quote */
    size_t used = 0;
    size_t at = 0;
    quote[used++] = '"';
    while (at < len) {
        unsigned char byte = (unsigned char)text[at];
        bool control = byte < 0x20 || byte == 0x7f;
        size_t need = 1;
        if (control) {
            need = 4;
        } else if (byte >= 0xc0) {
            need = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2; /* never cut a character in two */
        }
        if (used + need > room) {
            break;
        }
        if (control) {
            snprintf(quote + used, 5, "\\x%02x", byte);
            used += need;
        } else {
            quote[used++] = (char)byte;
        }
        at++;
    }
    if (at < len) {
        memcpy(quote + used, ellipsis, sizeof ellipsis - 1);
        used += sizeof ellipsis - 1;
    }
    quote[used++] = '"';
    quote[used] = '\0';
    return quote;
}
