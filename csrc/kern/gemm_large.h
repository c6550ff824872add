/* gemm_large.h - products with a large right operand that is not packed beforehand, or with a large
 * result. They give the bits of the products of gemm.h. N is at least a vector.
 *
 * Few rows, M at most FNC_FEW_ROWS, with a large B that changes from call to call, as weights do in
 * training: to pack all of B first would take as long as to multiply.
 *
 *     fnc_gemm_packing_f32(M, N, K, A, rs_a, cs_a, B, ldb, m0, m1, n0, n1, epilogue, env)
 *         B[K, N], row-major: packed on the fly, by strips in the second-level cache
 *     fnc_gemm_swapped_f32(M, N, K, Bt, ldb, panels, m0, m1, n0, n1, epilogue, env)
 *         of the transpose Bt[N, K], row-major: C^T = Bt A^T reads it row by row as it lies;
 *         `panels` is the transpose of A[M, K], packed: fnc_pack_bt_f32(M, K, A, lda, panels, ...)
 *
 * plan/machine.py has the bound, for row counts known beforehand, and a least N, so that A packed has
 * room where B would be. 32 rows times 2048 x 2048, B from memory: 53 GFLOP/s packed first, 71 packed
 * on the fly, 93 swapped; 96 rows: 74, 75 and 92 (AVX2, FMA peak 103). Packing on the fly takes up to
 * 140 KB of the stack.
 *
 * A by columns, such as the gradient x^T dy of large weights: where x has few rows, what counts is
 * how the result goes to memory.
 *
 *     fnc_gemm_row_panels_f32(N, K, A, cs_a, panels, m0, m1, n0, n1, epilogue, env, beside, count)
 *         A[m, k] is A[m + k * cs_a], B packed as for fnc_gemm_packed_f32
 *
 * The sums of a row panel, a tile's height and up to FNC_ROW_PANEL_BYTES wide, wait in acc and are
 * handed over row by row, epilogue(env, m, n, 1, columns, acc), columns being as many as the panel
 * has: so the arrays which the epilogue reads and writes are walked in order. Tile by tile, each tile
 * would begin as many walks as it has rows. Those arrays may be named: `beside` are `count` of them,
 * laid out like C in rows of N elements. Tiles prefetch their part of them while they compute. 2048 x
 * 2048 x 32 steps, stored: 4.3 -> 3.5 ms; with Adam's update of the same weights 7.3 -> 4.9 ms (AMD
 * Zen 3). */
#ifndef FNC_GEMM_LARGE_H
#define FNC_GEMM_LARGE_H

#include "gemm_plain.h"

#if !FNC_PORTABLE
#include "gemm.h"
#include "gemm_pack.h"

#define FNC_T float
#define FNC_S f32
#define FNC_NR FNC_NR_F32
#include "gemm_large_type.h"
#undef FNC_T
#undef FNC_S
#undef FNC_NR

#define FNC_T double
#define FNC_S f64
#define FNC_NR FNC_NR_F64
#include "gemm_large_type.h"
#undef FNC_T
#undef FNC_S
#undef FNC_NR

#endif
#endif
