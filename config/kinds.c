/*
 * The kinds of settings that are one scalar. Each is three small functions: parse, perhaps
 * guess, and say what is allowed.
 */
#include "config/setting.h"

#include "config/value.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static bool in_range(const struct config_setting *setting, uint64_t value)
{
    return value >= setting->min && value <= setting->max;
}

/* ---- text ---- */

static void clear_text(void *member)
{
    char **text = member;
    if (*text != NULL) {
        explicit_bzero(*text, strlen(*text));
        free(*text);
        *text = NULL;
    }
}

static int parse_text(const struct config_setting *setting, const char *text, void *member)
{
    if (!in_range(setting, strlen(text))) {
        return -ERANGE;
    }
    char *copy = strdup(text);
    if (copy == NULL) {
        return -ENOMEM;
    }
    clear_text(member);
    *(char **)member = copy;
    return 0;
}

static void allowed_text(const struct config_setting *setting, char *text, size_t size)
{
    if (setting->min > 0) {
        snprintf(text, size, "%" PRIu64 " to %" PRIu64 " bytes of text", setting->min,
                 setting->max);
    } else {
        snprintf(text, size, "up to %" PRIu64 " bytes of text", setting->max);
    }
}

const struct config_kind config_kind_text = {
    .name = "text", .parse = parse_text, .clear = clear_text, .allowed = allowed_text
};

const struct config_kind config_kind_secret = {
    .name = "secret text", .parse = parse_text, .clear = clear_text, .allowed = allowed_text
};

static void allowed_file(const struct config_setting *setting, char *text, size_t size)
{
    (void)setting;
    snprintf(text, size, "the path of a file");
}

const struct config_kind config_kind_file = {
    .name = "path", .parse = parse_text, .clear = clear_text, .allowed = allowed_file
};

static void allowed_secret_file(const struct config_setting *setting, char *text, size_t size)
{
    (void)setting;
    snprintf(text, size, "the path of a file whose first line is the secret");
}

const struct config_kind config_kind_secret_file = {
    .name = "path", .parse = parse_text, .clear = clear_text, .allowed = allowed_secret_file
};

static void allowed_directory(const struct config_setting *setting, char *text, size_t size)
{
    (void)setting;
    snprintf(text, size, "the path of a directory");
}

const struct config_kind config_kind_directory = {
    .name = "path", .parse = parse_text, .clear = clear_text, .allowed = allowed_directory
};

/* ---- boolean ---- */

static int parse_boolean(const struct config_setting *setting, const char *text, void *member)
{
    (void)setting;
    bool yes = strcmp(text, "true") == 0;
    if (!yes && strcmp(text, "false") != 0) {
        return -EBADMSG;
    }
    *(bool *)member = yes;
    return 0;
}

static bool guess_boolean(const struct config_setting *setting, const char *text, char *guess,
                          size_t size)
{
    static const char *const words[] = { "true", "yes", "on", "1", "false", "no", "off", "0" };
    const size_t count = sizeof words / sizeof words[0];
    (void)setting;
    for (size_t i = 0; i < count; i++) {
        if (strcasecmp(text, words[i]) == 0) {
            snprintf(guess, size, "%s", i < count / 2 ? "true" : "false");
            return true;
        }
    }
    return false;
}

static void allowed_boolean(const struct config_setting *setting, char *text, size_t size)
{
    (void)setting;
    snprintf(text, size, "true, false");
}

const struct config_kind config_kind_boolean = {
    .name = "boolean", .parse = parse_boolean, .guess = guess_boolean, .allowed = allowed_boolean
};

/* ---- numbers ---- */

static int parse_integer(const struct config_setting *setting, const char *text, void *member)
{
    uint64_t value;
    int err = config_value_integer(text, &value);
    if (err) {
        return err;
    }
    if (!in_range(setting, value)) {
        return -ERANGE;
    }
    *(uint32_t *)member = (uint32_t)value; /* max of every row fits */
    return 0;
}

static void allowed_integer(const struct config_setting *setting, char *text, size_t size)
{
    snprintf(text, size, "a whole number, %" PRIu64 " to %" PRIu64, setting->min, setting->max);
}

const struct config_kind config_kind_integer = { .name = "integer",
                                                 .parse = parse_integer,
                                                 .allowed = allowed_integer };

