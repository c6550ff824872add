/* gemm_loop.h - the loops around the register tile, for one vector type. A template like
 * gemm_tile.h, which it includes; FNC_PRODUCT and FNC_EPILOGUE are types of gemm_type.h.
 *
 * A tile that would stick out of the matrix is moved back over columns or rows that are done; the
 * epilogue sees each element of C once. Requires N >= VL when B is not packed. */
#include "gemm_tile.h"

/* Columns of a tile: the second vector overlaps the first when B is narrower than two. */
FNC_INLINE int64_t FNC_NAME(fnc_second)(const FNC_PRODUCT *p) {
    return p->packed ? FNC_VL : fnc_min_i64(FNC_VL, p->N - FNC_VL);
}

/* Column of B where the tile begins that serves columns n, n + 1, ... of C. */
FNC_INLINE int64_t FNC_NAME(fnc_left)(const FNC_PRODUCT *p, int64_t n, int64_t width) {
    return p->packed ? fnc_panel_start(n, FNC_NR) : fnc_min_i64(n, p->N - width);
}

/* Address of B[k, left]; in packed B `left` is a multiple of NR. */
FNC_INLINE const FNC_T *FNC_NAME(fnc_b_at)(const FNC_PRODUCT *p, int64_t k, int64_t left) {
    if (!p->packed) return p->B + k * p->ldb + left;
    const int64_t length = fnc_pack_length(p->K), first = k - k % length;
    return p->B + first * fnc_round_up(p->N, FNC_NR) + left * fnc_min_i64(length, p->K - first) +
           (k - first) * FNC_NR;
}

/* Sums of row m and the columns from n on, of as many panels at once as hide the latency. Gives the
 * column where acc starts, and in *end the column after the last. */
FNC_NOINLINE int64_t FNC_NAME(fnc_row_sums)(const FNC_PRODUCT *p, int64_t m, int64_t n, int64_t n1,
                                            FNC_T *restrict acc, int64_t *end) {
    const int64_t second = FNC_NAME(fnc_second)(p);
    const int64_t length = p->packed ? fnc_pack_length(p->K) : p->K;
    const int64_t start = p->packed ? fnc_panel_start(n, FNC_NR) : n, fit = (n1 - start) / FNC_NR;
    const int64_t panels = fit >= 4 ? 4 : fit >= 2 ? 2 : 1;
    const int64_t left = panels == 1 ? FNC_NAME(fnc_left)(p, n, FNC_VL + second) : start;
    int64_t k = 0;
    do {
        const int64_t depth = fnc_min_i64(length, p->K - k);
        const int64_t step = p->packed ? depth * FNC_NR : FNC_NR;
        const FNC_T *a = p->A + m * p->rs_a + k * p->cs_a, *b = FNC_NAME(fnc_b_at)(p, k, left);
        if (panels == 1)
            FNC_NAME(fnc_tile_row)(!k, depth, a, 0, p->cs_a, b, p->ldb, second, acc);
        else if (panels == 2)
            FNC_NAME(fnc_row_tile_2)(!k, depth, a, p->cs_a, b, p->ldb, step, second, acc);
        else
            FNC_NAME(fnc_row_tile_4)(!k, depth, a, p->cs_a, b, p->ldb, step, second, acc);
        k += depth;
    } while (k < p->K);
    *end = fnc_min_i64(left + (panels == 1 ? FNC_VL + second : panels * FNC_NR), n1);
    return left;
}

/* Gives columns n .. end - 1 of a block that starts at column `left` to the epilogue, panel by
 * panel. `whole`: all have full width; `tail`: the width of the last one where it is known, or 0.
 */
FNC_INLINE void FNC_NAME(fnc_hand_over)(int64_t m, int64_t mr, int64_t n, int64_t end, int64_t left,
                                        const FNC_T *acc, int whole, int64_t tail,
                                        FNC_EPILOGUE epilogue, const void *env) {
    for (int64_t nr; n < end; n += nr) {
        const int64_t room = FNC_NR - (n - left) % FNC_NR;
        nr = whole ? FNC_NR : fnc_min_i64(room, end - n);
        if (nr == FNC_NR)
            epilogue(env, m, n, mr, FNC_NR, acc + (n - left));
        else
            epilogue(env, m, n, mr, tail ? tail : nr, acc + (n - left));
    }
}

/* Tile after tile, each summed over all k at once: the loops for small products, inlined so that
 * their bounds are constants and the epilogue is part of them. */
