/* reduce.h - sums, maxima and minima that vectorise, with small error and a fixed order.
 *
 * The pattern for `sum over i of e(i)` in generated code, for n up to FNC_SUM_BLOCK terms
 *
 *     float sum = 0;
 *     FNC_SIMD_SUM(sum)
 *     for (int64_t i = 0; i < n; ++i) sum += e(i);
 *
 * and for more
 *
 *     fnc_pairwise_f32 total = {0};
 *     for (int64_t i0 = 0; i0 < n; i0 += FNC_SUM_BLOCK) {
 *         const int64_t i1 = fnc_min_i64(i0 + FNC_SUM_BLOCK, n);
 *         float sum = 0;
 *         FNC_SIMD_SUM(sum)
 *         for (int64_t i = i0; i < i1; ++i) sum += e(i);
 *         fnc_pairwise_add_f32(&total, sum);
 *     }
 *     ... fnc_pairwise_total_f32(&total)
 *
 * Each vector lane sums its share of a block, blocks are summed as a binary tree: the error grows
 * as FNC_SUM_BLOCK / lanes + log2(n). The order depends on n and the width of vectors alone. To
 * share it among threads, store one sum a block and add those up by the same tree. A maximum that
 * propagates NaN, as numpy.max; -infinity for n = 0 (FNC_SIMD_MIN likewise):
 *
 *     float best = -__builtin_inff();
 *     FNC_SIMD_MAX(best)
 *     for (int64_t i = 0; i < n; ++i) best = fnc_max_f32(best, e(i));
 *
 * These need -fopenmp-simd, which brings no run-time library. */
#ifndef FNC_REDUCE_H
#define FNC_REDUCE_H

#include "../math/fnc_int.h"
#include "../math/fnc_round.h"

enum { FNC_SUM_BLOCK = 256 };

#define FNC_SIMD_SUM(variable) FNC_PRAGMA(omp simd reduction(+ : variable))
#if defined(__clang__) /* cannot vectorise a reduction of one's own, and warns */
#define FNC_SIMD_MAX(variable)
#define FNC_SIMD_MIN(variable)
#else
#define FNC_SIMD_MAX(variable) FNC_PRAGMA(omp simd reduction(fnc_max : variable))
#define FNC_SIMD_MIN(variable) FNC_PRAGMA(omp simd reduction(fnc_min : variable))
#pragma omp declare reduction(fnc_max:float                                                        \
                              : omp_out = fnc_max_f32(omp_out, omp_in))                            \
    initializer(omp_priv = -__builtin_inff())
#pragma omp declare reduction(fnc_max:double                                                       \
                              : omp_out = fnc_max_f64(omp_out, omp_in))                            \
    initializer(omp_priv = -__builtin_inf())
#pragma omp declare reduction(fnc_min:float                                                        \
                              : omp_out = fnc_min_f32(omp_out, omp_in))                            \
    initializer(omp_priv = __builtin_inff())
#pragma omp declare reduction(fnc_min:double                                                       \
                              : omp_out = fnc_min_f64(omp_out, omp_in))                            \
    initializer(omp_priv = __builtin_inf())
#endif

#define FNC_DEFINE_REDUCE(S, T, INFINITY_OF_T)                                                     \
    /* level[l] is the sum of 2^l terms, if bit l of count is set. */                              \
    typedef struct {                                                                               \
        uint64_t count;                                                                            \
        T level[40];                                                                               \
    } fnc_pairwise_##S;                                                                            \
    FNC_INLINE void fnc_pairwise_add_##S(fnc_pairwise_##S *p, T x) {                               \
        int l = 0;                                                                                 \
        for (uint64_t carry = p->count++; carry & 1; carry >>= 1) x = p->level[l++] + x;           \
        p->level[l] = x;                                                                           \
    }                                                                                              \
    FNC_INLINE T fnc_pairwise_total_##S(const fnc_pairwise_##S *p) {                               \
        T sum = 0;                                                                                 \
        int l = 0;                                                                                 \
        for (uint64_t left = p->count; left; left >>= 1, ++l)                                      \
            if (left & 1) sum = p->level[l] + sum;                                                 \
        return sum;                                                                                \
    }                                                                                              \
    FNC_INLINE T fnc_sum_block_##S(const T *x, int64_t n) {                                        \
        T sum = 0;                                                                                 \
        FNC_SIMD_SUM(sum)                                                                          \
        for (int64_t i = 0; i < n; ++i) sum += x[i];                                               \
        return sum;                                                                                \
    }                                                                                              \
    FNC_NOINLINE T fnc_sum_##S(const T *x, int64_t n) {                                            \
        fnc_pairwise_##S total = {0, {0}};                                                         \
        for (int64_t i = 0; i < n; i += FNC_SUM_BLOCK) {                                           \
            const int64_t size = fnc_min_i64(FNC_SUM_BLOCK, n - i);                                \
            fnc_pairwise_add_##S(&total, fnc_sum_block_##S(x + i, size));                          \
        }                                                                                          \
        return fnc_pairwise_total_##S(&total);                                                     \
    }                                                                                              \
    FNC_NOINLINE T fnc_max_of_##S(const T *x, int64_t n) {                                         \
        T best = -INFINITY_OF_T;                                                                   \
        FNC_SIMD_MAX(best)                                                                         \
        for (int64_t i = 0; i < n; ++i) best = fnc_max_##S(best, x[i]);                            \
        return best;                                                                               \
    }                                                                                              \
    FNC_NOINLINE T fnc_min_of_##S(const T *x, int64_t n) {                                         \
        T best = INFINITY_OF_T;                                                                    \
        FNC_SIMD_MIN(best)                                                                         \
        for (int64_t i = 0; i < n; ++i) best = fnc_min_##S(best, x[i]);                            \
        return best;                                                                               \
    }

FNC_DEFINE_REDUCE(f32, float, __builtin_inff())
FNC_DEFINE_REDUCE(f64, double, __builtin_inf())
#undef FNC_DEFINE_REDUCE

#endif
