/* transpose.h - out[j][i] = x[i][j] by small squares, so that both sides use whole cache lines.
 *
 *     fnc_transpose_4(rows, columns, x, ldx, out, ldo)   elements of 4 bytes (1 and 8 likewise)
 *
 * ldx and ldo are in elements. x and out must not overlap. */
#ifndef FNC_TRANSPOSE_H
#define FNC_TRANSPOSE_H

#include "../math/fnc_base.h"

/* Side of a square: a cache line, at most 16 elements. */
#define FNC_SQUARE(BYTES) (BYTES < 4 ? 16 : 64 / BYTES)

#define FNC_DEFINE_TRANSPOSE(BYTES, T)                                                             \
    typedef T fnc_any_##BYTES __attribute__((may_alias));                                          \
    FNC_INLINE void fnc_transpose_square_##BYTES(int64_t rows, int64_t columns,                    \
                                                 const fnc_any_##BYTES *restrict x, int64_t ldx,   \
                                                 fnc_any_##BYTES *restrict out, int64_t ldo) {     \
        for (int64_t j = 0; j < columns; ++j)                                                      \
            for (int64_t i = 0; i < rows; ++i) out[j * ldo + i] = x[i * ldx + j];                  \
    }                                                                                              \
    FNC_NOINLINE void fnc_transpose_##BYTES(int64_t rows, int64_t columns, const void *x,          \
                                            int64_t ldx, void *out, int64_t ldo) {                 \
        enum { SIDE = FNC_SQUARE(BYTES) };                                                         \
        const fnc_any_##BYTES *from = x;                                                           \
        fnc_any_##BYTES *to = out;                                                                 \
        for (int64_t i = 0; i < rows; i += SIDE)                                                   \
            for (int64_t j = 0; j < columns; j += SIDE) {                                          \
                const int64_t high = rows - i < SIDE ? rows - i : SIDE;                            \
                const int64_t wide = columns - j < SIDE ? columns - j : SIDE;                      \
                const fnc_any_##BYTES *corner = from + i * ldx + j;                                \
                if (high == SIDE && wide == SIDE)                                                  \
                    fnc_transpose_square_##BYTES(SIDE, SIDE, corner, ldx, to + j * ldo + i, ldo);  \
                else                                                                               \
                    fnc_transpose_square_##BYTES(high, wide, corner, ldx, to + j * ldo + i, ldo);  \
            }                                                                                      \
    }

FNC_DEFINE_TRANSPOSE(1, uint8_t)
FNC_DEFINE_TRANSPOSE(4, uint32_t)
FNC_DEFINE_TRANSPOSE(8, uint64_t)
#undef FNC_DEFINE_TRANSPOSE

#endif
