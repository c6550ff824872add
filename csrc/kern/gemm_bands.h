/* gemm_bands.h - products with A by columns, such as the gradient x^T dy of large weights: where x
 * has few rows, what counts is how the result goes to memory.
 *
 *     fnc_gemm_bands_f32(N, K, A, cs_a, panels, m0, m1, n0, n1, epilogue, env, beside, count)
 *         A[m, k] is A[m + k * cs_a], B packed as for fnc_gemm_packed_f32
 *
 * The sums of a band, a tile's height and up to FNC_BAND_BYTES wide, wait in acc and are handed
 * over row by row, epilogue(env, m, n, 1, columns, acc), columns being as many as the band has: so
 * the arrays which the epilogue reads and writes are walked in order. Tile by tile, each tile
 * would begin as many walks as it has rows. Those arrays may be named: `beside` are `count` of
 * them, laid out like C in rows of N elements. Tiles ask memory for their part of the band while
 * they compute. The bits are those of the products of gemm.h. 2048 x 2048 x 32 steps, stored: 4.3
 * -> 3.5 ms; with Adam's update of the same weights 7.3 -> 4.9 ms (AMD Zen 3). */
#ifndef FNC_GEMM_BANDS_H
#define FNC_GEMM_BANDS_H

#include "gemm.h"

#define FNC_T float
#define FNC_S f32
#define FNC_NR FNC_NR_F32
#include "gemm_bands_type.h"
#undef FNC_T
#undef FNC_S
#undef FNC_NR

#define FNC_T double
#define FNC_S f64
#define FNC_NR FNC_NR_F64
#include "gemm_bands_type.h"
#undef FNC_T
#undef FNC_S
#undef FNC_NR

#endif
