/* bf16_pack.h - the operands of products of bfloat16 by words of two: the numbers of k and k + 1, the
 * first in the lower half. They are given as fnc_bf16, or as floats that are such numbers.
 *
 *     fnc_words(K)                               words of a sum of K numbers
 *     fnc_pack_size_bf16(N, K)                   floats of room that the packed form takes
 *     fnc_pack_parts_bf16(N, K)                  panels times blocks: what a team shares out
 *     fnc_pack_numbers_bf16(N, K, B, rs, cs, out, p0, p1)   packs B[K, N], its elements rs and cs apart
 *     fnc_copy_steps_bf16, fnc_copy_rows_bf16, fnc_copy_squares_bf16
 *         of a fnc_left_bf16: `copy` of fnc_gemm_args, in the order FNC_BY_STEPS, then FNC_BY_ROWS.
 *         Words where there are instructions for them, else both halves as floats
 *
 * Panels are those of gemm_pack.h with a word for a number. A B of one vector of columns has panels
 * of one. What is missing is zero: the last half of an odd sum, and the words that fill one up for
 * AMX. */
#ifndef FNC_BF16_PACK_H
#define FNC_BF16_PACK_H

#include "bf16_isa.h"
#include "gemm_config.h"
#include "turn.h"

enum { FNC_SQUARE = 16 }; /* words: rows of a square that is transposed, and the depth of a tile of AMX */

typedef fnc_bf16 fnc_half __attribute__((may_alias));

/* What tiles read of A: words, or floats, of which a step takes FNC_HALVES; and one number of it. */
#if FNC_HAS_BF16
enum { FNC_HALVES = 1 };
typedef fnc_word fnc_factor_bf16;
typedef fnc_half fnc_copied_bf16;
#else
enum { FNC_HALVES = 2 };
typedef float fnc_factor_bf16;
typedef float fnc_copied_bf16;
#endif

/* AMX takes 16 words at once; a sum of less than 16 numbers would not have room for those beside
 * floats, and is none of its. */
FNC_INLINE int64_t fnc_words(int64_t K) {
    const int64_t words = (K + 1) / 2;
    return FNC_HAS_AMX && K >= FNC_SQUARE ? fnc_round_up(words, FNC_SQUARE) : words;
}

FNC_INLINE fnc_numbers fnc_from(fnc_numbers x, int64_t i) {
    return (fnc_numbers){(const char *)x.first + i * x.bytes, x.bytes};
}

/* Number i of each of two rows, or of one and 0. */
FNC_INLINE fnc_word fnc_word_of(fnc_numbers x, fnc_numbers y, int64_t i) {
    if (x.bytes == 2) {
        const fnc_bf16 *low = x.first, *high = y.first;
        return low[i] | (high ? (fnc_word)high[i] << 16 : 0);
    }
    const float *low = x.first, *high = y.first;
    return fnc_bits_f32(low[i]) >> 16 | (high ? fnc_bits_f32(high[i]) & 0xffff0000u : 0);
}

/* Numbers of n lanes, two rows of them or one, as a row of words. */
FNC_INLINE void fnc_pair(int64_t n, fnc_numbers x, fnc_numbers y, fnc_word *restrict out) {
    if (x.bytes == 2 && y.first)
        for (int64_t j = 0; j < n; ++j) out[j] = fnc_word_of((fnc_numbers){x.first, 2}, y, j);
    else if (y.first)
        for (int64_t j = 0; j < n; ++j) out[j] = fnc_word_of((fnc_numbers){x.first, 4}, y, j);
    else
        for (int64_t j = 0; j < n; ++j) out[j] = fnc_word_of(x, y, j);
}

/* n numbers `step` apart, side by side. */
FNC_INLINE void fnc_narrow_run(int64_t n, fnc_numbers x, int64_t step, fnc_half *restrict out) {
    const fnc_bf16 *narrow = x.first;
    const float *wide = x.first;
    if (x.bytes == 2 && step == 1)
        for (int64_t k = 0; k < n; ++k) out[k] = narrow[k];
    else if (x.bytes == 2)
        for (int64_t k = 0; k < n; ++k) out[k] = narrow[k * step];
    else if (step == 1)
        for (int64_t k = 0; k < n; ++k) out[k] = fnc_store_bf16(wide[k]);
    else
        for (int64_t k = 0; k < n; ++k) out[k] = fnc_store_bf16(wide[k * step]);
}

#if FNC_HAS_BF16
/* Both numbers of a step of n rows, which lie side by side, for tiles. */
FNC_INLINE void fnc_copy_pair(int64_t n, fnc_numbers x, fnc_numbers y, fnc_word *restrict out) {
    fnc_pair(n, x, y, out);
}
#define fnc_copy_run fnc_narrow_run
#else
/* n numbers `step` apart, side by side as floats. */
FNC_INLINE void fnc_copy_run(int64_t n, fnc_numbers x, int64_t step, float *restrict out) {
    const fnc_bf16 *narrow = x.first;
    const float *wide = x.first;
    if (x.bytes == 2 && step == 1)
        for (int64_t k = 0; k < n; ++k) out[k] = fnc_load_bf16(narrow[k]);
    else if (x.bytes == 2)
        for (int64_t k = 0; k < n; ++k) out[k] = fnc_load_bf16(narrow[k * step]);
    else
        for (int64_t k = 0; k < n; ++k) out[k] = wide[k * step];
}

