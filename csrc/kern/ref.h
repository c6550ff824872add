/* ref.h - the slow and obvious twin of every kernel here, for tests. */
#ifndef FNC_REF_H
#define FNC_REF_H

#include "../math/fnc_base.h"

#define FNC_DEFINE_REF(S, T, FMA)                                                                  \
    /* C[M, N] = A B, each element one chain of multiply-adds over k; B[k * rs_b + n * cs_b]. */   \
    FNC_INLINE void fnc_ref_gemm_##S(int64_t M, int64_t N, int64_t K, const T *A, int64_t rs_a,    \
                                     int64_t cs_a, const T *B, int64_t rs_b, int64_t cs_b, T *C) { \
        for (int64_t m = 0; m < M; ++m)                                                            \
            for (int64_t n = 0; n < N; ++n) {                                                      \
                T sum = 0;                                                                         \
                for (int64_t k = 0; k < K; ++k)                                                    \
                    sum = FMA(A[m * rs_a + k * cs_a], B[k * rs_b + n * cs_b], sum);                \
                C[m * N + n] = sum;                                                                \
            }                                                                                      \
    }                                                                                              \
    FNC_INLINE void fnc_ref_transpose_##S(int64_t rows, int64_t columns, const T *x, int64_t ldx,  \
                                          T *y, int64_t ldy) {                                     \
        for (int64_t i = 0; i < rows; ++i)                                                         \
            for (int64_t j = 0; j < columns; ++j) y[j * ldy + i] = x[i * ldx + j];                 \
    }

#if defined(__FMA__) || defined(__aarch64__)
FNC_DEFINE_REF(f32, float, __builtin_fmaf)
FNC_DEFINE_REF(f64, double, __builtin_fma)
#else
#define FNC_MUL_ADD(a, b, c) ((a) * (b) + (c))
FNC_DEFINE_REF(f32, float, FNC_MUL_ADD)
FNC_DEFINE_REF(f64, double, FNC_MUL_ADD)
#undef FNC_MUL_ADD
#endif
#undef FNC_DEFINE_REF

#endif
