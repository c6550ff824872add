/* gemm_plain.h - all products of this directory in plain C99, for compilers without GNU C's vectors and
 * for machines where the size of code counts. See gemm.h, gemm_pack.h, gemm_large.h, gemm_pixels.h.
 *
 * Tiles of FNC_PLAIN_ROWS by FNC_NR sums, whose inner loops any compiler may turn into vectors. An
 * element is one chain of multiply-adds over k, as elsewhere: the bits are those of the other kernels
 * where multiplying and adding round apart. Takes 1 KB of the stack. */
#ifndef FNC_GEMM_PLAIN_H
#define FNC_GEMM_PLAIN_H

#include "gemm_config.h"

#if FNC_PORTABLE
enum { FNC_PLAIN_ROWS = 4 };

#define FNC_IS_SMALL(N, K, bytes)                                                                  \
    ((int64_t)(K) <= FNC_KC_WHOLE && (int64_t)(N) * (K) * (bytes) <= FNC_GEMM_L2)

/* Where row k of the panel of column n begins, in a packed matrix of N columns and K rows. */
FNC_INLINE int64_t fnc_panel_row(int64_t N, int64_t K, int64_t nr, int64_t k, int64_t n) {
    const int64_t length = fnc_pack_length(K), start = k - k % length;
    const int64_t depth = fnc_min_i64(length, K - start);
    return start * fnc_round_up(N, nr) + fnc_panel_start(n, nr) * depth + (k - start) * nr;
}

