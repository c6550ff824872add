/* gemm_bands_type.h - gemm_bands.h for one element type. A template like gemm_type.h. */

#define FNC_NAME(stem) FNC_PASTE(stem, FNC_S, )
#define FNC_PRODUCT FNC_NAME(fnc_product)
#define FNC_EPILOGUE FNC_NAME(fnc_epilogue)

/* A tile whose rows of A are copied, while its own lie `ldc` elements apart in acc. */
#define FNC_DEFINE_TILE(stem, rows)                                                                \
    FNC_NOINLINE void FNC_NAME(stem)(int fresh, int64_t K, const FNC_T *A, const FNC_T *B,         \
                                     FNC_T *acc, int64_t ldc, fnc_ahead ahead) {                   \
        FNC_WIDEST(fnc_tile)                                                                       \
        (rows, 1, fresh, K, A, 1, rows, B, FNC_NR, FNC_NR / 2, acc, ldc, ahead);                   \
    }
FNC_DEFINE_TILE(fnc_band_high, FNC_MR)
FNC_DEFINE_TILE(fnc_band_low, FNC_MT)
#undef FNC_DEFINE_TILE

/* The arrays beside C, of which the next tile of band r asks for a part: `byte` of run `run`. A
 * run is what an array has of the band: all where the band is as wide as C, else one row. */
typedef struct {
    const FNC_T *const *beside;
    int64_t count, run, byte;
} FNC_NAME(fnc_wanted);

/* As much at a time as a tile has of all arrays, of one run after the other. */
FNC_INLINE fnc_ahead FNC_NAME(fnc_ask)(FNC_NAME(fnc_wanted) * w, const FNC_PRODUCT *p, fnc_region r,
                                       int64_t depth, const FNC_T *nothing) {
    const int64_t height = r.m1 - r.m0, width = r.n1 - r.n0, bytes = (int64_t)sizeof(FNC_T);
    const int64_t runs = width == p->N ? 1 : height, length = height / runs * width * bytes;
    if (w->run >= runs * w->count) return (fnc_ahead){(const char *)nothing, 0};
    const FNC_T *from = w->beside[w->run % w->count] + (r.m0 + w->run / w->count) * p->N + r.n0;
    const int64_t part = height * w->count * FNC_NR * bytes;
    const fnc_ahead ahead = {(const char *)from + w->byte, part / depth};
    for (w->byte += part; w->byte >= length; ++w->run) w->byte -= length;
    return ahead;
}

/* The sums of band r over k .. k + depth - 1: acc[i * ldc + j] is that of the i-th row of `a`,
 * which is copied, and of column j of the panels from r.n0 on. */
FNC_INLINE void FNC_NAME(fnc_band_sums)(const FNC_PRODUCT *p, fnc_region r, int64_t rows,
                                        int64_t k, int64_t depth, const FNC_T *a, FNC_T *acc,
                                        int64_t ldc, FNC_NAME(fnc_wanted) wanted) {
    for (int64_t n = fnc_panel_start(r.n0, FNC_NR); n < r.n1; n += FNC_NR, acc += FNC_NR) {
        const FNC_T *b = FNC_WIDEST(fnc_b_at)(p, k, n);
        const fnc_ahead ahead = FNC_NAME(fnc_ask)(&wanted, p, r, depth, a);
        if (rows == FNC_MR)
            FNC_NAME(fnc_band_high)(!k, depth, a, b, acc, ldc, ahead);
        else
            FNC_NAME(fnc_band_low)(!k, depth, a, b, acc, ldc, ahead);
    }
}

/* A group of bands over k .. k + depth - 1, whose sums wait in acc, `step` elements from one band
 * to the next; after the last k they are handed over. */