static int parse_decimal(const struct config_setting *setting, const char *text, void *member)
{
    uint64_t thousandths;
    int err = config_value_thousandths(text, &thousandths);
    if (err) {
        return err;
    }
    if (!in_range(setting, thousandths)) {
        return -ERANGE;
    }
    *(double *)member = (double)thousandths / 1000.0;
    return 0;
}

static void allowed_decimal(const struct config_setting *setting, char *text, size_t size)
{
    snprintf(text, size,
             "a number with up to 3 decimals, %" PRIu64 ".%03" PRIu64 " to %" PRIu64 ".%03" PRIu64,
             setting->min / 1000, setting->min % 1000, setting->max / 1000, setting->max % 1000);
}

const struct config_kind config_kind_decimal = { .name = "decimal",
                                                 .parse = parse_decimal,
                                                 .allowed = allowed_decimal };

/* ---- durations and sizes ---- */

static const struct config_scale *scale_of(const struct config_setting *setting)
{
    return setting->kind == &config_kind_size ? &config_scale_size : &config_scale_duration;
}

static int parse_amount(const struct config_setting *setting, const char *text, void *member)
{
    uint64_t amount;
    int err = config_value_amount(scale_of(setting), text, &amount);
    if (err) {
        return err;
    }
    if (!in_range(setting, amount)) {
        return -ERANGE;
    }
    *(uint64_t *)member = amount;
    return 0;
}

static bool guess_amount(const struct config_setting *setting, const char *text, char *guess,
                         size_t size)
{
    char amount_text[CONFIG_VALUE_SIZE];
    uint64_t amount;
    if (!config_value_amount_guess(scale_of(setting), text, amount_text) ||
        strcmp(amount_text, text) == 0 ||
        config_value_amount(scale_of(setting), amount_text, &amount) ||
        !in_range(setting, amount)) {
        return false;
    }
    snprintf(guess, size, "%s", amount_text);
    return true;
}

static void allowed_amount(const struct config_setting *setting, char *text, size_t size)
{
    char min[CONFIG_VALUE_SIZE], max[CONFIG_VALUE_SIZE];
    const struct config_scale *scale = scale_of(setting);
    snprintf(text, size, "%s, %s to %s",
             scale == &config_scale_duration ? "a duration with its unit (500ms, 22s, 5m, 24h)"
                                             : "a size (4096, 4KiB, 4MiB)",
             config_value_amount_text(scale, setting->min, min),
             config_value_amount_text(scale, setting->max, max));
}

const struct config_kind config_kind_duration = {
    .name = "duration", .parse = parse_amount, .guess = guess_amount, .allowed = allowed_amount
};

const struct config_kind config_kind_size = {
    .name = "size", .parse = parse_amount, .guess = guess_amount, .allowed = allowed_amount
};

/* ---- choice ---- */

static int parse_choice(const struct config_setting *setting, const char *text, void *member)
{
    for (const struct config_choice *choice = setting->choices; choice->word != NULL; choice++) {
        if (strcmp(choice->word, text) == 0) {
            *(unsigned *)member = choice->value;
            return 0;
        }
    }
    return -EBADMSG;
}

static bool guess_choice(const struct config_setting *setting, const char *text, char *guess,
                         size_t size)
{
    size_t best = SIZE_MAX;
    for (const struct config_choice *choice = setting->choices; choice->word != NULL; choice++) {
        size_t distance =
            config_value_distance(text, strlen(text), choice->word, strlen(choice->word));
        if (distance < best) {
            best = distance;
            snprintf(guess, size, "%s", choice->word);
        }
    }
    return best != SIZE_MAX;
}

static void allowed_choice(const struct config_setting *setting, char *text, size_t size)
{
    size_t used = 0;
    text[0] = '\0';
    for (const struct config_choice *choice = setting->choices; choice->word != NULL; choice++) {
        if (used < size) {
            used += (size_t)snprintf(text + used, size - used, "%s%s", used > 0 ? ", " : "",
                                     choice->word);
        }
    }
}

const struct config_kind config_kind_choice = {
    .name = "choice", .parse = parse_choice, .guess = guess_choice, .allowed = allowed_choice
};
