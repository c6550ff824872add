/* fnc_data.h: contexts with options; a library's data, which it may have in itself, in a file, or in
 * memory of the caller's.
 *
 * Outside of the library the data begin with a head of 64 bytes, which says whose they are. */
#ifndef FNC_DATA_H
#define FNC_DATA_H

#include "fnc_image.h"

FNC_LIB int64_t fnc_data_size(const fnc_model *model) { return FNC_IMAGE_HEAD + model->data_bytes; }

FNC_LIB int32_t fnc_check_data(const fnc_model *model, const void *data, int64_t bytes) {
    unsigned char head[FNC_IMAGE_HEAD];
    fnc_head(model, "fncompile data", (uint64_t)model->data_bytes, head);
    return fnc_check_head(data, bytes, fnc_data_size(model), head);
}

/* Where the options say that the data are. What is mapped for that goes to `mapped`. */
FNC_LIB int32_t fnc_find_data(const fnc_model *model, const fnc_options *options,
                              const unsigned char **data, const void **mapped) {
    const void *given = options->weights;
    int64_t bytes = options->weights_bytes;
    int32_t status = FNC_OK;
    *data = model->data;
    *mapped = NULL;
    if (options->weights_file != NULL) {
#if FNC_HAS_FILES
        bytes = fnc_data_size(model);
        status = fnc_map(options->weights_file, bytes, mapped);
        given = *mapped;
#else
        status = FNC_ERR_IO;
#endif
    }
    if (status == FNC_OK && given != NULL) status = fnc_check_data(model, given, bytes);
    if (status == FNC_OK && given != NULL) *data = (const unsigned char *)given + FNC_IMAGE_HEAD;
    return status;
}

FNC_LIB void fnc_end_data(const fnc_model *model, const void *mapped) {
#if FNC_HAS_FILES
    if (mapped != NULL) fnc_unmap(mapped, fnc_data_size(model));
#else
    (void)model;
    (void)mapped;
#endif
}

/* As fnc_ctx_init, or, where `memory` is null, fnc_ctx_create. */
FNC_LIB int32_t fnc_ctx_open(const fnc_model *model, void *memory, int64_t bytes, int64_t needed,
                             int32_t mode, const int64_t *max, const void *given,
                             fnc_ctx **result) {
    fnc_options options;
    const void *mapped;
    fnc_request asked = {needed, mode, max, NULL, &options, NULL};
    if (needed < 0) return (int32_t)needed;
    if (result == NULL) return FNC_ERR_ARG;
    int32_t status = fnc_read_options(given, &options);
    if (status == FNC_OK) status = fnc_find_data(model, &options, &asked.data, &mapped);
    else mapped = NULL;
    if (status == FNC_OK && memory != NULL)
        status = fnc_ctx_lay_out(model, memory, bytes, &asked, result);
    else if (status == FNC_OK)
#if FNC_HAS_HEAP
        status = fnc_ctx_make(model, &asked, result);
#else
        status = FNC_ERR_ARG;
#endif
    if (status == FNC_OK) (*result)->mapped = mapped;
    else fnc_end_data(model, mapped);
    return status;
}

FNC_LIB void fnc_ctx_destroy(fnc_ctx *ctx) {
    if (ctx == NULL) return;
    if (ctx->team != &ctx->pool.base) fnc_team_destroy(ctx->team);
    ctx->team = NULL;
    fnc_end_data(ctx->model, ctx->mapped);
    ctx->mapped = NULL;
#if FNC_HAS_HEAP
    if (ctx->release != NULL) ctx->release(ctx->user, ctx->allocation);
    else free(ctx->allocation);
#endif
}

#endif
