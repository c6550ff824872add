/* gemm_pixels.h - products whose rows are the pixels of an image, or a part of one: all strides are
 * known while compiling, and a tile may be of several lines.
 *
 *     fnc_pixels_f32(image, goes_on, taps, A, B, acc)
 *         one tile, of the shape that fnc_pixels_shape gives, rows of sums FNC_NR_F32 apart, pixels of a
 *         line side by side and then those of the next line; to be called from a function of its own.
 *         goes_on: the sums begin with what is in acc. taps: those to sum up of the border's axis
 *     fnc_gemm_pixels_f32(image, tile, A, B, h0, h1, n0, n1, epilogue, env, line)
 *         lines h0 .. h1 - 1, all pixels, columns n0 .. n1 - 1: epilogue(env, m, n, mr, nr, acc) as in gemm.h
 *         with m the first pixel, while *line is the number of its line
 *     fnc_gemm_pixels_long_f32(image, tile, A, B, h0, h1, m0, m1, n0, n1, epilogue, env, line)
 *         the same of pixels m0 .. m1 - 1, for sums over many images, the turns of outer[0], whose number
 *         need not be known. All tiles sum up some turns, while these are near, before any goes on. The
 *         gradient of a convolution towards its weights: its lines and pixels are taps and channels
 *
 * Columns are outside and pixels inside, so that a panel of B stays near. A tile that would stick
 * out is moved back over what is done. A line by itself leaves out the taps that read zeros of the
 * border, which add nothing (an infinite weight times a zero is not seen there): of 3 x 3 taps over
 * H lines, 2 of 3 * H. The bits are one chain over k. A tile has up to 28
 * accumulators, of the shape that computes least twice. 3x3 with a halo, 64 to 64 channels of 8 x 8:
 * a line is one tile of 8 x 2 vectors; of 11 x 11 it is 11 x 2. */
#ifndef FNC_GEMM_PIXELS_H
#define FNC_GEMM_PIXELS_H

#include "gemm_plain.h"

#if !FNC_PORTABLE
#include "gemm.h"

/* How many accumulators could be summed while a tile is handed over, and each of its lines. 32 x 32
 * pixels, 16 channels: 104 GFLOP/s by 1 x 16, 90 by 3 x 8 (AMD Zen 4). Long sums wait between turns:
 * lines of 96 cost less by 8 tiles of 12 pixels than by 7 of 14. */
enum { FNC_TILE_END = 2, FNC_LINE_END = 4, FNC_TURN_END = 1 };

/* Accumulators of a tile. Where there are 32 registers, four more than other tiles have, which keep
 * addresses and prefetch: lines of 13 and 14 pixels are one tile of two vectors. 8 causal Conv1D of
 * 16 channels, 512 samples: 1.85 -> 1.79 ms; LeNet's step 6.17 -> 6.13 (AMD Zen 4, shared). */
enum { FNC_PIXELS_SUMS = FNC_ACCUMULATORS == 24 ? 28 : FNC_ACCUMULATORS };

/* Bytes of sums that wait, and about how many steps of k are taken at a time, when sums are long. */
enum { FNC_PIXELS_BYTES = 3 << 15, FNC_PIXELS_STEPS = 256 };

typedef struct {
    int lines, pixels, vectors;
} fnc_pixels_shape;

/* What all tiles of a shape cost, `pixels` wide and as high as there is room for, and that shape in
 * the low ten bits. A tile takes as long as its accumulators, and longer to hand them over. */
FNC_INLINE int64_t fnc_pixels_cost(const fnc_image *i, int goes_on, int64_t vectors, int64_t rows,
                                   int64_t pixels) {
    const int64_t tile_end = goes_on ? FNC_TURN_END : FNC_TILE_END, line_end = goes_on ? 0 : FNC_LINE_END;
    if (pixels > rows || pixels > i->pixels) return INT64_MAX;
    const int64_t most = fnc_min_i64(rows / pixels, i->lines), high = (i->lines + most - 1) / most;
    const int64_t lines = (i->lines + high - 1) / high, wide = (i->pixels + pixels - 1) / pixels;
    return high * wide * (lines * (pixels * vectors + line_end) + tile_end) << 10 | lines << 5 | pixels;
}

/* The cheapest. One expression without loops, so that gcc knows the number before it looks at
 * loops that go so far. */
#define FNC_OF(pixels) fnc_pixels_cost(i, goes_on, vectors, rows, pixels)
#define FNC_OF_4(p)                                                                                \
    fnc_min_i64(fnc_min_i64(FNC_OF(p), FNC_OF(p + 1)), fnc_min_i64(FNC_OF(p + 2), FNC_OF(p + 3)))
