/* See fnc_hdf5.h. The comments name fields as the HDF5 File Format Specification does. */
#include "fnc_hdf5.h"
#include "fnc_h5_type.h"

#define H5_UNDEFINED UINT64_MAX

/* Link: version 1, flags 0x11 (character set present, name length of two bytes), UTF-8, name,
 * address of the object header. */
static int32_t h5_link(h5_span body, h5_span *name, uint64_t *address) {
    h5_span head;
    if (h5_take(&body, 5, &head) != FNC_OK)
        return FNC_ERR_FORMAT;
    if (memcmp(head.at, "\1\x11\1", 3) != 0)
        return FNC_H5_FOREIGN;
    if (h5_take(&body, h5_number(head.at + 3, 2), name) != FNC_OK || body.left != 8)
        return FNC_ERR_FORMAT;
    *address = h5_number(body.at, 8);
    return FNC_OK;
}

static int32_t h5_child(h5_span messages, h5_span wanted, uint64_t *address) {
    h5_message message;
    int32_t status;
    while ((status = h5_next(&messages, &message)) == FNC_OK) {
        h5_span name;
        uint64_t target;
        if (message.kind != H5_LINK)
            continue;
        status = h5_link(message.body, &name, &target);
        if (status != FNC_OK)
            return status;
        if (h5_is(name, wanted.at, wanted.left)) {
            *address = target;
            return FNC_OK;
        }
    }
    return status;
}

static h5_span h5_first_part(const char **path) {
    *path += strspn(*path, "/");
    h5_span part = {(const unsigned char *)*path, strcspn(*path, "/")};
    *path += part.left;
    return part;
}

/* The messages of the object at `path`; the length of the path bounds the work. */
static int32_t h5_walk(const fnc_h5 *file, const char *path, h5_span *messages) {
    uint64_t address = file->root;
    for (;;) {
        int32_t status = h5_header(file, address, messages);
        if (status != FNC_OK)
            return status;
        h5_span part = h5_first_part(&path);
        if (part.left == 0)
            return FNC_OK;
        status = h5_child(*messages, part, &address);
        if (status != FNC_OK)
            return status;
    }
}

/* Data layout: version 3, contiguous, address, size. */
static int32_t h5_place(const fnc_h5 *file, h5_span layout, fnc_h5_array *array) {
    if (layout.left != 18 || layout.at[0] != 3 || layout.at[1] != 1)
        return FNC_H5_FOREIGN;
    uint64_t address = h5_number(layout.at + 2, 8), size = h5_number(layout.at + 10, 8);
    if (size != array->bytes || (address == H5_UNDEFINED) != (size == 0))
        return FNC_ERR_FORMAT;
    if (size == 0) {
        array->data = file->bytes;
        return FNC_OK;
    }
    if (address > file->size || size > file->size - address || address < file->data_start)
        return FNC_ERR_FORMAT;
    array->data = file->bytes + address;
    return address % FNC_ALIGN == 0 ? FNC_OK : FNC_H5_FOREIGN;
}

int32_t fnc_h5_dataset(const fnc_h5 *file, const char *path, fnc_h5_array *array) {
    h5_span messages, type, shape, layout, fill;
    fnc_h5_array found = {0};
    int32_t status = h5_walk(file, path, &messages);
    if (status == FNC_OK)
        status = h5_find(messages, H5_LAYOUT, &layout);
    if (status == FNC_OK)
        status = h5_find(messages, H5_DATATYPE, &type);
    if (status == FNC_OK)
        status = h5_find(messages, H5_DATASPACE, &shape);
    if (status == FNC_OK)
        status = h5_find(messages, H5_FILL_VALUE, &fill);
    if (status == FNC_OK)
        status = h5_describe(type, shape, &found);
    if (status == FNC_OK)
        status = h5_place(file, layout, &found);
    if (status == FNC_OK)
        *array = found;
    return status;
}

/* Attribute: version 3, flags 0, sizes of name, datatype and dataspace, UTF-8, these three, data. */
static int32_t h5_read_attribute(h5_span body, h5_span *name, fnc_h5_array *array) {
    h5_span head, type, shape;
    if (h5_take(&body, 9, &head) != FNC_OK)
        return FNC_ERR_FORMAT;
    if (memcmp(head.at, "\3", 2) != 0 || head.at[8] != 1)
        return FNC_H5_FOREIGN;
    if (h5_take(&body, h5_number(head.at + 2, 2), name) != FNC_OK
        || h5_take(&body, h5_number(head.at + 4, 2), &type) != FNC_OK
        || h5_take(&body, h5_number(head.at + 6, 2), &shape) != FNC_OK)
        return FNC_ERR_FORMAT;
    int32_t status = h5_describe(type, shape, array);
    array->data = body.at;
    return status == FNC_OK && array->bytes != body.left ? FNC_ERR_FORMAT : status;
}

int32_t fnc_h5_attribute(
    const fnc_h5 *file, const char *path, const char *name, fnc_h5_array *array) {
    h5_span messages;
    h5_message message;
    int32_t status = h5_walk(file, path, &messages);
    if (status != FNC_OK)
        return status;
    while ((status = h5_next(&messages, &message)) == FNC_OK) {
        h5_span key;
        fnc_h5_array found = {0};
        if (message.kind != H5_ATTRIBUTE)
            continue;
        status = h5_read_attribute(message.body, &key, &found);
        if (status != FNC_OK)
            return status;
        if (h5_is(key, name, strlen(name) + 1)) {
            *array = found;
            return FNC_OK;
        }
    }
    return status;
}

/* Superblock: signature, version 2, sizes of offsets and lengths, flags, base address, extension,
 * end of file, root group, checksum. */
static int32_t h5_superblock(fnc_h5 *file) {
    static const unsigned char plain[20] = {
        8, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255, 0};
    h5_span head = {file->bytes, H5_SUPERBLOCK};
    if (file->size < H5_SUPERBLOCK || memcmp(head.at, "\x89HDF\r\n\x1a\n", 8) != 0)
        return FNC_ERR_FORMAT;
    if (head.at[8] != 2)
        return FNC_H5_FOREIGN;
    if (!h5_sum_is_right(head))
        return FNC_ERR_FORMAT;
    if (memcmp(head.at + 9, plain, 19) != 0)
        return FNC_H5_FOREIGN;
    file->root = h5_number(head.at + 36, 8);
    return h5_number(head.at + 28, 8) == file->size ? FNC_OK : FNC_ERR_FORMAT;
}

int32_t fnc_h5_open(fnc_h5 *file, const void *bytes, uint64_t size) {
    fnc_h5 opened = {bytes, size, 0, 0};
    int32_t status = h5_superblock(&opened);
    if (status == FNC_OK)
        *file = opened;
    return status;
}