FNC_INLINE void FNC_NAME(fnc_gemm_direct)(const FNC_PRODUCT p, const fnc_region r, int whole,
                                          int64_t tail, FNC_EPILOGUE epilogue, const void *env) {
    const int64_t second = FNC_NAME(fnc_second)(&p), width = FNC_VL + second;
    const int64_t cs_b = p.packed ? p.K : 1;
    const int one = __builtin_constant_p(p.N) && p.N <= FNC_NR;
    const FNC_PRODUCT few = p;
    FNC_T acc[FNC_MR * FNC_NR] __attribute__((aligned(64)));
    int64_t rows, end;
    for (int64_t m = r.m0; m < r.m1; m += rows) {
        rows = r.m1 - r.m0 < FNC_MT ? 1 : r.low ? FNC_MT : fnc_tile_rows(r.m1 - m);
        const int64_t top = fnc_min_i64(m, r.m1 - rows), mr = fnc_min_i64(rows, r.m1 - m);
        const FNC_T *a = p.A + top * p.rs_a;
        for (int64_t n = r.n0; n < r.n1; n = end) {
            int64_t left = whole ? n : FNC_NAME(fnc_left)(&p, n, width);
            const FNC_T *b = p.B + left * cs_b;
            end = whole ? n + FNC_NR : fnc_min_i64(left + width, r.n1);
            if (rows == 1 && one)
                FNC_NAME(fnc_tile_row)(1, p.K, a, 0, p.cs_a, b, p.ldb, second, acc);
            else if (rows == 1)
                left = FNC_NAME(fnc_row_sums)(&few, m, n, r.n1, acc, &end);
            else
                FNC_NAME(fnc_tile_of)(rows, 1, p.K, a, p.rs_a, p.cs_a, b, p.ldb, second, acc);
            const FNC_T *done = acc + (m - top) * FNC_NR;
            FNC_NAME(fnc_hand_over)(m, mr, n, end, left, done, whole, tail, epilogue, env);
        }
    }
}

/* The sums of a region, tile after tile; of a long sum by blocks of k, so that what is read of A
 * and B in a block stays in cache, while the tiles' partial sums wait in acc. A tile goes to the
 * epilogue as soon as it is finished. Gives what is to be asked for next. */
FNC_INLINE fnc_ahead FNC_NAME(fnc_gemm_group)(const FNC_PRODUCT *p, fnc_region r, int copy_a,
                                              int64_t kc, FNC_T *restrict acc, fnc_ahead ahead,
                                              FNC_EPILOGUE epilogue, const void *env) {
    const int64_t second = FNC_NAME(fnc_second)(p), width = FNC_VL + second;
    const int64_t step = p->K > kc ? FNC_MR * FNC_NR : 0;
    FNC_T copied[FNC_KC * (FNC_GROUP_ROWS + FNC_MR)] __attribute__((aligned(64)));
    int64_t rows, end, k = 0, depth;
    do {
        depth = fnc_min_i64(kc, p->K - k);
        const FNC_T *a = copied;
        FNC_T *tile = acc;
        if (copy_a)
            FNC_NAME(fnc_copy_a)(r.m0, r.m1, r.low, depth, p->A + k * p->cs_a, p->cs_a, copied);
        for (int64_t m = r.m0; m < r.m1; m += rows, a += rows * depth) {
            rows = r.low ? FNC_MT : fnc_tile_rows(r.m1 - m);
            const int64_t top = fnc_min_i64(m, r.m1 - rows), mr = fnc_min_i64(rows, r.m1 - m);
            const int64_t cs_a = copy_a ? rows : p->cs_a;
            if (!copy_a) a = p->A + top * p->rs_a + k * p->cs_a;
            for (int64_t n = r.n0; n < r.n1; n = end, tile += step) {
                const int64_t left = FNC_NAME(fnc_left)(p, n, width);
                const FNC_T *b = FNC_NAME(fnc_b_at)(p, k, left);
                FNC_NAME(fnc_tile_ahead)
                (rows, !k, depth, a, p->rs_a, cs_a, b, p->ldb, second, tile, ahead);
                if (rows == FNC_MR) ahead.at += ahead.pace * depth;
                end = fnc_min_i64(left + width, r.n1);
                if (k + depth == p->K)
                    epilogue(env, m, n, mr, end - n, tile + (m - top) * FNC_NR + (n - left));
            }
        }
    } while ((k += depth) < p->K);
    return ahead;
}

