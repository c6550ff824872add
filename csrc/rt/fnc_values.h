/* fnc_values.h: reading and setting what a context of an exported library holds: parameters, state
 * of training, what one prediction leaves to the next, metrics. */
#ifndef FNC_VALUES_H
#define FNC_VALUES_H

#include "../math/fnc_bf16.h"
#include "fnc_context.h"

/* `bytes` bytes of an array into memory, where they may be narrow: floats kept as bfloat16. */
FNC_LIB void fnc_take_array(unsigned char *memory, const void *array, int64_t bytes, int narrow) {
    if (narrow) fnc_narrow_bf16((fnc_bf16 *)memory, array, bytes / (int64_t)sizeof(float));
    else memcpy(memory, array, (size_t)bytes);
}

FNC_LIB void fnc_give_array(void *array, const unsigned char *memory, int64_t bytes, int narrow) {
    if (narrow) fnc_widen_bf16(array, (const fnc_bf16 *)memory, bytes / (int64_t)sizeof(float));
    else memcpy(array, memory, (size_t)bytes);
}

/* Is this an array for the parameters, one after the other? */
FNC_LIB int fnc_is_flat(const fnc_model *model, const void *array, int64_t count) {
    return array != NULL && count == model->param_count &&
           (uintptr_t)array % (uintptr_t)model->param_item == 0;
}

/* Copies the parameters to or from one flat array without gaps. */
FNC_LIB int32_t fnc_ctx_params(const fnc_model *model, const fnc_ctx *ctx, void *target,
                               const void *source, int64_t count) {
    int32_t status = fnc_ctx_check(model, ctx, source ? FNC_MODE_PRIVATE : FNC_MODE_PREDICT);
    if (status != FNC_OK) return status;
    if (!fnc_is_flat(model, source ? source : target, count)) return FNC_ERR_ARG;
    const unsigned char *weights = fnc_ctx_weights(ctx);
    int64_t at = 0;
    for (int i = 0; i < model->tensor_count; ++i) {
        const fnc_tensor *t = &model->tensors[i];
        if (!t->listed) continue;
        if (source)
            fnc_take_array(ctx->own_weights + t->offset, (const char *)source + at, t->bytes, t->narrow);
        else
            fnc_give_array((char *)target + at, weights + t->offset, t->bytes, t->narrow);
        at += t->bytes;
    }
    return FNC_OK;
}

FNC_LIB int32_t fnc_ctx_get_params(const fnc_model *model, const fnc_ctx *ctx, void *target,
                                   int64_t count) {
    return fnc_ctx_params(model, ctx, target, NULL, count);
}

FNC_LIB int32_t fnc_ctx_set_params(const fnc_model *model, fnc_ctx *ctx, const void *source,
                                   int64_t count) {
    if (source == NULL) return FNC_ERR_ARG;
    int32_t status = fnc_ctx_params(model, ctx, NULL, source, count);
    if (status == FNC_OK) ++ctx->version;
    return status;
}

/* Is `array` one for `count` elements of the weight of number i, as the caller sees it? */
FNC_LIB int32_t fnc_tensor_check(const fnc_model *model, int32_t i, const void *array, int64_t count) {
    if (array == NULL || i < 0 || i >= model->tensor_count) return FNC_ERR_ARG;
    const fnc_tensor *t = &model->tensors[i];
    if (count != t->count) return FNC_ERR_SHAPE;
    if (count > 0 && (uintptr_t)array % (uintptr_t)(t->bytes / t->count) != 0) return FNC_ERR_ARG;
    return FNC_OK;
}

FNC_LIB int32_t fnc_ctx_get_param(const fnc_model *model, const fnc_ctx *ctx, int32_t i,
                                  void *target, int64_t count) {
    int32_t status = fnc_ctx_check(model, ctx, FNC_MODE_PREDICT);
    if (status == FNC_OK) status = fnc_tensor_check(model, i, target, count);
    if (status != FNC_OK) return status;
    const fnc_tensor *t = &model->tensors[i];
    fnc_give_array(target, fnc_ctx_weights(ctx) + t->offset, t->bytes, t->narrow);
    return FNC_OK;
}

