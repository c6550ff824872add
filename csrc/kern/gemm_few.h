/* gemm_few.h - products of few rows with a large B that changes from call to call, as weights do in
 * training: to pack all of B first would take as long as to multiply.
 *
 *     fnc_gemm_strips_f32(M, N, K, A, rs_a, cs_a, B, ldb, m0, m1, n0, n1, epilogue, env)
 *         B[K, N], row-major: packed by strips, each while it is in the second-level cache
 *     fnc_gemm_flipped_f32(M, N, K, Bt, ldb, panels, m0, m1, n0, n1, epilogue, env)
 *         of the transpose Bt[N, K], row-major: C^T = Bt A^T reads it row by row as it lies;
 *         `panels` is the transpose of A[M, K], packed: fnc_pack_bt_f32(M, K, A, lda, panels, ...)
 *
 * They hand over blocks as the products of gemm.h do, and give the same bits. N is at least a
 * vector; M is at most FNC_FEW_ROWS. */
#ifndef FNC_GEMM_FEW_H
#define FNC_GEMM_FEW_H

#include "gemm.h"
#include "gemm_pack.h"

/* Up to FNC_FEW_ROWS rows they are faster than packing B; plan/machine.py has the bound, for
 * row counts known beforehand, and a least N, so that A packed has room where B would be. 32 rows
 * times 2048 x 2048, B from memory: 53 GFLOP/s packed first, 71 by strips, 93 flipped; 96 rows: 74,
 * 75 and 92 (AVX2, FMA peak 103). Strips take up to 140 KB of the stack. */

#define FNC_T float
#define FNC_S f32
#define FNC_NR FNC_NR_F32
#include "gemm_few_type.h"
#undef FNC_T
#undef FNC_S
#undef FNC_NR

#define FNC_T double
#define FNC_S f64
#define FNC_NR FNC_NR_F64
#include "gemm_few_type.h"
#undef FNC_T
#undef FNC_S
#undef FNC_NR

#endif
