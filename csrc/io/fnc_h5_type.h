/* fnc_h5_type.h: datatypes and shapes as the subset encodes them. Internal to csrc/io. */
#ifndef FNC_H5_TYPE_H
#define FNC_H5_TYPE_H

#include "fnc_h5_bytes.h"

/* Dataspace: version 2, rank, flags 0, scalar or simple, extents. */
static inline int32_t h5_shape(h5_span code, fnc_h5_array *array) {
    h5_span head;
    if (h5_take(&code, 4, &head) != FNC_OK || head.at[0] != 2 || head.at[2] != 0)
        return FNC_H5_FOREIGN;
    array->rank = head.at[1];
    if (array->rank > FNC_H5_MAX_RANK || head.at[3] != (array->rank > 0))
        return FNC_H5_FOREIGN;
    if (code.left != 8 * (uint64_t)array->rank)
        return FNC_ERR_FORMAT;
    for (int32_t i = 0; i < array->rank; i++)
        array->dims[i] = h5_number(code.at + 8 * i, 8);
    return FNC_OK;
}

static inline int32_t h5_string_type(h5_span code, fnc_h5_array *array) {
    uint64_t size = h5_number(code.at + 4, 4);
    if ((code.at[1] & 0xEF) != 1 || code.at[2] != 0 || code.at[3] != 0 || size == 0 || size > 0xFFFF)
        return FNC_H5_FOREIGN;
    array->type = FNC_H5_STRING;
    array->item_bytes = (uint32_t)size;
    return FNC_OK;
}

/* Fixed point: class and version, flags, size, bit offset 0, precision. */
static inline int32_t h5_integer_type(h5_span code, fnc_h5_array *array) {
    static const unsigned char sizes[4] = {1, 2, 4, 8};
    for (uint32_t i = 0; i < 8; i++) {
        unsigned char size = sizes[i % 4], sign = i < 4 ? 8 : 0;
        unsigned char bits = (unsigned char)(8 * size);
        unsigned char known[12] = {0x10, sign, 0, 0, size, 0, 0, 0, 0, 0, bits, 0};
        if (h5_is(code, known, sizeof known)) {
            array->type = (fnc_h5_type)(FNC_H5_I8 + i);
            array->item_bytes = size;
            return FNC_OK;
        }
    }
    return FNC_H5_FOREIGN;
}

/* Floating point: IEEE 754 in 2, 4 or 8 bytes. */
static inline int32_t h5_float_type(h5_span code, fnc_h5_array *array) {
    static const unsigned char known[3][20] = {
        {0x11, 0x20, 15, 0, 2, 0, 0, 0, 0, 0, 16, 0, 10, 5, 0, 10, 15, 0, 0, 0},
        {0x11, 0x20, 31, 0, 4, 0, 0, 0, 0, 0, 32, 0, 23, 8, 0, 23, 127, 0, 0, 0},
        {0x11, 0x20, 63, 0, 8, 0, 0, 0, 0, 0, 64, 0, 52, 11, 0, 52, 255, 3, 0, 0},
    };
    for (uint32_t i = 0; i < 3; i++) {
        if (h5_is(code, known[i], sizeof known[i])) {
            array->type = (fnc_h5_type)(FNC_H5_F16 + i);
            array->item_bytes = 2u << i;
            return FNC_OK;
        }
    }
    return FNC_H5_FOREIGN;
}

/* Boolean, as h5py has it: an enumeration of a signed byte with FALSE = 0 and TRUE = 1. */
static inline int32_t h5_bool_type(h5_span code, fnc_h5_array *array) {
    static const char known[] = "\x38\2\0\0\1\0\0\0\x10\x08\0\0\1\0\0\0\0\0\x08\0"
                                "FALSE\0TRUE\0\0\1";
    if (!h5_is(code, known, sizeof known - 1))
        return FNC_H5_FOREIGN;
    array->type = FNC_H5_BOOL;
    array->item_bytes = 1;
    return FNC_OK;
}

static inline int32_t h5_type(h5_span code, fnc_h5_array *array) {
    if (code.left < 8)
        return FNC_ERR_FORMAT;
    switch (code.at[0]) {
    case 0x10: return h5_integer_type(code, array);
    case 0x11: return h5_float_type(code, array);
    case 0x13: return code.left == 8 ? h5_string_type(code, array) : FNC_H5_FOREIGN;
    case 0x38: return h5_bool_type(code, array);
    default: return FNC_H5_FOREIGN;
    }
}

/* Set the byte count; with an extent of zero the others must still be within reason. */
static inline int32_t h5_count(fnc_h5_array *array) {
    uint64_t limit = (uint64_t)1 << 62, nonzero = array->item_bytes;
    int empty = 0;
    for (int32_t i = 0; i < array->rank; i++) {
        uint64_t extent = array->dims[i];
        empty |= extent == 0;
        if (extent > 1 && nonzero > (limit - 1) / extent)
            return FNC_ERR_FORMAT;
        nonzero *= extent ? extent : 1;
    }
    array->bytes = empty ? 0 : nonzero;
    return FNC_OK;
}

static inline int32_t h5_describe(h5_span type, h5_span shape, fnc_h5_array *array) {
    int32_t status = h5_type(type, array);
    if (status == FNC_OK)
        status = h5_shape(shape, array);
    return status == FNC_OK ? h5_count(array) : status;
}

#endif
