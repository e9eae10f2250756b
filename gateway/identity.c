#include "gateway/identity.h"

#include <stdio.h>
#include <string.h>

#include "gateway/credentials.h"
#include "lwm2m/transport/dtls.h"

static bool is_dns_name(const struct transport_dtls_info *info, const char *endpoint)
{
    const char *end = info->dns_names + info->dns_names_len;
    for (const char *name = info->dns_names; name < end; name += strlen(name) + 1) {
        if (strcmp(name, endpoint) == 0) {
            return true;
        }
    }
    return false;
}

bool identity_covers(const struct transport_dtls_info *info, const struct credentials *psk,
                     const char *endpoint)
{
    struct credential credential;
    switch (info->kind) {
    case TRANSPORT_DTLS_PSK:
        return credentials_find(psk, info->identity, info->identity_len, &credential) &&
               credential_covers(&credential, endpoint);
    case TRANSPORT_DTLS_CERTIFICATE:
        return *endpoint != '\0' &&
               (strcmp(info->common_name, endpoint) == 0 || is_dns_name(info, endpoint));
    case TRANSPORT_DTLS_ANONYMOUS:
        break;
    }
    return false;
}

/* The only name of a certificate without a common name. */
static const char *certificate_name(const struct transport_dtls_info *info)
{
    if (*info->common_name != '\0') {
        return info->common_name;
    }
    bool single = info->dns_names_len > 0 && strlen(info->dns_names) + 1 == info->dns_names_len;
    return single ? info->dns_names : "";
}

bool identity_name(const struct transport_dtls_info *info, const struct credentials *psk,
                   char *name, size_t size)
{
    struct credential credential;
    const char *found = "";
    if (info->kind == TRANSPORT_DTLS_CERTIFICATE) {
        found = certificate_name(info);
    } else if (info->kind == TRANSPORT_DTLS_PSK &&
               credentials_find(psk, info->identity, info->identity_len, &credential) &&
               !credential.is_pattern) {
        found = credential.endpoint;
    }
    size_t len = strlen(found);
    if (len == 0 || len >= size) {
        return false;
    }
    memcpy(name, found, len + 1);
    return true;
}

const char *identity_text(const unsigned char *identity, size_t len, char text[IDENTITY_TEXT_SIZE])
{
    bool printable = true;
    for (size_t i = 0; i < len; i++) {
        printable = printable && identity[i] > ' ' && identity[i] < 0x7f;
    }
    if (printable) {
        (void)snprintf(text, IDENTITY_TEXT_SIZE, "%.*s", (int)len, (const char *)identity);
        return text;
    }
    size_t at = (size_t)snprintf(text, IDENTITY_TEXT_SIZE, "hex:");
    for (size_t i = 0; i < len && at + 2 < IDENTITY_TEXT_SIZE; i++) {
        at += (size_t)snprintf(text + at, IDENTITY_TEXT_SIZE - at, "%02x", identity[i]);
    }
    return text;
}