#define FNC_OF_12(p) fnc_min_i64(fnc_min_i64(FNC_OF_4(p), FNC_OF_4(p + 4)), FNC_OF_4(p + 8))
FNC_INLINE fnc_pixels_shape fnc_pixels_shape_of(const fnc_image *i, int goes_on, int64_t lanes) {
    const int vectors = i->N < 2 * lanes                                       ? 1
                        : i->N % (3 * lanes) == 0 && i->N % (2 * lanes) != 0 ? 3
                                                                               : 2;
    const int rows = FNC_PIXELS_SUMS / vectors;
    const int64_t best = fnc_min_i64(fnc_min_i64(FNC_OF_12(1), FNC_OF_12(13)), FNC_OF_4(25));
    return (fnc_pixels_shape){best >> 5 & 31, best & 31, vectors};
}
#undef FNC_OF
#undef FNC_OF_4
#undef FNC_OF_12

/* The steps along the border's axis by which line h reads more than zeros; all, in tiles of lines. */
FNC_INLINE fnc_taps fnc_taps_of(const fnc_image *i, fnc_pixels_shape s, int64_t h) {
    const fnc_border *b = &i->border;
    const int64_t all = i->outer[b->axis].extent, at = h * b->line;
    if (b->tap == 0 || s.lines > 1) return (fnc_taps){0, all};
    const int64_t from = b->first > at ? (b->first - at + b->tap - 1) / b->tap : 0;
    const int64_t to = b->last > at ? (b->last - at + b->tap - 1) / b->tap : 0;
    return (fnc_taps){fnc_min_i64(from, all), fnc_min_i64(to, all)};
}

/* The steps along axis n: `taps`, if it is that of the border. */
#define FNC_ALONG(i, n, taps)                                                                      \
    (i.border.tap != 0 && i.border.axis == n ? taps : (fnc_taps){0, i.outer[n].extent})

/* How lines h0 .. h1 - 1, pixels m0 .. m1 - 1 and columns n0 .. n1 - 1 are cut into tiles. */
typedef struct {
    const fnc_image *image;
    fnc_pixels_shape shape;
    int64_t width, h0, h1, m0, m1, n0, n1, high, wide, tiles;
} fnc_pixels_cut;

FNC_INLINE fnc_pixels_cut fnc_pixels_cut_of(const fnc_image *i, fnc_pixels_shape s, int64_t lanes,
                                            int64_t h0, int64_t h1, int64_t m0, int64_t m1,
                                            int64_t n0, int64_t n1) {
    const int64_t width = s.vectors * lanes, high = (h1 - h0 + s.lines - 1) / s.lines;
    const int64_t wide = (m1 - m0 + s.pixels - 1) / s.pixels, panels = (n1 - n0 + width - 1) / width;
    return (fnc_pixels_cut){i,  s,  width, h0,   h1,   m0,
                            m1, n0, n1,    high, wide, panels * high * wide};
}

/* A tile: its first line, pixel and column `top`, `at` and `left`, moved back so that it lies inside;
 * and of what is its own, lines h .. low - 1, pixels m .. end - 1, columns n .. next - 1. */
typedef struct {
    int64_t h, top, low, m, at, end, n, left, next;
} fnc_pixels_place;

FNC_INLINE fnc_pixels_place fnc_pixels_place_of(const fnc_pixels_cut *c, int64_t tile) {
    const fnc_image *i = c->image;
    fnc_pixels_place p;
    p.m = c->m0 + tile % c->wide * c->shape.pixels;
    p.h = c->h0 + tile / c->wide % c->high * c->shape.lines;
    p.n = c->n0 + tile / c->wide / c->high * c->width;
    p.at = fnc_min_i64(p.m, i->pixels - c->shape.pixels);
    p.top = fnc_min_i64(p.h, i->lines - c->shape.lines);
    p.left = fnc_min_i64(p.n, i->N - c->width);
    p.end = fnc_min_i64(p.m + c->shape.pixels, c->m1);
    p.low = fnc_min_i64(p.h + c->shape.lines, c->h1);
    p.next = fnc_min_i64(p.n + c->width, c->n1);
    return p;
}

