/* gemm_direct.h - the tiles of a small product, each summed over all k at once, inlined so that
 * their bounds are constants and the epilogue is part of them; and the entries of gemm.h. A
 * template like gemm_type.h. */

/* Gives columns n .. end - 1 of a block that starts at column `left` to the epilogue, panel by
 * panel. `whole`: all have full width; `tail`: the width of the last one where it is known, or 0.
 */
FNC_INLINE void FNC_X(fnc_hand_over_inline)(const FNC_ARGS *p, int64_t m, int64_t mr, int64_t n,
                                            int64_t end, int64_t left, const FNC_SUM *acc, int whole,
                                            int64_t tail) {
    for (int64_t nr; n < end; n += nr) {
        const int64_t room = FNC_NR - (n - left) % FNC_NR;
        nr = whole ? FNC_NR : fnc_min_i64(room, end - n);
        if (nr == FNC_NR)
            p->epilogue(p->env, m, n, mr, FNC_NR, acc + (n - left));
        else
            p->epilogue(p->env, m, n, mr, tail ? tail : nr, acc + (n - left));
    }
}

/* A row's panels from column `left` on, as many as hide the latency: gives how many. */
FNC_NOINLINE int64_t FNC_X(fnc_row_panels)(const fnc_tile_args *t, int64_t fit, const FNC_FACTOR *a,
                                           const FNC_T *B, FNC_SUM *acc) {
    if (fit >= 4) {
        FNC_WIDEST(fnc_tile_row_8)(t, 1, a, B, acc);
        return 4;
    }
    if (fit >= 2) {
        FNC_WIDEST(fnc_tile_row_4)(t, 1, a, B, acc);
        return 2;
    }
    FNC_WIDEST(fnc_tile_row)(t, 1, a, B, acc);
    return 1;
}

/* With the tiles of p, whose vectors are no wider than B; panels are as wide as the widest. A tile
 * of two vectors lays the second over the first where B has less than two. */
FNC_INLINE void FNC_X(fnc_gemm_direct)(const FNC_ARGS p, int whole, int64_t tail) {
    const FNC_TILES *ts = p.tiles;
    const int64_t lanes = ts->lanes, second = ts->vectors == 1 ? 0
                                              : p.packed       ? lanes
                                                               : fnc_min_i64(lanes, p.N - lanes);
    const int64_t width = lanes + second, column = p.packed ? p.K : 1, height = p.m1 - p.m0;
    const int64_t low_rows = fnc_low_rows(ts->high, ts->low);
    const int one = __builtin_constant_p(p.N) && p.N <= FNC_NR;
    const int64_t segments = fnc_segments(p.axes, p.outer), depth = p.K / segments;
    int64_t offsets[FNC_KC_WHOLE];
    const fnc_tile_args t = {segments, depth,  offsets, p.rs_a,          p.cs_a, p.ldb,
                             second,   column * FNC_NR, FNC_NR, FNC_NR, NULL,   0};
    FNC_SUM acc[FNC_MR_1 * FNC_NR] __attribute__((aligned(64)));
    int64_t rows, end;
    if (p.axes > 0 && p.K > 0) fnc_segment_offsets(p.axes, p.outer, 0, segments, offsets);
    for (int64_t m = p.m0; m < p.m1; m += rows) {
        rows = height < ts->low    ? 1
               : height < ts->high ? ts->low
                                   : fnc_tile_rows(p.m1 - m, ts->high, ts->low, low_rows);
        const int64_t top = fnc_min_i64(m, p.m1 - rows), mr = fnc_min_i64(rows, p.m1 - m);
        const FNC_FACTOR *a = p.A + top * p.rs_a;
        for (int64_t n = p.n0; n < p.n1; n = end) {
            const int64_t left = whole      ? n
                                 : p.packed ? fnc_panel_start(n, FNC_NR)
                                            : fnc_min_i64(n, p.N - width);
            const FNC_T *b = p.B + left * column;
            end = whole ? n + FNC_NR : fnc_min_i64(left + width, p.n1);
            if (rows == ts->high) {
                ts->of_high(&t, 1, a, b, acc);
            } else if (rows == ts->low) {
                ts->of_low(&t, 1, a, b, acc);
            } else if (one || lanes < FNC_NR / 2) {
                ts->of_row[0](&t, 1, a, b, acc);
            } else {
                const int64_t fit = (p.n1 - left) / FNC_NR;
                const int64_t panels = FNC_X(fnc_row_panels)(&t, fit, a, b, acc);
                if (panels > 1) end = left + panels * FNC_NR;
            }
            FNC_X(fnc_hand_over_inline)
            (&p, m, mr, n, end, left, acc + (m - top) * FNC_NR, whole, tail);
        }
    }
}

