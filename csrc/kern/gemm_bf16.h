/* gemm_bf16.h - products of bfloat16 whose right operand is packed, for CPUs that have them.
 *
 *     fnc_gemm_packed_bf16(M, N, K, A, rs_a, cs_a, panels, m0, m1, n0, n1, epilogue, env)
 *     fnc_pack_parts_bf16, fnc_pack_b_bf16, fnc_pack_bt_bf16
 *
 * as fnc_gemm_packed_f32 in gemm.h and gemm_pack.h. Operands are floats that are numbers of
 * bfloat16, and sums are floats. Without AVX512-BF16 these are the functions of float, whose sums
 * are the reference: the error of the others is in bf16_isa.h.
 *
 * AMX serves where the process may use tiles, M and K are 16 at least, else AVX512-BF16. That does
 * not depend on the rows and columns asked for, and an element is summed in one order of k: any cut
 * of rows and columns gives the same bits. Takes 70 KB of stack. */
#ifndef FNC_GEMM_BF16_H
#define FNC_GEMM_BF16_H

#include "bf16_isa.h"
#include "gemm.h"
#include "gemm_pack.h"

#if !FNC_HAS_BF16
#define fnc_pack_size_bf16 fnc_pack_size_f32
#define fnc_pack_parts_bf16 fnc_pack_parts_f32
#define fnc_pack_b_bf16 fnc_pack_b_f32
#define fnc_pack_bt_bf16 fnc_pack_bt_f32
#define fnc_gemm_packed_bf16 fnc_gemm_packed_f32
#else
#include "bf16_tile.h"

/* Squares of A at hand, 32 KB; and panels whose sums wait while k goes on by more than one such
 * block, 32 KB. */
enum { FNC_LEFT_SQUARES = 16, FNC_WAITING_PANELS = 8 };

typedef char fnc_acc_has_lanes[(int)FNC_NR_F32 == (int)FNC_LANES ? 1 : -1];

typedef struct {
    int64_t N, K;
    const float *A;
    int64_t rs_a, cs_a;
    const fnc_word *panels;
    int tiles; /* by AMX */
} fnc_product_bf16;

/* The `squares` squares of rows m .. m + rows - 1 of A from number `square` * FNC_DEPTH on. */
FNC_INLINE void fnc_left_bf16(const fnc_product_bf16 *p, int64_t m, int64_t rows, int64_t square,
                              int64_t squares, fnc_word *left) {
    for (int64_t s = square; s < square + squares; ++s, left += FNC_SQUARE_WORDS) {
        const int64_t k = s * FNC_DEPTH;
        fnc_square(FNC_BY_LANE, rows, p->K - k, p->A + m * p->rs_a + k * p->cs_a, p->cs_a, p->rs_a,
                   left);
    }
}

FNC_INLINE void fnc_block_bf16(const fnc_product_bf16 *p, int64_t rows, int64_t n, int64_t square,
                               int64_t squares, const fnc_word *left, float *acc) {
    const int64_t words = fnc_square_rows(p->K);
    const fnc_word *b = p->panels + n / FNC_LANES * fnc_panel_words(p->K) +
                        square * FNC_SQUARE_WORDS;
#if FNC_HAS_AMX
    if (p->tiles) {
        fnc_block_amx(rows, square == 0, squares, left, b, acc);
        return;
    }
#endif
    fnc_block_dots(rows, square == 0, squares, words, left, b, acc);
}

/* Up to 32 rows from r.m0 on and the columns of one block of B: panel by panel, or for a long sum,
 * whose squares of A are not at hand all at once, together. */
FNC_INLINE void fnc_rows_bf16(const fnc_product_bf16 *p, fnc_region r, fnc_epilogue_f32 epilogue,
                              const void *env) {
    fnc_word left[FNC_LEFT_SQUARES * FNC_SQUARE_WORDS] __attribute__((aligned(64)));
    float acc[FNC_WAITING_PANELS * FNC_LANES * FNC_LANES] __attribute__((aligned(64)));
    const int64_t rows = r.m1 - r.m0, all = fnc_squares(p->K);
    const int64_t across = all > FNC_LEFT_SQUARES ? FNC_WAITING_PANELS * FNC_LANES : FNC_LANES;
    for (int64_t n = r.n0, end; n < r.n1; n = end) {
        const int64_t first = fnc_panel_start(n, FNC_LANES);
        int64_t s = 0, squares;
        end = fnc_min_i64(first + across, r.n1);
        do {
            squares = fnc_min_i64(all - s, FNC_LEFT_SQUARES);
            if (n == r.n0) fnc_left_bf16(p, r.m0, rows, s, squares, left);
            for (int64_t j = first; j < end; j += FNC_LANES)
                fnc_block_bf16(p, rows, j, s, squares, left, acc + (j - first) * FNC_LANES);
            s += squares;
        } while (s < all);
        for (int64_t j = n, next; j < end; j = next) {
            const int64_t start = fnc_panel_start(j, FNC_LANES);
            next = fnc_min_i64(start + FNC_LANES, end);
            epilogue(env, r.m0, j, rows, next - j,
                     acc + (start - first) * FNC_LANES + (j - start));
        }
    }
}

/* B's columns go by blocks that stay in the second-level cache; a long sum's, by as many panels as
 * have room for their sums. */
FNC_NOINLINE void fnc_gemm_rows_bf16(const fnc_product_bf16 *p, fnc_region all,
                                     fnc_epilogue_f32 epilogue, const void *env) {
    const int64_t fit = FNC_GEMM_L2 / 4 / (fnc_panel_words(p->K) + 1);
    const int64_t panels = fnc_squares(p->K) > FNC_LEFT_SQUARES ? FNC_WAITING_PANELS : fit;
    fnc_region r = all;
    for (r.n0 = all.n0; r.n0 < all.n1; r.n0 = r.n1) {
        r.n1 = fnc_min_i64(fnc_panel_start(r.n0, FNC_LANES) + panels * FNC_LANES, all.n1);
        for (r.m0 = all.m0; r.m0 < all.m1; r.m0 = r.m1) {
            r.m1 = fnc_min_i64(r.m0 + FNC_LANES, all.m1);
            fnc_rows_bf16(p, r, epilogue, env);
        }
    }
}

FNC_INLINE void fnc_gemm_packed_bf16(int64_t M, int64_t N, int64_t K, const float *A, int64_t rs_a,
                                     int64_t cs_a, const float *panels, int64_t m0, int64_t m1,
                                     int64_t n0, int64_t n1, fnc_epilogue_f32 epilogue,
                                     const void *env) {
    fnc_product_bf16 p = {N, K, A, rs_a, cs_a, (const fnc_word *)panels, 0};
    const fnc_region all = {m0, m1, n0, n1};
    (void)M;
#if FNC_HAS_AMX
    p.tiles = M >= 16 && K >= FNC_WORDS && fnc_may_tile();
    if (p.tiles) fnc_tiles_open();
#endif
    fnc_gemm_rows_bf16(&p, all, epilogue, env);
#if FNC_HAS_AMX
    if (p.tiles) FNC_TILE_RELEASE();
#endif
}
#endif

#endif
