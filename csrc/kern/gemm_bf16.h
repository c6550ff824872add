/* gemm_bf16.h - products of bfloat16 whose right operand is packed.
 *
 *     fnc_gemm_packed_bf16(M, N, K, A, rs_a, cs_a, panels, m0, m1, n0, n1, epilogue, env)
 *     fnc_gemm_packed_walked_bf16(axes, outer, M, N, K, ...)
 *     fnc_pack_parts_bf16, fnc_pack_b_bf16, fnc_pack_bt_bf16
 *
 * as those of float in gemm.h and gemm_pack.h. Operands are fnc_bf16, or floats that are such numbers;
 * sums are floats. The driver is that of gemm_driver.h, its elements words of two numbers
 * (bf16_pack.h). A that lies as tiles read it is read where it lies, another is copied for each tile.
 *
 * AVX512-BF16 has an instruction for words. Elsewhere tiles are those of float: they read A in
 * floats, and of each word of B one half after the other: sums are those of the float product, bit
 * by bit. AMX serves where M and K are 16 at least. That does not depend on the rows and columns
 * asked for, and an element is summed in one order of k: any cut of rows and columns gives the same
 * bits. bf16_isa.h has the errors. */
#ifndef FNC_GEMM_BF16_H
#define FNC_GEMM_BF16_H

#include "bf16_isa.h"
#include "gemm.h"
#include "gemm_pack.h"

#if FNC_PORTABLE
#include "bf16_plain.h"
#else
#include "bf16_pack.h"

#define FNC_T fnc_word
#define FNC_S bf16
#define FNC_NR FNC_NR_F32
#define FNC_SUM float
#if FNC_HAS_BF16
#define FNC_FACTOR fnc_word
#define FNC_PARTS 1
#define FNC_PART(part, b) (b)
#define FNC_MULTIPLY(sum, x, b) FNC_DOT_BF16(sum, x, b)
#else
#define FNC_FACTOR float
#define FNC_PARTS 2
#if FNC_VEC_BYTES == 64
#define FNC_PART(part, b) ((part) ? (factor)((b) & 0xffff0000u) : (factor)((b) << 16))
#else /* 16 registers: the accumulators leave none to a mask */
#define FNC_PART(part, b)                                                                          \
    ({                                                                                             \
        vec numbers = (b);                                                                         \
        if (part) numbers >>= 16;                                                                  \
        if (part) FNC_IN_REGISTER(numbers);                                                        \
        (factor)(numbers << 16);                                                                   \
    })
#endif
#define FNC_MULTIPLY(sum, x, b) ((sum) += (x) * (b))
#endif
#include "gemm_type.h"
#undef FNC_T
#undef FNC_NR

#include "bf16_amx.h"

/* Do tiles find A as they read it? Words: numbers of two bytes side by side. Floats: two a step. */
FNC_INLINE int fnc_lies_as_read(const fnc_left_bf16 *a) {
    const int64_t depth = a->K / fnc_segments(a->axes, a->outer);
#if FNC_HAS_BF16
    int64_t odd = depth | a->rs;
    for (int i = 0; i < a->axes; ++i) odd |= a->outer[i].step;
    return a->A.bytes == 2 && a->cs == 1 && odd % 2 == 0;
#else
    return a->A.bytes == 4 && depth % 2 == 0;
#endif
}

#if FNC_HAS_AMX
/* By tiles of AMX, which take 16 words of a row at once: in place where rows are whole ones, each
 * behind the last. */
FNC_INLINE void fnc_use_tiles(fnc_gemm_args_bf16 *p, const fnc_left_bf16 *a) {
    p->tiles = &fnc_tiles_amx;
    p->order = FNC_BY_ROWS;
    if (a->rs == 1) p->copy = fnc_copy_squares_bf16;
    if (a->axes == 0 && a->K % (2 * FNC_SQUARE) == 0 && a->rs >= a->K && fnc_lies_as_read(a)) {
        p->A = a->A.first;
        p->rs_a = a->rs / 2;
        p->cs_a = 1;
        p->copy = NULL;
        p->order = FNC_IN_PLACE;
    }
}
#endif

