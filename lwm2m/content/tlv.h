/*
 * The elements of the TLV format (Core TS 7.4.4), as its reader and its writer both need them.
 */
#pragma once

#include <stdint.h>

/* Bits 7-6 of an element's first byte. */
enum lwm2m_tlv_kind {
    LWM2M_TLV_OBJECT_INSTANCE = 0,
    LWM2M_TLV_RESOURCE_INSTANCE = 1,
    LWM2M_TLV_MULTIPLE_RESOURCE = 2,
    LWM2M_TLV_RESOURCE = 3,
};

#define LWM2M_TLV_KIND_SHIFT   6
#define LWM2M_TLV_WIDE_ID      0x20 /* bit 5: the identifier takes two bytes */
#define LWM2M_TLV_LENGTH_SHIFT 3    /* bits 4-3: bytes of the length field; 0: bits 2-0 are it */
#define LWM2M_TLV_SHORT_LENGTH 0x07
