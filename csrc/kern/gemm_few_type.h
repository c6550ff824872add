/* gemm_few_type.h - gemm_few.h for one element type. A template like gemm_type.h. */

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

FNC_INLINE void FNC_X(fnc_gemm_strips)(int64_t M, int64_t N, int64_t K, const FNC_T *A,
                                       int64_t rs_a, int64_t cs_a, const FNC_T *B, int64_t ldb,
                                       int64_t m0, int64_t m1, int64_t n0, int64_t n1,
                                       FNC_EPILOGUE epilogue, const void *env) {
    FNC_ARGS p = FNC_X(fnc_args)(M, N, K, A, rs_a, cs_a, 0, NULL, B, ldb, 0, m0, m1, n0, n1,
                                 epilogue, env);
    if (m1 - m0 < FNC_MT) {
        FNC_X(fnc_gemm_tiled)(&p);
        return;
    }
    p.pack = FNC_X(fnc_pack_strip);
    p.prefetch = FNC_X(fnc_prefetch_strip);
    FNC_X(fnc_gemm_strips_of)(&p);
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

FNC_INLINE void FNC_X(fnc_gemm_flipped)(int64_t M, int64_t N, int64_t K, const FNC_T *Bt,
                                        int64_t ldb, const FNC_T *panels, int64_t m0, int64_t m1,
                                        int64_t n0, int64_t n1, FNC_EPILOGUE epilogue,
                                        const void *env) {
    FNC_ARGS p =
        FNC_X(fnc_args)(N, M, K, Bt, ldb, 1, 0, NULL, panels, FNC_NR, 1, n0, n1, m0, m1, epilogue,
                        env);
    p.unit = FNC_TRANSPOSED;
    p.prefetch = FNC_X(fnc_prefetch_rows);
    FNC_X(fnc_gemm_tiled)(&p);
}
#undef FNC_X
#undef FNC_ARGS
#undef FNC_PREFETCH
#undef FNC_EPILOGUE
