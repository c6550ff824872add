/* gemm_large_type.h - gemm_large.h for one element type. A template like gemm_type.h. */

#define FNC_X(stem) FNC_PASTE(stem, FNC_S, )
#define FNC_ARGS FNC_X(fnc_gemm_args)
#define FNC_PREFETCH FNC_X(fnc_prefetch)
#define FNC_EPILOGUE FNC_X(fnc_epilogue)

/* The rows of B that are packed next, one a tile. */
FNC_NOINLINE void FNC_X(fnc_prefetch_strip)(const FNC_ARGS *p, const fnc_region *r,
                                            const fnc_k_block *b, FNC_PREFETCH *w) {
    const int64_t next = b->k + b->length, bytes = (r->n1 - r->n0) * (int64_t)sizeof(FNC_T);
    w->one = p->B + next * p->ldb + r->n0;
    w->arrays = &w->one;
    w->count = 1;
    w->array = w->byte = w->first = 0;
    w->rows = p->K - next;
    w->stride = p->ldb;
    w->bytes = w->part = bytes;
}

FNC_INLINE void FNC_X(fnc_gemm_packing)(int64_t M, int64_t N, int64_t K, const FNC_T *A,
                                       int64_t rs_a, int64_t cs_a, const FNC_T *B, int64_t ldb,
                                       int64_t m0, int64_t m1, int64_t n0, int64_t n1,
                                       FNC_EPILOGUE epilogue, const void *env) {
    FNC_ARGS p = FNC_X(fnc_args)(&FNC_WIDEST(fnc_tiles), M, N, K, A, rs_a, cs_a, 0, NULL, B, ldb, 0, m0,
                                 m1, n0, n1, epilogue, env);
    if (m1 - m0 < FNC_MT) {
        FNC_X(fnc_gemm_tiled)(&p);
        return;
    }
    p.tiles = &FNC_WIDEST(fnc_tiles_ahead);
    p.pack = FNC_X(fnc_pack_strip);
    p.prefetch = FNC_X(fnc_prefetch_strip);
    FNC_X(fnc_gemm_packing_of)(&p);
}

/* The rows of Bt that follow, spread over the tiles beside each other. */
FNC_NOINLINE void FNC_X(fnc_prefetch_rows)(const FNC_ARGS *p, const fnc_region *r,
                                           const fnc_k_block *b, FNC_PREFETCH *w) {
    const int64_t panels = (r->n1 - fnc_panel_start(r->n0, FNC_NR) + FNC_NR - 1) / FNC_NR;
    const int64_t bytes = FNC_MR * p->K * (int64_t)sizeof(FNC_T);
    *w = (FNC_PREFETCH){0};
    if (b->k > 0 || r->m1 + FNC_MR > p->m1 || p->rs_a != p->K) return;
    w->one = p->A + r->m1 * p->rs_a;
    w->arrays = &w->one;
    w->count = w->rows = 1;
    w->bytes = bytes;
    w->part = bytes / panels;
}

FNC_INLINE void FNC_X(fnc_gemm_swapped)(int64_t M, int64_t N, int64_t K, const FNC_T *Bt,
                                        int64_t ldb, const FNC_T *panels, int64_t m0, int64_t m1,
                                        int64_t n0, int64_t n1, FNC_EPILOGUE epilogue,
                                        const void *env) {
    FNC_ARGS p =
        FNC_X(fnc_args)(&FNC_WIDEST(fnc_tiles_ahead), N, M, K, Bt, ldb, 1, 0, NULL, panels, FNC_NR, 1,
                        n0, n1, m0, m1, epilogue, env);
    p.unit = FNC_TRANSPOSED;
    p.turn = FNC_X(fnc_hand_over_transposed);
    p.prefetch = FNC_X(fnc_prefetch_rows);
    FNC_X(fnc_gemm_tiled)(&p);
}

/* The arrays that the epilogue walks beside C, in its order; a tile's part of them each time. */
FNC_NOINLINE void FNC_X(fnc_prefetch_beside)(const FNC_ARGS *p, const fnc_region *r,
                                             const fnc_k_block *b, FNC_PREFETCH *w) {
    const int64_t size = (int64_t)sizeof(FNC_T);
    const int64_t part = FNC_MR * FNC_NR * size * p->count;
    *w = (FNC_PREFETCH){0};
    if (!b->last || part > FNC_BESIDE_PACE * fnc_max_i64(b->length, 1)) return;
    w->arrays = p->beside;
    w->count = p->count;
    w->first = r->m0 * p->N + r->n0;
    w->rows = r->m1 - r->m0;
    w->stride = p->N;
    w->bytes = (r->n1 - r->n0) * size;
    w->part = part;
}

/* The high tile where rows of A are copied, with prefetch always: fewer registers and additions. */
FNC_NOINLINE void FNC_X(fnc_tile_copied)(const fnc_tile_args *t, int fresh, const FNC_T *A,
                                         const FNC_T *B, FNC_T *acc) {
    FNC_WIDEST(fnc_tile)(FNC_MR, 2, 1, 1, t, fresh, A, B, acc);
}

static const FNC_X(fnc_tiles) FNC_X(fnc_tiles_copied)
    __attribute__((unused)) = {FNC_MR,
                               FNC_MT,
                               2,
                               FNC_NR / 2,
                               FNC_X(fnc_tile_copied),
                               FNC_X(fnc_tile_copied),
                               FNC_WIDEST(fnc_tile_low),
                               {0},
                               NULL};

FNC_INLINE void FNC_X(fnc_gemm_row_panels)(int64_t N, int64_t K, const FNC_T *A, int64_t cs_a,
                                      const FNC_T *panels, int64_t m0, int64_t m1, int64_t n0,
                                      int64_t n1, FNC_EPILOGUE epilogue, const void *env,
                                      const FNC_T *const *beside, int64_t count) {
    FNC_ARGS p =
        FNC_X(fnc_args)(&FNC_WIDEST(fnc_tiles), m1, N, K, A, 1, cs_a, 0, NULL, panels, FNC_NR, 1, m0,
                        m1, n0, n1, epilogue, env);
    if (m1 - m0 < FNC_MT) {
        FNC_X(fnc_gemm_tiled)(&p);
        return;
    }
    p.unit = FNC_BY_ROW;
    p.tiles = &FNC_X(fnc_tiles_copied);
    p.beside = beside;
    p.count = count;
    p.prefetch = FNC_X(fnc_prefetch_beside);
    FNC_X(fnc_gemm_row_panels_of)(&p);
}
#undef FNC_X
#undef FNC_ARGS
#undef FNC_PREFETCH
#undef FNC_EPILOGUE
