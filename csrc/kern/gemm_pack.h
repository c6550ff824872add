/* gemm_pack.h - B packed for fnc_gemm_packed_*: blocks of k, in each block one panel of NR columns
 * after another, in each panel one row of NR after another; the last panel filled with zeros.
 *
 *     fnc_pack_size_f32(N, K)                    elements of the packed form
 *     fnc_pack_parts_f32(N, K)                   panels times blocks: what a team shares out
 *     fnc_pack_b_f32(N, K, B, ldb, out, p0, p1)  packs B[K, N], row-major:  parts p0 .. p1 - 1
 *     fnc_pack_bt_f32(N, K, Bt, ldb, out, p0, p1)  packs the transpose of Bt[N, K], row-major */
#ifndef FNC_GEMM_PACK_H
#define FNC_GEMM_PACK_H

#include "gemm_config.h"

#define FNC_DEFINE_PACK(S, T, NR)                                                                  \
    FNC_INLINE int64_t fnc_pack_size_##S(int64_t N, int64_t K) { return K * fnc_round_up(N, NR); } \
    FNC_INLINE int64_t fnc_pack_parts_##S(int64_t N, int64_t K) {                                  \
        const int64_t length = fnc_pack_length(K);                                                 \
        return (K + length - 1) / length * (fnc_round_up(N, NR) / NR);                             \
    }                                                                                              \
    /* One panel: depth rows from row 0 of B, its columns n, n + 1, ... of which `nr` exist. */    \
    FNC_INLINE void fnc_pack_panel_##S(int64_t depth, int64_t nr, const T *restrict B,             \
                                       int64_t rs_b, int64_t cs_b, T *restrict out) {              \
        for (int64_t k = 0; k < depth; ++k, out += NR) {                                           \
            if (nr == NR)                                                                          \
                for (int64_t j = 0; j < NR; ++j) out[j] = B[k * rs_b + j * cs_b];                  \
            else                                                                                   \
                for (int64_t j = 0; j < NR; ++j) out[j] = j < nr ? B[k * rs_b + j * cs_b] : 0;     \
        }                                                                                          \
    }                                                                                              \
    FNC_INLINE void fnc_pack_strided_##S(int64_t N, int64_t K, const T *B, int64_t rs_b,           \
                                         int64_t cs_b, T *out, int64_t p0, int64_t p1) {           \
        const int64_t length = fnc_pack_length(K), panels = fnc_round_up(N, NR) / NR;              \
        for (int64_t p = p0; p < p1; ++p) {                                                        \
            const int64_t k = p / panels * length, n = p % panels * NR;                            \
            const int64_t depth = fnc_min_i64(length, K - k);                                      \
            fnc_pack_panel_##S(depth, fnc_min_i64(NR, N - n), B + k * rs_b + n * cs_b, rs_b, cs_b, \
                               out + k * panels * NR + n * depth);                                 \
        }                                                                                          \
    }                                                                                              \
    FNC_NOINLINE void fnc_pack_b_##S(int64_t N, int64_t K, const T *B, int64_t ldb, T *out,        \
                                     int64_t p0, int64_t p1) {                                     \
        fnc_pack_strided_##S(N, K, B, ldb, 1, out, p0, p1);                                        \
    }                                                                                              \
    FNC_NOINLINE void fnc_pack_bt_##S(int64_t N, int64_t K, const T *Bt, int64_t ldb, T *out,      \
                                      int64_t p0, int64_t p1) {                                    \
        fnc_pack_strided_##S(N, K, Bt, 1, ldb, out, p0, p1);                                       \
    }

FNC_DEFINE_PACK(f32, float, FNC_NR_F32)
FNC_DEFINE_PACK(f64, double, FNC_NR_F64)
#undef FNC_DEFINE_PACK

#endif
