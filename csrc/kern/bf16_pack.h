/* bf16_pack.h - the operands of products of bfloat16, given as floats, in two bytes a number.
 *
 *     fnc_pack_size_bf16(N, K)                   floats of room that the packed form takes
 *     fnc_pack_parts_bf16(N, K)                  panels: what a team shares out
 *     fnc_pack_b_bf16(N, K, B, ldb, out, p0, p1), fnc_pack_bt_bf16(...)   as in gemm_pack.h
 *
 * Both operands go by squares of 32 lanes (rows of A, columns of B) by 16 words of two numbers, of
 * k and k + 1. A's has a row of 16 words per lane, B's a row of 32 lanes per word: what a tile of
 * AMX reads with either. A panel of B is one square below the other; what is missing is zero. A sum
 * of less than 16 would not have room for that beside floats: its only square ends with its last
 * word. */
#ifndef FNC_BF16_PACK_H
#define FNC_BF16_PACK_H

#include "bf16_isa.h"

#if FNC_HAS_BF16
#include "gemm_config.h"
#include "gemm_pack.h"
#include "turn.h"

enum { FNC_LANES = 32, FNC_WORDS = 16, FNC_DEPTH = 2 * FNC_WORDS };
enum { FNC_SQUARE_WORDS = FNC_LANES * FNC_WORDS };

typedef enum { FNC_BY_LANE, FNC_BY_WORD } fnc_order; /* what the rows of a square are */

/* Rows of words of each square of a panel. */
FNC_INLINE int64_t fnc_square_rows(int64_t K) { return K < FNC_WORDS ? (K + 1) / 2 : FNC_WORDS; }
FNC_INLINE int64_t fnc_squares(int64_t K) { return (K + FNC_DEPTH - 1) / FNC_DEPTH; }
FNC_INLINE int64_t fnc_panel_words(int64_t K) {
    return fnc_squares(K) * fnc_square_rows(K) * FNC_LANES;
}

FNC_INLINE uint32_t fnc_half_bits(float x) { return fnc_bits_f32(x) >> 16; }

/* Rows of words: x[k, lane] at k * ds + lane; `depth` numbers of `lanes` lanes exist. */
FNC_INLINE void fnc_square_across(int64_t lanes, int64_t depth, const float *restrict x, int64_t ds,
                                  fnc_word *restrict out) {
    for (int64_t k = 0; k < FNC_DEPTH; k += 2, out += FNC_LANES)
        for (int64_t j = 0; j < FNC_LANES; ++j) {
            const uint32_t low = k < depth && j < lanes ? fnc_half_bits(x[k * ds + j]) : 0;
            const uint32_t high =
                k + 1 < depth && j < lanes ? fnc_half_bits(x[(k + 1) * ds + j]) : 0;
            out[j] = low | high << 16;
        }
}

/* Rows of lanes: x[k, lane] at k * ds + lane * ls. */
FNC_INLINE void fnc_square_along(int64_t lanes, int64_t depth, const float *restrict x, int64_t ds,
                                 int64_t ls, fnc_word *restrict out) {
    typedef uint16_t half __attribute__((may_alias));
    half *to = (half *)out;
    for (int64_t j = 0; j < FNC_LANES; ++j, to += FNC_DEPTH)
        for (int64_t k = 0; k < FNC_DEPTH; ++k)
            to[k] = k < depth && j < lanes ? (half)fnc_half_bits(x[j * ls + k * ds]) : 0;
}

/* Whole squares of adjacent numbers are what matters: they have code of their own. */
FNC_NOINLINE void fnc_square_lanes(int64_t lanes, int64_t depth, const float *x, int64_t ds,
                                   fnc_word *out) {
    if (lanes >= FNC_LANES && depth >= FNC_DEPTH)
        fnc_square_across(FNC_LANES, FNC_DEPTH, x, ds, out);
    else
        fnc_square_across(lanes, depth, x, ds, out);
}
FNC_NOINLINE void fnc_square_rest(int64_t lanes, int64_t depth, const float *x, int64_t ds,
                                  int64_t ls, fnc_word *out) {
    if (lanes >= FNC_LANES && depth >= FNC_DEPTH && ds == 1)
        fnc_square_along(FNC_LANES, FNC_DEPTH, x, 1, ls, out);
    else
        fnc_square_along(lanes, depth, x, ds, ls, out);
}

