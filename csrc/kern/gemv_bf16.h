/* gemv_bf16.h - one row times a matrix of bfloat16 numbers, which are read in two bytes each.
 *
 *     fnc_gemv_bf16(N, K, A, cs_a, panels, m0, m1, n0, n1, epilogue, env)
 *
 * is fnc_gemm_f32 for M = 1: columns n0 .. n1 - 1 of A[K] B[K, N], handed over in blocks (gemm.h).
 * Where one row meets a matrix that no near cache holds, its bytes are the time. B lies in panels of
 * 16 columns, each row after row; their number is filled up to a multiple of FNC_GEMV_STREAMS, which
 * are read side by side: one stream alone gets half of what memory gives. Of a row's 16 numbers
 * number w stands beside number w + 8, so that a shift and a mask make two vectors of one.
 * Each sum is one chain of multiply-adds over k in float: the bits are those of the float product. */
#ifndef FNC_GEMV_BF16_H
#define FNC_GEMV_BF16_H

#include "../math/fnc_bf16.h"
#include "../include/fnc_config.h"
#include "gemm.h"

enum { FNC_GEMV_STREAMS = FNC_GEMV_NR / FNC_GEMV_PANEL };

/* The sums of FNC_GEMV_NR columns, whose panels begin at `panel`. */
#if FNC_PORTABLE
FNC_NOINLINE void fnc_gemv_panels_bf16(int64_t K, const float *A, int64_t cs_a,
                                       const fnc_bf16 *panel, float *restrict sums) {
    enum { HALF = FNC_GEMV_PANEL / 2 };
    for (int i = 0; i < FNC_GEMV_NR; ++i) sums[i] = 0;
    for (int s = 0; s < FNC_GEMV_STREAMS; ++s, sums += FNC_GEMV_PANEL)
        for (int64_t k = 0; k < K; ++k, panel += FNC_GEMV_PANEL)
            for (int w = 0; w < HALF; ++w) {
                sums[w] += A[k * cs_a] * fnc_load_bf16(panel[2 * w]);
                sums[w + HALF] += A[k * cs_a] * fnc_load_bf16(panel[2 * w + 1]);
            }
}
#else
typedef float fnc_gemv_f32 __attribute__((vector_size(32), aligned(4), may_alias));
typedef uint32_t fnc_gemv_u32 __attribute__((vector_size(32), aligned(2), may_alias));

FNC_NOINLINE void fnc_gemv_panels_bf16(int64_t K, const float *A, int64_t cs_a,
                                       const fnc_bf16 *panel, float *restrict sums) {
    fnc_gemv_f32 low[FNC_GEMV_STREAMS] = {{0}}, high[FNC_GEMV_STREAMS] = {{0}};
    const int64_t next = K * FNC_GEMV_PANEL;
    for (int64_t k = 0; k < K; ++k, panel += FNC_GEMV_PANEL) {
        const fnc_gemv_f32 a = A[k * cs_a] - (fnc_gemv_f32){0};
        FNC_UNROLL(4)
        for (int s = 0; s < FNC_GEMV_STREAMS; ++s) {
            const fnc_gemv_u32 pair = *(const fnc_gemv_u32 *)(panel + s * next);
            low[s] += a * (fnc_gemv_f32)(pair << 16);
            high[s] += a * (fnc_gemv_f32)(pair & 0xffff0000u);
        }
    }
    FNC_UNROLL(4)
    for (int s = 0; s < FNC_GEMV_STREAMS; ++s) {
        *(fnc_gemv_f32 *)(sums + s * FNC_GEMV_PANEL) = low[s];
        *(fnc_gemv_f32 *)(sums + s * FNC_GEMV_PANEL + FNC_GEMV_PANEL / 2) = high[s];
    }
}
#endif

FNC_INLINE void fnc_gemv_bf16(int64_t N, int64_t K, const float *A, int64_t cs_a,
                              const fnc_bf16 *panels, int64_t m0, int64_t m1, int64_t n0,
                              int64_t n1, fnc_epilogue_f32 epilogue, const void *env) {
    float sums[FNC_GEMV_NR] FNC_ALIGNED;
    (void)N;
    if (m0 >= m1) return;
    for (int64_t n = n0, end; n < n1; n = end) {
        const int64_t first = n / FNC_GEMV_NR * FNC_GEMV_NR;
        end = fnc_min_i64(first + FNC_GEMV_NR, n1);
        fnc_gemv_panels_bf16(K, A, cs_a, panels + first * K, sums);
        for (int64_t j = n; j < end; j += FNC_NR_F32)
            epilogue(env, 0, j, 1, fnc_min_i64(FNC_NR_F32, end - j), sums + (j - first));
    }
}

#endif
