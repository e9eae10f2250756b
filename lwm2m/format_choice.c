#include "lwm2m/format_choice.h"

#include <assert.h>

/* Tried after what the device announced, in this order: TLV is all that a 1.0 device must know,
 * text and opaque (of one value only) all that a newer one must. */
static const uint16_t fallbacks_1_0[] = { LWM2M_FORMAT_TLV, LWM2M_FORMAT_OPAQUE, LWM2M_FORMAT_TEXT,
                                          LWM2M_FORMAT_JSON };
static const uint16_t fallbacks_newer[] = { LWM2M_FORMAT_TLV, LWM2M_FORMAT_SENML_JSON,
                                            LWM2M_FORMAT_OPAQUE, LWM2M_FORMAT_TEXT };

#define FALLBACKS (sizeof(fallbacks_1_0) / sizeof(fallbacks_1_0[0]))
static_assert(sizeof(fallbacks_1_0) == sizeof(fallbacks_newer), "lists of the same length");

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
           (!format->single_resource || carries_single(format, request));
}

static const struct lwm2m_content_format *usable(uint16_t number,
                                                 const struct lwm2m_request *request)
{
    const struct lwm2m_content_format *format = lwm2m_content_find(number);
    return is_usable(format, request) ? format : NULL;
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
    for (size_t i = 0; device->version.minor > 0 && i < list->format_count; i++) {
        format = usable(list->formats[i], request);
        if (format && !format->single_resource) {
            return format;
        }
    }
    const uint16_t *fallbacks = device->version.minor > 0 ? fallbacks_newer : fallbacks_1_0;
    for (size_t i = 0; i < FALLBACKS; i++) {
        if ((format = usable(fallbacks[i], request))) {
            return format;
        }
    }
    return NULL;
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
