/*
 * bench-coap: libcoap's own server, as small as it gets: every POST and DELETE is answered with
 * 2.04. The reference for what a CoAP stack in general use makes of many peers.
 */
#include <arpa/inet.h>
#include <coap3/coap.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static void answer(coap_resource_t *resource, coap_session_t *session, const coap_pdu_t *request,
                   const coap_string_t *query, coap_pdu_t *response)
{
    (void)resource;
    (void)session;
    (void)request;
    (void)query;
    coap_pdu_set_code(response, COAP_RESPONSE_CODE_CHANGED);
}

/* The library binds what it is told: a port that was free a moment ago. */
static uint16_t free_port(void)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(address);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, len) ||
        getsockname(fd, (struct sockaddr *)&address, &len)) {
        return 0;
    }
    close(fd);
    return ntohs(address.sin_port);
}

static coap_context_t *open_server(uint16_t port)
{
    coap_address_t address;
    coap_address_init(&address);
    address.size = sizeof(address.addr.sin);
    address.addr.sin = (struct sockaddr_in){ .sin_family = AF_INET,
                                             .sin_port = htons(port),
                                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    coap_context_t *context = coap_new_context(NULL);
    if (!context || !coap_new_endpoint(context, &address, COAP_PROTO_UDP)) {
        return NULL;
    }
    coap_resource_t *any = coap_resource_unknown_init(answer);
    if (!any) {
        return NULL;
    }
    coap_register_handler(any, COAP_REQUEST_POST, answer);
    coap_register_handler(any, COAP_REQUEST_DELETE, answer);
    coap_add_resource(context, any);
    return context;
}

int main(void)
{
    coap_startup();
    uint16_t port = free_port();
    coap_context_t *context = port > 0 ? open_server(port) : NULL;
    if (!context) {
        fputs("bench-coap: libcoap does not start\n", stderr);
        return 1;
    }
    printf("port %u\n", (unsigned)port);
    fflush(stdout);
    for (;;) {
        coap_io_process(context, COAP_IO_WAIT);
    }
}
