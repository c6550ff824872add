/* The digest of a model file's data: compare it, and write it into headers made beforehand. */
#include "fnc_blake2b.h"
#include "fnc_h5_bytes.h"

#define H5_DIGEST_NAME "fncompile_digest"
#define H5_DIGEST_KIND "blake2b256:"
#define H5_DIGEST_START (sizeof H5_DIGEST_KIND - 1)
#define H5_DIGEST_HEX (H5_DIGEST_START + 17)
#define H5_DIGEST_LENGTH (H5_DIGEST_HEX + 64)

/* The digest: "blake2b256:", where the data begin in 16 hex digits, ":", 64 hex digits. */
static int32_t h5_digest(const fnc_h5 *file, const char **text, uint64_t *start) {
    fnc_h5_array found;
    int32_t status = fnc_h5_attribute(file, "", H5_DIGEST_NAME, &found);
    if (status != FNC_OK)
        return status;
    if (found.type != FNC_H5_STRING || found.bytes != H5_DIGEST_LENGTH
        || memcmp(found.data, H5_DIGEST_KIND, H5_DIGEST_START) != 0)
        return FNC_ERR_FORMAT;
    *text = found.data;
    *start = 0;
    for (size_t i = H5_DIGEST_START; i < H5_DIGEST_START + 16; i++) {
        const char *digits = "0123456789abcdef", *digit = memchr(digits, (*text)[i], 16);
        if (!digit)
            return FNC_ERR_FORMAT;
        *start = *start << 4 | (uint64_t)(digit - digits);
    }
    return *start <= file->size ? FNC_OK : FNC_ERR_FORMAT;
}

static void h5_hex(const unsigned char digest[32], char text[64]) {
    for (int i = 0; i < 32; i++) {
        text[2 * i] = "0123456789abcdef"[digest[i] >> 4];
        text[2 * i + 1] = "0123456789abcdef"[digest[i] & 15];
    }
}

int32_t fnc_h5_verify(fnc_h5 *file) {
    fnc_blake2b hash;
    unsigned char digest[FNC_BLAKE2B_BYTES];
    const char *text;
    char actual[64];
    uint64_t start;
    int32_t status = h5_digest(file, &text, &start);
    if (status != FNC_OK)
        return status;
    fnc_blake2b_init(&hash);
    fnc_blake2b_update(&hash, file->bytes + start, file->size - start);
    fnc_blake2b_final(&hash, digest);
    h5_hex(digest, actual);
    if (memcmp(text + H5_DIGEST_HEX, actual, 64) != 0)
        return FNC_ERR_FORMAT;
    file->data_start = start;
    return FNC_OK;
}

int32_t fnc_h5_sign(unsigned char *head, uint64_t head_bytes, const unsigned char digest[32]) {
    fnc_h5 file = {head, head_bytes, H5_SUPERBLOCK, 0};
    const char *text;
    h5_span messages;
    uint64_t start;
    int32_t status = h5_digest(&file, &text, &start);
    if (status == FNC_OK)
        status = h5_header(&file, H5_SUPERBLOCK, &messages);
    if (status != FNC_OK)
        return status;
    h5_hex(digest, (char *)head + ((const unsigned char *)text - head) + H5_DIGEST_HEX);
    uint64_t end = (uint64_t)(messages.at - head) + messages.left;
    uint32_t sum = h5_checksum(head + H5_SUPERBLOCK, end - H5_SUPERBLOCK);
    for (int i = 0; i < 4; i++)
        head[end + (uint64_t)i] = (unsigned char)(sum >> 8 * i);
    return FNC_OK;
}
