/** See options.h. */
#include "test/sim/options.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test/sim/content.h"
#include "test/sim/tunnel.h"

enum kind { FLAG, TEXT, NUMBER, SECONDS, NOT_FLAG };

struct row {
    const char *name;
    char letter;
    enum kind kind;
    size_t offset;
    double min, max; /* of NUMBER and SECONDS */
    const char *argument, *help;
};

static const struct row rows[] = {
    { "server", 's', TEXT, offsetof(struct options, server), 0, 0, "URI",
      "the server (coap://127.0.0.1:5783); coaps:// for DTLS" },
    { "psk", 'P', TEXT, offsetof(struct options, psk), 0, 0, "IDENTITY:HEXKEY",
      "pre-shared key for coaps://; with --count the identity gets the suffix too" },
    { "cert", 'X', TEXT, offsetof(struct options, cert_file), 0, 0, "FILE",
      "certificate for coaps:// (PEM), with --key and --ca" },
    { "key", 'K', TEXT, offsetof(struct options, key_file), 0, 0, "FILE", "its private key" },
    { "ca", 'A', TEXT, offsetof(struct options, ca_file), 0, 0, "FILE",
      "authority that the server's certificate is checked with" },
    { "suites", 'U', TEXT, offsetof(struct options, suites), 0, 0, "LIST",
      "DTLS cipher suites, by commas (PSK or ECDHE_ECDSA with AES_128_CCM_8)" },
    { "cid", 'I', FLAG, offsetof(struct options, connection_id), 0, 0, NULL,
      "ask for Connection IDs (RFC 9146; needs mbedtls 3.3)" },
    { "max-fragment", 'M', NUMBER, offsetof(struct options, fragment), 512, 4096, "BYTES",
      "longest DTLS record: 512, 1024, 2048 or 4096 (RFC 6066)" },
    { "no-endpoint", 'E', FLAG, offsetof(struct options, no_endpoint), 0, 0, NULL,
      "register without ep: the server takes it from the identity" },
    { "endpoint", 'n', TEXT, offsetof(struct options, endpoint), 0, 0, "NAME",
      "endpoint name (lwm2m-sim)" },
    { "lifetime", 'l', NUMBER, offsetof(struct options, lifetime_s), 0, UINT_MAX, "SECONDS",
      "registration lifetime (300)" },
    { "queue-mode", 'q', FLAG, offsetof(struct options, queue_mode), 0, 0, NULL,
      "register in queue mode" },
    { "binding", 'b', TEXT, offsetof(struct options, binding), 0, 0, "TEXT",
      "binding to register instead of U (UQ with 1.0 and --queue-mode)" },
    { "alternate-path", 'a', TEXT, offsetof(struct options, alternate_path), 0, 0, "PATH",
      "root of the objects, such as /lwm2m" },
    { "local-port", 'p', NUMBER, offsetof(struct options, local_port), 0, 65535, "PORT",
      "local port of the first device (any)" },
    { "update-interval", 'u', SECONDS, offsetof(struct options, update_interval_s), 0.01, 1e9,
      "SECONDS", "time between Updates (three quarters of the lifetime)" },
    { "notify-interval", 'i', SECONDS, offsetof(struct options, notify_interval_s), 0.01, 1e9,
      "SECONDS", "time between changes of the values (5)" },
    { "send-interval", 'S', SECONDS, offsetof(struct options, send_interval_s), 0.01, 1e9,
      "SECONDS", "Send /3303 that often (LwM2M 1.1 and later)" },
    { "count", 'c', NUMBER, offsetof(struct options, count), 1, 10000, "N",
      "devices in this process; their endpoints end in -0001 …" },
    { "sensors", 't', NUMBER, offsetof(struct options, sensors), 0, 1000, "N",
      "instances of object 3303 (2)" },
    { "test-object", 'T', FLAG, offsetof(struct options, test_object), 0, 0, NULL,
      "add object 3442: a resource of each data type" },
    { "blob-size", 'B', NUMBER, offsetof(struct options, blob_size), 1, 64 << 20, "BYTES",
      "add object 19 with an opaque /19/0/0/0 of that size" },
    { "block-size", 'k', NUMBER, offsetof(struct options, block_size), 16, 1024, "BYTES",
      "size of the blocks of long replies: 16, 32 … 1024" },
    { "no-deregister", 'D', FLAG, offsetof(struct options, no_deregister), 0, 0, NULL,
      "leave without a word" },
    { "awake", 'w', SECONDS, offsetof(struct options, awake_s), 0.01, 1e9, "SECONDS",
      "deaf from that long after its last message until its next one" },
    { "separate", 'e', FLAG, offsetof(struct options, separate), 0, 0, NULL,
      "answer with an empty ACK, then a separate response" },
    { "con", 'C', FLAG, offsetof(struct options, confirmable), 0, 0, NULL,
      "confirmable notifications (the default)" },
    { "non", 'N', NOT_FLAG, offsetof(struct options, confirmable), 0, 0, NULL,
      "non-confirmable notifications" },
    { "timestamps", 'm', FLAG, offsetof(struct options, timestamps), 0, 0, NULL,
      "notifications and Sends say when the values were taken (JSON, SenML)" },
    { "once", 'o', FLAG, offsetof(struct options, once), 0, 0, NULL,
      "register once, stay for --duration (10 s), leave; fail if refused" },
    { "duration", 'd', SECONDS, offsetof(struct options, duration_s), 0.01, 1e9, "SECONDS",
      "leave after that time" },
    { "format", 'f', TEXT, SIZE_MAX, 0, 0, "NAME", "format of replies without an Accept" },
    { "formats", 'F', TEXT, SIZE_MAX, 0, 0, "LIST",
      "all formats it speaks: names or numbers, by commas (those of the version)" },
    { "version", 'V', TEXT, SIZE_MAX, 0, 0, "VERSION", "LwM2M version: 1.0, 1.1 (default), 1.2" },
    { "verbose", 'v', FLAG, SIZE_MAX, 0, 0, NULL, "libcoap's log too; twice: every message" },
    { "help", 'h', FLAG, SIZE_MAX, 0, 0, NULL, "print this" },
};

