/* gemm_shapes_type.h - gemm_shapes.h for one element type. A template like gemm_type.h. */

#define FNC_X(stem) FNC_PASTE(stem, FNC_S, )
#define FNC_ARGS FNC_X(fnc_gemm_args)

#define FNC_DEFINE_TILE(stem, rows, vectors)                                                       \
    FNC_NOINLINE void FNC_PASTE(stem, FNC_S, _##vectors)(                                          \
        const fnc_tile_args *t, int fresh, const FNC_T *A, const FNC_T *B, FNC_T *acc) {           \
        FNC_WIDEST(fnc_tile)(rows, vectors, 0, 0, t, fresh, A, B, acc);                            \
    }
#define FNC_DEFINE_SHAPE(vectors)                                                                  \
    FNC_DEFINE_TILE(fnc_tile_high, FNC_MR_##vectors, vectors)                                      \
    FNC_DEFINE_TILE(fnc_tile_low, FNC_MT_##vectors, vectors)                                       \
    FNC_DEFINE_TILE(fnc_tile_row, 1, vectors)                                                      \
    static const FNC_X(fnc_tiles) FNC_PASTE(fnc_tiles, FNC_S, _##vectors)                          \
        __attribute__((unused)) = {FNC_MR_##vectors,                                               \
                                   FNC_MT_##vectors,                                               \
                                   vectors,                                                        \
                                   FNC_NR / 2,                                                     \
                                   FNC_PASTE(fnc_tile_high, FNC_S, _##vectors),                    \
                                   FNC_PASTE(fnc_tile_high, FNC_S, _##vectors),                    \
                                   FNC_PASTE(fnc_tile_low, FNC_S, _##vectors),                     \
                                   {FNC_PASTE(fnc_tile_row, FNC_S, _##vectors), NULL, NULL},       \
                                   NULL};                                                          \
    FNC_INLINE int64_t FNC_PASTE(fnc_pack_size, FNC_S, _##vectors)(int64_t N, int64_t K) {         \
        return K * fnc_round_up(N, vectors * FNC_NR / 2);                                          \
    }                                                                                              \
    FNC_INLINE int64_t FNC_PASTE(fnc_pack_parts, FNC_S, _##vectors)(int64_t N, int64_t K) {        \
        const int64_t length = fnc_pack_length(K), width = vectors * FNC_NR / 2;                   \
        return (K + length - 1) / length * (fnc_round_up(N, width) / width);                       \
    }                                                                                              \
    FNC_NOINLINE void FNC_PASTE(fnc_pack_b, FNC_S, _##vectors)(                                    \
        int64_t N, int64_t K, const FNC_T *B, int64_t ldb, FNC_T *out, int64_t p0, int64_t p1) {   \
        FNC_X(fnc_pack_parts_of)(vectors * FNC_NR / 2, N, K, B, ldb, 1, out, p0, p1);              \
    }                                                                                              \
    FNC_NOINLINE void FNC_PASTE(fnc_pack_bt, FNC_S, _##vectors)(                                   \
        int64_t N, int64_t K, const FNC_T *Bt, int64_t ldb, FNC_T *out, int64_t p0, int64_t p1) {  \
        FNC_X(fnc_pack_parts_of)(vectors * FNC_NR / 2, N, K, Bt, 1, ldb, out, p0, p1);             \
    }
FNC_DEFINE_SHAPE(1)
FNC_DEFINE_SHAPE(3)
FNC_DEFINE_SHAPE(4)
#undef FNC_DEFINE_SHAPE
#undef FNC_DEFINE_TILE

/* B by rows that is narrower than the tile is multiplied by a narrower one; and its result comes by
 * tiles, since the last one overlaps the one before, whose sums must not wait in the same place. */
FNC_INLINE void FNC_X(fnc_gemm_segments)(const FNC_ARGS *p) {
    FNC_ARGS own = *p;
    const int64_t nr = own.tiles->vectors * own.tiles->lanes;
    if (!own.packed && own.N < nr) own.tiles = FNC_X(fnc_tiles_for)(own.N);
    if (own.unit == FNC_BY_ROW && own.packed && own.m1 - own.m0 >= own.tiles->low)
        FNC_X(fnc_gemm_row_panels_of)(&own);
    else
        FNC_X(fnc_gemm_tiled)(&own);
}
#undef FNC_X
#undef FNC_ARGS