#define FNC_DEFINE_PLAIN(S, T, NR)                                                                 \
    typedef void (*fnc_epilogue_##S)(const void *env, int64_t m, int64_t n, int64_t mr, int64_t nr, \
                                     const T *acc);                                                \
    typedef void fnc_pixels_tile_##S(fnc_taps taps, const T *A, const T *B, T *acc);               \
    typedef void fnc_pixels_part_##S(int64_t turns, fnc_taps taps, const T *A, const T *B,         \
                                     T *acc);                                                      \
    /* acc += a row of A's column times a row of B. */                                             \
    FNC_INLINE void fnc_plain_step_##S(int64_t mr, int64_t nr, const T *a, int64_t rs_a,           \
                                       const T *b, T *acc) {                                       \
        for (int64_t i = 0; i < mr; ++i)                                                           \
            for (int64_t j = 0; j < nr; ++j) acc[i * NR + j] += a[i * rs_a] * b[j];                \
    }                                                                                              \
    /* Rows m ... and columns n ... of A B, added to acc. */                                       \
    FNC_INLINE void fnc_plain_tile_##S(int64_t N, int64_t K, const T *A, int64_t rs_a,             \
                                       int64_t cs_a, int axes, const fnc_axis *outer, const T *B,  \
                                       int64_t ldb, int packed, int64_t n, int64_t mr, int64_t nr, \
                                       T *acc) {                                                   \
        const int64_t segments = fnc_segments(axes, outer), depth = K / segments;                  \
        for (int64_t s = 0, k = 0; s < segments; ++s) {                                            \
            int64_t at = 0;                                                                        \
            fnc_segment_offsets(axes, outer, s, 1, &at);                                           \
            for (int64_t d = 0; d < depth; ++d, ++k) {                                             \
                const T *b = packed ? B + fnc_panel_row(N, K, NR, k, n) + n % NR : B + k * ldb + n; \
                fnc_plain_step_##S(mr, nr, A + at + d * cs_a, rs_a, b, acc);                       \
            }                                                                                      \
        }                                                                                          \
    }                                                                                              \
    FNC_NOINLINE void fnc_plain_product_##S(                                                       \
        int64_t N, int64_t K, const T *A, int64_t rs_a, int64_t cs_a, int axes,                    \
        const fnc_axis *outer, const T *B, int64_t ldb, int packed, int64_t m0, int64_t m1,        \
        int64_t n0, int64_t n1, fnc_epilogue_##S epilogue, const void *env) {                      \
        for (int64_t n = n0, nr; n < n1; n += nr) {                                                \
            nr = fnc_min_i64(NR - n % NR, n1 - n);                                                 \
            for (int64_t m = m0, mr; m < m1; m += mr) {                                            \
                T acc[FNC_PLAIN_ROWS * NR] FNC_ALIGNED = {0};                                      \
                const T *a = A + m * rs_a;                                                         \
                mr = fnc_min_i64(FNC_PLAIN_ROWS, m1 - m);                                          \
                if (mr == FNC_PLAIN_ROWS && nr == NR)                                              \
                    fnc_plain_tile_##S(N, K, a, rs_a, cs_a, axes, outer, B, ldb, packed, n,        \
                                       FNC_PLAIN_ROWS, NR, acc);                                   \
                else                                                                               \
                    fnc_plain_tile_##S(N, K, a, rs_a, cs_a, axes, outer, B, ldb, packed, n, mr,    \
                                       nr, acc);                                                   \
                epilogue(env, m, n, mr, nr, acc);                                                  \
            }                                                                                      \
        }                                                                                          \
    }                                                                                              \
    FNC_INLINE void fnc_plain_rows_##S(int axes, const fnc_axis *outer, int64_t M, int64_t N,      \
                                       int64_t K, const T *A, int64_t rs_a, int64_t cs_a,          \
                                       const T *B, int64_t ldb, int64_t m0, int64_t m1,            \
                                       int64_t n0, int64_t n1, fnc_epilogue_##S epilogue,          \
                                       const void *env) {                                          \
        (void)M;                                                                                   \
        fnc_plain_product_##S(N, K, A, rs_a, cs_a, axes, outer, B, ldb, 0, m0, m1, n0, n1,         \
                              epilogue, env);                                                      \
    }                                                                                              \
    FNC_INLINE void fnc_plain_panels_##S(int axes, const fnc_axis *outer, int64_t M, int64_t N,    \
                                         int64_t K, const T *A, int64_t rs_a, int64_t cs_a,        \
                                         const T *panels, int64_t m0, int64_t m1, int64_t n0,      \
                                         int64_t n1, fnc_epilogue_##S epilogue, const void *env) { \
        (void)M;                                                                                   \
        fnc_plain_product_##S(N, K, A, rs_a, cs_a, axes, outer, panels, NR, 1, m0, m1, n0, n1,     \
                              epilogue, env);                                                      \
    }                                                                                              \
    FNC_INLINE void fnc_gemm_row_panels_##S(int64_t N, int64_t K, const T *A, int64_t cs_a,        \
                                            const T *panels, int64_t m0, int64_t m1, int64_t n0,   \
                                            int64_t n1, fnc_epilogue_##S epilogue,                 \
                                            const void *env, const T *const *beside,               \
                                            int64_t count) {                                       \
        (void)beside;                                                                              \
        (void)count;                                                                               \
        fnc_plain_product_##S(N, K, A, 1, cs_a, 0, NULL, panels, NR, 1, m0, m1, n0, n1, epilogue,  \
                              env);                                                                \
    }                                                                                              \
    /* Columns of the result are rows of Bt; A lies in panels of its rows. */                      \
    FNC_NOINLINE void fnc_gemm_swapped_##S(int64_t M, int64_t N, int64_t K, const T *Bt,           \
                                           int64_t ldb, const T *panels, int64_t m0, int64_t m1,   \
                                           int64_t n0, int64_t n1, fnc_epilogue_##S epilogue,      \
                                           const void *env) {                                      \
        (void)N;                                                                                   \
        for (int64_t m = m0, mr; m < m1; m += mr) {                                                \
            mr = fnc_min_i64(NR - m % NR, m1 - m);                                                 \
            for (int64_t n = n0; n < n1; ++n) {                                                    \
                T sums[NR] FNC_ALIGNED = {0}, acc[NR * NR] FNC_ALIGNED;                            \
                for (int64_t k = 0; k < K; ++k) {                                                  \
                    const T *a = panels + fnc_panel_row(M, K, NR, k, m) + m % NR;                  \
                    for (int64_t i = 0; i < mr; ++i) sums[i] += a[i] * Bt[n * ldb + k];            \
                }                                                                                  \
                for (int64_t i = 0; i < mr; ++i) acc[i * NR] = sums[i];                            \
                epilogue(env, m, n, mr, 1, acc);                                                   \
            }                                                                                      \
        }                                                                                          \
    }                                                                                              \
    FNC_INLINE void fnc_pixels_##S(const fnc_image image, int goes_on, fnc_taps taps,              \
                                   const T *A, const T *B, T *acc) {                               \
        (void)image; /* no tile is called */                                                       \
        (void)goes_on;                                                                             \
        (void)taps;                                                                                \
        (void)A;                                                                                   \
        (void)B;                                                                                   \
        (void)acc;                                                                                 \
    }                                                                                              \
    FNC_NOINLINE void fnc_gemm_pixels_long_##S(                                                    \
        const fnc_image i, fnc_pixels_part_##S *tile, const T *A, const T *B, int64_t h0,          \
        int64_t h1, int64_t m0, int64_t m1, int64_t n0, int64_t n1, fnc_epilogue_##S epilogue,     \
        const void *env, int64_t *line) {                                                          \
        (void)tile;                                                                                \
        const int64_t some = i.outer[0].extent > 0; /* turns, which a call may know alone */       \
        const int64_t K = some * fnc_segments(FNC_OUTER, i.outer) * i.depth;                       \
        for (int64_t n = n0, nr; n < n1; n += nr) {                                                \
            nr = fnc_min_i64(NR - n % NR, n1 - n);                                                 \
            for (int64_t h = h0; h < h1; ++h)                                                      \
                for (int64_t m = m0, mr; m < m1; m += mr) {                                        \
                    T acc[FNC_PLAIN_ROWS * NR] FNC_ALIGNED = {0};                                  \
                    const T *a = A + h * i.rs_line + m * i.rs_pixel;                               \
                    mr = fnc_min_i64(FNC_PLAIN_ROWS, m1 - m);                                      \
                    fnc_plain_tile_##S(i.N, K, a, i.rs_pixel, i.cs, FNC_OUTER, i.outer, B, i.ldb, 0, \
                                       n, mr, nr, acc);                                            \
                    *line = h;                                                                     \
                    epilogue(env, m, n, mr, nr, acc);                                              \
                }                                                                                  \
        }                                                                                          \
    }                                                                                              \
    FNC_INLINE void fnc_gemm_pixels_##S(const fnc_image i, fnc_pixels_tile_##S *tile, const T *A,  \
                                        const T *B, int64_t h0, int64_t h1, int64_t n0,            \
                                        int64_t n1, fnc_epilogue_##S epilogue, const void *env,    \
                                        int64_t *line) {                                           \
        (void)tile;                                                                                \
        fnc_gemm_pixels_long_##S(i, NULL, A, B, h0, h1, 0, i.pixels, n0, n1, epilogue, env, line); \
    }                                                                                              \
    FNC_INLINE int64_t fnc_pack_size_##S(int64_t N, int64_t K) { return K * fnc_round_up(N, NR); } \
    FNC_INLINE int64_t fnc_pack_parts_##S(int64_t N, int64_t K) {                                  \
        const int64_t length = fnc_pack_length(K);                                                 \
        return (K + length - 1) / length * (fnc_round_up(N, NR) / NR);                             \
    }                                                                                              \
    FNC_NOINLINE void fnc_plain_pack_##S(int64_t N, int64_t K, const T *B, int64_t rs, int64_t cs, \
                                         T *out, int64_t p0, int64_t p1) {                         \
        const int64_t length = fnc_pack_length(K), panels = fnc_round_up(N, NR) / NR;              \
        for (int64_t p = p0; p < p1; ++p) {                                                        \
            const int64_t first = p / panels * length, n = p % panels * NR;                        \
            for (int64_t k = first; k < fnc_min_i64(first + length, K); ++k)                       \
                for (int64_t j = 0; j < NR; ++j)                                                   \
                    out[fnc_panel_row(N, K, NR, k, n) + j] =                                       \
                        n + j < N ? B[k * rs + (n + j) * cs] : 0;                                  \
        }                                                                                          \
    }                                                                                              \
    FNC_INLINE void fnc_pack_b_##S(int64_t N, int64_t K, const T *B, int64_t ldb, T *out,          \
                                   int64_t p0, int64_t p1) {                                       \
        fnc_plain_pack_##S(N, K, B, ldb, 1, out, p0, p1);                                          \
    }                                                                                              \
    FNC_INLINE void fnc_pack_bt_##S(int64_t N, int64_t K, const T *Bt, int64_t ldb, T *out,        \
                                    int64_t p0, int64_t p1) {                                      \
        fnc_plain_pack_##S(N, K, Bt, 1, ldb, out, p0, p1);                                         \
    }

FNC_DEFINE_PLAIN(f32, float, FNC_NR_F32)
FNC_DEFINE_PLAIN(f64, double, FNC_NR_F64)
#undef FNC_DEFINE_PLAIN

#define fnc_gemm_f32(...) fnc_plain_rows_f32(0, NULL, __VA_ARGS__)
#define fnc_gemm_f64(...) fnc_plain_rows_f64(0, NULL, __VA_ARGS__)
#define fnc_gemm_walked_f32 fnc_plain_rows_f32
#define fnc_gemm_walked_f64 fnc_plain_rows_f64
#define fnc_gemm_packing_f32 fnc_gemm_f32
#define fnc_gemm_packing_f64 fnc_gemm_f64
#define fnc_gemm_packed_f32(...) fnc_plain_panels_f32(0, NULL, __VA_ARGS__)
#define fnc_gemm_packed_f64(...) fnc_plain_panels_f64(0, NULL, __VA_ARGS__)
#define fnc_gemm_packed_walked_f32 fnc_plain_panels_f32
#define fnc_gemm_packed_walked_f64 fnc_plain_panels_f64
#endif

#endif
