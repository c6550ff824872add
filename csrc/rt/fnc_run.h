/* fnc_run.h: calls of the entry points of an exported library in a context: what is given is
 * checked, what depends on weights alone is computed again where they have changed. */
#ifndef FNC_RUN_H
#define FNC_RUN_H

#include "../math/fnc_flush.h"
#include "fnc_context.h"

FNC_LIB int32_t fnc_check_sizes(const fnc_ctx *ctx, const fnc_step *step, const int64_t *dims) {
    for (int i = 0; i < step->symbols; ++i) {
        if (dims[i] < step->least) return FNC_ERR_SHAPE;
        if (dims[i] > ctx->max[step->symbol[i]]) return FNC_ERR_ARENA;
    }
    return FNC_OK;
}

/* Arrays of no elements may be null. */
FNC_LIB int32_t fnc_check_arrays(const fnc_step *step, int empty, const void *const *in,
                                 void *const *out) {
    for (int i = 0; i < step->inputs + step->outputs; ++i) {
        const void *array = i < step->inputs ? in[i] : out[i - step->inputs];
        if (array == NULL && !empty) return FNC_ERR_ARG;
        if ((uintptr_t)array % step->item_bytes[i] != 0) return FNC_ERR_ARG;
    }
    return FNC_OK;
}

FNC_LIB fnc_env fnc_ctx_env(fnc_ctx *ctx, const fnc_step *step, const int64_t *dims,
                            const int64_t *args, const void *const *in, void *const *out) {
    fnc_env env = {0};
    const unsigned char *weights = fnc_ctx_weights(ctx);
    if (weights != ctx->weights) { /* they were exchanged */
        ctx->weights = weights;
        fnc_ctx_unprepare(ctx);
    }
    env.dims = dims;
    env.in = in;
    env.out = out;
    env.weights = ctx->weights;
    env.train = ctx->train;
    env.state = ctx->state;
    env.prepared = ctx->prepared + step->prepared_at;
    env.arena = ctx->arena;
    env.arena_bytes = ctx->arena_bytes;
    env.args = args;
    env.team = ctx->team;
    return env;
}

FNC_LIB const fnc_code *fnc_ctx_code(const fnc_ctx *ctx, const fnc_step *step) {
    return &step->code[ctx->level];
}

/* Calls `run`, a function of the step's code, after `prepare` where weights have changed. */
FNC_LIB int32_t fnc_ctx_call_as_is(fnc_ctx *ctx, const fnc_step *step, fnc_entry *run,
                                   const fnc_env *env) {
    const int64_t version = ctx->owner->version;
    const fnc_code *code = fnc_ctx_code(ctx, step);
    if (code->prepare != NULL && (step->reads_state || ctx->prepared_for[step->number] != version)) {
        const int32_t status = code->prepare(env);
        if (status != FNC_OK) return status;
        ctx->prepared_for[step->number] = version;
    }
    if (step->trains) ++ctx->version;
    if (ctx->pending != NULL) ctx->pending->step = NULL; /* the call takes its memory */
    return run(env);
}

FNC_LIB int32_t fnc_ctx_call(fnc_ctx *ctx, const fnc_step *step, fnc_entry *run,
                             const fnc_env *env) {
    if (!ctx->flush) return fnc_ctx_call_as_is(ctx, step, run, env);
    const uint64_t before = fnc_flush();
    const int32_t status = fnc_ctx_call_as_is(ctx, step, run, env);
    fnc_unflush(before);
    return status;
}

FNC_LIB int32_t fnc_ctx_run(const fnc_model *model, fnc_ctx *ctx, const fnc_step *step,
                            const int64_t *dims, const void *const *in, void *const *out) {
    int32_t status = fnc_ctx_check(model, ctx, step->mode);
    if (status == FNC_OK) status = fnc_check_sizes(ctx, step, dims);
    if (status == FNC_OK)
        status = fnc_check_arrays(step, step->symbols > 0 && dims[0] == 0, in, out);
    if (status == FNC_OK && ctx->frozen && step->fused) status = FNC_ERR_STATE;
    if (status != FNC_OK) return status;
    const fnc_env env = fnc_ctx_env(ctx, step, dims, NULL, in, out);
    return fnc_ctx_call(ctx, step, fnc_ctx_code(ctx, step)->run, &env);
}

/* The step for each batch of the rows index[0..count) of arrays of `rows` rows; in[inputs] is the
 * index. The batch in dims[0] is set here. */
FNC_LIB int32_t fnc_ctx_run_steps(const fnc_model *model, fnc_ctx *ctx, const fnc_step *step,
                                  int64_t *dims, const int64_t args[3], const void *const *in,
                                  void *const *out) {
    const int64_t count = args[0], batch = args[1];
    int32_t status = fnc_ctx_check(model, ctx, step->mode);
    if (status == FNC_OK && ctx->frozen && step->fused) status = FNC_ERR_STATE;
    if (status != FNC_OK) return status;
    if (count < 0 || batch < 1 || args[2] < 0 || in[step->inputs] == NULL) return FNC_ERR_ARG;
    if (count == 0) return FNC_OK;
    dims[0] = batch < count ? batch : count;
    status = fnc_check_sizes(ctx, step, dims);
    if (status == FNC_OK) status = fnc_check_arrays(step, 0, in, out);
    if (status == FNC_OK && (uintptr_t)in[step->inputs] % sizeof(int64_t) != 0)
        status = FNC_ERR_ARG;
    if (status != FNC_OK) return status;
    const fnc_env env = fnc_ctx_env(ctx, step, dims, args, in, out);
    return fnc_ctx_call(ctx, step, fnc_ctx_code(ctx, step)->steps, &env);
}

#endif
