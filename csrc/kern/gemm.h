/* gemm.h - matrix products on a register tile in vector types, with an inlined epilogue.
 *
 *     fnc_gemm_f32(M, N, K, A, rs_a, cs_a, B, ldb, m0, m1, n0, n1, epilogue, env)
 *     fnc_gemm_packed_f32(M, N, K, A, rs_a, cs_a, panels, m0, m1, n0, n1, epilogue, env)
 *
 *     fnc_gemm_walked_f32(axes, outer, M, N, K, ...), fnc_gemm_packed_walked_f32(axes, outer, ...)
 *         the same where k counts along several axes of A, cs_a apart along the last one only
 *
 * compute rows m0 .. m1 - 1 and columns n0 .. n1 - 1 of C[M, N] = A[M, K] B[K, N] and hand them
 * over in blocks: epilogue(env, m, n, mr, nr, acc) receives the finished sums of rows m ... and
 * columns n ..., acc[i * FNC_NR_F32 + j]. nr is at most FNC_NR_F32 where mr is not 1. Each
 * element is handed over exactly once; what becomes of it (bias, activation, store, accumulate) is
 * up to the epilogue, which must not write to A or B. Declare it FNC_INLINE and its acc restrict:
 * for small products it is compiled into the loops, with nr a constant.
 *
 * A[m, k] is A[m * rs_a + k * cs_a]: x W takes rs_a = K, cs_a = 1; x^T dy takes rs_a = 1, cs_a =
 * the row length of x. B is row-major with leading dimension ldb, all of it readable, or packed by
 * gemm_pack.h. Pass literal constants for what is known: gcc specialises the code for them.
 * An element is one chain of multiply-adds over k = 0 .. K - 1, so any cut of rows and columns
 * gives the same bits.
 *
 * gemm_large.h has products of few rows with a large B[K, N] that is not packed, and those whose
 * result is large and sums are short; gemm_pixels.h those of images; gemm_bf16.h those of bfloat16.
 */
#ifndef FNC_GEMM_H
#define FNC_GEMM_H

#include "gemm_plain.h"

#if !FNC_PORTABLE
#include "gemm_config.h"

#define FNC_PASTE_(stem, type, suffix) stem##_##type##suffix
#define FNC_PASTE(stem, type, suffix) FNC_PASTE_(stem, type, suffix)

/* The function of gemm_tile.h for the widest vectors. */
#if FNC_VEC_BYTES >= 64
#define FNC_WIDEST_SUFFIX _v64
#elif FNC_VEC_BYTES >= 32
#define FNC_WIDEST_SUFFIX _v32
#else
#define FNC_WIDEST_SUFFIX _v16
#endif
#define FNC_PASTE_ALL(stem, type, suffix) FNC_PASTE_(stem, type, suffix)
#define FNC_WIDEST(stem) FNC_PASTE_ALL(stem, FNC_S, FNC_WIDEST_SUFFIX)

#define FNC_T float
#define FNC_S f32
#define FNC_NR FNC_NR_F32
#define FNC_SHARES_TYPE 1
#include "gemm_type.h"
#undef FNC_SHARES_TYPE
#undef FNC_T
#undef FNC_S
#undef FNC_NR

#define FNC_T double
#define FNC_S f64
#define FNC_NR FNC_NR_F64
#include "gemm_type.h"
#undef FNC_T
#undef FNC_S
#undef FNC_NR

/* Which entry serves: decided while parsing, where N and K are integer constant expressions (of
 * those alone `0 ? (void *)(x * 0) : (int *)0` has the type int *). Else the general one. */
#define FNC_IS_LITERAL(x)                                                                          \
    __builtin_types_compatible_p(__typeof__(0 ? (void *)((int64_t)(x)*0) : (int *)0), int *)
#define FNC_CERTAIN(condition) __builtin_choose_expr(FNC_IS_LITERAL(condition), (condition), 0)
#define FNC_IS_WIDE(N, bytes) FNC_CERTAIN((int64_t)(N) * (bytes) >= FNC_VEC_BYTES)
#define FNC_IS_SMALL(N, K, bytes)                                                                  \
    FNC_CERTAIN((int64_t)(K) <= FNC_KC_WHOLE && (int64_t)(N) * (K) * (bytes) <= FNC_GEMM_L2)
#define FNC_IS_VECTOR(N, bytes)                                                                    \
    FNC_CERTAIN((N) == 1 || (int64_t)(N) * (bytes) == 16 ||                                        \
                ((int64_t)(N) * (bytes) <= FNC_VEC_BYTES &&                                        \
                 ((int64_t)(N) * (bytes) == 32 || (int64_t)(N) * (bytes) == 64)))