/* Both numbers of a step of n rows, which lie side by side, for tiles. */
FNC_INLINE void fnc_copy_pair(int64_t n, fnc_numbers x, fnc_numbers y, float *restrict out) {
    fnc_copy_run(n, x, 1, out);
    if (y.first)
        fnc_copy_run(n, y, 1, out + n);
    else
        __builtin_memset(out + n, 0, (size_t)n * sizeof *out);
}
#endif

/* The right operand --------------------------------------------------------------------------- */

/* Columns of a panel. */
FNC_INLINE int64_t fnc_panel_width_bf16(int64_t N) {
    return !FNC_HAS_AMX && N <= FNC_NR_F32 / 2 ? FNC_NR_F32 / 2 : FNC_NR_F32;
}
FNC_INLINE int64_t fnc_pack_size_bf16(int64_t N, int64_t K) {
    return fnc_words(K) * fnc_round_up(N, fnc_panel_width_bf16(N));
}
FNC_INLINE int64_t fnc_pack_parts_bf16(int64_t N, int64_t K) {
    const int64_t words = fnc_words(K), length = fnc_pack_length(words);
    const int64_t width = fnc_panel_width_bf16(N);
    return (words + length - 1) / length * (fnc_round_up(N, width) / width);
}

/* `words` words of a panel, at most 16, of whose numbers `depth` exist and of whose columns nr: rows
 * of B lie rs apart. */
FNC_NOINLINE void fnc_pack_rows_bf16(int64_t width, int64_t words, int64_t depth, int64_t nr,
                                     fnc_numbers B, int64_t rs, fnc_word *out) {
    const fnc_numbers none = {NULL, B.bytes};
    if (nr < width || depth < 2 * words)
        __builtin_memset(out, 0, (size_t)(words * width) * sizeof *out);
    for (int64_t k = 0; k < 2 * words && k < depth; k += 2, out += width) {
        const fnc_numbers x = fnc_from(B, k * rs), y = fnc_from(x, rs);
        if (k + 1 < depth && nr == FNC_NR_F32)
            fnc_pair(FNC_NR_F32, x, y, out);
        else
            fnc_pair(nr, x, k + 1 < depth ? y : none, out);
    }
}

/* The same of a B whose columns lie cs apart. */
FNC_NOINLINE void fnc_pack_columns_bf16(int64_t width, int64_t words, int64_t depth, int64_t nr,
                                        fnc_numbers B, int64_t rs, int64_t cs, fnc_word *out) {
    enum { LANES = (int)FNC_NR_F32 > (int)FNC_SQUARE ? (int)FNC_NR_F32 : (int)FNC_SQUARE };
    fnc_word found[LANES * FNC_SQUARE] __attribute__((aligned(64))) = {0};
    fnc_word turned[FNC_SQUARE * LANES] __attribute__((aligned(64)));
    for (int64_t j = 0; j < nr; ++j)
        fnc_narrow_run(fnc_min_i64(2 * words, depth), fnc_from(B, j * cs), rs,
                       (fnc_half *)(found + j * FNC_SQUARE));
    for (int64_t j = 0; j < width; j += FNC_SQUARE)
        fnc_transpose_words(found + j * FNC_SQUARE, FNC_SQUARE, turned + j, LANES);
    for (int64_t k = 0; k < words; ++k)
        __builtin_memcpy(out + k * width, turned + k * LANES, (size_t)width * sizeof *out);
}

/* Rows of B are taken across all panels, for the reason that gemm_pack.h gives; columns one panel
 * after the other. */
FNC_NOINLINE void fnc_pack_numbers_bf16(int64_t N, int64_t K, fnc_numbers B, int64_t rs,
                                        int64_t cs, float *out, int64_t p0, int64_t p1) {
    const int64_t words = fnc_words(K), length = fnc_pack_length(words);
    const int64_t width = fnc_panel_width_bf16(N), panels = fnc_round_up(N, width) / width;
    for (int64_t p = p0, end; p < p1; p = end) {
        const int64_t first = p / panels * length, left = p % panels;
        const int64_t depth = fnc_min_i64(length, words - first);
        const int64_t strip = cs == 1 ? FNC_SQUARE : depth;
        fnc_word *block = (fnc_word *)out + first * panels * width;
        end = fnc_min_i64(p1, p - left + panels);
        for (int64_t k0 = 0; k0 < depth; k0 += strip)
            for (int64_t n = left * width; n < (left + end - p) * width; n += width)
                for (int64_t k = k0; k < fnc_min_i64(k0 + strip, depth); k += FNC_SQUARE) {
                    const int64_t at = 2 * (first + k), rows = fnc_min_i64(FNC_SQUARE, depth - k);
                    const int64_t nr = fnc_min_i64(width, N - n);
                    const fnc_numbers from = fnc_from(B, at * rs + n * cs);
                    fnc_word *to = block + n * depth + k * width;
                    if (cs == 1)
                        fnc_pack_rows_bf16(width, rows, K - at, nr, from, rs, to);
                    else
                        fnc_pack_columns_bf16(width, rows, K - at, nr, from, rs, cs, to);
                }
    }
}

