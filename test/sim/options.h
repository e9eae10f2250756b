/**
 * The command line of lwm2m-sim, as one plain struct.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { OPTIONS_FORMATS_MAX = 8, OPTIONS_KEY_MAX = 64, OPTIONS_IDENTITY_MAX = 128 };

struct options {
    const char *server;                      /**< coap://host:port or coaps://host:port */
    const char *psk;                         /**< as given */
    char identity[OPTIONS_IDENTITY_MAX + 1]; /**< of the pre-shared key */
    uint8_t key[OPTIONS_KEY_MAX];
    size_t key_len;
    const char *cert_file, *key_file, *ca_file; /**< NULL: none */
    const char *suites;                         /**< NULL: the usual one */
    bool connection_id;
    unsigned int fragment; /**< longest DTLS record; 0: any */
    bool no_endpoint;      /**< Register without ep */
    const char *endpoint;  /**< a suffix -0001 … is added when there are several devices */
    unsigned int version;  /**< 10, 11, 12 */
    int format;            /**< content format of replies when a request has no Accept */
    int formats[OPTIONS_FORMATS_MAX]; /**< all that the device speaks */
    size_t format_count;
    unsigned int lifetime_s;
    const char *binding;
    bool queue_mode;
    const char *alternate_path; /**< as given */
    char root[64];              /**< the same without slashes at its ends; "" is the root */
    uint16_t local_port;        /**< of the first device; the others follow. 0: any */
    double update_interval_s;   /**< 0: by the lifetime */
    double notify_interval_s;   /**< how often the values move */
    double send_interval_s;     /**< 0: no Send */
    unsigned int count;         /**< devices */
    unsigned int sensors;       /**< instances of object 3303 */
    bool no_deregister;
    double awake_s; /**< 0: never asleep */
    bool separate;
    unsigned int block_size; /**< 0: as large as fits */
    bool confirmable;        /**< notifications */
    bool timestamps;
    size_t blob_size; /**< 0: no object 19 */
    bool test_object;
    bool once;
    double duration_s; /**< 0: until a signal */
    unsigned int verbose;
};

/** @return 0, 1 (help was printed: leave with success), -EINVAL (the reason is on stderr) */
[[nodiscard]] int options_parse(int argc, char **argv, struct options *options);

/** Whether the device speaks the content format. */
bool options_speak(const struct options *options, int format);
