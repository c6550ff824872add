/* gemm_bf16.h - products of bfloat16 whose right operand is packed.
 *
 *     fnc_gemm_packed_bf16(M, N, K, A, rs_a, cs_a, panels, m0, m1, n0, n1, epilogue, env)
 *     fnc_gemm_packed_walked_bf16(axes, outer, M, N, K, ...)
 *     fnc_pack_parts_bf16, fnc_pack_b_bf16, fnc_pack_bt_bf16
 *
 * as those of float in gemm.h and gemm_pack.h. Operands are floats that are numbers of bfloat16, and
 * sums are floats. The driver is that of gemm_driver.h, its elements words of two numbers
 * (bf16_pack.h), A copied for each tile.
 *
 * AVX512-BF16 has an instruction for words. Elsewhere their halves are floats, one after the other:
 * sums are those of the float product, bit by bit. AMX serves where the process may use tiles, M and
 * K are 16 at least. That does not depend on the rows and columns asked for, and an element is summed
 * in one order of k: any cut of rows and columns gives the same bits. bf16_isa.h has the errors. */
#ifndef FNC_GEMM_BF16_H
#define FNC_GEMM_BF16_H

#include "bf16_isa.h"
#include "gemm.h"
#include "gemm_pack.h"

#if FNC_PORTABLE
#define fnc_pack_size_bf16 fnc_pack_size_f32
#define fnc_pack_parts_bf16 fnc_pack_parts_f32
#define fnc_pack_b_bf16 fnc_pack_b_f32
#define fnc_pack_bt_bf16 fnc_pack_bt_f32
#define fnc_gemm_packed_bf16 fnc_gemm_packed_f32
#define fnc_gemm_packed_walked_bf16 fnc_gemm_packed_walked_f32
#else
#include "bf16_pack.h"

#define FNC_T fnc_word
#define FNC_S bf16
#define FNC_NR FNC_NR_F32
#define FNC_SUM float
#if FNC_HAS_BF16
#define FNC_FACTOR fnc_word
#define FNC_PARTS 1
#define FNC_PART(part, x) (x)
#define FNC_MULTIPLY(sum, x, b) FNC_DOT_BF16(sum, x, b)
#else
#define FNC_FACTOR float
#define FNC_PARTS 2
#define FNC_PART(part, x) ((part) ? (factor)((x) & 0xffff0000u) : (factor)((x) << 16))
#define FNC_MULTIPLY(sum, x, b) ((sum) += (x) * (b))
#endif
#include "gemm_type.h"
#undef FNC_T
#undef FNC_NR

#include "bf16_amx.h"

FNC_INLINE void fnc_gemm_numbers_bf16(int axes, const fnc_axis *outer, int64_t M, int64_t N,
                                      int64_t K, fnc_numbers A, int64_t rs_a, int64_t cs_a,
                                            const float *panels, int64_t m0, int64_t m1, int64_t n0,
                                            int64_t n1, fnc_epilogue_bf16 epilogue,
                                            const void *env) {
    const fnc_left_bf16 left = {A, K, rs_a, cs_a, axes, outer};
    const int64_t width = fnc_panel_width_bf16(N);
    fnc_gemm_args_bf16 p = {.M = M,
                            .N = N,
                            .K = fnc_words(K),
                            .B = (const fnc_word *)panels,
                            .ldb = width,
                            .packed = 1,
                            .m0 = m0,
                            .m1 = m1,
                            .n0 = n0,
                            .n1 = n1,
                            .epilogue = epilogue,
                            .env = env,
                            .tiles = width < FNC_NR_F32 ? &FNC_WIDEST(fnc_tiles_1)
                                                        : &FNC_WIDEST(fnc_tiles_ahead),
                            .left = &left};
    p.copy = rs_a == 1 ? fnc_copy_steps_bf16 : fnc_copy_rows_bf16;
    p.order = rs_a == 1 ? FNC_BY_STEPS : FNC_BY_ROWS;
    if (width == FNC_NR_F32) p.prefetch = fnc_prefetch_panels_bf16;
#if FNC_HAS_AMX
    if (M >= FNC_SQUARE && K >= FNC_SQUARE && fnc_may_tile()) {
        p.tiles = &fnc_tiles_amx;
        p.order = FNC_BY_ROWS;
        if (rs_a == 1) p.copy = fnc_copy_squares_bf16;
        fnc_tiles_open();
    }
#endif
    fnc_gemm_tiled_bf16(&p);
#if FNC_HAS_AMX
    if (p.tiles == &fnc_tiles_amx) FNC_TILE_RELEASE();
#endif
}
#undef FNC_S

#define fnc_gemm_packed_walked_bf16(axes, outer, M, N, K, A, ...)                                  \
    fnc_gemm_numbers_bf16(axes, outer, M, N, K, (fnc_numbers){A, sizeof *(A)}, __VA_ARGS__)
#define fnc_gemm_packed_bf16(...) fnc_gemm_packed_walked_bf16(0, NULL, __VA_ARGS__)
#endif

#endif
