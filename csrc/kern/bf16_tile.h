/* bf16_tile.h - the register tiles of products of bfloat16, on squares as bf16_pack.h lays them.
 *
 * Each adds `squares` squares of A and of a panel of B, one after the other, to a block of floats
 * acc[row][FNC_LANES], or with `fresh` sets it. Rows do not mix: what a block has beyond the rows
 * that are wanted is zero. */
#ifndef FNC_BF16_TILE_H
#define FNC_BF16_TILE_H

#include "bf16_isa.h"

#if FNC_HAS_BF16
#include "bf16_pack.h"

/* AVX512-BF16: `rows` by 32 columns in 2 `rows` registers; the squares of B have `words` rows. */
FNC_INLINE void fnc_tile_dots(int rows, int fresh, int64_t squares, int64_t words,
                              const fnc_word *a, const fnc_word *b, float *acc) {
    fnc_f32x16 c[8][2];
    FNC_UNROLL(8)
    for (int i = 0; i < rows; ++i) {
        c[i][0] = fresh ? (fnc_f32x16){0} : *(const fnc_f32x16 *)(acc + i * FNC_LANES);
        c[i][1] = fresh ? (fnc_f32x16){0} : *(const fnc_f32x16 *)(acc + i * FNC_LANES + 16);
    }
    for (; squares > 0; --squares, a += FNC_SQUARE_WORDS)
        for (int64_t k = 0; k < words; ++k, b += FNC_LANES) {
            const fnc_u32x16 b0 = *(const fnc_u32x16 *)b, b1 = *(const fnc_u32x16 *)(b + 16);
            FNC_UNROLL(8)
            for (int i = 0; i < rows; ++i) {
                const fnc_u32x16 x = (fnc_u32x16){0} + a[i * FNC_WORDS + k];
                FNC_DOT_BF16(c[i][0], x, b0);
                FNC_DOT_BF16(c[i][1], x, b1);
            }
        }
    FNC_UNROLL(8)
    for (int i = 0; i < rows; ++i) {
        *(fnc_f32x16 *)(acc + i * FNC_LANES) = c[i][0];
        *(fnc_f32x16 *)(acc + i * FNC_LANES + 16) = c[i][1];
    }
}

FNC_NOINLINE void fnc_tile_dots_8(int fresh, int64_t squares, int64_t words, const fnc_word *a,
                                  const fnc_word *b, float *acc) {
    fnc_tile_dots(8, fresh, squares, words, a, b, acc);
}
FNC_NOINLINE void fnc_tile_dots_2(int fresh, int64_t squares, int64_t words, const fnc_word *a,
                                  const fnc_word *b, float *acc) {
    fnc_tile_dots(2, fresh, squares, words, a, b, acc);
}

/* A block of up to 32 rows. */
FNC_INLINE void fnc_block_dots(int64_t rows, int fresh, int64_t squares, int64_t words,
                               const fnc_word *a, const fnc_word *b, float *acc) {
    for (int64_t i = 0, high; i < rows; i += high) {
        high = rows - i > 4 ? 8 : 2;
        if (high == 8)
            fnc_tile_dots_8(fresh, squares, words, a + i * FNC_WORDS, b, acc + i * FNC_LANES);
        else
            fnc_tile_dots_2(fresh, squares, words, a + i * FNC_WORDS, b, acc + i * FNC_LANES);
    }
}

#if FNC_HAS_AMX
/* AMX: two tiles of 16 columns under each other for `both` halves of 32 rows, else one. */
FNC_INLINE void fnc_tile_amx(int both, int fresh, int64_t squares, const fnc_word *a,
                             const fnc_word *b, float *acc) {
    enum { A = 4 * FNC_WORDS, B = 4 * FNC_LANES, C = 4 * FNC_LANES, LOW = 16 * FNC_LANES };
    if (fresh) {
        FNC_TILE_ZERO(0);
        FNC_TILE_ZERO(1);
        FNC_TILE_ZERO(2);
        FNC_TILE_ZERO(3);
    } else {
        FNC_TILE_LOAD(0, acc, C);
        FNC_TILE_LOAD(1, acc + 16, C);
        if (both) FNC_TILE_LOAD(2, acc + LOW, C);
        if (both) FNC_TILE_LOAD(3, acc + LOW + 16, C);
    }
    for (; squares > 0; --squares, a += FNC_SQUARE_WORDS, b += FNC_SQUARE_WORDS) {
        FNC_TILE_LOAD(4, a, A);
        FNC_TILE_LOAD(6, b, B);
        FNC_TILE_LOAD(7, b + 16, B);
        FNC_TILE_DOT(0, 4, 6);
        FNC_TILE_DOT(1, 4, 7);
        if (both) {
            FNC_TILE_LOAD(5, a + 16 * FNC_WORDS, A);
            FNC_TILE_DOT(2, 5, 6);
            FNC_TILE_DOT(3, 5, 7);
        }
    }
    FNC_TILE_STORE(0, acc, C);
    FNC_TILE_STORE(1, acc + 16, C);
    if (both) FNC_TILE_STORE(2, acc + LOW, C);
    if (both) FNC_TILE_STORE(3, acc + LOW + 16, C);
}

FNC_NOINLINE void fnc_block_amx(int64_t rows, int fresh, int64_t squares, const fnc_word *a,
                                const fnc_word *b, float *acc) {
    if (rows > 16)
        fnc_tile_amx(1, fresh, squares, a, b, acc);
    else
        fnc_tile_amx(0, fresh, squares, a, b, acc);
}

FNC_INLINE void fnc_tiles_open(void) {
    static const fnc_tile_shapes shapes = {
        1, 0, {0}, {64, 64, 64, 64, 64, 64, 64, 64}, {16, 16, 16, 16, 16, 16, 16, 16}};
    FNC_TILE_SHAPES(shapes);
}
#endif
#endif

#endif