enum { ROWS = sizeof rows / sizeof rows[0] };

static void print_help(void)
{
    printf("lwm2m-sim: a simulated LwM2M device\n\n");
    for (size_t i = 0; i < ROWS; i++) {
        char left[48];
        snprintf(left, sizeof left, "-%c, --%s %s", rows[i].letter, rows[i].name,
                 rows[i].argument == NULL ? "" : rows[i].argument);
        printf("  %-32s %s\n", left, rows[i].help);
    }
    size_t count = 0;
    const struct content_format *formats = content_formats(&count);
    printf("\nFormats:");
    for (size_t i = 0; i < count; i++) {
        printf(" %s (%d)", formats[i].name, formats[i].number);
    }
    printf("\n");
}

static int parse_number(const char *text, const struct row *row, double *number)
{
    char *end = NULL;
    *number = strtod(text, &end);
    bool in_range = *number >= row->min && *number <= row->max;
    return end == text || *end != 0 || !in_range ? -EINVAL : 0;
}

static const struct content_format *parse_format(const char *text, size_t len)
{
    char name[32];
    if (len >= sizeof name) {
        return NULL;
    }
    memcpy(name, text, len);
    name[len] = 0;
    char *end = NULL;
    long number = strtol(name, &end, 10);
    return end != name && *end == 0 ? content_format_find((int)number)
                                    : content_format_find_name(name);
}

static int parse_formats(const char *list, struct options *options)
{
    options->format_count = 0;
    while (*list != 0) {
        size_t len = strcspn(list, ", ");
        const struct content_format *format = parse_format(list, len);
        if (format == NULL || options->format_count == OPTIONS_FORMATS_MAX) {
            return -EINVAL;
        }
        options->formats[options->format_count++] = format->number;
        list += len + (list[len] != 0 ? 1 : 0);
    }
    return options->format_count == 0 ? -EINVAL : 0;
}

static int parse_version(const char *text, struct options *options)
{
    if (strlen(text) != 3 || text[0] != '1' || text[1] != '.' || text[2] < '0' || text[2] > '2') {
        return -EINVAL;
    }
    options->version = 10U + (unsigned int)(text[2] - '0');
    return 0;
}

