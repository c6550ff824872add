/* fnc_steps.h: one entry point over many batches, so that a stretch of an epoch is one call.
 *
 * The caller's environment describes whole arrays: in[i] for the inputs of the step, then in[n], the
 * rows to take as int64_t numbers. args[0] is how many rows, args[1] the batch size, args[2] the rows
 * that the arrays have. dims[0] is ignored; the other sizes stay as they are. The arena holds the
 * step's own scratch memory for a whole batch, then room for the gathered rows of each input. */
#ifndef FNC_STEPS_H
#define FNC_STEPS_H

#include <string.h>

#include "../include/fnc_abi.h"

enum { FNC_STEPS_MAX_INPUTS = 64, FNC_STEPS_MAX_DIMS = 16 };

typedef int64_t fnc_arena_size(const int64_t *dims);

static inline int64_t fnc_steps_align(int64_t bytes) {
    return (bytes + FNC_ALIGN - 1) / FNC_ALIGN * FNC_ALIGN;
}

/* Copies rows index[0..n) of `bytes` bytes each from `source` to `target`. */
static inline void fnc_gather_rows(unsigned char *restrict target, const unsigned char *restrict source,
                                   const int64_t *index, int64_t n, int64_t bytes) {
    for (int64_t i = 0; i < n; ++i) memcpy(target + i * bytes, source + index[i] * bytes, (size_t)bytes);
}

static inline int32_t fnc_run_steps(const fnc_env *env, fnc_entry *step, fnc_arena_size *arena_size,
                                    int inputs, const int64_t *row_bytes, int symbols) {
    const int64_t rows = env->args[0], batch = env->args[1], total = env->args[2];
    const int64_t *index = (const int64_t *)env->in[inputs];
    const void *gathered[FNC_STEPS_MAX_INPUTS];
    unsigned char *places[FNC_STEPS_MAX_INPUTS];
    int64_t dims[FNC_STEPS_MAX_DIMS];
    if (inputs > FNC_STEPS_MAX_INPUTS || symbols > FNC_STEPS_MAX_DIMS) return FNC_ERR_ARG;
    if (rows < 0 || batch < 1 || (rows > 0 && index == 0)) return FNC_ERR_ARG;
    for (int64_t i = 0; i < rows; ++i)
        if (index[i] < 0 || index[i] >= total) return FNC_ERR_ARG;
    for (int i = 0; i < symbols; ++i) dims[i] = env->dims[i];
    dims[0] = batch < rows ? batch : rows;

    int64_t used = fnc_steps_align(arena_size(dims));
    const int64_t scratch = used;
    for (int i = 0; i < inputs; ++i) {
        places[i] = env->arena + used;
        gathered[i] = places[i];
        used += fnc_steps_align(dims[0] * row_bytes[i]);
    }
    if (env->arena_bytes < used) return FNC_ERR_ARENA;

    fnc_env one = *env;
    one.in = gathered;
    one.dims = dims;
    one.arena_bytes = scratch;
    for (int64_t begin = 0; begin < rows; begin += batch) {
        dims[0] = rows - begin < batch ? rows - begin : batch;
        for (int i = 0; i < inputs; ++i)
            fnc_gather_rows(places[i], (const unsigned char *)env->in[i], index + begin, dims[0], row_bytes[i]);
        const int32_t status = step(&one);
        if (status != FNC_OK) return status;
    }
    return FNC_OK;
}

#endif
