/* turn.h - transposes of numbers of four bytes.
 *
 *     fnc_transpose_words(x, ldx, out, ldo)      a square of 16
 *     fnc_turn_f32(M, N, x, ldx, out, ldo)       out[n * ldo + m] = x[m * ldx + n] */
#ifndef FNC_TURN_H
#define FNC_TURN_H

#include "../math/fnc_bf16.h"

#if !FNC_PORTABLE
typedef uint32_t fnc_word __attribute__((may_alias, aligned(2)));
typedef uint32_t fnc_u32x16 __attribute__((vector_size(64), aligned(4), may_alias));

/* Elements of a and b, by number: as many as `mask`, a type of vectors of integers, has. */
#if defined(__clang__)
#define FNC_PICK(mask, a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define FNC_PICK(mask, a, b, ...) __builtin_shuffle(a, b, (mask){__VA_ARGS__})
#endif

/* out[j][i] = x[i][j] for i, j < 16, rows of x `ldx` words apart, of out `ldo`. Four times, rows i
 * and i + d of each square of 2 d exchange their quarters off the diagonal. */
#define FNC_UPPER(j, d) ((j) & (d) ? 16 + (j) - (d) : (j))
#define FNC_LOWER(j, d) ((j) & (d) ? 16 + (j) : (j) + (d))
#define FNC_LANES_OF(half, d)                                                                      \
    half(0, d), half(1, d), half(2, d), half(3, d), half(4, d), half(5, d), half(6, d),            \
        half(7, d), half(8, d), half(9, d), half(10, d), half(11, d), half(12, d), half(13, d),    \
        half(14, d), half(15, d)
#define FNC_EXCHANGE(r, d)                                                                         \
    FNC_UNROLL(16)                                                                                 \
    for (int i = 0; i < 16; ++i)                                                                   \
        if (!(i & d)) {                                                                            \
            const fnc_u32x16 a = r[i], b = r[i + d];                                               \
            r[i] = FNC_PICK(fnc_u32x16, a, b, FNC_LANES_OF(FNC_UPPER, d));                         \
            r[i + d] = FNC_PICK(fnc_u32x16, a, b, FNC_LANES_OF(FNC_LOWER, d));                     \
        }
FNC_NOINLINE void fnc_transpose_words(const fnc_word *x, int64_t ldx, fnc_word *out, int64_t ldo) {
    fnc_u32x16 r[16];
    FNC_UNROLL(16)
    for (int i = 0; i < 16; ++i) r[i] = *(const fnc_u32x16 *)(x + i * ldx);
    FNC_EXCHANGE(r, 8)
    FNC_EXCHANGE(r, 4)
    FNC_EXCHANGE(r, 2)
    FNC_EXCHANGE(r, 1)
    FNC_UNROLL(16)
    for (int i = 0; i < 16; ++i) *(fnc_u32x16 *)(out + i * ldo) = r[i];
}
#undef FNC_EXCHANGE
#undef FNC_LANES_OF
#undef FNC_UPPER
#undef FNC_LOWER
#endif

FNC_NOINLINE void fnc_turn_f32(int64_t M, int64_t N, const float *x, int64_t ldx, float *out,
                               int64_t ldo) {
    int64_t m = 0, n = 0; /* rows and columns that squares cover */
#if !FNC_PORTABLE
    m = M - M % 16;
    n = N - N % 16;
    for (int64_t i = 0; i < m; i += 16)
        for (int64_t j = 0; j < n; j += 16)
            fnc_transpose_words((const fnc_word *)(x + i * ldx + j), ldx,
                                (fnc_word *)(out + j * ldo + i), ldo);
#endif
    for (int64_t i = 0; i < M; ++i)
        for (int64_t j = i < m ? n : 0; j < N; ++j) out[j * ldo + i] = x[i * ldx + j];
}

#endif
