/* fnc_steps.h: one entry point over many batches, so that a stretch of an epoch is one call.
 *
 * The caller's environment describes whole arrays: in[i] for the inputs of the step, then in[n], the
 * rows to take as int64_t numbers. args[0] is how many rows, args[1] the batch size, args[2] the rows
 * that the arrays have. dims[0] is ignored; the other sizes stay as they are. The arena holds the
 * step's own scratch memory for a whole batch, then room for the gathered rows of each input.
 *
 * A team shares the whole stretch: threads are woken once, and go from batch to batch together.
 *
 * It calls and copies, which is compiled plainly, once for all libraries of a process, see fnc_base.h,
 * and for each that is exported. */
#ifndef FNC_STEPS_H
#define FNC_STEPS_H

#include <string.h>

#include "../include/fnc_abi.h"
#include "../include/fnc_model.h"

enum { FNC_STEPS_MAX_INPUTS = 64, FNC_STEPS_MAX_DIMS = 16 };
enum { FNC_STEPS_AHEAD = 4 }; /* rows between the one that is asked for and the one that is copied */

typedef int32_t fnc_indices(const fnc_env *env, const int64_t *index, int64_t rows);

/* Bytes of one row of an input. */
typedef int64_t fnc_row_bytes(const int64_t *dims, int input);

/* What the generated part tells of a step. */
typedef struct fnc_stretch {
    fnc_entry *check; /* of sizes and scratch memory */
    fnc_work *run;
    fnc_bytes *arena;
    fnc_bytes *amount; /* of work, as fnc_run takes it */
    int inputs, symbols;
    fnc_row_bytes *row_bytes;
    fnc_indices *inside; /* are the indices in these rows ones that there are? or null */
} fnc_stretch;

/* The environment of one batch, and what it points to; each worker has its own. */
typedef struct fnc_batch {
    fnc_env env;
    int64_t dims[FNC_STEPS_MAX_DIMS];
    unsigned char *gathered[FNC_STEPS_MAX_INPUTS];
} fnc_batch;

#if FNC_LINKED == 1
FNC_SHARED void fnc_steps_run(const fnc_env *env, const fnc_stretch *s, int64_t part, int64_t parts);
FNC_SHARED int32_t fnc_steps(const fnc_env *env, const fnc_stretch *s, fnc_work *work);
#else
static inline int64_t fnc_steps_align(int64_t bytes) {
    return (bytes + FNC_ALIGN - 1) / FNC_ALIGN * FNC_ALIGN;
}

/* Sizes and places for whole batches. Gives the bytes of arena that these take. */
FNC_PLAIN FNC_NOINLINE int64_t fnc_batch_init(fnc_batch *batch, const fnc_env *env, const fnc_stretch *s) {
    const int64_t rows = env->args[0], size = env->args[1];
    for (int i = 0; i < s->symbols; ++i) batch->dims[i] = env->dims[i];
    batch->dims[0] = size < rows ? size : rows;
    int64_t used = fnc_steps_align(s->arena(batch->dims));
    batch->env = *env;
    batch->env.dims = batch->dims;
    batch->env.in = (const void *const *)batch->gathered;
    batch->env.arena_bytes = used;
    for (int i = 0; i < s->inputs; ++i) {
        batch->gathered[i] = env->arena + used;
        used += fnc_steps_align(batch->dims[0] * s->row_bytes(batch->dims, i));
    }
    return used;
}

/* Would every batch be accepted? */
FNC_PLAIN FNC_NOINLINE int32_t fnc_steps_check(const fnc_env *env, const fnc_stretch *s, fnc_batch *batch) {
    const int64_t rows = env->args[0], size = env->args[1];
    const int64_t *index = (const int64_t *)env->in[s->inputs];
    if (s->inputs > FNC_STEPS_MAX_INPUTS || s->symbols > FNC_STEPS_MAX_DIMS) return FNC_ERR_ARG;
    if (rows < 0 || size < 1 || (rows > 0 && index == 0)) return FNC_ERR_ARG;
    for (int64_t i = 0; i < rows; ++i)
        if (index[i] < 0 || index[i] >= env->args[2]) return FNC_ERR_ARG;
    if (env->arena_bytes < fnc_batch_init(batch, env, s)) return FNC_ERR_ARENA;
    if (s->inside != 0 && s->inside(env, index, rows) != FNC_OK) return FNC_ERR_RANGE;
    const int64_t whole = batch->dims[0], last = rows % size;
    int32_t status = s->check(&batch->env);
    if (status == FNC_OK && last != 0) {
        batch->dims[0] = last;
        status = s->check(&batch->env);
        batch->dims[0] = whole;
    }
    return status;
}

/* Asks memory for a row that is copied later: shuffled rows lie where no cache expects them. */
static inline void fnc_ask_for(const unsigned char *row, int64_t bytes) {
    for (int64_t i = 0; i < bytes && i < 4096; i += 64) FNC_PREFETCH_LINE(row + i);
}

/* Copies the worker's share of rows index[0..n) of each input to where the step reads them. */
FNC_PLAIN FNC_NOINLINE void fnc_gather(const fnc_batch *batch, const fnc_env *env, const fnc_stretch *s,
                              const int64_t *index, int64_t part, int64_t parts) {
    const int64_t n = batch->dims[0];
    const int64_t begin = fnc_share(n, 1, part, parts), end = fnc_share(n, 1, part + 1, parts);
    for (int i = 0; i < s->inputs; ++i) {
        const unsigned char *source = (const unsigned char *)env->in[i];
        const int64_t bytes = s->row_bytes(batch->dims, i);
        for (int64_t j = begin; j < end; ++j) {
            const int64_t later = j + FNC_STEPS_AHEAD;
            if (later < end) fnc_ask_for(source + index[later] * bytes, bytes);
            memcpy(batch->gathered[i] + j * bytes, source + index[j] * bytes, (size_t)bytes);
        }
    }
}

/* The share of a worker in all batches. */
FNC_PLAIN FNC_SHARED void fnc_steps_run(const fnc_env *env, const fnc_stretch *s, int64_t part,
                                        int64_t parts) {
    const int64_t rows = env->args[0], size = env->args[1];
    const int64_t *index = (const int64_t *)env->in[s->inputs];
    fnc_batch batch;
    fnc_batch_init(&batch, env, s);
    for (int64_t begin = 0; begin < rows; begin += size) {
        batch.dims[0] = rows - begin < size ? rows - begin : size;
        if (begin > 0) fnc_barrier(env, parts);
        fnc_gather(&batch, env, s, index + begin, part, parts);
        fnc_barrier(env, parts);
        s->run(&batch.env, part, parts);
    }
}

/* Checks, then runs `work`, the generated function that calls fnc_steps_run. */
FNC_PLAIN FNC_SHARED int32_t fnc_steps(const fnc_env *env, const fnc_stretch *s, fnc_work *work) {
    fnc_batch batch;
    const int32_t status = fnc_steps_check(env, s, &batch);
    if (status != FNC_OK) return status;
    const int64_t amount = s->amount(batch.dims), batches = env->args[0] / env->args[1] + 1;
    fnc_run_often(env, work, amount, batches);
    return FNC_OK;
}
#endif

#endif
