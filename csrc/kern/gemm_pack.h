/* gemm_pack.h - B packed for fnc_gemm_packed_*: blocks of k, in each block one panel of NR columns
 * after another, in each panel one row of NR after another; the last panel filled with zeros.
 *
 *     fnc_pack_size_f32(N, K)                    elements of the packed form
 *     fnc_pack_parts_f32(N, K)                   panels times blocks: what a team shares out
 *     fnc_pack_b_f32(N, K, B, ldb, out, p0, p1)  packs B[K, N], row-major:  parts p0 .. p1 - 1
 *     fnc_pack_bt_f32(N, K, Bt, ldb, out, p0, p1)  packs the transpose of Bt[N, K], row-major
 *
 * The rows of B are taken a few at a time across all panels, so that memory is read in order; its
 * columns, for a wide B, would fall on few sets of the caches: five times as slow. */
#ifndef FNC_GEMM_PACK_H
#define FNC_GEMM_PACK_H

#include "gemm_plain.h"

#if !FNC_PORTABLE
#include "gemm_config.h"
#include "turn.h"

enum { FNC_PACK_ROWS = 16 }; /* of B at a time: as many streams as caches follow */

#define FNC_DEFINE_PACK(S, T, INT, NR)                                                             \
    typedef T fnc_four_##S __attribute__((vector_size(4 * sizeof(T)), aligned(sizeof(T))));        \
    typedef T fnc_run_##S                                                                          \
        __attribute__((vector_size(FNC_VEC_BYTES), aligned(sizeof(T)), may_alias));                \
    typedef INT fnc_mask_##S __attribute__((vector_size(4 * sizeof(T))));                          \
    FNC_INLINE int64_t fnc_pack_size_##S(int64_t N, int64_t K) { return K * fnc_round_up(N, NR); } \
    FNC_INLINE int64_t fnc_pack_parts_##S(int64_t N, int64_t K) {                                  \
        const int64_t length = fnc_pack_length(K);                                                 \
        return (K + length - 1) / length * (fnc_round_up(N, NR) / NR);                             \
    }                                                                                              \
    /* depth rows of a panel `width` wide, of whose columns nr exist. */                           \
    FNC_INLINE void fnc_pack_rows_##S(int width, int64_t depth, int64_t nr, const T *restrict B,   \
                                      int64_t rs, int64_t cs, T *restrict out) {                   \
        for (int64_t k = 0; k < depth; ++k)                                                        \
            for (int64_t j = 0; j < width; ++j)                                                    \
                out[k * width + j] = j < nr ? B[k * rs + j * cs] : 0;                              \
    }                                                                                              \
    /* The same where all columns exist and lie side by side. */                                   \
    FNC_INLINE void fnc_pack_whole_rows_##S(int width, int64_t depth, const T *restrict B,         \
                                            int64_t rs, T *restrict out) {                         \
        enum { LANES = FNC_VEC_BYTES / sizeof(T) };                                                \
        for (int64_t k = 0; k < depth; ++k, B += rs, out += width)                                 \
            for (int j = 0; j < width; j += LANES)                                                 \
                *(fnc_run_##S *)(out + j) = *(const fnc_run_##S *)(B + j);                         \
    }                                                                                              \
    /* out[i * width + j] = x[j * ld + i] for i, j < 4. */                                         \
    FNC_INLINE void fnc_pack_square_##S(int width, const T *restrict x, int64_t ld,                \
                                        T *restrict out) {                                         \
        typedef fnc_four_##S four;                                                                 \
        const four a = *(const four *)x, b = *(const four *)(x + ld);                              \
        const four c = *(const four *)(x + 2 * ld), d = *(const four *)(x + 3 * ld);               \
        const four ab = FNC_PICK(fnc_mask_##S, a, b, 0, 4, 1, 5);                                  \
        const four cd = FNC_PICK(fnc_mask_##S, c, d, 0, 4, 1, 5);                                  \
        const four AB = FNC_PICK(fnc_mask_##S, a, b, 2, 6, 3, 7);                                  \
        const four CD = FNC_PICK(fnc_mask_##S, c, d, 2, 6, 3, 7);                                  \
        *(four *)out = FNC_PICK(fnc_mask_##S, ab, cd, 0, 1, 4, 5);                                 \
        *(four *)(out + width) = FNC_PICK(fnc_mask_##S, ab, cd, 2, 3, 6, 7);                       \
        *(four *)(out + 2 * width) = FNC_PICK(fnc_mask_##S, AB, CD, 0, 1, 4, 5);                   \
        *(four *)(out + 3 * width) = FNC_PICK(fnc_mask_##S, AB, CD, 2, 3, 6, 7);                   \
    }                                                                                              \
    /* A whole panel of a transposed B, whose columns lie one after another. */                    \
    FNC_INLINE void fnc_pack_columns_##S(int width, int64_t depth, const T *restrict Bt,           \
                                         int64_t ld, T *restrict out) {                            \
        int64_t k = 0;                                                                             \
        for (; width % 4 == 0 && k + 4 <= depth; k += 4)                                           \
            for (int64_t j = 0; j < width; j += 4)                                                 \
                fnc_pack_square_##S(width, Bt + j * ld + k, ld, out + k * width + j);              \
        fnc_pack_rows_##S(width, depth - k, width, Bt + k, 1, ld, out + k * width);                \
    }                                                                                              \
    /* Panels n0 / width ... of a block of depth rows, B and out at its first row and panel 0. */  \
    FNC_INLINE void fnc_pack_block_##S(int width, int64_t N, int64_t depth, const T *restrict B,   \
                                       int64_t rs, int64_t cs, T *restrict out, int64_t n0,        \
                                       int64_t n1) {                                               \
        const int64_t strip = cs == 1 ? FNC_PACK_ROWS : depth;                                     \
        for (int64_t k = 0; k < depth; k += strip)                                                 \
            for (int64_t n = n0; n < n1; n += width) {                                             \
                const int64_t rows = fnc_min_i64(strip, depth - k);                                \
                const T *from = B + k * rs + n * cs;                                               \
                T *to = out + n * depth + k * width;                                               \
                if (N - n < width)                                                                 \
                    fnc_pack_rows_##S(width, rows, N - n, from, rs, cs, to);                       \
                else if (cs == 1)                                                                  \
                    fnc_pack_whole_rows_##S(width, rows, from, rs, to);                            \
                else                                                                               \
                    fnc_pack_columns_##S(width, rows, from, cs, to);                               \
            }                                                                                      \
    }                                                                                              \
    FNC_INLINE void fnc_pack_parts_of_##S(int width, int64_t N, int64_t K, const T *B, int64_t rs, \
                                          int64_t cs, T *out, int64_t p0, int64_t p1) {            \
        const int64_t length = fnc_pack_length(K), panels = fnc_round_up(N, width) / width;        \
        for (int64_t p = p0, end; p < p1; p = end) {                                               \
            const int64_t first = p / panels * length, left = p % panels;                          \
            end = fnc_min_i64(p1, p - left + panels);                                              \
            fnc_pack_block_##S(width, N, fnc_min_i64(length, K - first), B + first * rs, rs, cs,   \
                               out + first * panels * width, left * width,                         \
                               (left + end - p) * width);                                          \
        }                                                                                          \
    }                                                                                              \
    /* As fnc_gemm_args has it: packs a strip of B on the fly. */                                  \
    FNC_NOINLINE void fnc_pack_strip_##S(int64_t N, int64_t depth, const T *B, int64_t ldb,        \
                                         T *out) {                                                 \
        fnc_pack_block_##S(NR, N, depth, B, ldb, 1, out, 0, N);                                    \
    }                                                                                              \
    FNC_NOINLINE void fnc_pack_b_##S(int64_t N, int64_t K, const T *B, int64_t ldb, T *out,        \
                                     int64_t p0, int64_t p1) {                                     \
        fnc_pack_parts_of_##S(NR, N, K, B, ldb, 1, out, p0, p1);                                   \
    }                                                                                              \
    FNC_NOINLINE void fnc_pack_bt_##S(int64_t N, int64_t K, const T *Bt, int64_t ldb, T *out,      \
                                      int64_t p0, int64_t p1) {                                    \
        fnc_pack_parts_of_##S(NR, N, K, Bt, 1, ldb, out, p0, p1);                                  \
    }

FNC_DEFINE_PACK(f32, float, int32_t, FNC_NR_F32)
FNC_DEFINE_PACK(f64, double, int64_t, FNC_NR_F64)
#undef FNC_DEFINE_PACK

#endif
#endif