FNC_INLINE void fnc_gemm_in_place_bf16(const fnc_left_bf16 *a, int64_t M, int64_t N,
                                       const fnc_word *B, int64_t m0, int64_t m1, int64_t n0,
                                       int64_t n1, fnc_epilogue_bf16 epilogue, const void *env) {
    enum { EACH = 2 / FNC_HALVES }; /* numbers of what tiles read at once */
    const int64_t rs = a->rs / EACH;
    fnc_axis outer[FNC_OUTER];
    for (int i = 0; i < a->axes; ++i)
        outer[i] = (fnc_axis){a->outer[i].extent, a->outer[i].step / EACH};
    const fnc_factor_bf16 *A = a->A.first;
    if (fnc_panel_width_bf16(N) < FNC_NR_F32)
        fnc_gemm_slim_bf16(&FNC_WIDEST(fnc_tiles_1), M, N, a->K / 2, A, rs, a->cs, a->axes, outer, B,
                           FNC_NR_F32 / 2, 1, m0, m1, n0, n1, epilogue, env);
    else
        fnc_gemm_wide_bf16(&FNC_WIDEST(fnc_tiles), M, N, a->K / 2, A, rs, a->cs, a->axes, outer, B,
                           FNC_NR_F32, 1, m0, m1, n0, n1, epilogue, env);
}

FNC_INLINE void fnc_gemm_copying_bf16(const fnc_left_bf16 *a, int64_t M, int64_t N,
                                      const fnc_word *B, int64_t m0, int64_t m1, int64_t n0,
                                      int64_t n1, fnc_epilogue_bf16 epilogue, const void *env) {
    const int slim = fnc_panel_width_bf16(N) < FNC_NR_F32;
    fnc_gemm_args_bf16 p = {.M = M,
                            .N = N,
                            .K = fnc_words(a->K),
                            .B = B,
                            .packed = 1,
                            .m0 = m0,
                            .m1 = m1,
                            .n0 = n0,
                            .n1 = n1,
                            .epilogue = epilogue,
                            .env = env,
                            .tiles = slim ? &FNC_WIDEST(fnc_tiles_1) : &FNC_WIDEST(fnc_tiles_ahead),
                            .prefetch = slim ? NULL : fnc_prefetch_panels_bf16,
                            .copy = a->rs == 1 ? fnc_copy_steps_bf16 : fnc_copy_rows_bf16,
                            .left = a,
                            .order = a->rs == 1 ? FNC_BY_STEPS : FNC_BY_ROWS};
#if FNC_HAS_AMX
    if (M >= FNC_SQUARE && a->K >= FNC_SQUARE) {
        fnc_use_tiles(&p, a);
        fnc_tiles_open();
    }
#endif
    fnc_gemm_tiled_bf16(&p);
#if FNC_HAS_AMX
    if (p.tiles == &fnc_tiles_amx) FNC_TILE_RELEASE();
#endif
}

FNC_INLINE void fnc_gemm_numbers_bf16(int axes, const fnc_axis *outer, int64_t M, int64_t N,
                                      int64_t K, fnc_numbers A, int64_t rs_a, int64_t cs_a,
                                      const float *panels, int64_t m0, int64_t m1, int64_t n0,
                                      int64_t n1, fnc_epilogue_bf16 epilogue, const void *env) {
    const fnc_left_bf16 left = {A, K, rs_a, cs_a, axes, outer};
    const fnc_word *B = (const fnc_word *)panels;
    if (!FNC_HAS_AMX && fnc_lies_as_read(&left))
        fnc_gemm_in_place_bf16(&left, M, N, B, m0, m1, n0, n1, epilogue, env);
    else
        fnc_gemm_copying_bf16(&left, M, N, B, m0, m1, n0, n1, epilogue, env);
}
#undef FNC_S
#endif

#define fnc_pack_b_bf16(N, K, B, ldb, out, p0, p1)                                                 \
    fnc_pack_numbers_bf16(N, K, (fnc_numbers){B, sizeof *(B)}, ldb, 1, out, p0, p1)
#define fnc_pack_bt_bf16(N, K, Bt, ldb, out, p0, p1)                                               \
    fnc_pack_numbers_bf16(N, K, (fnc_numbers){Bt, sizeof *(Bt)}, 1, ldb, out, p0, p1)
#define fnc_gemm_packed_walked_bf16(axes, outer, M, N, K, A, ...)                                  \
    fnc_gemm_numbers_bf16(axes, outer, M, N, K, (fnc_numbers){A, sizeof *(A)}, __VA_ARGS__)
#define fnc_gemm_packed_bf16(...) fnc_gemm_packed_walked_bf16(0, NULL, __VA_ARGS__)

#endif
