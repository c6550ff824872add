/* fnc_h5_bytes.h: bytes of a model file that are not trusted, up to the messages of a header.
 *
 * Internal to csrc/io. The comments name fields as the HDF5 File Format Specification does.
 */
#ifndef FNC_H5_BYTES_H
#define FNC_H5_BYTES_H

#include <string.h>

#include "fnc_hdf5.h"

enum {
    H5_DATASPACE = 0x01,
    H5_LINK_INFO = 0x02,
    H5_DATATYPE = 0x03,
    H5_FILL_VALUE = 0x05,
    H5_LINK = 0x06,
    H5_LAYOUT = 0x08,
    H5_ATTRIBUTE = 0x0C
};

#define H5_SUPERBLOCK 48
#define H5_MAX_HEADER ((uint64_t)4 << 20)

/* Unread bytes of the file. */
typedef struct h5_span {
    const unsigned char *at;
    uint64_t left;
} h5_span;

typedef struct h5_message {
    uint32_t kind;
    h5_span body;
} h5_message;

static inline uint64_t h5_number(const unsigned char *bytes, int width) {
    uint64_t value = 0;
    while (width-- > 0)
        value = value << 8 | bytes[width];
    return value;
}

/* Move `count` bytes from `from` to `part`. */
static inline int32_t h5_take(h5_span *from, uint64_t count, h5_span *part) {
    if (count > from->left)
        return FNC_ERR_FORMAT;
    part->at = from->at;
    part->left = count;
    from->at += count;
    from->left -= count;
    return FNC_OK;
}

static inline int32_t h5_take_number(h5_span *from, int width, uint64_t *value) {
    h5_span part;
    int32_t status = h5_take(from, (uint64_t)width, &part);
    if (status == FNC_OK)
        *value = h5_number(part.at, width);
    return status;
}

static inline int h5_is(h5_span span, const void *bytes, uint64_t size) {
    return span.left == size && memcmp(span.at, bytes, (size_t)size) == 0;
}

/* Jenkins' lookup3 ("hashlittle", initial value 0) over bytes padded with zeros to words. */
static inline uint32_t h5_rotate(uint32_t x, int left) {
    return x << left | x >> (32 - left);
}

static inline void h5_mix(uint32_t h[3]) {
    static const unsigned char shift[6] = {4, 6, 8, 16, 19, 4};
    for (int i = 0; i < 6; i++) {
        uint32_t *a = &h[i % 3], *b = &h[(i + 1) % 3], *c = &h[(i + 2) % 3];
        *a = (*a - *c) ^ h5_rotate(*c, shift[i]);
        *c += *b;
    }
}

static inline uint32_t h5_finish(uint32_t h[3]) {
    static const unsigned char shift[7] = {14, 11, 25, 16, 4, 14, 24};
    for (int i = 0; i < 7; i++) {
        uint32_t *target = &h[(i + 2) % 3], *source = &h[(i + 1) % 3];
        *target = (*target ^ *source) - h5_rotate(*source, shift[i]);
    }
    return h[2];
}

static inline uint32_t h5_checksum(const unsigned char *bytes, uint64_t size) {
    uint32_t start = 0xDEADBEEFu + (uint32_t)size, h[3] = {start, start, start};
    if (size == 0)
        return start;
    for (;;) {
        unsigned char block[12] = {0};
        memcpy(block, bytes, size < 12 ? (size_t)size : 12);
        for (int i = 0; i < 3; i++)
            h[i] += (uint32_t)h5_number(block + 4 * i, 4);
        if (size <= 12)
            return h5_finish(h);
        h5_mix(h);
        bytes += 12;
        size -= 12;
    }
}

static inline int h5_sum_is_right(h5_span span) {
    return h5_checksum(span.at, span.left - 4) == h5_number(span.at + span.left - 4, 4);
}

/* Object headers: "OHDR", version, flags, size of chunk 0, messages, checksum. */
static inline int32_t h5_header(const fnc_h5 *file, uint64_t address, h5_span *messages) {
    if (address >= file->size)
        return FNC_ERR_FORMAT;
    h5_span rest = {file->bytes + address, file->size - address}, head, whole = rest;
    uint64_t body = 0;
    if (h5_take(&rest, 6, &head) != FNC_OK)
        return FNC_ERR_FORMAT;
    if (memcmp(head.at, "OHDR\2", 5) != 0)
        return head.at[0] == 1 ? FNC_H5_FOREIGN : FNC_ERR_FORMAT;
    if (head.at[5] > 3)
        return FNC_H5_FOREIGN;
    if (h5_take_number(&rest, 1 << head.at[5], &body) != FNC_OK || body > H5_MAX_HEADER)
        return FNC_ERR_FORMAT;
    if (h5_take(&rest, body, messages) != FNC_OK || rest.left < 4)
        return FNC_ERR_FORMAT;
    whole.left -= rest.left - 4;
    return h5_sum_is_right(whole) ? FNC_OK : FNC_ERR_FORMAT;
}

/* Message: type, size, flags, body. FNC_H5_NOT_FOUND after the last. */
static inline int32_t h5_next(h5_span *messages, h5_message *message) {
    h5_span head;
    if (messages->left == 0)
        return FNC_H5_NOT_FOUND;
    if (h5_take(messages, 4, &head) != FNC_OK || head.at[3] > 1)
        return FNC_H5_FOREIGN;
    message->kind = head.at[0];
    return h5_take(messages, h5_number(head.at + 1, 2), &message->body);
}

static inline int32_t h5_find(h5_span messages, uint32_t kind, h5_span *body) {
    h5_message message;
    int32_t status;
    while ((status = h5_next(&messages, &message)) == FNC_OK) {
        if (message.kind == kind) {
            *body = message.body;
            return FNC_OK;
        }
    }
    return status;
}

#endif