/* The panels that follow those of r and are at most `across` wide, spread over r's tiles. */
FNC_INLINE fnc_ahead FNC_NAME(fnc_next_panels)(const FNC_PRODUCT *p, fnc_region all, fnc_region r,
                                               int64_t across) {
    const int64_t bytes = (int64_t)sizeof(FNC_T), next = fnc_min_i64(across, all.n1 - r.n1);
    const int64_t panels = (r.n1 - r.n0 + FNC_NR - 1) / FNC_NR;
    const int64_t rows = all.m1 - all.m0, tiles = rows / FNC_MR * panels;
    const int far = p->packed && p->N * p->K * bytes >= FNC_ASK_FROM;
    if (!far || rows > FNC_ASK_ROWS || next <= 0 || tiles == 0) return (fnc_ahead){0, 0};
    const FNC_T *first = p->B + fnc_panel_start(r.n1, FNC_NR) * p->K;
    return (fnc_ahead){(const char *)first, next * bytes / tiles + 1};
}

/* At least MT rows. Columns go by blocks whose part of B stays in the second-level cache, rows by
 * groups where they are copied or partial sums wait. */
FNC_NOINLINE void FNC_NAME(fnc_gemm_many)(const FNC_PRODUCT *p, fnc_region all,
                                          FNC_EPILOGUE epilogue, const void *env) {
    enum { TILES = (FNC_GROUP_ROWS / FNC_MR + 1) * FNC_GROUP_PANELS };
    enum { ACROSS = FNC_GROUP_PANELS * FNC_NR };
    FNC_T acc[TILES * FNC_MR * FNC_NR] __attribute__((aligned(64)));
    const int copy_a = p->rs_a == 1 && p->N >= FNC_COPY_FROM * FNC_NR;
    const int whole = copy_a ? FNC_KC : p->packed ? FNC_KC_PACKED : FNC_KC_WHOLE;
    const int split = p->K > whole;
    const int64_t kc = split ? FNC_KC : p->K, rows = split || copy_a ? FNC_GROUP_ROWS : 1;
    const int64_t fit = fnc_max_i64(FNC_GEMM_L2 / (int64_t)sizeof(FNC_T) / FNC_NR / (kc + 1), 1);
    const int64_t across = split ? ACROSS : fit * FNC_NR;
    fnc_region r = all;
    for (r.n0 = all.n0; r.n0 < all.n1; r.n0 = r.n1) {
        r.n1 = fnc_min_i64(fnc_panel_start(r.n0, FNC_NR) + across, all.n1);
        fnc_ahead ahead = {0, 0};
        if (!split && !copy_a) ahead = FNC_NAME(fnc_next_panels)(p, all, r, across);
        for (r.m0 = all.m0; r.m0 < all.m1; r.m0 = r.m1) {
            const int64_t tile = r.low ? FNC_MT : fnc_tile_rows(all.m1 - r.m0);
            r.m1 = fnc_min_i64(all.m1, r.m0 + fnc_max_i64(rows, tile));
            ahead = FNC_NAME(fnc_gemm_group)(p, r, copy_a, kc, acc, ahead, epilogue, env);
        }
    }
}

/* Fewer than MT rows: one at a time; of a B in rows, many columns at a time. */
FNC_NOINLINE void FNC_NAME(fnc_gemm_few)(const FNC_PRODUCT *p, fnc_region all,
                                         FNC_EPILOGUE epilogue, const void *env) {
    enum { STREAM = FNC_STREAM_PANELS * FNC_NR };
    FNC_T acc[STREAM] __attribute__((aligned(64)));
    for (int64_t m = all.m0; m < all.m1; ++m)
        for (int64_t n = all.n0, left, end; n < all.n1; n = end) {
            const int64_t fit = p->packed ? 0 : (all.n1 - n) / FNC_NR * FNC_NR;
            if (fit > FNC_GEMV_PANELS * FNC_NR) {
                left = n, end = n + fnc_min_i64(fit, STREAM);
                FNC_NAME(fnc_row_stream)
                (end - n, p->K, p->A + m * p->rs_a, p->cs_a, p->B + n, p->ldb, acc);
            } else {
                left = FNC_NAME(fnc_row_sums)(p, m, n, all.n1, acc, &end);
            }
            FNC_NAME(fnc_hand_over)(m, 1, n, end, left, acc, 0, 0, epilogue, env);
        }
}

FNC_INLINE void FNC_NAME(fnc_gemm)(const FNC_PRODUCT *p, fnc_region all, FNC_EPILOGUE epilogue,
                                   const void *env) {
    if (all.m1 - all.m0 < FNC_MT)
        FNC_NAME(fnc_gemm_few)(p, all, epilogue, env);
    else
        FNC_NAME(fnc_gemm_many)(p, all, epilogue, env);
}
#undef FNC_VL