FNC_LIB int32_t fnc_ctx_set_param(const fnc_model *model, fnc_ctx *ctx, int32_t i,
                                  const void *source, int64_t count) {
    int32_t status = fnc_ctx_check(model, ctx, FNC_MODE_PRIVATE);
    if (status == FNC_OK) status = fnc_tensor_check(model, i, source, count);
    if (status != FNC_OK) return status;
    const fnc_tensor *t = &model->tensors[i];
    fnc_take_array(ctx->own_weights + t->offset, source, t->bytes, t->narrow);
    ++ctx->version;
    return FNC_OK;
}

/* Training state of one variable, `bytes` bytes at `offset`. */
FNC_LIB int32_t fnc_ctx_get_state(const fnc_model *model, const fnc_ctx *ctx, int64_t offset,
                                  void *value, size_t bytes) {
    int32_t status = fnc_ctx_check(model, ctx, FNC_MODE_TRAIN);
    if (status == FNC_OK && value == NULL) status = FNC_ERR_ARG;
    if (status == FNC_OK) memcpy(value, ctx->train + offset, bytes);
    return status;
}

FNC_LIB int32_t fnc_ctx_set_state(const fnc_model *model, fnc_ctx *ctx, int64_t offset,
                                  const void *value, size_t bytes) {
    int32_t status = fnc_ctx_check(model, ctx, FNC_MODE_TRAIN);
    if (status == FNC_OK) memcpy(ctx->train + offset, value, bytes);
    return status;
}

/* What predictions leave to the next ones: `bytes` bytes, all of it. */
FNC_LIB int32_t fnc_ctx_carried(const fnc_model *model, const fnc_ctx *ctx, const void *buffer,
                                int64_t bytes) {
    const int32_t status = fnc_ctx_check(model, ctx, FNC_MODE_PREDICT);
    if (status != FNC_OK) return status;
    return buffer == NULL || bytes != model->state_bytes ? FNC_ERR_ARG : FNC_OK;
}

FNC_LIB int32_t fnc_ctx_get_carried(const fnc_model *model, const fnc_ctx *ctx, void *buffer,
                                    int64_t bytes) {
    const int32_t status = fnc_ctx_carried(model, ctx, buffer, bytes);
    if (status == FNC_OK) memcpy(buffer, ctx->state, (size_t)bytes);
    return status;
}

FNC_LIB int32_t fnc_ctx_set_carried(const fnc_model *model, fnc_ctx *ctx, const void *buffer,
                                    int64_t bytes) {
    const int32_t status = fnc_ctx_carried(model, ctx, buffer, bytes);
    if (status == FNC_OK) memcpy(ctx->state, buffer, (size_t)bytes);
    return status;
}

FNC_LIB int32_t fnc_ctx_reset_carried(const fnc_model *model, fnc_ctx *ctx) {
    const int32_t status = fnc_ctx_check(model, ctx, FNC_MODE_PREDICT);
    const int64_t bytes = model->state_bytes;
    if (status == FNC_OK) memcpy(ctx->state, fnc_first_state(ctx) + bytes, (size_t)bytes);
    return status;
}

/* Metrics as they were before any batch. */
FNC_LIB int32_t fnc_ctx_reset_metrics(const fnc_model *model, fnc_ctx *ctx) {
    int32_t status = fnc_ctx_check(model, ctx, FNC_MODE_TRAIN);
    if (status != FNC_OK) return status;
    for (int i = 0; i < model->metric_spans; ++i) {
        const fnc_span span = model->metrics[i];
        memcpy(ctx->train + span.offset, ctx->data + model->train_at + span.offset, (size_t)span.bytes);
    }
    return FNC_OK;
}

#endif
