/* fnc_image.h: weights as they lie in memory, in a file to be mapped or memory of the caller's, in
 * place of those of the library; and their exchange while contexts predict with them.
 *
 * An image is a head of 64 bytes, which says of which model and layout it is, then the weights. */
#ifndef FNC_IMAGE_H
#define FNC_IMAGE_H

#include <sys/mman.h>

#include "fnc_file.h"

enum { FNC_IMAGE_HEAD = 64, FNC_IMAGE_HASH = 16, FNC_IMAGE_LAYOUT = 56 };

/* A digest of where the weights lie. */
FNC_LIB uint64_t fnc_layout(const fnc_model *model) {
    uint64_t found = (uint64_t)model->weights_bytes;
    for (int i = 0; i < model->tensor_count; ++i)
        found = (found ^ (uint64_t)model->tensors[i].offset) * UINT64_C(1099511628211) + 1;
    return found;
}

FNC_LIB void fnc_image_head(const fnc_model *model, unsigned char head[FNC_IMAGE_HEAD]) {
    const uint64_t layout = fnc_layout(model);
    memset(head, 0, FNC_IMAGE_HEAD);
    memcpy(head, "fncompile image", 15);
    strncpy((char *)head + FNC_IMAGE_HASH, model->hash, FNC_IMAGE_LAYOUT - FNC_IMAGE_HASH - 1);
    memcpy(head + FNC_IMAGE_LAYOUT, &layout, sizeof layout);
}

FNC_LIB int64_t fnc_image_bytes(const fnc_model *model) {
    return FNC_IMAGE_HEAD + model->weights_bytes;
}

FNC_LIB int32_t fnc_check_image(const fnc_model *model, const void *image, int64_t bytes) {
    unsigned char head[FNC_IMAGE_HEAD];
    if (image == NULL || (uintptr_t)image % FNC_ALIGN != 0) return FNC_ERR_ARG;
    if (bytes != fnc_image_bytes(model)) return FNC_ERR_FORMAT;
    fnc_image_head(model, head);
    return memcmp(image, head, sizeof head) == 0 ? FNC_OK : FNC_ERR_FORMAT;
}

/* The weights that `ctx` has now, as an image. */
FNC_LIB int32_t fnc_ctx_get_image(const fnc_model *model, const fnc_ctx *ctx, void *image,
                                  int64_t bytes) {
    const int32_t status = fnc_ctx_check(model, ctx, FNC_MODE_PREDICT);
    if (status != FNC_OK) return status;
    if (image == NULL) return FNC_ERR_ARG;
    if (bytes != fnc_image_bytes(model)) return FNC_ERR_MEMORY;
    fnc_image_head(model, (unsigned char *)image);
    memcpy((unsigned char *)image + FNC_IMAGE_HEAD, fnc_ctx_weights(ctx),
           (size_t)model->weights_bytes);
    return FNC_OK;
}

FNC_LIB int32_t fnc_ctx_save_image(const fnc_model *model, const fnc_ctx *ctx, const char *path) {
    unsigned char head[FNC_IMAGE_HEAD];
    fnc_file file;
    int32_t status = fnc_ctx_check(model, ctx, FNC_MODE_PREDICT);
    if (status == FNC_OK && path == NULL) status = FNC_ERR_ARG;
    if (status == FNC_OK) status = fnc_file_open(&file, path);
    if (status != FNC_OK) return status;
    fnc_image_head(model, head);
    status = fnc_write_all(file.descriptor, head, sizeof head);
    if (status == FNC_OK)
        status = fnc_write_all(file.descriptor, fnc_ctx_weights(ctx), model->weights_bytes);
    return fnc_file_close(&file, status);
}

/* Maps the whole of an open file, read-only. */
FNC_LIB int32_t fnc_map_open(const fnc_model *model, int descriptor, const void **image) {
    struct stat found;
    const int64_t bytes = fnc_image_bytes(model);
    if (fstat(descriptor, &found) != 0 || !S_ISREG(found.st_mode)) return FNC_ERR_IO;
    if (found.st_size != bytes) return FNC_ERR_FORMAT;
    void *memory = mmap(NULL, (size_t)bytes, PROT_READ, MAP_SHARED, descriptor, 0);
    if (memory == MAP_FAILED) return FNC_ERR_MEMORY;
    const int32_t status = fnc_check_image(model, memory, bytes);
    if (status == FNC_OK) *image = memory;
    else munmap(memory, (size_t)bytes);
    return status;
}

FNC_LIB int32_t fnc_map_image(const fnc_model *model, const char *path, const void **image) {
    if (path == NULL || image == NULL) return FNC_ERR_ARG;
    const int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0) return FNC_ERR_IO;
    const int32_t status = fnc_map_open(model, descriptor, image);
    close(descriptor);
    return status;
}

FNC_LIB int32_t fnc_unmap_image(const fnc_model *model, const void *image) {
    if (image == NULL) return FNC_ERR_ARG;
    void *memory = (void *)(uintptr_t)image;
    return munmap(memory, (size_t)fnc_image_bytes(model)) == 0 ? FNC_OK : FNC_ERR_ARG;
}

/* From its next call on `ctx`, and each context that shares its weights, predicts with the image, or
 * for null with the weights of the library. Any thread may call this while they predict. */
FNC_LIB int32_t fnc_ctx_swap_weights(const fnc_model *model, fnc_ctx *ctx, const void *image,
                                     int64_t bytes) {
    int32_t status = fnc_ctx_check(model, ctx, FNC_MODE_PREDICT);
    if (status == FNC_OK && (ctx->mode != FNC_MODE_PREDICT || ctx->owner != ctx))
        status = FNC_ERR_STATE;
    if (status == FNC_OK && image != NULL) status = fnc_check_image(model, image, bytes);
    if (status != FNC_OK) return status;
    const unsigned char *next =
        image != NULL ? (const unsigned char *)image + FNC_IMAGE_HEAD : model->data;
    __atomic_store_n(&ctx->shared, next, __ATOMIC_RELEASE);
    return FNC_OK;
}

#endif
