/* fnc_checkpoint.h: weights and training state to HDF5 files and back.
 *
 * The file is the `.weights.h5` that fncompile's Python side and Keras read and write: a head that
 * was made when the model was exported, signed with the digest of what follows, then the arrays.
 * Loading trusts nothing: the digest, the model's hash where the file has one, and the type and
 * shape of every array are checked before the first byte of the context changes. */
#ifndef FNC_CHECKPOINT_H
#define FNC_CHECKPOINT_H

#include "fnc_values.h"

#if FNC_HAS_FILES
#include "../io/fnc_blake2b.h"
#include "../io/fnc_hdf5.h"
#include "fnc_image.h"

/* Where the bytes of a checkpoint go. */
typedef int32_t fnc_sink(void *target, const void *bytes, int64_t size);

FNC_LIB int32_t fnc_sink_hash(void *target, const void *bytes, int64_t size) {
    fnc_blake2b_update((fnc_blake2b *)target, bytes, (uint64_t)size);
    return FNC_OK;
}

FNC_LIB int32_t fnc_sink_memory(void *target, const void *bytes, int64_t size) {
    unsigned char **at = (unsigned char **)target;
    memcpy(*at, bytes, (size_t)size);
    *at += size;
    return FNC_OK;
}

FNC_LIB int32_t fnc_sink_file(void *target, const void *bytes, int64_t size) {
    return fnc_file_write((fnc_file *)target, bytes, size);
}

FNC_LIB const unsigned char *fnc_piece_bytes(const fnc_ctx *ctx, const fnc_piece *piece) {
    switch (piece->block) {
    case FNC_WEIGHTS: return ctx->weights + piece->offset;
    case FNC_TRAIN: return ctx->train + piece->offset;
    case FNC_STATE: return ctx->state + piece->offset;
    default: return ctx->data + piece->offset;
    }
}

/* Numbers of bfloat16 as float. */
FNC_LIB int32_t fnc_put_wide(const fnc_bf16 *numbers, int64_t count, fnc_sink *sink, void *target) {
    float wide[256];
    int32_t status = FNC_OK;
    for (int64_t n; count > 0 && status == FNC_OK; count -= n, numbers += n) {
        n = count < 256 ? count : 256;
        fnc_widen_bf16(wide, numbers, n);
        status = sink(target, wide, n * (int64_t)sizeof *wide);
    }
    return status;
}

FNC_LIB int32_t fnc_put_piece(const fnc_ctx *ctx, const fnc_piece *piece, fnc_sink *sink,
                              void *target) {
    const unsigned char *bytes = fnc_piece_bytes(ctx, piece);
    if (!piece->narrow) return sink(target, bytes, piece->bytes);
    return fnc_put_wide((const fnc_bf16 *)bytes, piece->bytes / (int64_t)sizeof(float), sink, target);
}

/* Everything behind the head, in the order of the file. */
FNC_LIB int32_t fnc_put_data(const fnc_ctx *ctx, fnc_sink *sink, void *target) {
    static const unsigned char zeros[FNC_ALIGN] = {0};
    const fnc_checkpoint *file = &ctx->model->checkpoint;
    int64_t at = file->head_bytes;
    int32_t status = FNC_OK;
    for (int i = 0; i < file->count && status == FNC_OK; ++i) {
        const fnc_piece *piece = &file->pieces[i];
        if (piece->bytes == 0) continue;
        status = sink(target, zeros, piece->file_at - at);
        if (status == FNC_OK) status = fnc_put_piece(ctx, piece, sink, target);
        at = piece->file_at + piece->bytes;
    }
    return status;
}

/* The head with the digest of what `ctx` holds, in head_bytes bytes at `head`. */
FNC_LIB int32_t fnc_make_head(const fnc_ctx *ctx, unsigned char *head) {
    const fnc_checkpoint *file = &ctx->model->checkpoint;
    fnc_blake2b hash;
    unsigned char digest[FNC_BLAKE2B_BYTES];
    fnc_blake2b_init(&hash);
    fnc_put_data(ctx, fnc_sink_hash, &hash);
    fnc_blake2b_final(&hash, digest);
    memcpy(head, ctx->data + file->head_at, (size_t)file->head_bytes);
    return fnc_h5_sign(head, (uint64_t)file->head_bytes, digest);
}

FNC_LIB int32_t fnc_ctx_save_mem(const fnc_model *model, const fnc_ctx *ctx, void *buffer,
                                 int64_t bytes) {
    int32_t status = fnc_ctx_check(model, ctx, FNC_MODE_TRAIN);
    if (status != FNC_OK) return status;
    if (buffer == NULL) return FNC_ERR_ARG;
    if (bytes < model->checkpoint.file_bytes) return FNC_ERR_MEMORY;
    unsigned char *at = (unsigned char *)buffer + model->checkpoint.head_bytes;
    status = fnc_make_head(ctx, (unsigned char *)buffer);
    return status == FNC_OK ? fnc_put_data(ctx, fnc_sink_memory, &at) : status;
}

FNC_LIB int32_t fnc_write_checkpoint(const fnc_ctx *ctx, const char *path,
                                     const unsigned char *head) {
    fnc_file file;
    int32_t status = fnc_file_open(&file, path);
    if (status != FNC_OK) return status;
    status = fnc_file_write(&file, head, ctx->model->checkpoint.head_bytes);
    if (status == FNC_OK) status = fnc_put_data(ctx, fnc_sink_file, &file);
    return fnc_file_close(&file, status);
}