FNC_INLINE void fnc_square(fnc_order order, int64_t lanes, int64_t depth, const float *x,
                           int64_t ds, int64_t ls, fnc_word *out) {
    fnc_word turned[FNC_SQUARE_WORDS] __attribute__((aligned(64)));
    const fnc_order found = ls == 1 ? FNC_BY_WORD : FNC_BY_LANE;
    fnc_word *to = found == order ? out : turned;
    if (ls == 1)
        fnc_square_lanes(lanes, depth, x, ds, to);
    else
        fnc_square_rest(lanes, depth, x, ds, ls, to);
    if (found == order) return;
    for (int half = 0; half < 2; ++half) { /* 16 lanes */
        if (order == FNC_BY_LANE)
            fnc_transpose_words(turned + 16 * half, FNC_LANES, out + 16 * FNC_WORDS * half,
                                FNC_WORDS);
        else
            fnc_transpose_words(turned + 16 * FNC_WORDS * half, FNC_WORDS, out + 16 * half,
                                FNC_LANES);
    }
}

/* The square of a panel that begins at number k. */
FNC_NOINLINE void fnc_pack_square_bf16(int64_t lanes, int64_t K, int64_t k, const float *x,
                                       int64_t ds, int64_t ls, fnc_word *out) {
    fnc_word whole[FNC_SQUARE_WORDS] __attribute__((aligned(64)));
    const int64_t rows = fnc_square_rows(K);
    fnc_square(FNC_BY_WORD, lanes, K - k, x + k * ds, ds, ls, rows < FNC_WORDS ? whole : out);
    if (rows < FNC_WORDS) __builtin_memcpy(out, whole, (size_t)rows * FNC_LANES * sizeof *out);
}

FNC_INLINE int64_t fnc_pack_size_bf16(int64_t N, int64_t K) {
    return fnc_panel_words(K) * (fnc_round_up(N, FNC_LANES) / FNC_LANES);
}
FNC_INLINE int64_t fnc_pack_parts_bf16(int64_t N, int64_t K) {
    (void)K;
    return fnc_round_up(N, FNC_LANES) / FNC_LANES;
}

/* Rows of B are taken across all panels, for the reason that gemm_pack.h gives; columns one panel
 * after the other. */
FNC_INLINE void fnc_pack_parts_of_bf16(int64_t N, int64_t K, const float *B, int64_t ds, int64_t ls,
                                       float *out, int64_t p0, int64_t p1) {
    const int64_t panel = fnc_panel_words(K), strip = ls == 1 ? FNC_DEPTH : K;
    for (int64_t k0 = 0, k1; k0 < K; k0 = k1) {
        k1 = fnc_min_i64(k0 + strip, K);
        for (int64_t p = p0, n = p0 * FNC_LANES; p < p1; ++p, n += FNC_LANES) {
            fnc_word *to = (fnc_word *)out + p * panel;
            for (int64_t k = k0; k < k1; k += FNC_DEPTH)
                fnc_pack_square_bf16(N - n, K, k, B + n * ls, ds, ls, to + k * FNC_WORDS);
        }
    }
}
FNC_NOINLINE void fnc_pack_b_bf16(int64_t N, int64_t K, const float *B, int64_t ldb, float *out,
                                  int64_t p0, int64_t p1) {
    fnc_pack_parts_of_bf16(N, K, B, ldb, 1, out, p0, p1);
}
FNC_NOINLINE void fnc_pack_bt_bf16(int64_t N, int64_t K, const float *Bt, int64_t ldb, float *out,
                                   int64_t p0, int64_t p1) {
    fnc_pack_parts_of_bf16(N, K, Bt, 1, ldb, out, p0, p1);
}
#endif

#endif