#define FNC_DEFINE_PIXELS(S, T, NR)                                                                \
    typedef void fnc_pixels_tile_##S(fnc_taps taps, const T *A, const T *B, T *acc);               \
    typedef void fnc_pixels_part_##S(int64_t turns, fnc_taps taps, const T *A, const T *B,         \
                                     T *acc);                                                      \
    FNC_INLINE void fnc_pixels_##S(const fnc_image i, int goes_on, fnc_taps taps,                  \
                                   const T *restrict A, const T *restrict B, T *restrict acc) {    \
        typedef FNC_PASTE(fnc_vec, S, FNC_WIDEST_SUFFIX) vec;                                      \
        enum { LANES = NR / 2 };                                                                   \
        const fnc_pixels_shape s = fnc_pixels_shape_of(&i, goes_on, LANES);                        \
        const int rows = s.lines * s.pixels, vectors = s.vectors;                                  \
        vec c[FNC_PIXELS_SUMS];                                                                    \
        FNC_UNROLL(28)                                                                             \
        for (int p = 0; p < rows; ++p)                                                             \
            FNC_UNROLL(3)                                                                          \
            for (int j = 0; j < vectors; ++j)                                                      \
                c[p * vectors + j] =                                                               \
                    goes_on ? *(const vec *)(acc + (j / 2 * rows + p) * NR + j % 2 * LANES)        \
                            : (vec){0};                                                            \
        const fnc_taps along[] = {FNC_ALONG(i, 0, taps), FNC_ALONG(i, 1, taps),                    \
                                  FNC_ALONG(i, 2, taps)};                                          \
        for (int64_t u = along[0].from; u < along[0].to; ++u)                                      \
            for (int64_t v = along[1].from; v < along[1].to; ++v)                                  \
                for (int64_t w = along[2].from; w < along[2].to; ++w) {                            \
                    const T *a = A + u * i.outer[0].step + v * i.outer[1].step +                   \
                                 w * i.outer[2].step;                                              \
                    const T *b0 = B + ((u * i.outer[1].extent + v) * i.outer[2].extent + w) *      \
                                          i.depth * i.ldb;                                         \
                    for (int64_t k = 0; k < i.depth; ++k, a += i.cs, b0 += i.ldb) {                \
                        vec b[3];                                                                  \
                        FNC_UNROLL(3)                                                              \
                        for (int j = 0; j < vectors; ++j) {                                        \
                            b[j] = *(const vec *)(b0 + j * LANES);                                 \
                            FNC_IN_REGISTER(b[j]);                                                 \
                        }                                                                          \
                        FNC_UNROLL(28)                                                             \
                        for (int p = 0; p < rows; ++p) {                                           \
                            const vec x = (vec){0} + a[p / s.pixels * i.rs_line +                  \
                                                       p % s.pixels * i.rs_pixel];                 \
                            FNC_UNROLL(3)                                                          \
                            for (int j = 0; j < vectors; ++j) c[p * vectors + j] += x * b[j];      \
                            if (vectors > 1) FNC_UNTIL_HERE(x);                                    \
                            if (rows * vectors == 1) FNC_LONE_SUM(c[0]);                           \
                        }                                                                          \
                        FNC_UNROLL(3)                                                              \
                        for (int j = 0; j < vectors; ++j) FNC_UNTIL_HERE(b[j]);                    \
                    }                                                                              \
                }                                                                                  \
        FNC_UNROLL(28)                                                                             \
        for (int p = 0; p < rows; ++p)                                                             \
            FNC_UNROLL(3)                                                                          \
            for (int j = 0; j < vectors; ++j)                                                      \
                *(vec *)(acc + (j / 2 * rows + p) * NR + j % 2 * LANES) = c[p * vectors + j];      \
    }                                                                                              \
    /* Of a tile that begins at column `left` and pixel `at`, columns n .. n1 - 1, pixels m .. end \
     * - 1, and its lines `first` .. last - 1, of which *line is the first. */                     \
    FNC_INLINE void fnc_pixels_done_##S(const fnc_pixels_shape s, int64_t first, int64_t last,     \
                                        int64_t m, int64_t at, int64_t end, int64_t n,             \
                                        int64_t left, int64_t n1, const T *acc,                    \
                                        fnc_epilogue_##S epilogue, const void *env,                \
                                        int64_t *line) {                                           \
        for (int64_t nr; n < n1; n += nr) {                                                        \
            const int64_t j = n - left;                                                            \
            nr = fnc_min_i64(NR - j % NR, n1 - n);                                                 \
            for (int64_t i = first; i < last; ++i, ++*line) {                                      \
                const T *sums = acc + (j / NR * s.lines * s.pixels + i * s.pixels + m - at) * NR;  \
                epilogue(env, m, n, end - m, nr, sums + j % NR);                                   \
            }                                                                                      \
            *line -= last - first;                                                                 \
        }                                                                                          \
    }                                                                                              \
    FNC_INLINE void fnc_gemm_pixels_##S(const fnc_image i, fnc_pixels_tile_##S *tile, const T *A,  \
                                        const T *B, int64_t h0, int64_t h1, int64_t n0,            \
                                        int64_t n1, fnc_epilogue_##S epilogue, const void *env,    \
                                        int64_t *line) {                                           \
        const fnc_pixels_shape s = fnc_pixels_shape_of(&i, 0, NR / 2);                             \
        const int64_t width = s.vectors * (NR / 2);                                                \
        T acc[FNC_PIXELS_SUMS * NR] __attribute__((aligned(64)));                                  \
        for (int64_t n = n0, left, next; n < n1; n = next) {                                       \
            left = fnc_min_i64(n, i.N - width);                                                    \
            next = fnc_min_i64(left + width, n1);                                                  \
            for (int64_t h = h0, low; h < h1; h = low) {                                           \
                const int64_t top = fnc_min_i64(h, i.lines - s.lines);                             \
                const fnc_taps taps = fnc_taps_of(&i, s, top);                                     \
                low = fnc_min_i64(top + s.lines, h1);                                              \
                *line = h;                                                                         \
                for (int64_t m = 0, end; m < i.pixels; m = end) {                                  \
                    const int64_t at = fnc_min_i64(m, i.pixels - s.pixels);                        \
                    end = at + s.pixels;                                                           \
                    tile(taps, A + top * i.rs_line + at * i.rs_pixel, B + left, acc);              \
                    fnc_pixels_done_##S(s, h - top, low - top, m, at, end, n, left, next, acc,     \
                                        epilogue, env, line);                                      \
                }                                                                                  \
            }                                                                                      \
        }                                                                                          \
    }
