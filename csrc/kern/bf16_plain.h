/* bf16_plain.h - products of bfloat16 in plain C99: those of gemm_bf16.h and bf16_pack.h where the kernels
 * are of gemm_plain.h. Panels are of floats. The bits are those of the float product. */
#ifndef FNC_BF16_PLAIN_H
#define FNC_BF16_PLAIN_H

#include "../math/fnc_bf16.h"
#include "gemm_plain.h"

#if FNC_PORTABLE
FNC_INLINE float fnc_number(fnc_numbers x, int64_t i) {
    return x.bytes == 2 ? fnc_load_bf16(((const fnc_bf16 *)x.first)[i]) : ((const float *)x.first)[i];
}

FNC_NOINLINE void fnc_gemm_numbers_bf16(int axes, const fnc_axis *outer, int64_t M, int64_t N,
                                        int64_t K, fnc_numbers A, int64_t rs_a, int64_t cs_a,
                                        const float *panels, int64_t m0, int64_t m1, int64_t n0,
                                        int64_t n1, fnc_epilogue_f32 epilogue, const void *env) {
    enum { NR = FNC_NR_F32 };
    const int64_t segments = fnc_segments(axes, outer), depth = K / segments;
    (void)M;
    for (int64_t m = m0; m < m1; ++m)
        for (int64_t n = n0, nr; n < n1; n += nr) {
            float acc[NR] FNC_ALIGNED = {0};
            nr = fnc_min_i64(NR - n % NR, n1 - n);
            for (int64_t s = 0, k = 0; s < segments; ++s) {
                int64_t at = 0;
                fnc_segment_offsets(axes, outer, s, 1, &at);
                for (int64_t d = 0; d < depth; ++d, ++k) {
                    const float a = fnc_number(A, m * rs_a + at + d * cs_a);
                    const float *b = panels + fnc_panel_row(N, K, NR, k, n) + n % NR;
                    fnc_plain_step_f32(1, nr, &a, 0, b, acc);
                }
            }
            epilogue(env, m, n, 1, nr, acc);
        }
}

FNC_NOINLINE void fnc_pack_numbers_bf16(int64_t N, int64_t K, fnc_numbers B, int64_t rs, int64_t cs,
                                        float *out, int64_t p0, int64_t p1) {
    enum { NR = FNC_NR_F32 };
    const int64_t length = fnc_pack_length(K), panels = fnc_round_up(N, NR) / NR;
    for (int64_t p = p0; p < p1; ++p) {
        const int64_t first = p / panels * length, n = p % panels * NR;
        for (int64_t k = first; k < fnc_min_i64(first + length, K); ++k)
            for (int64_t j = 0; j < NR; ++j)
                out[fnc_panel_row(N, K, NR, k, n) + j] =
                    n + j < N ? fnc_number(B, k * rs + (n + j) * cs) : 0;
    }
}

#define fnc_pack_size_bf16 fnc_pack_size_f32
#define fnc_pack_parts_bf16 fnc_pack_parts_f32
#endif

#endif