FNC_LIB int32_t fnc_ctx_save(const fnc_model *model, const fnc_ctx *ctx, const char *path) {
    int32_t status = fnc_ctx_check(model, ctx, FNC_MODE_TRAIN);
    if (status != FNC_OK) return status;
    if (path == NULL) return FNC_ERR_ARG;
    unsigned char *head = (unsigned char *)malloc((size_t)model->checkpoint.head_bytes);
    if (head == NULL) return FNC_ERR_MEMORY;
    status = fnc_make_head(ctx, head);
    if (status == FNC_OK) status = fnc_write_checkpoint(ctx, path, head);
    free(head);
    return status;
}

/* Is this file, where it says whose it is, one of this model? */
FNC_LIB int32_t fnc_check_model(const fnc_model *model, const fnc_h5 *file) {
    fnc_h5_array hash;
    const int32_t status = fnc_h5_attribute(file, "", "fncompile_model", &hash);
    if (status == FNC_H5_NOT_FOUND) return FNC_OK;
    if (status != FNC_OK) return status;
    const int same = hash.type == FNC_H5_STRING && hash.bytes == strlen(model->hash)
                     && memcmp(hash.data, model->hash, (size_t)hash.bytes) == 0;
    return same ? FNC_OK : FNC_ERR_FORMAT;
}

FNC_LIB int32_t fnc_find_piece(const fnc_checkpoint *known, const fnc_piece *piece,
                               const fnc_h5 *file, fnc_h5_array *found) {
    const int32_t status = fnc_h5_dataset(file, known->paths + piece->path, found);
    if (status != FNC_OK) return status;
    if ((int32_t)found->type != piece->type || found->rank != piece->rank) return FNC_ERR_FORMAT;
    for (int i = 0; i < piece->rank; ++i)
        if (found->dims[i] != (uint64_t)known->dims[piece->dims + i]) return FNC_ERR_FORMAT;
    return FNC_OK;
}

FNC_LIB void fnc_take_piece(fnc_ctx *ctx, const fnc_piece *piece, const fnc_h5_array *found) {
    unsigned char *own = piece->block == FNC_WEIGHTS ? ctx->own_weights : ctx->train;
    if (piece->block == FNC_STATE) own = ctx->state;
    fnc_take_array(own + piece->offset, found->data, piece->bytes, piece->narrow);
}

/* Looks every piece up that the context has room for; with `take` copies them too. */
FNC_LIB int32_t fnc_load_pieces(fnc_ctx *ctx, const fnc_h5 *file, int take) {
    const fnc_checkpoint *known = &ctx->model->checkpoint;
    for (int i = 0; i < known->count; ++i) {
        const fnc_piece *piece = &known->pieces[i];
        fnc_h5_array found;
        if (piece->block == FNC_FIXED) continue;
        if (piece->block == FNC_TRAIN && ctx->mode < FNC_MODE_TRAIN) continue;
        const int32_t status = fnc_find_piece(known, piece, file, &found);
        if (status != FNC_OK) return status;
        if (take) fnc_take_piece(ctx, piece, &found);
    }
    return FNC_OK;
}

FNC_LIB int32_t fnc_load_file(fnc_ctx *ctx, fnc_h5 *file) {
    int32_t status = fnc_h5_verify(file);
    if (status == FNC_OK) status = fnc_check_model(ctx->model, file);
    if (status == FNC_OK) status = fnc_load_pieces(ctx, file, 0);
    if (status == FNC_OK) status = fnc_load_pieces(ctx, file, 1);
    if (status == FNC_OK) ++ctx->version;
    return status == FNC_H5_FOREIGN || status == FNC_H5_NOT_FOUND ? FNC_ERR_FORMAT : status;
}

FNC_LIB int32_t fnc_ctx_load_mem(const fnc_model *model, fnc_ctx *ctx, const void *bytes,
                                 int64_t size) {
    fnc_h5 file;
    int32_t status = fnc_ctx_check(model, ctx, FNC_MODE_PRIVATE);
    if (status != FNC_OK) return status;
    if (bytes == NULL || size < 0) return FNC_ERR_ARG;
    status = fnc_h5_open(&file, bytes, (uint64_t)size);
    if (status == FNC_H5_FOREIGN) return FNC_ERR_FORMAT;
    return status == FNC_OK ? fnc_load_file(ctx, &file) : status;
}

/* No file of this model is larger: Python's may have slots that the library does not know. */
FNC_LIB uint64_t fnc_most_bytes(const fnc_model *model) {
    return ((uint64_t)64 << 20) + 16 * (uint64_t)model->checkpoint.file_bytes;
}

FNC_LIB int32_t fnc_ctx_load(const fnc_model *model, fnc_ctx *ctx, const char *path) {
    fnc_h5 file;
    int32_t status = fnc_ctx_check(model, ctx, FNC_MODE_PRIVATE);
    if (status != FNC_OK) return status;
    if (path == NULL) return FNC_ERR_ARG;
    status = fnc_h5_read(&file, path, fnc_most_bytes(model));
    if (status == FNC_H5_FOREIGN) return FNC_ERR_FORMAT;
    if (status != FNC_OK) return status;
    status = fnc_load_file(ctx, &file);
    fnc_h5_free(&file);
    return status;
}
#endif

#endif
