/* fnc_parts.h: a step of training in parts: forward, backward, then what the optimizer makes of the
 * sum of the gradients. For contexts of mode split, whose training state ends in these sums, in a
 * byte an element that says whether it is frozen, and in an fnc_pending. */
#ifndef FNC_PARTS_H
#define FNC_PARTS_H

#include "../math/fnc_f16.h"
#include "fnc_run.h"
#include "fnc_values.h"

/* Forward, and what backward must know of it; `loss`, of the size that it has, may be null. */
FNC_LIB int32_t fnc_ctx_forward(const fnc_model *model, fnc_ctx *ctx, const fnc_step *step,
                                const int64_t *dims, const void *const *in, void *const *out,
                                void *loss) {
    int32_t status = fnc_ctx_check(model, ctx, FNC_MODE_SPLIT);
    if (status != FNC_OK) return status;
    fnc_pending *pending = ctx->pending;
    const int last = step->outputs - 1, size = step->item_bytes[step->inputs + last];
    if ((uintptr_t)loss % (uintptr_t)size != 0) return FNC_ERR_ARG;
    pending->step = NULL;
    for (int i = 0; i < step->symbols; ++i) pending->dims[i] = dims[i];
    for (int i = 0; i < step->inputs; ++i) pending->in[i] = in[i];
    for (int i = 0; i < last; ++i) pending->out[i] = out[i];
    pending->out[last] = &pending->loss;
    status = fnc_ctx_run(model, ctx, step, dims, pending->in, pending->out);
    if (status != FNC_OK) return status;
    if (loss != NULL) memcpy(loss, &pending->loss, (size_t)size);
    pending->step = step;
    pending->version = ctx->version;
    return FNC_OK;
}

/* Adds the gradients of the forward before. What that left in the arena must be there still. */
FNC_LIB int32_t fnc_ctx_backward(const fnc_model *model, fnc_ctx *ctx) {
    const int32_t status = fnc_ctx_check(model, ctx, FNC_MODE_SPLIT);
    if (status != FNC_OK) return status;
    const fnc_pending *pending = ctx->pending;
    const fnc_step *step = pending->step;
    if (step == NULL || pending->version != ctx->version) return FNC_ERR_STATE;
    const fnc_env env = fnc_ctx_env(ctx, step, pending->dims, NULL, pending->in, pending->out);
    return fnc_ctx_call(ctx, step, fnc_ctx_code(ctx, step)->backward, &env);
}

FNC_LIB int32_t fnc_ctx_zero_grad(const fnc_model *model, fnc_ctx *ctx) {
    const int32_t status = fnc_ctx_check(model, ctx, FNC_MODE_SPLIT);
    if (status != FNC_OK) return status;
    for (int i = 0; i < model->tensor_count; ++i) {
        const fnc_tensor *t = &model->tensors[i];
        if (t->gradient >= 0) fnc_zero(ctx->train + t->gradient, t->count * t->item);
    }
    return FNC_OK;
}

/* memory[i] = scale * memory[i] + more[i], where there is more. Numbers in two bytes are those of
 * bfloat16, and float for the caller, where they are `narrow`, or else of float16. */
FNC_LIB void fnc_add_scaled(unsigned char *memory, const void *more, int64_t count, int64_t item,
                            int narrow, double scale) {
    for (int64_t i = 0; i < count; ++i) {
        if (item == 8) {
            double *x = (double *)(void *)memory + i;
            *x = scale * *x + (more ? ((const double *)more)[i] : 0);
        } else if (item == 4) {
            float *x = (float *)(void *)memory + i;
            *x = (float)scale * *x + (more ? ((const float *)more)[i] : 0);
        } else if (!narrow) {
            uint16_t *x = (uint16_t *)(void *)memory + i;
            float wide = (float)scale * fnc_load_f16(*x);
            wide += more ? fnc_load_f16(((const uint16_t *)more)[i]) : 0;
            *x = fnc_store_f16(fnc_round_f16(wide));
        } else {
            fnc_bf16 *x = (fnc_bf16 *)(void *)memory + i;
            float wide;
            fnc_widen_bf16(&wide, x, 1);
            wide = (float)scale * wide + (more ? ((const float *)more)[i] : 0);
            fnc_narrow_bf16(x, &wide, 1);
        }
    }
}

/* The gradients of one weight to, from or onto an array of its own type: those of a weight that is
 * not trained are 0, and stay so. */
FNC_LIB void fnc_give_gradient(const fnc_ctx *ctx, const fnc_tensor *t, void *target) {
    if (t->gradient < 0) fnc_zero(target, t->bytes);
    else fnc_give_array(target, ctx->train + t->gradient, t->bytes, t->narrow);
}

FNC_LIB void fnc_take_gradient(const fnc_ctx *ctx, const fnc_tensor *t, const void *source) {
    if (t->gradient >= 0) fnc_take_array(ctx->train + t->gradient, source, t->bytes, t->narrow);
}

FNC_LIB void fnc_add_gradient(const fnc_ctx *ctx, const fnc_tensor *t, const void *more) {
    if (t->gradient >= 0)
        fnc_add_scaled(ctx->train + t->gradient, more, t->count, t->item, t->narrow, 1);
}