#define FNC_IS_SLIM(N, bytes) FNC_CERTAIN((int64_t)(N) * (bytes) < FNC_VEC_BYTES)
#define FNC_GEMM(S, slim, wide, small)                                                             \
    __builtin_choose_expr(                                                                         \
        slim, __builtin_choose_expr(small, fnc_gemm_slim_##S, fnc_gemm_long_slim_##S),             \
        __builtin_choose_expr((wide) && (small), fnc_gemm_small_##S,                               \
                              __builtin_choose_expr(wide, fnc_gemm_wide_##S, fnc_gemm_any_##S)))

/* The table of the widest tiles whose vectors are not wider than `size` bytes; the widest of all
 * where that is no constant. */
#define FNC_FROM(least, size, table, otherwise)                                                    \
    __builtin_choose_expr((size) >= (least), &table, otherwise)
#define FNC_FROM_16(table, size) FNC_FROM(16, size, table##_v16, &table##_scalar)
#if FNC_VEC_BYTES >= 32
#define FNC_FROM_32(table, size) FNC_FROM(32, size, table##_v32, FNC_FROM_16(table, size))
#else
#define FNC_FROM_32(table, size) FNC_FROM_16(table, size)
#endif
#if FNC_VEC_BYTES >= 64
#define FNC_FROM_64(table, size) FNC_FROM(64, size, table##_v64, FNC_FROM_32(table, size))
#else
#define FNC_FROM_64(table, size) FNC_FROM_32(table, size)
#endif
#define FNC_BYTES_OF(N, bytes)                                                                     \
    __builtin_choose_expr(FNC_IS_LITERAL(N), (int64_t)(N) * (bytes), (int64_t)FNC_VEC_BYTES)
#define FNC_TILES_FOR(S, N, bytes)                                                                 \
    __builtin_choose_expr(FNC_IS_VECTOR(N, bytes),                                                 \
                          FNC_FROM_64(fnc_tiles_1_##S, FNC_BYTES_OF(N, bytes)),                    \
                          FNC_FROM_64(fnc_tiles_##S, FNC_BYTES_OF(N, bytes)))

/* Panels are as wide as the widest tiles, whatever B is. */
#define FNC_TILES_FOR_PANELS(S, N, bytes)                                                          \
    __builtin_choose_expr(FNC_IS_VECTOR(N, bytes),                                                 \
                          FNC_FROM_64(fnc_tiles_1_##S, FNC_BYTES_OF(N, bytes)),                    \
                          FNC_FROM_64(fnc_tiles_##S, FNC_VEC_BYTES))

#define FNC_GEMM_ROWS(S, bytes, axes, outer, M, N, K, A, rs_a, cs_a, B, ldb, ...)                  \
    FNC_GEMM(S, FNC_IS_VECTOR(N, bytes) || FNC_IS_SLIM(N, bytes), FNC_IS_WIDE(N, bytes),           \
             FNC_IS_SMALL(N, K, bytes))                                                            \
    (FNC_TILES_FOR(S, N, bytes), M, N, K, A, rs_a, cs_a, axes, outer, B, ldb, 0, __VA_ARGS__)
#define FNC_GEMM_PANELS(S, bytes, NR, axes, outer, M, N, K, A, rs_a, cs_a, panels, ...)            \
    FNC_GEMM(S, FNC_IS_VECTOR(N, bytes), 1, FNC_IS_SMALL(N, K, bytes))                             \
    (FNC_TILES_FOR_PANELS(S, N, bytes), M, N, K, A, rs_a, cs_a, axes, outer, panels, NR, 1,        \
     __VA_ARGS__)

#define fnc_gemm_f32(...) FNC_GEMM_ROWS(f32, 4, 0, NULL, __VA_ARGS__)
#define fnc_gemm_f64(...) FNC_GEMM_ROWS(f64, 8, 0, NULL, __VA_ARGS__)
#define fnc_gemm_walked_f32(...) FNC_GEMM_ROWS(f32, 4, __VA_ARGS__)
#define fnc_gemm_walked_f64(...) FNC_GEMM_ROWS(f64, 8, __VA_ARGS__)
#define fnc_gemm_packed_f32(...) FNC_GEMM_PANELS(f32, 4, FNC_NR_F32, 0, NULL, __VA_ARGS__)
#define fnc_gemm_packed_f64(...) FNC_GEMM_PANELS(f64, 8, FNC_NR_F64, 0, NULL, __VA_ARGS__)
#define fnc_gemm_packed_walked_f32(...) FNC_GEMM_PANELS(f32, 4, FNC_NR_F32, __VA_ARGS__)
#define fnc_gemm_packed_walked_f64(...) FNC_GEMM_PANELS(f64, 8, FNC_NR_F64, __VA_ARGS__)

#endif
#endif
