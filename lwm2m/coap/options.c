/*
 * One row per option that is known here: where it may stand, how long it may be, and which field
 * it fills. An option that breaks its row counts as unrecognised: a critical one (odd number)
 * spoils the message, an elective one is skipped.
 */
#include "lwm2m/coap/options.h"

#define IN_REQUEST  LWCOAP_OPTIONS_OF_REQUEST
#define IN_RESPONSE LWCOAP_OPTIONS_OF_RESPONSE
#define IN_BOTH     (IN_REQUEST | IN_RESPONSE)

#define BLOCK_SZX_RESERVED 7

enum field {
    FIELD_NONE, /* allowed, and read by the layer above or by nobody */
    FIELD_PROXY,
    FIELD_CONTENT_FORMAT,
    FIELD_ACCEPT,
    FIELD_OBSERVE,
    FIELD_MAX_AGE,
    FIELD_SIZE1,
    FIELD_SIZE2,
    FIELD_BLOCK1,
    FIELD_BLOCK2,
    FIELD_ETAG,
    FIELD_REQUEST_TAG,
};

struct row {
    uint16_t number;
    uint16_t max_len;
    uint8_t min_len;
    uint8_t where;
    bool repeatable;
    enum field field;
};

/* In the order of numbers, as the options of a message are. */
static const struct row rows[] = {
    { 3, 255, 1, IN_REQUEST, false, FIELD_NONE }, /* Uri-Host */
    { LWCOAP_OPTION_ETAG, 8, 1, IN_BOTH, true, FIELD_ETAG },
    { LWCOAP_OPTION_OBSERVE, 3, 0, IN_BOTH, false, FIELD_OBSERVE },
    { 7, 2, 0, IN_REQUEST, false, FIELD_NONE }, /* Uri-Port */
    { LWCOAP_OPTION_LOCATION_PATH, 255, 0, IN_RESPONSE, true, FIELD_NONE },
    { LWCOAP_OPTION_URI_PATH, 255, 0, IN_REQUEST, true, FIELD_NONE },
    { LWCOAP_OPTION_CONTENT_FORMAT, 2, 0, IN_BOTH, false, FIELD_CONTENT_FORMAT },
    { LWCOAP_OPTION_MAX_AGE, 4, 0, IN_RESPONSE, false, FIELD_MAX_AGE },
    { LWCOAP_OPTION_URI_QUERY, 255, 0, IN_REQUEST, true, FIELD_NONE },
    { LWCOAP_OPTION_ACCEPT, 2, 0, IN_REQUEST, false, FIELD_ACCEPT },
    { LWCOAP_OPTION_BLOCK2, 3, 0, IN_BOTH, false, FIELD_BLOCK2 },
    { LWCOAP_OPTION_BLOCK1, 3, 0, IN_BOTH, false, FIELD_BLOCK1 },
    { LWCOAP_OPTION_SIZE2, 4, 0, IN_BOTH, false, FIELD_SIZE2 },
    { 35, 1034, 1, IN_REQUEST, false, FIELD_PROXY }, /* Proxy-Uri */
    { 39, 255, 1, IN_REQUEST, false, FIELD_PROXY },  /* Proxy-Scheme */
    { LWCOAP_OPTION_SIZE1, 4, 0, IN_BOTH, false, FIELD_SIZE1 },
    { LWCOAP_OPTION_ECHO, 40, 1, IN_BOTH, false, FIELD_NONE },
    { LWCOAP_OPTION_REQUEST_TAG, 8, 0, IN_REQUEST, true, FIELD_REQUEST_TAG },
};

#define ROWS (sizeof rows / sizeof rows[0])

bool lwcoap_block_read(uint32_t value, struct lwcoap_block *block)
{
    *block = (struct lwcoap_block){
        .present = true, .more = value & 8, .szx = value & 7, .num = value >> 4
    };
    return block->szx != BLOCK_SZX_RESERVED;
}

static void read_block(const struct lwcoap_option *option, struct lwcoap_options *options,
                       struct lwcoap_block *block)
{
    if (!lwcoap_block_read(lwcoap_option_uint(option), block)) {
        options->bad_block = true;
    }
}

static void keep_first(struct lwcoap_option *first, const struct lwcoap_option *option)
{
    if (!first->value) {
        *first = *option;
    }
}

static void fill(enum field field, const struct lwcoap_option *option,
                 struct lwcoap_options *options)
{
    switch (field) {
    case FIELD_NONE:
        break;
    case FIELD_PROXY:
        options->proxy = true;
        break;
    case FIELD_CONTENT_FORMAT:
        options->content_format = (uint16_t)lwcoap_option_uint(option);
        break;
    case FIELD_ACCEPT:
        options->accept = (uint16_t)lwcoap_option_uint(option);
        break;
    case FIELD_OBSERVE:
        options->observe = (int32_t)lwcoap_option_uint(option);
        break;
    case FIELD_MAX_AGE:
        options->max_age_s = lwcoap_option_uint(option);
        break;
    case FIELD_SIZE1:
        options->size1 = lwcoap_option_uint(option);
        break;
    case FIELD_SIZE2:
        options->size2 = lwcoap_option_uint(option);
        break;
    case FIELD_BLOCK1:
        read_block(option, options, &options->block1);
        break;
    case FIELD_BLOCK2:
        read_block(option, options, &options->block2);
        break;
    case FIELD_ETAG:
        keep_first(&options->etag, option);
        break;
    case FIELD_REQUEST_TAG:
        keep_first(&options->request_tag, option);
        break;
    }
}

static bool obeys(const struct row *row, const struct lwcoap_option *option, uint16_t previous,
                  enum lwcoap_options_of of)
{
    return row->number == option->number && (row->where & of) && option->len >= row->min_len &&
           option->len <= row->max_len && (row->repeatable || previous != option->number);
}

void lwcoap_options_read(const struct lwcoap_message *message, enum lwcoap_options_of of,
                         struct lwcoap_options *options)
{
    struct lwcoap_option_reader reader;
    struct lwcoap_option option;
    uint16_t previous = 0;
    size_t row = 0;

    *options = (struct lwcoap_options){
        .content_format = LWCOAP_FORMAT_NONE,
        .accept = LWCOAP_FORMAT_NONE,
        .observe = -1,
        .max_age_s = 60,
    };
    lwcoap_option_reader_init(&reader, message);
    while (lwcoap_option_next(&reader, &option)) {
        while (row < ROWS - 1 && rows[row].number < option.number) {
            row++;
        }
        if (obeys(&rows[row], &option, previous, of)) {
            fill(rows[row].field, &option, options);
        } else if (option.number & 1) {
            options->unrecognised = true;
        }
        previous = option.number;
    }
}
