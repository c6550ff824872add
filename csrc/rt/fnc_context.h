/* fnc_context.h: contexts of an exported library: what they hold, how they are made and set up.
 *
 * A context is one piece of memory: this struct, then, as its mode has them, an own copy of the
 * weights, the training state, what one prediction leaves to the next, what `prepare` made of the
 * weights, and scratch memory for the largest sizes it was made for. Nothing else is allocated, but
 * for a team of threads where one is asked for. The generated part of the library describes the model
 * in one constant `fnc_model` and each entry point in an `fnc_step`.
 */
#ifndef FNC_CONTEXT_H
#define FNC_CONTEXT_H

#include "fnc_port.h"
#if FNC_HAS_HEAP
#include <stdlib.h>
#endif

#include "../include/fnc_abi.h"
#include "fnc_model_info.h"
#include "fnc_pool.h"
#include "fnc_team.h"

enum { FNC_MODE_PREDICT = 0, FNC_MODE_PRIVATE = 1, FNC_MODE_TRAIN = 2, FNC_MODE_SPLIT = 3 };
enum { FNC_CTX_STEPS = 8, FNC_CTX_SYMBOLS = 16, FNC_CTX_HEAD = 640, FNC_PENDING_ARRAYS = 64 };

/* A forward that its backward may follow, and the arrays that both read. */
typedef struct fnc_pending {
    const fnc_step *step; /* null: none */
    int64_t version;      /* of the weights, then */
    int64_t dims[FNC_CTX_SYMBOLS];
    const void *in[FNC_PENDING_ARRAYS];
    void *out[FNC_PENDING_ARRAYS]; /* the last one is `loss` */
    double loss;
} fnc_pending;

enum { FNC_PENDING_BYTES = 1216 };
typedef char fnc_pending_fits[sizeof(fnc_pending) <= FNC_PENDING_BYTES ? 1 : -1];

typedef struct fnc_ctx {
    const fnc_model *model;
    const unsigned char *data;   /* the model's, or that of the options */
    void *allocation;            /* what `destroy` frees; null for memory of the caller's */
    void (*release)(void *user, void *memory); /* how; null: free */
    void *user;
    const void *mapped; /* a file of data, whose mapping ends with the context; or null */
    const struct fnc_ctx *owner; /* whose weights these are: this context, or its source */
    const unsigned char *shared; /* of an owner, what its contexts are to predict with: atomic */
    const unsigned char *weights; /* what this one did last */
    unsigned char *own_weights; /* the same, where they are this context's to change */
    unsigned char *train;
    unsigned char *state;
    unsigned char *prepared;
    unsigned char *arena;
    int64_t arena_bytes;
    int64_t version; /* counts changes of own weights */
    int64_t prepared_for[FNC_CTX_STEPS];
    int64_t max[FNC_CTX_SYMBOLS]; /* the largest sizes, by symbol of the model */
    fnc_pending *pending; /* in mode split */
    int32_t frozen;       /* is any weight? */
    int32_t level;        /* of model->levels, whose code runs */
    int32_t mode;
    int32_t threads; /* as asked for; 0: not asked */
    int32_t flush;   /* are subnormal numbers taken as zero? */
    fnc_team *team;  /* null: the caller alone */
    fnc_pool pool;   /* the team of the caller's threads */
} fnc_ctx;

typedef char fnc_ctx_fits[sizeof(fnc_ctx) <= FNC_CTX_HEAD ? 1 : -1];

FNC_LIB const char *fnc_status_text(int32_t status) {
    switch (status) {
    case FNC_OK: return "ok";
    case FNC_ERR_SHAPE: return "a size is negative or zero, or sizes that must agree differ";
    case FNC_ERR_ARENA: return "a size is larger than the context was made for";
    case FNC_ERR_ARG: return "a null or misaligned pointer, or an argument out of its range";
    case FNC_ERR_MEMORY: return "memory could not be had, or the memory given is too small";
    case FNC_ERR_IO: return "a file could not be opened, read or written";
    case FNC_ERR_FORMAT: return "a file is truncated, corrupt or of another model";
    case FNC_ERR_STATE: return "the context's mode does not allow this";
    case FNC_ERR_RANGE: return "an index or a class number that the model does not have";
    case FNC_ERR_CPU: return "the processor lacks instructions that the library needs";
    case FNC_ERR_DATA: return "the library has no weights of its own, and none were given";
    default: return "unknown status";
    }
}

FNC_LIB unsigned char *fnc_aligned(void *memory) {
    uintptr_t start = (uintptr_t)memory;
    return (unsigned char *)memory + (FNC_ALIGN - start % FNC_ALIGN) % FNC_ALIGN;
}

FNC_LIB int64_t fnc_padded(int64_t bytes) {
    return (bytes + FNC_ALIGN - 1) / FNC_ALIGN * FNC_ALIGN;
}

/* What was prepared from the weights is forgotten. */
FNC_LIB void fnc_ctx_unprepare(fnc_ctx *ctx) {
    for (int i = 0; i < FNC_CTX_STEPS; ++i) ctx->prepared_for[i] = -1;
}

