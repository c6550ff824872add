/* gemm_shapes.h - products over segments of k, and tiles of 1, 3 and 4 vectors beside those of 2.
 *
 *     fnc_gemm_args_f32 p = {.M = ..., .tiles = &fnc_tiles_f32_1, ...};      see gemm_type.h
 *     fnc_gemm_segments_f32(&p)
 *         the product that p describes, with an epilogue as in gemm.h; unit may be FNC_BY_TILE,
 *         FNC_BY_ROW (blocks of one row, as wide as they come, if B is packed) or FNC_TRANSPOSED
 *     fnc_pack_size_f32_1(N, K), fnc_pack_parts_f32_1(N, K), fnc_pack_b_f32_1(N, K, B, ldb, out,
 * p0, p1), fnc_pack_bt_f32_1(...) as in gemm_pack.h, in panels of one vector; so for _3 and _4, and
 * of 2 those without number
 *
 * A convolution whose input has a halo is a product over kh * kw segments, the taps: A is the
 * input, its rows the pixels of a row of the result, rs_a the channels times the stride, a
 * segment's offset (row of the tap * width + column of the tap) * channels, and K = kh * kw *
 * channels. There is no im2col, and sums stay in registers from tap to tap. With `start`, sums go
 * on where others ended, as gradients of weights do from image to image. The bits are those of one
 * chain over k.
 *
 * What a tile costs, instructions a step of k (f32): AVX-512 24x1 34, 12x2 46, 8x3 42, 6x4 40, of
 * which 24 are multiply-adds; AVX2 12x1 33, 6x2 26, 4x3 25, 3x4 24, of 12. Whoever has few columns
 * takes a tile as wide as they are. Only what is named is compiled. */
#ifndef FNC_GEMM_SHAPES_H
#define FNC_GEMM_SHAPES_H

#include "gemm.h"
#include "gemm_pack.h"

#define FNC_T float
#define FNC_S f32
#define FNC_NR FNC_NR_F32
#include "gemm_shapes_type.h"
#undef FNC_T
#undef FNC_S
#undef FNC_NR

#define FNC_T double
#define FNC_S f64
#define FNC_NR FNC_NR_F64
#include "gemm_shapes_type.h"
#undef FNC_T
#undef FNC_S
#undef FNC_NR

#endif
