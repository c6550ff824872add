/* gemm_few_type.h - gemm_few.h for one element type. A template like gemm_type.h. */

#define FNC_NAME(stem) FNC_PASTE(stem, FNC_S, )
#define FNC_PRODUCT FNC_NAME(fnc_product)
#define FNC_EPILOGUE FNC_NAME(fnc_epilogue)

/* One tile of `rows`, which may be one. */
FNC_INLINE void FNC_NAME(fnc_few_tile)(int64_t rows, int fresh, int64_t K, const FNC_T *A,
                                       int64_t rs_a, int64_t cs_a, const FNC_T *panel, FNC_T *acc,
                                       fnc_ahead ahead) {
    const int64_t second = FNC_NR / 2;
    if (rows == 1)
        FNC_WIDEST(fnc_tile_row)(fresh, K, A, rs_a, cs_a, panel, FNC_NR, second, acc);
    else
        FNC_WIDEST(fnc_tile_ahead)
        (rows, fresh, K, A, rs_a, cs_a, panel, FNC_NR, second, acc, ahead);
}

/* Columns r.n0 .. r.n1 - 1: one strip of B after another is packed and multiplied, while the sums
 * wait in acc. Each high tile asks for one row of the strip that comes next, as long as there are
 * rows. */
FNC_NOINLINE void FNC_NAME(fnc_few_strips)(const FNC_PRODUCT *p, const fnc_region r,
                                           FNC_EPILOGUE epilogue, const void *env) {
    enum { ACROSS = FNC_STRIP_BYTES / sizeof(FNC_T) };
    FNC_T strip[FNC_STRIP_ROWS * ACROSS] __attribute__((aligned(64)));
    FNC_T acc[(FNC_FEW_ROWS + FNC_MR) * ACROSS] __attribute__((aligned(64)));
    const int64_t width = r.n1 - r.n0, pace = width * (int64_t)sizeof(FNC_T) / FNC_STRIP_ROWS;
    int64_t k = 0, depth, rows;
    do {
        depth = fnc_min_i64(FNC_STRIP_ROWS, p->K - k);
        const FNC_T *B = p->B + k * p->ldb + r.n0, *panel = strip, *next = B + depth * p->ldb;
        const FNC_T *last = p->B + p->K * p->ldb;
        FNC_T *tile = acc;
        FNC_NAME(fnc_pack_block)(width, depth, B, p->ldb, 1, strip, 0, width);
        for (int64_t n = 0; n < width; n += FNC_NR, panel += depth * FNC_NR)
            for (int64_t m = r.m0; m < r.m1; m += rows, tile += FNC_MR * FNC_NR) {
                rows = r.low ? FNC_MT : fnc_tile_rows(r.m1 - m);
                const int64_t top = fnc_min_i64(m, r.m1 - rows), mr = fnc_min_i64(rows, r.m1 - m);
                const FNC_T *a = p->A + top * p->rs_a + k * p->cs_a;
                const fnc_ahead ahead = {(const char *)next, next < last ? pace : 0};
                next += p->ldb;
                FNC_NAME(fnc_few_tile)(rows, !k, depth, a, p->rs_a, p->cs_a, panel, tile, ahead);
                if (k + depth == p->K)
                    epilogue(env, m, r.n0 + n, mr, fnc_min_i64(FNC_NR, width - n),
                             tile + (m - top) * FNC_NR);
            }
    } while ((k += depth) < p->K);
}

FNC_INLINE void FNC_NAME(fnc_gemm_strips)(int64_t M, int64_t N, int64_t K, const FNC_T *A,
                                          int64_t rs_a, int64_t cs_a, const FNC_T *B, int64_t ldb,
                                          int64_t m0, int64_t m1, int64_t n0, int64_t n1,
                                          FNC_EPILOGUE epilogue, const void *env) {
    const FNC_PRODUCT p = {N, K, A, rs_a, cs_a, B, ldb, 0};
    fnc_region r = {m0, m1, n0, n1, m1 - m0 < FNC_MR};
    (void)M;
    if (m1 - m0 < FNC_MT) {
        FNC_WIDEST(fnc_gemm)(&p, r, epilogue, env);
        return;
    }
    for (; r.n0 < n1; r.n0 = r.n1) {
        r.n1 = fnc_min_i64(r.n0 + FNC_STRIP_BYTES / (int64_t)sizeof(FNC_T), n1);
        FNC_NAME(fnc_few_strips)(&p, r, epilogue, env);
    }
}

