/* pixels_bf16.h - products of bfloat16 whose rows are the pixels of an image and whose right operand is
 * packed: gemm_pixels.h by words of two numbers.
 *
 *     fnc_pixels_bf16(image, taps, A, B, acc)
 *         one tile, as wide as a panel; to be called from a function of its own
 *     fnc_gemm_pixels_bf16(image, tile, A, panels, h0, h1, n0, n1, epilogue, env, line)
 *         lines h0 .. h1 - 1, all pixels, columns n0 .. n1 - 1, as fnc_gemm_pixels_f32 has it
 *
 * Strides and steps of k of the image are in numbers, and even. Where there are no instructions for
 * words, or those of AMX, and where A is of floats, gemm_bf16.h multiplies line after line. Either way
 * sums are those of gemm_bf16.h, bit by bit. By lines a call of the driver for each and the rows left
 * over cost 6 to 10 %: ResNet-20 x32 14.5 -> 13.6 ms, LeNet x32 1.08 -> 0.98 (AMD Zen 4). */
#ifndef FNC_PIXELS_BF16_H
#define FNC_PIXELS_BF16_H

#include "gemm_bf16.h"
#include "gemm_pixels.h"

typedef void fnc_pixels_tile_bf16(fnc_taps taps, const void *A, const void *B, float *acc);

FNC_INLINE void fnc_pixels_by_lines_bf16(const fnc_image i, fnc_numbers A, const float *panels,
                                         int64_t h0, int64_t h1, int64_t n0, int64_t n1,
                                         fnc_epilogue_f32 epilogue, const void *env, int64_t *line) {
    const int64_t K = fnc_segments(FNC_OUTER, i.outer) * i.depth;
    for (int64_t h = h0; h < h1; ++h) {
        const fnc_numbers first = {(const char *)A.first + h * i.rs_line * A.bytes, A.bytes};
        *line = h;
        fnc_gemm_numbers_bf16(FNC_OUTER, i.outer, i.pixels, i.N, K, first, i.rs_pixel, i.cs, panels, 0,
                              i.pixels, n0, n1, epilogue, env);
    }
}

#if !FNC_PORTABLE && FNC_HAS_BF16 && !FNC_HAS_AMX
/* The shape of a tile as wide as a panel. */
FNC_INLINE fnc_pixels_shape fnc_pixels_shape_bf16(const fnc_image *i) {
    fnc_image one = *i;
    one.N = fnc_panel_width_bf16(i->N);
    return fnc_pixels_shape_of(&one, 0, FNC_NR_F32 / 2);
}

FNC_INLINE void fnc_pixels_bf16(const fnc_image i, fnc_taps taps, const void *left,
                                const void *right, float *restrict acc) {
    typedef FNC_PASTE(fnc_vec, bf16, FNC_WIDEST_SUFFIX) vec;
    typedef FNC_PASTE(fnc_sums, bf16, FNC_WIDEST_SUFFIX) sums;
    enum { LANES = FNC_NR_F32 / 2 };
    const fnc_pixels_shape s = fnc_pixels_shape_bf16(&i);
    const int rows = s.lines * s.pixels, vectors = s.vectors;
    const fnc_word *A = left, *B = right;
    sums c[FNC_PIXELS_SUMS];
    FNC_UNROLL(28)
    for (int p = 0; p < rows * vectors; ++p) c[p] = (sums){0};
    const fnc_taps along[] = {FNC_ALONG(i, 0, taps), FNC_ALONG(i, 1, taps), FNC_ALONG(i, 2, taps)};
    for (int64_t u = along[0].from; u < along[0].to; ++u)
        for (int64_t v = along[1].from; v < along[1].to; ++v)
            for (int64_t w = along[2].from; w < along[2].to; ++w) {
                const fnc_word *a = A + (u * i.outer[0].step + v * i.outer[1].step +
                                         w * i.outer[2].step) / 2;
                const fnc_word *b0 = B + ((u * i.outer[1].extent + v) * i.outer[2].extent + w) *
                                             i.depth / 2 * vectors * LANES;
                for (int64_t k = 0; k < i.depth / 2; ++k, ++a, b0 += vectors * LANES) {
                    vec b[2];
                    FNC_UNROLL(2)
                    for (int j = 0; j < vectors; ++j) {
                        b[j] = *(const vec *)(b0 + j * LANES);
                        FNC_IN_REGISTER(b[j]);
                    }
                    FNC_UNROLL(28)
                    for (int p = 0; p < rows; ++p) {
                        const vec x = (vec){0} + a[p / s.pixels * i.rs_line / 2 +
                                                   p % s.pixels * i.rs_pixel / 2];
                        FNC_UNROLL(2)
                        for (int j = 0; j < vectors; ++j) FNC_DOT_BF16(c[p * vectors + j], x, b[j]);
                        if (vectors > 1) FNC_UNTIL_HERE(x);
                    }
                    FNC_UNROLL(2)
                    for (int j = 0; j < vectors; ++j) FNC_UNTIL_HERE(b[j]);
                }
            }
    FNC_UNROLL(28)
    for (int p = 0; p < rows; ++p)
        FNC_UNROLL(2)
        for (int j = 0; j < vectors; ++j)
            *(sums *)(acc + p * FNC_NR_F32 + j * LANES) = c[p * vectors + j];
}

