/**
 * The operations of the Device Management and Information Reporting interfaces: a request
 * without its CoAP wrapping in, an answer out (Core, 6.3; Transport, 6.4.4).
 */
#pragma once

#include "test/sim/bytes.h"
#include "test/sim/path.h"

struct device;

enum operation_method {
    METHOD_GET = 1, /* the numbers of RFC 7252 and RFC 8132 */
    METHOD_POST = 2,
    METHOD_PUT = 3,
    METHOD_DELETE = 4,
    METHOD_FETCH = 5,
    METHOD_PATCH = 6,
    METHOD_IPATCH = 7,
};

struct operation_request {
    enum operation_method method;
    struct path path;
    bool is_notification;
    int content_format; /**< CONTENT_NONE when the option is missing */
    int accept;         /**< likewise */
    const char *query;  /**< not terminated; NULL when there is none */
    size_t query_len;
    const uint8_t *payload;
    size_t payload_len;
};

struct operation_answer {
    int code;             /**< 205 is 2.05 */
    int content_format;   /**< CONTENT_NONE: no payload */
    struct bytes payload; /**< owned */
    struct path location; /**< depth 0: none */
};

/** Carries out a request. @param[out] answer  empty before; payload is the caller's after */
void operation_run(struct device *device, const struct operation_request *request,
                   struct operation_answer *answer);

/* One file per group; each returns the code and may add a payload. */
int operation_read(struct device *device, const struct operation_request *request,
                   struct operation_answer *answer);
int operation_read_composite(struct device *device, const struct operation_request *request,
                             struct operation_answer *answer);
int operation_discover(struct device *device, const struct operation_request *request,
                       struct operation_answer *answer);
int operation_write(struct device *device, const struct operation_request *request, bool replace);
int operation_write_composite(struct device *device, const struct operation_request *request);
int operation_create(struct device *device, const struct operation_request *request,
                     struct operation_answer *answer);
int operation_delete(struct device *device, const struct operation_request *request);
int operation_execute(struct device *device, const struct operation_request *request);

/** The paths that a composite request names, as records. @return a code, 205 when it is fine */
struct records;
int operation_composite_paths(const struct device *device, int content_format,
                              const uint8_t *payload, size_t len, struct records *paths);
