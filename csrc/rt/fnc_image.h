/* fnc_image.h: weights as they lie in memory, in a file to be mapped or memory of the caller's, in
 * place of those of the library; and their exchange while contexts predict with them.
 *
 * An image is a head of 64 bytes, which says of which model and layout it is, then the weights. */
#ifndef FNC_IMAGE_H
#define FNC_IMAGE_H

#include "fnc_context.h"
#include "fnc_file.h"
#include "fnc_file_stdio.h"
#include "fnc_map.h"

enum { FNC_IMAGE_HEAD = 64, FNC_IMAGE_HASH = 16, FNC_IMAGE_LAYOUT = 56 };

/* A digest of where the weights lie. */
FNC_LIB uint64_t fnc_layout(const fnc_model *model) {
    uint64_t found = (uint64_t)model->weights_bytes;
    for (int i = 0; i < model->tensor_count; ++i)
        found = (found ^ (uint64_t)model->tensors[i].offset) * UINT64_C(1099511628211) + 1;
    return found;
}

FNC_LIB int fnc_bytes_are(const void *one, const void *other, int64_t count) {
    const unsigned char *a = (const unsigned char *)one, *b = (const unsigned char *)other;
    for (int64_t i = 0; i < count; ++i)
        if (a[i] != b[i]) return 0;
    return 1;
}

/* What the bytes that follow are: of which model, in which layout. */
FNC_LIB void fnc_head(const fnc_model *model, const char *what, uint64_t layout,
                      unsigned char head[FNC_IMAGE_HEAD]) {
    const size_t length = fnc_text_length(model->hash), most = FNC_IMAGE_LAYOUT - FNC_IMAGE_HASH - 1;
    fnc_zero(head, FNC_IMAGE_HEAD);
    memcpy(head, what, fnc_text_length(what));
    memcpy(head + FNC_IMAGE_HASH, model->hash, length < most ? length : most);
    memcpy(head + FNC_IMAGE_LAYOUT, &layout, sizeof layout);
}

FNC_LIB void fnc_image_head(const fnc_model *model, unsigned char head[FNC_IMAGE_HEAD]) {
    fnc_head(model, "fncompile image", fnc_layout(model), head);
}

FNC_LIB int64_t fnc_image_bytes(const fnc_model *model) {
    return FNC_IMAGE_HEAD + model->weights_bytes;
}

/* Are these `bytes` bytes the `wanted` that begin with the head? */
FNC_LIB int32_t fnc_check_head(const void *memory, int64_t bytes, int64_t wanted,
                               const unsigned char head[FNC_IMAGE_HEAD]) {
    if (memory == NULL || (uintptr_t)memory % FNC_ALIGN != 0) return FNC_ERR_ARG;
    if (bytes != wanted) return FNC_ERR_FORMAT;
    return fnc_bytes_are(memory, head, FNC_IMAGE_HEAD) ? FNC_OK : FNC_ERR_FORMAT;
}

FNC_LIB int32_t fnc_check_image(const fnc_model *model, const void *image, int64_t bytes) {
    unsigned char head[FNC_IMAGE_HEAD];
    fnc_image_head(model, head);
    return fnc_check_head(image, bytes, fnc_image_bytes(model), head);
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

#if FNC_HAS_FILES
FNC_LIB int32_t fnc_ctx_save_image(const fnc_model *model, const fnc_ctx *ctx, const char *path) {
    unsigned char head[FNC_IMAGE_HEAD];
    fnc_file file;
    int32_t status = fnc_ctx_check(model, ctx, FNC_MODE_PREDICT);
    if (status == FNC_OK && path == NULL) status = FNC_ERR_ARG;
    if (status == FNC_OK) status = fnc_file_open(&file, path);
    if (status != FNC_OK) return status;
    fnc_image_head(model, head);
    status = fnc_file_write(&file, head, FNC_IMAGE_HEAD);
    if (status == FNC_OK)
        status = fnc_file_write(&file, fnc_ctx_weights(ctx), model->weights_bytes);
    return fnc_file_close(&file, status);
}

FNC_LIB int32_t fnc_map_image(const fnc_model *model, const char *path, const void **image) {
    const int64_t bytes = fnc_image_bytes(model);
    const void *memory = NULL;
    if (path == NULL || image == NULL) return FNC_ERR_ARG;
    int32_t status = fnc_map(path, bytes, &memory);
    if (status != FNC_OK) return status;
    status = fnc_check_image(model, memory, bytes);
    if (status == FNC_OK) *image = memory;
    else fnc_unmap(memory, bytes);
    return status;
}

FNC_LIB int32_t fnc_unmap_image(const fnc_model *model, const void *image) {
    return image != NULL ? fnc_unmap(image, fnc_image_bytes(model)) : FNC_ERR_ARG;
}
#endif

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
        image != NULL ? (const unsigned char *)image + FNC_IMAGE_HEAD : ctx->data;
    FNC_RELEASE(ctx->shared, next);
    return FNC_OK;
}

#endif
