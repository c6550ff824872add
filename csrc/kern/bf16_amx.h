/* bf16_amx.h - the register tiles of products of bfloat16 by AMX: 32 or 16 rows by 32 columns, over
 * whole tiles of 16 words. A is read row by row, at any stride; sums of a lone row have the order
 * that those of 16 have. */
#ifndef FNC_BF16_AMX_H
#define FNC_BF16_AMX_H

#include "bf16_pack.h"

#if FNC_HAS_AMX
/* `both`: 32 rows. */
FNC_INLINE void fnc_tile_amx(int both, int fresh, int64_t depth, const fnc_word *a, int64_t rs_a,
                             const fnc_word *b, int64_t ldb, float *acc, int64_t ldc) {
    const int64_t A = 4 * rs_a, B = 4 * ldb, C = 4 * ldc;
    float *low = acc + FNC_SQUARE * ldc;
    if (fresh) {
        FNC_TILE_ZERO(0);
        FNC_TILE_ZERO(1);
        FNC_TILE_ZERO(2);
        FNC_TILE_ZERO(3);
    } else {
        FNC_TILE_LOAD(0, acc, C);
        FNC_TILE_LOAD(1, acc + 16, C);
        if (both) FNC_TILE_LOAD(2, low, C);
        if (both) FNC_TILE_LOAD(3, low + 16, C);
    }
    for (; depth > 0; depth -= FNC_SQUARE, a += FNC_SQUARE, b += FNC_SQUARE * ldb) {
        FNC_TILE_LOAD(4, a, A);
        FNC_TILE_LOAD(6, b, B);
        FNC_TILE_LOAD(7, b + 16, B);
        FNC_TILE_DOT(0, 4, 6);
        FNC_TILE_DOT(1, 4, 7);
        if (both) {
            FNC_TILE_LOAD(5, a + FNC_SQUARE * rs_a, A);
            FNC_TILE_DOT(2, 5, 6);
            FNC_TILE_DOT(3, 5, 7);
        }
    }
    FNC_TILE_STORE(0, acc, C);
    FNC_TILE_STORE(1, acc + 16, C);
    if (both) FNC_TILE_STORE(2, low, C);
    if (both) FNC_TILE_STORE(3, low + 16, C);
}

FNC_NOINLINE void fnc_tile_amx_high(const fnc_tile_args *t, int fresh, const fnc_word *A,
                                    const fnc_word *B, float *acc) {
    fnc_tile_amx(1, fresh, t->depth, A, t->rs_a, B, t->ldb, acc, t->ldc);
}
FNC_NOINLINE void fnc_tile_amx_low(const fnc_tile_args *t, int fresh, const fnc_word *A,
                                   const fnc_word *B, float *acc) {
    fnc_tile_amx(0, fresh, t->depth, A, t->rs_a, B, t->ldb, acc, t->ldc);
}
FNC_NOINLINE void fnc_tile_amx_row(const fnc_tile_args *t, int fresh, const fnc_word *A,
                                   const fnc_word *B, float *acc) {
    enum { NR = FNC_NR_F32 };
    fnc_word a[FNC_SQUARE * FNC_SQUARE] __attribute__((aligned(64))) = {0};
    float c[FNC_SQUARE * NR] __attribute__((aligned(64))) = {0};
    if (!fresh) __builtin_memcpy(c, acc, NR * sizeof *c);
    for (int64_t k = 0; k < t->depth; k += FNC_SQUARE) {
        __builtin_memcpy(a, A + k, FNC_SQUARE * sizeof *a);
        fnc_tile_amx(0, fresh && k == 0, FNC_SQUARE, a, FNC_SQUARE, B + k * t->ldb, t->ldb, c, NR);
    }
    __builtin_memcpy(acc, c, NR * sizeof *c);
}

static const fnc_tiles_bf16 fnc_tiles_amx FNC_UNUSED = {
    2 * FNC_SQUARE,    FNC_SQUARE,       2,
    FNC_NR_F32 / 2,    fnc_tile_amx_high, fnc_tile_amx_high,
    fnc_tile_amx_low, {fnc_tile_amx_row}, NULL};
#endif

#endif