/** The four options that are not simply stored. */
static int parse_special(const struct row *row, const char *text, struct options *options)
{
    switch (row->letter) {
    case 'V':
        return parse_version(text, options);
    case 'F':
        return parse_formats(text, options);
    case 'f': {
        const struct content_format *format = parse_format(text, strlen(text));
        options->format = format == NULL ? CONTENT_NONE : format->number;
        return format == NULL ? -EINVAL : 0;
    }
    case 'v':
        options->verbose++;
        return 0;
    default:
        print_help();
        return 1;
    }
}

static int store_number(const struct row *row, const char *text, struct options *options)
{
    double number = 0;
    if (parse_number(text, row, &number) != 0) {
        return -EINVAL;
    }
    void *target = (char *)options + row->offset;
    if (row->kind == SECONDS) {
        *(double *)target = number;
    } else if (row->offset == offsetof(struct options, blob_size)) {
        *(size_t *)target = (size_t)number;
    } else if (row->offset == offsetof(struct options, local_port)) {
        *(uint16_t *)target = (uint16_t)number;
    } else {
        *(unsigned int *)target = (unsigned int)number;
    }
    return 0;
}

static int apply(const struct row *row, const char *text, struct options *options)
{
    if (row->offset == SIZE_MAX) {
        return parse_special(row, text, options);
    }
    void *target = (char *)options + row->offset;
    switch (row->kind) {
    case FLAG:
    case NOT_FLAG:
        *(bool *)target = row->kind == FLAG;
        return 0;
    case TEXT:
        *(const char **)target = text;
        return 0;
    default:
        return store_number(row, text, options);
    }
}

static void set_version_defaults(struct options *options)
{
    static const int usual[] = { 11542, 110, 112 }; /* of 1.0, 1.1, 1.2 */
    size_t count = 0;
    const struct content_format *formats = content_formats(&count);
    for (size_t i = 0; options->format_count < OPTIONS_FORMATS_MAX && i < count; i++) {
        if (options->version >= formats[i].from_version &&
            options->version <= formats[i].to_version) {
            options->formats[options->format_count++] = formats[i].number;
        }
    }
    if (options->format == CONTENT_NONE) {
        int wanted = usual[options->version - 10];
        options->format = options_speak(options, wanted) ? wanted : options->formats[0];
    }
}

static int set_root(struct options *options)
{
    const char *path = options->alternate_path + strspn(options->alternate_path, "/");
    size_t len = strlen(path);
    while (len > 0 && path[len - 1] == '/') {
        len--;
    }
    if (len >= sizeof options->root) {
        fprintf(stderr, "lwm2m-sim: --alternate-path is too long\n");
        return -EINVAL;
    }
    memcpy(options->root, path, len);
    options->root[len] = 0;
    return 0;
}

static int hex_digit(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = c != 0 ? strchr(digits, c | 0x20) : NULL;
    return at == NULL ? -1 : (int)(at - digits);
}

/** The key is what follows the last colon: an identity may be an URN. */
static int read_psk(struct options *options)
{
    const char *colon = options->psk == NULL ? NULL : strrchr(options->psk, ':');
    size_t identity_len = colon == NULL ? 0 : (size_t)(colon - options->psk);
    size_t digits = colon == NULL ? 0 : strlen(colon + 1);
    if (options->psk == NULL) {
        return 0;
    }
    if (identity_len == 0 || identity_len > OPTIONS_IDENTITY_MAX || digits == 0 ||
        digits % 2 != 0 || digits > 2 * OPTIONS_KEY_MAX) {
        return -EINVAL;
    }
    memcpy(options->identity, options->psk, identity_len);
    options->identity[identity_len] = 0;
    options->key_len = digits / 2;
    for (size_t i = 0; i < options->key_len; i++) {
        int high = hex_digit(colon[1 + 2 * i]);
        int low = hex_digit(colon[2 + 2 * i]);
        if (high < 0 || low < 0) {
            return -EINVAL;
        }
        options->key[i] = (uint8_t)(high << 4 | low);
    }
    return 0;
}

