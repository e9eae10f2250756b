#include "lwm2m/format_choice.h"

/* Tried after what the device announced, in this order: TLV is all that a 1.0 device must know,
 * text and opaque (of one value only) all that a newer one must. */
static const uint16_t fallbacks_1_0[] = { LWM2M_FORMAT_TLV, LWM2M_FORMAT_OPAQUE, LWM2M_FORMAT_TEXT,
                                          LWM2M_FORMAT_JSON };
static const uint16_t fallbacks_newer[] = { LWM2M_FORMAT_TLV, LWM2M_FORMAT_SENML_JSON,
                                            LWM2M_FORMAT_OPAQUE, LWM2M_FORMAT_TEXT };
/* Composite operations name several paths: TLV and its kin cannot (Core TS 6.3.8). */
static const uint16_t fallbacks_composite[] = { LWM2M_FORMAT_SENML_JSON, LWM2M_FORMAT_SENML_CBOR,
                                                LWM2M_FORMAT_LWM2M_CBOR };

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static bool is_composite(const struct lwm2m_request *request)
{
    return request->operation >= LWM2M_READ_COMPOSITE;
}

static bool carries_composite(uint16_t number)
{
    for (size_t i = 0; i < COUNT(fallbacks_composite); i++) {
        if (fallbacks_composite[i] == number) {
            return true;
        }
    }
    return false;
}

/* Formats in which an instance is more than the beginning of its values' names. */
static bool carries_instance(uint16_t number)
{
    return number == LWM2M_FORMAT_TLV || number == LWM2M_FORMAT_LWM2M_CBOR;
}

/* A new instance that the device is to number, or that has no values yet. */
static bool creates_bare_instance(const struct lwm2m_request *request)
{
    return request->operation == LWM2M_CREATE && request->record_count > 0 &&
           (request->records[0].path.ids[1] == LWM2M_ID_ANY || request->records[0].path.depth == 2);
}

static uint32_t bit_of(uint16_t number)
{
    const struct lwm2m_content_format *row;
    for (size_t i = 0; i < 32 && (row = lwm2m_content_row(i)); i++) {
        if (row->number == number) {
            return (uint32_t)1 << i;
        }
    }
    return 0;
}

/* Text for what is not opaque, opaque for what is; a single value at the path of the request. */
static bool carries_single(const struct lwm2m_content_format *format,
                           const struct lwm2m_request *request)
{
    if (request->record_count != 1 || request->path.depth < 3 ||
        request->operation != LWM2M_WRITE_REPLACE ||
        !lwm2m_path_equal(&request->records[0].path, &request->path)) {
        return false;
    }
    bool opaque = request->records[0].value.type == LWM2M_TYPE_OPAQUE;
    return format->number != LWM2M_FORMAT_OPAQUE || opaque;
}

static bool is_usable(const struct lwm2m_content_format *format,
                      const struct lwm2m_request *request)
{
    return format && format->encode && !(request->refused_formats & bit_of(format->number)) &&
           (!format->single_resource || carries_single(format, request)) &&
           (!is_composite(request) || carries_composite(format->number)) &&
           (!creates_bare_instance(request) || carries_instance(format->number));
}

static const struct lwm2m_content_format *usable(uint16_t number,
                                                 const struct lwm2m_request *request)
{
    const struct lwm2m_content_format *format = lwm2m_content_find(number);
    return is_usable(format, request) ? format : NULL;
}

static const struct lwm2m_content_format *first_usable(const uint16_t *numbers, size_t count,
                                                       const struct lwm2m_request *request)
{
    const struct lwm2m_content_format *format = NULL;
    for (size_t i = 0; i < count && !format; i++) {
        format = usable(numbers[i], request);
    }
    return format;
}

/* What can carry several values comes first: it keeps the type of one as well. */
static const struct lwm2m_content_format *announced(const struct lwm2m_object_list *list,
                                                    const struct lwm2m_request *request,
                                                    bool single_resource)
{
    for (size_t i = 0; i < list->format_count; i++) {
        const struct lwm2m_content_format *format = usable(list->formats[i], request);
        if (format && format->single_resource == single_resource) {
            return format;
        }
    }
    return NULL;
}

const struct lwm2m_content_format *lwm2m_format_for_body(const struct lwm2m_device *device,
                                                         const struct lwm2m_request *request)
{
    const struct lwm2m_object_list *list = device->object_list;
    const struct lwm2m_content_format *format;

    if (request->format != LWM2M_FORMAT_NONE) {
        format = lwm2m_content_find(request->format);
        return format && format->encode ? format : NULL;
    }
    if ((format = usable(device->write_format, request))) {
        return format;
    }
    if (device->version.minor > 0 && ((format = announced(list, request, false)) != NULL ||
                                      (format = announced(list, request, true)) != NULL)) {
        return format;
    }
    if (is_composite(request)) {
        return first_usable(fallbacks_composite, COUNT(fallbacks_composite), request);
    }
    return device->version.minor > 0
               ? first_usable(fallbacks_newer, COUNT(fallbacks_newer), request)
               : first_usable(fallbacks_1_0, COUNT(fallbacks_1_0), request);
}

uint16_t lwm2m_format_for_answer(const struct lwm2m_device *device,
                                 const struct lwm2m_request *request)
{
    const struct lwm2m_object_list *list = device->object_list;
    if (device->version.minor == 0 || device->refuses_accept || request->refused_formats) {
        return LWM2M_FORMAT_NONE;
    }
    for (size_t i = 0; i < list->format_count; i++) {
        const struct lwm2m_content_format *format = lwm2m_content_find(list->formats[i]);
        if (format && format->decode && !format->single_resource) {
            return format->number;
        }
    }
    return LWM2M_FORMAT_NONE;
}

bool lwm2m_format_refused(struct lwm2m_device *device, struct lwm2m_request *request, uint8_t code)
{
    if (request->refused_formats) {
        return false; /* one retry */
    }
    if (code == LWCOAP_CODE(4, 6) && request->sent_accept != LWM2M_FORMAT_NONE &&
        request->sent_accept != LWM2M_FORMAT_LINK && request->accept == LWM2M_FORMAT_NONE) {
        request->refused_formats |= bit_of(request->sent_accept);
        device->refuses_accept = true;
        return true;
    }
    if ((code == LWCOAP_CODE(4, 15) || code == LWCOAP_CODE(4, 6)) &&
        request->sent_format != LWM2M_FORMAT_NONE && request->format == LWM2M_FORMAT_NONE &&
        request->record_count > 0) {
        request->refused_formats |= bit_of(request->sent_format);
        return lwm2m_format_for_body(device, request) != 0;
    }
    return false;
}

void lwm2m_format_accepted(struct lwm2m_device *device, const struct lwm2m_request *request,
                           uint8_t code)
{
    if (request->refused_formats && code >> 5 == 2 && request->sent_format != LWM2M_FORMAT_NONE) {
        device->write_format = request->sent_format;
    }
}