#define FNC_DEFINE_LONG_PIXELS(S, T, NR)                                                           \
    FNC_INLINE void fnc_gemm_pixels_long_##S(                                                      \
        const fnc_image i, fnc_pixels_part_##S *tile, const T *A, const T *B, int64_t h0,          \
        int64_t h1, int64_t m0, int64_t m1, int64_t n0, int64_t n1, fnc_epilogue_##S epilogue,     \
        const void *env, int64_t *line) {                                                          \
        const fnc_pixels_shape s = fnc_pixels_shape_of(&i, 1, NR / 2);                             \
        const int64_t slot = (s.vectors + 1) / 2 * s.lines * s.pixels * NR;                        \
        const int64_t steps = i.outer[1].extent * i.outer[2].extent * i.depth;                     \
        const int64_t turns = i.outer[0].extent, each = FNC_PIXELS_STEPS / steps + 1;              \
        const fnc_pixels_cut cut = fnc_pixels_cut_of(&i, s, NR / 2, h0, h1, m0, m1, n0, n1);       \
        T sums[FNC_PIXELS_BYTES / sizeof(T)] __attribute__((aligned(64)));                         \
        const int64_t most = (int64_t)(sizeof(sums) / sizeof(T)) / slot;                           \
        for (int64_t first = 0, last; first < cut.tiles; first = last) {                           \
            last = fnc_min_i64(first + most, cut.tiles);                                           \
            for (int64_t e = 0; e < (last - first) * slot; ++e) sums[e] = 0;                       \
            for (int64_t u = 0; u < turns; u += each) {                                            \
                const T *a = A + u * i.outer[0].step, *b = B + u * steps * i.ldb;                  \
                const int64_t now = fnc_min_i64(each, turns - u);                                  \
                for (int64_t t = first; t < last; ++t) {                                           \
                    const fnc_pixels_place at = fnc_pixels_place_of(&cut, t);                      \
                    tile(now, fnc_taps_of(&i, s, at.top),                                          \
                         a + at.top * i.rs_line + at.at * i.rs_pixel, b + at.left,                 \
                         sums + (t - first) * slot);                                               \
                }                                                                                  \
            }                                                                                      \
            for (int64_t t = first; t < last; ++t) {                                               \
                const fnc_pixels_place at = fnc_pixels_place_of(&cut, t);                          \
                *line = at.h;                                                                      \
                fnc_pixels_done_##S(s, at.h - at.top, at.low - at.top, at.m, at.at, at.end, at.n,  \
                                    at.left, at.next, sums + (t - first) * slot, epilogue, env,    \
                                    line);                                                         \
            }                                                                                      \
        }                                                                                          \
    }
FNC_DEFINE_PIXELS(f32, float, FNC_NR_F32)
FNC_DEFINE_PIXELS(f64, double, FNC_NR_F64)
FNC_DEFINE_LONG_PIXELS(f32, float, FNC_NR_F32)
FNC_DEFINE_LONG_PIXELS(f64, double, FNC_NR_F64)
#undef FNC_DEFINE_PIXELS
#undef FNC_DEFINE_LONG_PIXELS

#endif
#endif