/* Where the weights and the training state of a context are; own copies are placed at `*end`. */
FNC_LIB void fnc_ctx_own(fnc_ctx *ctx, unsigned char **end) {
    const fnc_model *model = ctx->model;
    ctx->owner = ctx;
    ctx->weights = ctx->data;
    ctx->train = (unsigned char *)(uintptr_t)(ctx->data + model->train_at); /* never written */
    if (ctx->mode >= FNC_MODE_PRIVATE) {
        ctx->own_weights = *end;
        ctx->weights = *end;
        memcpy(*end, ctx->data, (size_t)model->weights_bytes);
        *end += fnc_padded(model->weights_bytes);
    }
    ctx->shared = ctx->weights;
    if (ctx->mode >= FNC_MODE_TRAIN) {
        ctx->train = *end;
        memcpy(*end, ctx->data + model->train_at, (size_t)model->train_bytes);
        *end += fnc_padded(model->train_bytes);
    }
    if (ctx->mode == FNC_MODE_SPLIT) {
        fnc_zero(*end, model->parts_bytes + FNC_PENDING_BYTES);
        ctx->pending = (fnc_pending *)(void *)(*end + model->parts_bytes);
        *end += model->parts_bytes + FNC_PENDING_BYTES;
    }
}

/* The state that the model had when it was exported; behind it the one before any call. */
FNC_LIB const unsigned char *fnc_first_state(const fnc_ctx *ctx) {
    return ctx->data + ctx->model->train_at + ctx->model->train_bytes;
}

/* The best level that this processor has instructions for, or a status. */
FNC_LIB int32_t fnc_best_level(const fnc_model *model) {
    for (int32_t i = 0; i < model->level_count; ++i)
        if (fnc_cpu_has(model->levels[i].needs)) return i;
    return FNC_ERR_CPU;
}

/* The level of that name, or a status. */
FNC_LIB int32_t fnc_level_named(const fnc_model *model, const char *name) {
    for (int32_t i = 0; i < model->level_count; ++i)
        if (fnc_text_is(model->levels[i].name, name))
            return fnc_cpu_has(model->levels[i].needs) ? i : FNC_ERR_CPU;
    return FNC_ERR_ARG;
}

/* The level that the options ask for: the last is the same code on every processor. */
FNC_LIB int32_t fnc_wanted_level(const fnc_model *model, const fnc_options *options) {
    if (options->flags & FNC_FLAG_DETERMINISTIC) {
        const int32_t last = model->level_count - 1;
        return fnc_cpu_has(model->levels[last].needs) ? last : FNC_ERR_CPU;
    }
    if (options->level == NULL) return fnc_best_level(model);
    return fnc_level_named(model, options->level);
}

/* The weights that the next call is to use: those that the owner has by now. */
FNC_LIB const unsigned char *fnc_ctx_weights(const fnc_ctx *ctx) {
    return FNC_ACQUIRE(ctx->owner->shared);
}

typedef struct fnc_request {
    int64_t needed; /* bytes, or a status */
    int32_t mode;
    const int64_t *max;
    const fnc_ctx *source;      /* whose weights to share; or null */
    const fnc_options *options; /* or null */
    const unsigned char *data;
} fnc_request;

/* Lay a context out in `bytes` bytes at `memory`, of which it needs `needed`. */
FNC_LIB int32_t fnc_ctx_lay_out(const fnc_model *model, void *memory, int64_t bytes,
                                const fnc_request *asked, fnc_ctx **result) {
    const fnc_ctx *source = asked->source;
    const fnc_options *options = asked->options;
    if (bytes < asked->needed) return FNC_ERR_MEMORY;
    if (asked->data == NULL) return FNC_ERR_DATA;
    const int32_t level = source != NULL    ? source->level
                          : options != NULL ? fnc_wanted_level(model, options)
                                            : fnc_best_level(model);
    if (level < 0) return level;
    unsigned char *start = fnc_aligned(memory), *end = start + FNC_CTX_HEAD;
    fnc_ctx *ctx = (fnc_ctx *)(void *)start;
    fnc_zero(ctx, (int64_t)sizeof *ctx);
    ctx->model = model;
    ctx->data = asked->data;
    ctx->mode = asked->mode;
    ctx->level = level;
    fnc_ctx_own(ctx, &end);
    if (source != NULL) {
        ctx->owner = source->owner;
        ctx->weights = fnc_ctx_weights(ctx);
        ctx->train = source->train;
        ctx->flush = source->flush;
    }
    if (options != NULL) ctx->flush = (options->flags & FNC_FLAG_FLUSH) != 0;
    if (options != NULL && options->parallel_for != NULL)
        ctx->team = fnc_pool_init(&ctx->pool, options);
    fnc_ctx_unprepare(ctx);
    for (int i = 0; i < model->symbols; ++i) ctx->max[i] = asked->max[i];
    ctx->state = end;
    memcpy(ctx->state, fnc_first_state(ctx), (size_t)model->state_bytes);
    ctx->prepared = end + fnc_padded(model->state_bytes);
    ctx->arena = ctx->prepared + fnc_padded(model->prepared_bytes);
    ctx->arena_bytes = asked->needed - FNC_ALIGN - (ctx->arena - start);
    *result = ctx;
    return FNC_OK;
}