/* block[j][i] = acc[i][j] for the first mr columns of `rows` rows. */
FNC_INLINE void FNC_NAME(fnc_few_turn)(int64_t rows, int64_t mr, const FNC_T *restrict acc,
                                       FNC_T *restrict block) {
    for (int64_t j = 0; j < mr; ++j)
        for (int64_t i = 0; i < rows; ++i) block[j * FNC_NR + i] = acc[i * FNC_NR + j];
}

/* Hands over what is in acc: `rows` rows of C^T from n on, columns m .. m + mr - 1. */
FNC_INLINE void FNC_NAME(fnc_few_done)(int64_t m, int64_t mr, int64_t n, int64_t rows,
                                       const FNC_T *acc, FNC_EPILOGUE epilogue, const void *env) {
    FNC_T block[FNC_NR * FNC_NR] __attribute__((aligned(64)));
    for (int64_t i = 0, nr; i < rows; i += nr) {
        nr = fnc_min_i64(rows - i, FNC_NR);
        FNC_NAME(fnc_few_turn)(nr, mr, acc + i * FNC_NR, block);
        epilogue(env, m, n + i, mr, nr, block);
    }
}

/* p->A is Bt, p->B the packed transpose of A; r.m0 .. r.m1 - 1 rows of A, r.n0 .. r.n1 - 1 of Bt.
 * While a tile computes, it asks for the rows of Bt that follow. */
FNC_NOINLINE void FNC_NAME(fnc_few_flipped)(const FNC_PRODUCT *p, const fnc_region r,
                                            FNC_EPILOGUE epilogue, const void *env) {
    FNC_T acc[FNC_MR * FNC_NR] __attribute__((aligned(64)));
    const int64_t first = fnc_panel_start(r.m0, FNC_NR);
    const int64_t panels = (r.m1 - first + FNC_NR - 1) / FNC_NR;
    const int64_t bytes = FNC_MR * (int64_t)sizeof(FNC_T);
    int64_t rows;
    for (int64_t n = r.n0; n < r.n1; n += rows) {
        rows = r.n1 - r.n0 < FNC_MT ? 1 : r.low ? FNC_MT : fnc_tile_rows(r.n1 - n);
        const int64_t top = fnc_min_i64(n, r.n1 - rows), skip = n - top;
        fnc_ahead ahead = {(const char *)(p->A + (n + rows) * p->rs_a), bytes / panels};
        if (n + rows + FNC_MR > r.n1 || p->rs_a != p->K) ahead.pace = 0;
        for (int64_t panel = first; panel < r.m1; panel += FNC_NR) {
            const int64_t m = panel < r.m0 ? r.m0 : panel;
            const int64_t mr = fnc_min_i64(panel + FNC_NR, r.m1) - m;
            int64_t k = 0, depth;
            do {
                depth = fnc_min_i64(fnc_pack_length(p->K), p->K - k);
                const FNC_T *a = p->A + top * p->rs_a + k, *b = FNC_WIDEST(fnc_b_at)(p, k, panel);
                FNC_NAME(fnc_few_tile)(rows, !k, depth, a, p->rs_a, 1, b, acc, ahead);
            } while ((k += depth) < p->K);
            ahead.at += ahead.pace * p->K;
            FNC_NAME(fnc_few_done)
            (m, mr, n, rows - skip, acc + skip * FNC_NR + (m - panel), epilogue, env);
        }
    }
}

FNC_INLINE void FNC_NAME(fnc_gemm_flipped)(int64_t M, int64_t N, int64_t K, const FNC_T *Bt,
                                           int64_t ldb, const FNC_T *panels, int64_t m0, int64_t m1,
                                           int64_t n0, int64_t n1, FNC_EPILOGUE epilogue,
                                           const void *env) {
    const FNC_PRODUCT p = {M, K, Bt, ldb, 1, panels, FNC_NR, 1};
    const fnc_region all = {m0, m1, n0, n1, n1 - n0 < FNC_MR};
    (void)N;
    if (m0 < m1) FNC_NAME(fnc_few_flipped)(&p, all, epilogue, env);
}
#undef FNC_NAME
#undef FNC_PRODUCT
#undef FNC_EPILOGUE