/* The left operand ---------------------------------------------------------------------------- */

/* A[m, k] at m * rs + k * cs, or where k counts along axes besides, as fnc_gemm_args has it. */
typedef struct {
    fnc_numbers A;
    int64_t K, rs, cs;
    int axes;
    const fnc_axis *outer;
} fnc_left_bf16;

/* Where numbers k .. k + n - 1 of a row lie. */
FNC_INLINE void fnc_steps_of(const fnc_left_bf16 *a, int64_t k, int64_t n, int64_t *at) {
    const int64_t depth = a->K / fnc_segments(a->axes, a->outer);
    for (int64_t i = 0, run; i < n; i += run, k += run) {
        int64_t start = 0;
        if (a->axes > 0) fnc_segment_offsets(a->axes, a->outer, k / depth, 1, &start);
        run = fnc_min_i64(depth - k % depth, n - i);
        for (int64_t j = 0; j < run; ++j) at[i + j] = start + (k % depth + j) * a->cs;
    }
}

/* copied[k][rows] of rows that lie side by side. */
FNC_NOINLINE void fnc_copy_steps_bf16(const void *left, int64_t m, int64_t rows, int64_t k,
                                      int64_t length, fnc_factor_bf16 *copied) {
    const fnc_left_bf16 *a = left;
    const fnc_numbers A = fnc_from(a->A, m), none = {NULL, A.bytes};
    int64_t at[2 * FNC_SQUARE];
    for (int64_t w = 0; w < length; w += FNC_SQUARE) {
        const int64_t words = fnc_min_i64(length - w, FNC_SQUARE), first = 2 * (k + w);
        const int64_t exist = fnc_max_i64(fnc_min_i64(2 * words, a->K - first), 0);
        fnc_steps_of(a, first, exist, at);
        for (int64_t i = 0; i < words; ++i, copied += rows * FNC_HALVES) {
            const int both = 2 * i + 1 < exist;
            if (2 * i >= exist) {
                __builtin_memset(copied, 0, (size_t)(rows * FNC_HALVES) * sizeof *copied);
                continue;
            }
            const fnc_numbers x = fnc_from(A, at[2 * i]);
            const fnc_numbers y = both ? fnc_from(A, at[2 * i + 1]) : none;
            if (both && rows == FNC_MR)
                fnc_copy_pair(FNC_MR, x, y, copied);
            else if (both && rows == FNC_MR_1)
                fnc_copy_pair(FNC_MR_1, x, y, copied);
            else
                fnc_copy_pair(rows, x, y, copied);
        }
    }
}

/* copied[rows][k]: segment after segment of each row. */
FNC_NOINLINE void fnc_copy_rows_bf16(const void *left, int64_t m, int64_t rows, int64_t k,
                                     int64_t length, fnc_factor_bf16 *copied) {
    const fnc_left_bf16 *a = left;
    const int64_t depth = a->K / fnc_segments(a->axes, a->outer), first = 2 * k;
    const int64_t last = fnc_min_i64(first + 2 * length, a->K);
    fnc_copied_bf16 *out = (fnc_copied_bf16 *)copied;
    for (int64_t at = first, run; at < last; at += run) {
        int64_t start = 0;
        if (a->axes > 0) fnc_segment_offsets(a->axes, a->outer, at / depth, 1, &start);
        run = fnc_min_i64(depth - at % depth, last - at);
        const fnc_numbers from = fnc_from(a->A, start + at % depth * a->cs);
        for (int64_t i = 0; i < rows; ++i)
            fnc_copy_run(run, fnc_from(from, (m + i) * a->rs), a->cs,
                         out + 2 * i * length + (at - first));
    }
    for (int64_t i = 0; last < first + 2 * length && i < rows; ++i)
        for (int64_t at = fnc_max_i64(last, first); at < first + 2 * length; ++at)
            out[2 * i * length + (at - first)] = 0;
}

#if FNC_HAS_BF16
/* The same of rows that lie side by side: rows of squares, which are transposed. */
FNC_NOINLINE void fnc_copy_squares_bf16(const void *left, int64_t m, int64_t rows, int64_t k,
                                        int64_t length, fnc_factor_bf16 *copied) {
    fnc_word square[FNC_SQUARE * FNC_SQUARE] __attribute__((aligned(64)));
    if (rows < FNC_SQUARE) {
        fnc_copy_rows_bf16(left, m, rows, k, length, copied);
        return;
    }
    for (int64_t i = 0; i < rows; i += FNC_SQUARE)
        for (int64_t w = 0; w < length; w += FNC_SQUARE) {
            fnc_copy_steps_bf16(left, m + i, FNC_SQUARE, k + w, FNC_SQUARE, square);
            fnc_transpose_words(square, FNC_SQUARE, copied + i * length + w, length);
        }
}

#endif

#endif