static int check_security(struct options *options)
{
    bool certificate = options->cert_file != NULL;
    if (read_psk(options) != 0) {
        fprintf(stderr, "lwm2m-sim: --psk is an identity, a colon and a key in hex\n");
        return -EINVAL;
    }
    if (certificate != (options->key_file != NULL) || certificate != (options->ca_file != NULL)) {
        fprintf(stderr, "lwm2m-sim: --cert, --key and --ca belong together\n");
        return -EINVAL;
    }
    if (strncmp(options->server, "coaps:", 6) == 0 && certificate == (options->psk != NULL)) {
        fprintf(stderr, "lwm2m-sim: coaps:// wants either --psk or --cert\n");
        return -EINVAL;
    }
    if (options->connection_id && !tunnel_has_connection_id()) {
        fprintf(stderr, "lwm2m-sim: this mbedtls has no Connection IDs\n");
        return -EINVAL;
    }
    return 0;
}

static int check(struct options *options)
{
    if (check_security(options) != 0) {
        return -EINVAL;
    }
    if ((options->block_size & (options->block_size - 1)) != 0) {
        fprintf(stderr, "lwm2m-sim: --block-size is a power of two\n");
        return -EINVAL;
    }
    if (options->local_port != 0 && options->local_port + options->count > 65536) {
        fprintf(stderr, "lwm2m-sim: --local-port is too high for --count devices\n");
        return -EINVAL;
    }
    if (options->once && options->duration_s <= 0) {
        options->duration_s = 10;
    }
    if (options->binding == NULL) {
        options->binding = options->version == 10 && options->queue_mode ? "UQ" : "U";
    }
    return set_root(options);
}

/** The rows in getopt's terms. */
static void fill_tables(struct option table[static ROWS + 1], char letters[static 2 * ROWS + 1])
{
    size_t used = 0;
    for (size_t i = 0; i < ROWS; i++) {
        int has_argument = rows[i].argument == NULL ? no_argument : required_argument;
        table[i] = (struct option){ rows[i].name, has_argument, NULL, rows[i].letter };
        letters[used++] = rows[i].letter;
        if (has_argument == required_argument) {
            letters[used++] = ':';
        }
    }
    table[ROWS] = (struct option){ 0 };
    letters[used] = 0;
}

static const struct row *find_row(int letter)
{
    for (size_t i = 0; i < ROWS; i++) {
        if (rows[i].letter == letter) {
            return &rows[i];
        }
    }
    return NULL;
}

static int read_all(int argc, char **argv, struct options *options)
{
    struct option table[ROWS + 1];
    char letters[2 * ROWS + 1];
    fill_tables(table, letters);
    for (;;) {
        int letter = getopt_long(argc, argv, letters, table, NULL);
        if (letter == -1) {
            break;
        }
        const struct row *row = find_row(letter);
        if (row == NULL) {
            return -EINVAL; /* getopt_long said why */
        }
        int err = apply(row, optarg, options);
        if (err == -EINVAL) {
            fprintf(stderr, "lwm2m-sim: --%s: cannot be \"%s\"\n", row->name, optarg);
        }
        if (err != 0) {
            return err;
        }
    }
    if (optind < argc) {
        fprintf(stderr, "lwm2m-sim: what is \"%s\"?\n", argv[optind]);
        return -EINVAL;
    }
    return 0;
}

int options_parse(int argc, char **argv, struct options *options)
{
    *options = (struct options){
        .server = "coap://127.0.0.1:5783",
        .endpoint = "lwm2m-sim",
        .version = 11,
        .format = CONTENT_NONE,
        .lifetime_s = 300,
        .alternate_path = "",
        .notify_interval_s = 5,
        .count = 1,
        .sensors = 2,
        .confirmable = true,
    };
    int err = read_all(argc, argv, options);
    if (err != 0) {
        return err;
    }
    if (options->format_count == 0) {
        set_version_defaults(options);
    } else if (options->format == CONTENT_NONE) {
        options->format = options->formats[0];
    }
    return check(options);
}

bool options_speak(const struct options *options, int format)
{
    for (size_t i = 0; i < options->format_count; i++) {
        if (options->formats[i] == format) {
            return true;
        }
    }
    return false;
}
