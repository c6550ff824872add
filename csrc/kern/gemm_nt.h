/* gemm_nt.h - products for which both operands run along k: C[m, n] = sum over k A[m, k] Bt[n, k].
 *
 *     fnc_gemm_nt_f32(M, N, K, A, lda, Bt, ldb, m0, m1, n0, n1, epilogue, env)
 *
 * The form for narrow C (N below a vector or so: the last layer of a classifier, a single output),
 * with W transposed in `prepare`, and for dy W^T without packing. Entries and epilogue as in
 * gemm.h. A lane of the vectors sums k = lane, lane + lanes, ...; then lanes are added as a tree.
 * The order depends on K alone, so any cut of rows and columns gives the same bits. */
#ifndef FNC_GEMM_NT_H
#define FNC_GEMM_NT_H

#include "gemm.h"

#define FNC_T float
#define FNC_S f32
#define FNC_NR FNC_NR_F32
#include "gemm_nt_type.h"
#undef FNC_T
#undef FNC_S
#undef FNC_NR

#define FNC_T double
#define FNC_S f64
#define FNC_NR FNC_NR_F64
#include "gemm_nt_type.h"
#undef FNC_T
#undef FNC_S
#undef FNC_NR

#endif
