/* fnc_slices.h: a prediction for a large batch, some samples at a time.
 *
 * The temporaries of a slice stay in a near cache. Where the arena has room for the slices of all
 * workers, each takes whole slices of its own and waits for nobody; else they share one slice after
 * the other. Bits do not depend on it. */
#ifndef FNC_SLICES_H
#define FNC_SLICES_H

#include "../include/fnc_abi.h"
#include "../include/fnc_model.h"

enum { FNC_SLICES_MAX = 64 }; /* inputs, and outputs; sizes */

/* What the generated part tells of a prediction. */
typedef struct fnc_sliced {
    fnc_work *run;
    fnc_bytes *arena;
    int64_t samples; /* of a slice */
    int inputs, outputs, symbols;
    /* Bytes of a sample of each input, then of each output. */
    int64_t (*bytes)(const int64_t *dims, int array);
} fnc_sliced;

/* The environment of one slice, and what it points to. */
typedef struct fnc_slice {
    fnc_env env;
    int64_t dims[FNC_SLICES_MAX];
    const void *in[FNC_SLICES_MAX];
    void *out[FNC_SLICES_MAX];
} fnc_slice;

/* Samples from `first` on. */
FNC_INLINE void fnc_slice_at(fnc_slice *slice, const fnc_env *env, const fnc_sliced *s,
                             int64_t first) {
    slice->dims[0] = fnc_min_i64(s->samples, env->dims[0] - first);
    for (int i = 0; i < s->inputs; ++i)
        slice->in[i] = (const char *)env->in[i] + first * s->bytes(env->dims, i);
    for (int i = 0; i < s->outputs; ++i)
        slice->out[i] = (char *)env->out[i] + first * s->bytes(env->dims, s->inputs + i);
}

FNC_INLINE void fnc_slices_run(const fnc_env *env, const fnc_sliced *s, int64_t part,
                               int64_t parts) {
    const int64_t count = (env->dims[0] + s->samples - 1) / s->samples;
    if (count < 2) {
        s->run(env, part, parts);
        return;
    }
    fnc_slice slice;
    for (int i = 1; i < s->symbols; ++i) slice.dims[i] = env->dims[i];
    slice.dims[0] = s->samples;
    slice.env = *env;
    slice.env.dims = slice.dims;
    slice.env.in = slice.in;
    slice.env.out = slice.out;
    const int64_t size = (s->arena(slice.dims) + FNC_ALIGN - 1) / FNC_ALIGN * FNC_ALIGN;
    slice.env.arena_bytes = size;
    if (parts == 1 || (count >= parts && env->arena_bytes / parts >= size)) {
        slice.env.arena = env->arena + part * size;
        for (int64_t i = count * part / parts; i < count * (part + 1) / parts; ++i) {
            fnc_slice_at(&slice, env, s, i * s->samples);
            s->run(&slice.env, 0, 1);
        }
        return;
    }
    for (int64_t i = 0; i < count; ++i) {
        if (i > 0) fnc_barrier(env, parts);
        fnc_slice_at(&slice, env, s, i * s->samples);
        s->run(&slice.env, part, parts);
    }
}

#endif
