/*
 * The encoding of our requests. An exchange keeps the request, not the datagram: every
 * transmission writes it anew from the same state, so a retransmission is the same bytes and a
 * waiting exchange costs no more than its request.
 */
#include "lwm2m/coap/endpoint_internal.h"

#include <errno.h>
#include <string.h>

#define SEGMENT_MAX 255 /* RFC 7252, 5.10: Uri-Path and Uri-Query */
#define SZX_MAX     6

/* Every piece of `text` between separators becomes an option. */
static void write_pieces(struct lwcoap_writer *writer, uint16_t number, const char *text,
                         char separator)
{
    const char *end;

    for (;; text = end + 1) {
        end = strchr(text, separator);
        size_t len = end ? (size_t)(end - text) : strlen(text);
        if (len > SEGMENT_MAX) {
            writer->err = -EINVAL;
            return;
        }
        lwcoap_writer_option(writer, number, text, len);
        if (!end) {
            return;
        }
    }
}

size_t lwcoap_upload_slice(const struct lwcoap_exchange *exchange)
{
    const struct lwcoap_upload *upload = &exchange->upload;
    size_t left = exchange->request.body_len - upload->offset;
    size_t size = lwcoap_block_size(upload->szx);

    return upload->sliced && left > size ? size : left;
}

/*
 * Asking for further blocks of a response repeats the request, but not what it did: without
 * Observe, and without the body (RFC 7959, figure 11) unless the method is FETCH, whose body says
 * what is asked for. A FETCH in blocks is not repeated: its responder knows it.
 */
static bool has_body(const struct lwcoap_exchange *exchange)
{
    return !exchange->download.active ||
           (exchange->request.code == LWCOAP_FETCH && !exchange->upload.sliced);
}

static void write_block_options(const struct lwcoap_exchange *exchange,
                                struct lwcoap_writer *writer)
{
    const struct lwcoap_download *download = &exchange->download;
    const struct lwcoap_upload *upload = &exchange->upload;

    if (download->active) {
        size_t num = download->body.len / lwcoap_block_size(download->szx);
        lwcoap_writer_option_uint(writer, LWCOAP_OPTION_BLOCK2,
                                  lwcoap_block_value(num, false, download->szx));
    } else if (exchange->max_szx < SZX_MAX) {
        lwcoap_writer_option_uint(writer, LWCOAP_OPTION_BLOCK2,
                                  lwcoap_block_value(0, false, exchange->max_szx));
    }
    if (download->active || !upload->sliced) {
        return;
    }
    size_t body_len = exchange->request.body_len;
    bool more = upload->offset + lwcoap_upload_slice(exchange) < body_len;
    size_t num = upload->offset / lwcoap_block_size(upload->szx);
    lwcoap_writer_option_uint(writer, LWCOAP_OPTION_BLOCK1,
                              lwcoap_block_value(num, more, upload->szx));
    if (upload->offset == 0) {
        lwcoap_writer_option_uint(writer, LWCOAP_OPTION_SIZE1, (uint32_t)body_len);
    }
}

int lwcoap_request_write(const struct lwcoap_exchange *exchange,
                         uint8_t datagram[LWCOAP_DATAGRAM_MAX])
{
    const struct lwcoap_request *request = &exchange->request;
    const char *path = request->path[0] == '/' ? request->path + 1 : request->path;
    bool body = has_body(exchange);
    struct lwcoap_writer writer;

    lwcoap_writer_init(&writer, datagram, LWCOAP_DATAGRAM_MAX, LWCOAP_CON, request->code,
                       (uint16_t)exchange->message.message_id, exchange->token,
                       sizeof exchange->token);
    if (request->observe >= 0 && !exchange->download.active) {
        lwcoap_writer_option_uint(&writer, LWCOAP_OPTION_OBSERVE, (uint32_t)request->observe);
    }
    if (path[0] != '\0') {
        write_pieces(&writer, LWCOAP_OPTION_URI_PATH, path, '/');
    }
    if (request->content_format != LWCOAP_FORMAT_NONE && body) {
        lwcoap_writer_option_uint(&writer, LWCOAP_OPTION_CONTENT_FORMAT, request->content_format);
    }
    if (request->query[0] != '\0') {
        write_pieces(&writer, LWCOAP_OPTION_URI_QUERY, request->query, '&');
    }
    if (request->accept != LWCOAP_FORMAT_NONE) {
        lwcoap_writer_option_uint(&writer, LWCOAP_OPTION_ACCEPT, request->accept);
    }
    write_block_options(exchange, &writer);
    if (body && request->body_len > 0) {
        lwcoap_writer_payload(&writer, request->body + exchange->upload.offset,
                              lwcoap_upload_slice(exchange));
    }
    return writer.err ? -EINVAL : (int)writer.len;
}