/* What the entries take: the tiles, then `axes` axes `outer` around the one of cs_a, see
 * fnc_gemm_args. One by one, since gcc does not see through a struct that is handed from function to
 * function before it inlines epilogues. */
#define FNC_PARAMETERS                                                                             \
    const FNC_TILES *tiles, int64_t M, int64_t N, int64_t K, const FNC_FACTOR *A, int64_t rs_a,    \
        int64_t cs_a, int axes, const fnc_axis *outer, const FNC_T *B, int64_t ldb, int packed,    \
        int64_t m0, int64_t m1, int64_t n0, int64_t n1, FNC_EPILOGUE epilogue, const void *env
#define FNC_ARGUMENTS                                                                              \
    tiles, M, N, K, A, rs_a, cs_a, axes, outer, B, ldb, packed, m0, m1, n0, n1, epilogue, env

FNC_INLINE FNC_ARGS FNC_X(fnc_args)(FNC_PARAMETERS) {
    return (FNC_ARGS){.M = M,
                      .N = N,
                      .K = K,
                      .A = A,
                      .rs_a = rs_a,
                      .cs_a = cs_a,
                      .axes = axes,
                      .outer = outer,
                      .B = B,
                      .ldb = ldb,
                      .packed = packed,
                      .m0 = m0,
                      .m1 = m1,
                      .n0 = n0,
                      .n1 = n1,
                      .epilogue = epilogue,
                      .env = env,
                      .tiles = tiles};
}

/* The entries, from the fewest ways to all; gemm.h picks one, and its tiles, while the compiler
 * still parses, because code that is found dead later costs much of its compile time all the same.
 * Slim: B is exactly one vector wide, or less than the widest, and short. */
FNC_INLINE void FNC_X(fnc_gemm_slim)(FNC_PARAMETERS) {
    const int known = tiles->vectors == 1 && __builtin_constant_p(n1 - n0) && n1 - n0 == N;
    FNC_X(fnc_gemm_direct)(FNC_X(fnc_args)(FNC_ARGUMENTS), 0, known ? N : 0);
}

/* Small: B is a vector wide at least, and in the second-level cache. */
FNC_INLINE void FNC_X(fnc_gemm_small)(FNC_PARAMETERS) {
    const int known = __builtin_constant_p(N) && __builtin_constant_p(n0) &&
                      __builtin_constant_p(n1) && n0 == 0 && n1 == N;
    const int64_t tail = known ? N % FNC_NR : 0;
    FNC_X(fnc_gemm_direct)(FNC_X(fnc_args)(FNC_ARGUMENTS), known && tail == 0, tail);
}

/* Slim, of any length; panels are as wide as the widest tile, though. */
FNC_INLINE void FNC_X(fnc_gemm_long_slim)(FNC_PARAMETERS) {
    if (K <= FNC_KC_WHOLE) {
        FNC_X(fnc_gemm_slim)(FNC_ARGUMENTS);
    } else {
        FNC_ARGS p = FNC_X(fnc_args)(FNC_ARGUMENTS);
        if (packed) p.tiles = &FNC_WIDEST(fnc_tiles);
        FNC_X(fnc_gemm_tiled)(&p);
    }
}

/* Wide: B is a vector wide at least. */
FNC_INLINE void FNC_X(fnc_gemm_wide)(FNC_PARAMETERS) {
    if (K <= FNC_KC_WHOLE && N * K * (int64_t)sizeof(FNC_T) <= FNC_GEMM_L2) {
        FNC_X(fnc_gemm_small)(FNC_ARGUMENTS);
    } else {
        FNC_ARGS p = FNC_X(fnc_args)(FNC_ARGUMENTS);
        if (packed) p.tiles = &FNC_WIDEST(fnc_tiles_ahead), p.prefetch = FNC_X(fnc_prefetch_panels);
        FNC_X(fnc_gemm_tiled)(&p);
    }
}

#if FNC_ONE_NUMBER
FNC_INLINE void FNC_X(fnc_gemm_any)(FNC_PARAMETERS) {
    if (packed || N * (int64_t)sizeof(FNC_T) >= FNC_VEC_BYTES) {
        FNC_X(fnc_gemm_wide)(FNC_ARGUMENTS);
    } else {
        tiles = FNC_X(fnc_tiles_for)(N);
        FNC_X(fnc_gemm_long_slim)(FNC_ARGUMENTS);
    }
}
#endif
#undef FNC_PARAMETERS
#undef FNC_ARGUMENTS