FNC_INLINE void FNC_NAME(fnc_band_group)(const FNC_PRODUCT *p, const fnc_region all, int64_t k,
                                         int64_t depth, const FNC_T *a, FNC_T *acc, int64_t ldc,
                                         int64_t step, FNC_NAME(fnc_wanted) wanted,
                                         FNC_EPILOGUE epilogue, const void *env) {
    const int last = k + depth == p->K;
    fnc_region r = all;
    for (int64_t rows; r.m0 < all.m1; r.m0 = r.m1, a += rows * depth, acc += step) {
        rows = r.low ? FNC_MT : fnc_tile_rows(all.m1 - r.m0);
        r.m1 = fnc_min_i64(r.m0 + rows, all.m1);
        FNC_NAME(fnc_band_sums)(p, r, rows, k, depth, a, acc, ldc, wanted);
        const FNC_T *done = acc + fnc_max_i64(r.m0 + rows - all.m1, 0) * ldc + r.n0 % FNC_NR;
        for (int64_t m = r.m0; last && m < r.m1; ++m, done += ldc)
            epilogue(env, m, r.n0, 1, r.n1 - r.n0, done);
    }
}

/* Band after band; of a long sum by blocks of k, as many bands at once as A is copied for. */
FNC_NOINLINE void FNC_NAME(fnc_bands)(const FNC_PRODUCT *p, fnc_region all, FNC_EPILOGUE epilogue,
                                      const void *env, const FNC_T *const *beside, int64_t count) {
    enum { PAD = 64 / sizeof(FNC_T), WHOLE = FNC_BAND_BYTES / sizeof(FNC_T) + PAD };
    enum { SPLIT = FNC_BAND_SPLIT_BYTES / sizeof(FNC_T) + PAD, ROWS = FNC_GROUP_ROWS + FNC_MR };
    FNC_T acc[FNC_MR * WHOLE > ROWS * SPLIT ? FNC_MR * WHOLE : ROWS * SPLIT]
        __attribute__((aligned(64)));
    FNC_T copied[FNC_KC * ROWS] __attribute__((aligned(64)));
    const int split = p->K > FNC_KC_WHOLE;
    const int64_t kc = split ? FNC_KC : p->K, fit = FNC_KC * ROWS / (kc + !kc) / FNC_MR - 1;
    const int64_t rows = fnc_max_i64(fnc_min_i64(fit * FNC_MR, FNC_GROUP_ROWS), FNC_MR);
    const int64_t ldc = split ? SPLIT : WHOLE, step = split ? FNC_MR * ldc : 0;
    const int asks = FNC_MR * FNC_NR * (int64_t)sizeof(FNC_T) * count <= FNC_BAND_PACE * kc;
    const FNC_NAME(fnc_wanted) none = {beside, 0, 0, 0}, wanted = {beside, count, 0, 0};
    fnc_region r = all;
    for (r.n0 = all.n0; r.n0 < all.n1; r.n0 = r.n1) {
        r.n1 = fnc_min_i64(fnc_panel_start(r.n0, FNC_NR) + ldc - PAD, all.n1);
        for (r.m0 = all.m0; r.m0 < all.m1; r.m0 = r.m1) {
            int64_t k = 0, depth;
            r.m1 = fnc_min_i64(r.m0 + rows, all.m1);
            do {
                depth = fnc_min_i64(p->K - k, kc);
                FNC_WIDEST(fnc_copy_a)
                (r.m0, r.m1, r.low, depth, p->A + k * p->cs_a, p->cs_a, copied);
                FNC_NAME(fnc_band_group)
                (p, r, k, depth, copied, acc, ldc, step, asks && k + depth == p->K ? wanted : none,
                 epilogue, env);
            } while ((k += depth) < p->K);
        }
    }
}

FNC_INLINE void FNC_NAME(fnc_gemm_bands)(int64_t N, int64_t K, const FNC_T *A, int64_t cs_a,
                                         const FNC_T *panels, int64_t m0, int64_t m1, int64_t n0,
                                         int64_t n1, FNC_EPILOGUE epilogue, const void *env,
                                         const FNC_T *const *beside, int64_t count) {
    const FNC_PRODUCT p = {N, K, A, 1, cs_a, panels, FNC_NR, 1};
    const fnc_region all = {m0, m1, n0, n1, m1 - m0 < FNC_MR};
    if (m1 - m0 < FNC_MT)
        FNC_WIDEST(fnc_gemm)(&p, all, epilogue, env);
    else
        FNC_NAME(fnc_bands)(&p, all, epilogue, env, beside, count);
}
#undef FNC_NAME
#undef FNC_PRODUCT
#undef FNC_EPILOGUE