/* For all weights, in an array with the places of the flat array of parameters; `source` and `more`
 * are null where they are not meant. */
FNC_LIB int32_t fnc_ctx_gradients(const fnc_model *model, const fnc_ctx *ctx, void *target,
                                  const void *source, const void *more, int64_t count) {
    const int32_t status = fnc_ctx_check(model, ctx, FNC_MODE_SPLIT);
    if (status != FNC_OK) return status;
    if (!fnc_is_flat(model, source ? source : more ? more : target, count)) return FNC_ERR_ARG;
    int64_t at = 0;
    for (int i = 0; i < model->tensor_count; ++i) {
        const fnc_tensor *t = &model->tensors[i];
        if (!t->listed) continue;
        if (source) fnc_take_gradient(ctx, t, (const char *)source + at);
        else if (more) fnc_add_gradient(ctx, t, (const char *)more + at);
        else fnc_give_gradient(ctx, t, (char *)target + at);
        at += t->bytes;
    }
    return FNC_OK;
}

FNC_LIB int32_t fnc_ctx_get_gradients(const fnc_model *model, const fnc_ctx *ctx, void *target,
                                      int64_t count) {
    return fnc_ctx_gradients(model, ctx, target, NULL, NULL, count);
}

FNC_LIB int32_t fnc_ctx_set_gradients(const fnc_model *model, fnc_ctx *ctx, const void *source,
                                      int64_t count) {
    return source ? fnc_ctx_gradients(model, ctx, NULL, source, NULL, count) : FNC_ERR_ARG;
}

FNC_LIB int32_t fnc_ctx_add_gradients(const fnc_model *model, fnc_ctx *ctx, const void *more,
                                      int64_t count) {
    return more ? fnc_ctx_gradients(model, ctx, NULL, NULL, more, count) : FNC_ERR_ARG;
}

FNC_LIB int32_t fnc_ctx_scale_gradients(const fnc_model *model, fnc_ctx *ctx, double factor) {
    const int32_t status = fnc_ctx_check(model, ctx, FNC_MODE_SPLIT);
    if (status != FNC_OK) return status;
    if (factor - factor != 0) return FNC_ERR_ARG; /* infinite, or NaN */
    for (int i = 0; i < model->tensor_count; ++i) {
        const fnc_tensor *t = &model->tensors[i];
        if (t->gradient >= 0)
            fnc_add_scaled(ctx->train + t->gradient, NULL, t->count, t->item, t->narrow, factor);
    }
    return FNC_OK;
}

/* May the gradients of weight i be exchanged with such an array? */
FNC_LIB int32_t fnc_gradient_check(const fnc_model *model, const fnc_ctx *ctx, int32_t i,
                                   const void *array, int64_t count) {
    const int32_t status = fnc_ctx_check(model, ctx, FNC_MODE_SPLIT);
    return status == FNC_OK ? fnc_tensor_check(model, i, array, count) : status;
}

FNC_LIB int32_t fnc_ctx_get_gradient(const fnc_model *model, const fnc_ctx *ctx, int32_t i,
                                     void *target, int64_t count) {
    const int32_t status = fnc_gradient_check(model, ctx, i, target, count);
    if (status == FNC_OK) fnc_give_gradient(ctx, &model->tensors[i], target);
    return status;
}

FNC_LIB int32_t fnc_ctx_set_gradient(const fnc_model *model, fnc_ctx *ctx, int32_t i,
                                     const void *source, int64_t count) {
    const int32_t status = fnc_gradient_check(model, ctx, i, source, count);
    if (status == FNC_OK) fnc_take_gradient(ctx, &model->tensors[i], source);
    return status;
}

FNC_LIB int32_t fnc_ctx_add_gradient(const fnc_model *model, fnc_ctx *ctx, int32_t i,
                                     const void *more, int64_t count) {
    const int32_t status = fnc_gradient_check(model, ctx, i, more, count);
    if (status == FNC_OK) fnc_add_gradient(ctx, &model->tensors[i], more);
    return status;
}

/* Is the weight called `name` of the layer `layer`, a path, or the weight itself? */
FNC_LIB int fnc_is_of_layer(const char *name, const char *layer) {
    const size_t length = fnc_text_length(layer);
    return length > 0 && fnc_text_same(name, layer) >= length &&
           (name[length] == '/' || name[length] == '\0');
}

FNC_LIB int32_t fnc_ctx_set_trainable(const fnc_model *model, fnc_ctx *ctx, const char *layer,
                                      int32_t trainable) {
    const int32_t status = fnc_ctx_check(model, ctx, FNC_MODE_SPLIT);
    if (status != FNC_OK) return status;
    int found = 0;
    ctx->frozen = 0;
    for (int i = 0; i < model->tensor_count && layer != NULL; ++i) {
        const fnc_tensor *t = &model->tensors[i];
        if (t->gradient < 0) continue;
        if (fnc_is_of_layer(t->name, layer)) {
            for (int64_t k = 0; k < t->count; ++k) ctx->train[t->frozen + k] = !trainable;
            found = 1;
        }
        if (t->count > 0 && ctx->train[t->frozen]) ctx->frozen = 1;
    }
    return found ? FNC_OK : FNC_ERR_ARG;
}

#endif