/* In memory of the caller's; with a `source`, whose weights it has. */
FNC_LIB int32_t fnc_ctx_init(const fnc_model *model, void *memory, int64_t bytes, int64_t needed,
                             int32_t mode, const int64_t *max, const fnc_ctx *source,
                             fnc_ctx **result) {
    const fnc_request asked = {needed, mode, max,
                               source, NULL, source != NULL ? source->data : model->data};
    if (needed < 0) return (int32_t)needed;
    if (memory == NULL || result == NULL) return FNC_ERR_ARG;
    return fnc_ctx_lay_out(model, memory, bytes, &asked, result);
}

#if FNC_HAS_HEAP
FNC_LIB void *fnc_allocate(const fnc_options *options, int64_t bytes) {
    if ((uint64_t)bytes > SIZE_MAX) return NULL;
    if (options == NULL || options->allocate == NULL) return malloc((size_t)bytes);
    return options->allocate(options->user, bytes);
}

/* In memory that `destroy` gives back. */
FNC_LIB int32_t fnc_ctx_make(const fnc_model *model, const fnc_request *asked, fnc_ctx **result) {
    if (asked->needed < 0) return (int32_t)asked->needed;
    if (result == NULL) return FNC_ERR_ARG;
    const fnc_options *options = asked->options;
    void (*release)(void *, void *) = options != NULL ? options->release : NULL;
    void *user = options != NULL ? options->user : NULL;
    void *memory = fnc_allocate(options, asked->needed);
    if (memory == NULL) return FNC_ERR_MEMORY;
    const int32_t status = fnc_ctx_lay_out(model, memory, asked->needed, asked, result);
    if (status == FNC_OK) {
        (*result)->allocation = memory;
        (*result)->release = release;
        (*result)->user = user;
    } else if (release != NULL) {
        release(user, memory);
    } else {
        free(memory);
    }
    return status;
}

FNC_LIB int32_t fnc_ctx_create(const fnc_model *model, int64_t needed, int32_t mode,
                               const int64_t *max, const fnc_ctx *source, fnc_ctx **result) {
    const fnc_request asked = {needed, mode, max,
                               source, NULL, source != NULL ? source->data : model->data};
    return fnc_ctx_make(model, &asked, result);
}
#endif

/* Is this a context of `model` that may do what needs `mode`? */
FNC_LIB int32_t fnc_ctx_check(const fnc_model *model, const fnc_ctx *ctx, int32_t mode) {
    if (ctx == NULL || ctx->model != model) return FNC_ERR_ARG;
    return ctx->mode < mode ? FNC_ERR_STATE : FNC_OK;
}

FNC_LIB int32_t fnc_ctx_set_level(const fnc_model *model, fnc_ctx *ctx, const char *name) {
    const int32_t status = fnc_ctx_check(model, ctx, FNC_MODE_PREDICT);
    if (status != FNC_OK) return status;
    if (name == NULL) return FNC_ERR_ARG;
    const int32_t level = fnc_level_named(model, name);
    if (level < 0) return level;
    if (level == ctx->level) return FNC_OK;
    fnc_ctx_unprepare(ctx);
    if (ctx->pending != NULL) ctx->pending->step = NULL;
    ctx->level = level;
    return FNC_OK;
}

FNC_LIB const char *fnc_ctx_level(const fnc_model *model, const fnc_ctx *ctx) {
    return ctx != NULL && ctx->model == model ? model->levels[ctx->level].name : NULL;
}

/* Calls of this context are shared by `threads` threads, the caller's among them, from now on; by
 * fewer where the process has fewer processors, or the system gives no more. */
FNC_LIB int32_t fnc_ctx_set_threads(const fnc_model *model, fnc_ctx *ctx, int32_t threads) {
    const int32_t status = fnc_ctx_check(model, ctx, FNC_MODE_PREDICT);
    if (status != FNC_OK) return status;
    if (threads < 1 || threads > FNC_TEAM_MOST) return FNC_ERR_ARG;
    if (ctx->team == &ctx->pool.base) return FNC_ERR_STATE; /* the caller's own */
    if (threads == ctx->threads) return FNC_OK;
    const int64_t most = threads > 1 ? fnc_processors() : 1;
    const int64_t workers = threads < most ? threads : most;
    fnc_team *team = workers > 1 ? fnc_team_create(workers) : NULL;
    if (workers > 1 && team == NULL) return FNC_ERR_MEMORY;
    fnc_team_destroy(ctx->team);
    ctx->team = team;
    ctx->threads = threads;
    return FNC_OK;
}

#endif