FNC_INLINE void fnc_gemm_pixels_numbers_bf16(const fnc_image i, fnc_pixels_tile_bf16 *tile,
                                             fnc_numbers A, const float *panels, int64_t h0,
                                             int64_t h1, int64_t n0, int64_t n1,
                                             fnc_epilogue_f32 epilogue, const void *env,
                                             int64_t *line) {
    const fnc_pixels_shape s = fnc_pixels_shape_bf16(&i);
    const int64_t width = fnc_panel_width_bf16(i.N);
    const int64_t words = fnc_segments(FNC_OUTER, i.outer) * i.depth / 2;
    float acc[FNC_PIXELS_SUMS * FNC_NR_F32] __attribute__((aligned(64)));
    if (A.bytes != 2 || words > FNC_KC_PACKED) { /* panels are cut into blocks then */
        fnc_pixels_by_lines_bf16(i, A, panels, h0, h1, n0, n1, epilogue, env, line);
        return;
    }
    for (int64_t n = n0, left, next; n < n1; n = next) {
        left = fnc_panel_start(n, width);
        next = fnc_min_i64(left + width, n1);
        for (int64_t h = h0, low; h < h1; h = low) {
            const int64_t top = fnc_min_i64(h, i.lines - s.lines);
            const fnc_taps taps = fnc_taps_of(&i, s, top);
            low = fnc_min_i64(top + s.lines, h1);
            *line = h;
            for (int64_t m = 0, end; m < i.pixels; m = end) {
                const int64_t at = fnc_min_i64(m, i.pixels - s.pixels);
                end = at + s.pixels;
                tile(taps, (const fnc_half *)A.first + top * i.rs_line + at * i.rs_pixel,
                     panels + left * words, acc);
                fnc_pixels_done_f32(s, h - top, low - top, m, at, end, n, left, next, acc, epilogue,
                                    env, line);
            }
        }
    }
}
#else
FNC_INLINE void fnc_pixels_bf16(const fnc_image i, fnc_taps taps, const void *A, const void *B,
                                float *acc) {
    (void)i, (void)taps, (void)A, (void)B, (void)acc;
}
FNC_INLINE void fnc_gemm_pixels_numbers_bf16(const fnc_image i, fnc_pixels_tile_bf16 *tile,
                                             fnc_numbers A, const float *panels, int64_t h0,
                                             int64_t h1, int64_t n0, int64_t n1,
                                             fnc_epilogue_f32 epilogue, const void *env,
                                             int64_t *line) {
    (void)tile;
    fnc_pixels_by_lines_bf16(i, A, panels, h0, h1, n0, n1, epilogue, env, line);
}
#endif

#define fnc_gemm_pixels_bf16(image, tile, A, ...)                                                  \
    fnc_gemm_pixels_numbers_bf16(image, tile, (fnc_numbers){A, sizeof *(A)}, __VA_ARGS__)

#endif
