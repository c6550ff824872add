/* gemm_tile.h - the register tiles of C = A B, for one vector type. A template: included once per
 * type with FNC_T (element), FNC_BYTES (of a vector, 0 for a scalar), FNC_NAME(stem) and what
 * gemm_type.h asks for defined. VL is the number of lanes.
 *
 * Every element of C is one chain of multiply-adds over k, in order, whatever tile it falls in:
 * so results do not depend on how rows and columns are cut or shared among threads. */

#if FNC_BYTES > 0
#define FNC_VL ((int64_t)(FNC_BYTES / sizeof(FNC_T)))
typedef FNC_T FNC_NAME(fnc_vec)
    __attribute__((vector_size(FNC_BYTES), aligned(sizeof(FNC_T)), may_alias));
typedef FNC_SUM FNC_NAME(fnc_sums)
    __attribute__((vector_size(FNC_BYTES), aligned(sizeof(FNC_SUM)), may_alias));
typedef FNC_FACTOR FNC_NAME(fnc_factor) __attribute__((vector_size(FNC_BYTES), may_alias));
#else
#define FNC_VL ((int64_t)1)
typedef FNC_T FNC_NAME(fnc_vec);
typedef FNC_SUM FNC_NAME(fnc_sums);
typedef FNC_FACTOR FNC_NAME(fnc_factor);
#endif

/* acc (+)= A[rows, K] B[K, vectors * VL] over the segments of t, which the accumulators see through
 * without leaving the registers. `rows`, `vectors`, `prefetch` and `copied` are constants at every
 * call; `copied`: A is copied, of one segment, and B in panels, so that strides are constants. On
 * x86 three rows of A are reached from one address, five with one register more. */
FNC_INLINE void FNC_NAME(fnc_tile)(int rows, int vectors, int prefetch, int copied,
                                   const fnc_tile_args *t, int fresh, const FNC_FACTOR *restrict A,
                                   const FNC_T *restrict B, FNC_SUM *restrict acc) {
    typedef FNC_NAME(fnc_vec) vec;
    typedef FNC_NAME(fnc_sums) sums;
    typedef FNC_NAME(fnc_factor) factor;
    const int per = rows > 12 ? 5 : 3;
    const FNC_FACTOR *a[5];
    sums c[FNC_ACCUMULATORS];
    const int64_t rs_a = copied ? 1 : t->rs_a, cs_a = copied ? rows : t->cs_a;
    const int64_t ldb = copied ? vectors * FNC_VL : t->ldb, second = copied ? FNC_VL : t->second;
    const int64_t pair_b = copied ? 2 * FNC_VL : t->pair_b, depth = t->depth;
    const char *at = t->at;
    const FNC_SUM *start = acc;
    FNC_UNROLL(24)
    for (int i = 0; i < rows; ++i, start += t->ldc) {
        FNC_UNROLL(8)
        for (int v = 0; v < vectors; ++v) {
            c[i * vectors + v] =
                fresh ? (sums){0} : *(const sums *)(start + v / 2 * t->pair_c + v % 2 * second);
            FNC_IN_REGISTER(c[i * vectors + v]);
        }
    }
    for (int64_t s = 1;; ++s) {
        FNC_UNROLL(5)
        for (int i = 0; i < rows; i += per) a[i / per] = A + i * rs_a;
        const FNC_T *from = B;
        for (int64_t k = 0; k < depth; ++k) {
            if (prefetch) {
                __builtin_prefetch(at, 0, 2);
                at += t->pace;
            }
            FNC_UNROLL(2)
            for (int part = 0; part < FNC_PARTS; ++part) {
                if (part > 0) { /* load again: there is no room for both parts */
                    FNC_OPAQUE(from);
                    FNC_UNROLL(5)
                    for (int i = 0; i < rows; i += per) FNC_OPAQUE(a[i / per]);
                }
                if (vectors <= rows) { /* vectors of B in registers, one broadcast of A at a time */
                    factor b[4];
                    FNC_UNROLL(4)
                    for (int v = 0; v < vectors; ++v) {
                        b[v] = FNC_PART(part, *(const vec *)(from + v / 2 * pair_b + v % 2 * second));
                        FNC_IN_REGISTER(b[v]);
                    }
                    FNC_UNROLL(24)
                    for (int i = 0; i < rows; ++i) {
                        const factor x = (factor){0} + a[i / per][i % per * rs_a];
                        FNC_UNROLL(4)
                        for (int v = 0; v < vectors; ++v) FNC_MULTIPLY(c[i * vectors + v], x, b[v]);
                        if (vectors > 1) FNC_UNTIL_HERE(x);
                        if (rows * vectors == 1) FNC_LONE_SUM(c[0]);
                        if (i % per == per - 1 || i == rows - 1) a[i / per] += cs_a;
                    }
                    FNC_UNROLL(4)
                    for (int v = 0; v < vectors; ++v) FNC_UNTIL_HERE(b[v]);
                } else { /* broadcasts of A in registers, one vector of B at a time */
                    factor x[4];
                    FNC_UNROLL(4)
                    for (int i = 0; i < rows; ++i) {
                        x[i] = (factor){0} + a[i / per][i % per * rs_a];
                        FNC_IN_REGISTER(x[i]);
                        if (i % per == per - 1 || i == rows - 1) a[i / per] += cs_a;
                    }
                    FNC_UNROLL(8)
                    for (int v = 0; v < vectors; ++v) {
                        factor b =
                            FNC_PART(part, *(const vec *)(from + v / 2 * pair_b + v % 2 * second));
                        if (rows > 1) FNC_IN_REGISTER(b);
                        FNC_UNROLL(4)
                        for (int i = 0; i < rows; ++i) FNC_MULTIPLY(c[i * vectors + v], x[i], b);
                        if (rows > 1) FNC_UNTIL_HERE(b);
                    }
                    FNC_UNROLL(4)
                    for (int i = 0; i < rows; ++i) FNC_UNTIL_HERE(x[i]);
                }
            }
            from += ldb;
        }
        FNC_OPAQUE(t); /* read again what is needed again */
        if (copied || s >= t->segments) break;
        A += t->offsets[s] - t->offsets[s - 1];
        B += t->depth * t->ldb;
    }
    const int64_t ldc = t->ldc, pair_c = t->pair_c, second_c = copied ? FNC_VL : t->second;
    FNC_SUM *to = acc;
    FNC_OPAQUE(to);
    FNC_UNROLL(24)
    for (int i = 0; i < rows; ++i, to += ldc) {
        FNC_UNROLL(8)
        for (int v = 0; v < vectors; ++v)
            *(sums *)(to + v / 2 * pair_c + v % 2 * second_c) = c[i * vectors + v];
    }
}

/* Compiled once, not inlined: strides in registers are as fast as constants, and registers are
 * allocated well in a small function only. */
#if FNC_ELSEWHERE
#define FNC_BODY(...) ;
#else
#define FNC_BODY(...) {__VA_ARGS__}
#endif
#define FNC_DEFINE_TILE(stem, rows, vectors, prefetch)                                             \
    FNC_OF_TYPE void FNC_NAME(stem)(const fnc_tile_args *t, int fresh, const FNC_FACTOR *A,        \
                                    const FNC_T *B, FNC_SUM *acc)                                  \
    FNC_BODY(FNC_NAME(fnc_tile)(rows, vectors, prefetch, 0, t, fresh, A, B, acc);)
FNC_DEFINE_TILE(fnc_tile_high, FNC_MR, 2, 0)
FNC_DEFINE_TILE(fnc_tile_low, FNC_MT, 2, 0)
FNC_DEFINE_TILE(fnc_tile_row, 1, 2, 0)

/* Of one vector, for a B that has no more. */
FNC_DEFINE_TILE(fnc_tile_high_1, FNC_MR_1, 1, 0)
FNC_DEFINE_TILE(fnc_tile_low_1, FNC_MT, 1, 0)
FNC_DEFINE_TILE(fnc_tile_row_1, 1, 1, 0)
#define FNC_DEFINE_TILES(table, high, low, vectors, of_high, with_prefetch, of_low, rows, stream)     \
    static const FNC_TILES FNC_NAME(table) __attribute__((unused)) = {                             \
        high, low, vectors, FNC_VL, of_high, with_prefetch, of_low, rows, stream};
#define FNC_ROWS(...) {__VA_ARGS__}
FNC_DEFINE_TILES(fnc_tiles_1, FNC_MR_1, FNC_MT, 1, FNC_NAME(fnc_tile_high_1),
                 FNC_NAME(fnc_tile_high_1), FNC_NAME(fnc_tile_low_1),
                 FNC_ROWS(FNC_NAME(fnc_tile_row_1), NULL, NULL), NULL)

/* The rest is for the widest vectors: a B that takes narrower ones has less than two of them. */
#if FNC_BYTES == FNC_VEC_BYTES
FNC_DEFINE_TILE(fnc_tile_row_4, 1, 4, 0)
FNC_DEFINE_TILE(fnc_tile_row_8, 1, 8, 0)
FNC_DEFINE_TILE(fnc_tile_prefetch, FNC_MR, 2, 1)

#if FNC_ONE_NUMBER
/* acc[columns] = a[K] B[K, columns] for a B that comes from far: four whole rows at a time, read in
 * order, while the sums wait in the first-level cache. Whole vectors only. */
#if FNC_ELSEWHERE
FNC_OF_TYPE void FNC_NAME(fnc_row_stream)(int64_t columns, int64_t K, const FNC_T *restrict a,
                                          int64_t cs_a, const FNC_T *restrict B, int64_t ldb,
                                          FNC_T *restrict acc);
#else
FNC_OF_TYPE void FNC_NAME(fnc_row_stream)(int64_t columns, int64_t K, const FNC_T *restrict a,
                                          int64_t cs_a, const FNC_T *restrict B, int64_t ldb,
                                          FNC_T *restrict acc) {
    typedef FNC_NAME(fnc_vec) vec;
    int64_t k = 0;
    for (int64_t n = 0; n < columns; ++n) acc[n] = 0;
    for (; k + 4 <= K; k += 4, a += 4 * cs_a, B += 4 * ldb) {
        const vec x0 = (vec){0} + a[0], x1 = (vec){0} + a[cs_a];
        const vec x2 = (vec){0} + a[2 * cs_a], x3 = (vec){0} + a[3 * cs_a];
        for (int64_t n = 0; n < columns; n += FNC_VL) {
            vec c = *(const vec *)(acc + n);
            c += x0 * *(const vec *)(B + n);
            c += x1 * *(const vec *)(B + ldb + n);
            c += x2 * *(const vec *)(B + 2 * ldb + n);
            c += x3 * *(const vec *)(B + 3 * ldb + n);
            *(vec *)(acc + n) = c;
        }
    }
    for (; k < K; ++k, a += cs_a, B += ldb)
        for (int64_t n = 0; n < columns; n += FNC_VL)
            *(vec *)(acc + n) += ((vec){0} + a[0]) * *(const vec *)(B + n);
}
#endif
#define FNC_STREAM FNC_NAME(fnc_row_stream)
#else
#define FNC_STREAM NULL
#endif

#define FNC_ROW_TILES                                                                              \
    FNC_ROWS(FNC_NAME(fnc_tile_row), FNC_NAME(fnc_tile_row_4), FNC_NAME(fnc_tile_row_8))
FNC_DEFINE_TILES(fnc_tiles, FNC_MR, FNC_MT, 2, FNC_NAME(fnc_tile_high), FNC_NAME(fnc_tile_high),
                 FNC_NAME(fnc_tile_low), FNC_ROW_TILES, FNC_STREAM)
/* For who says what to prefetch. */
FNC_DEFINE_TILES(fnc_tiles_ahead, FNC_MR, FNC_MT, 2, FNC_NAME(fnc_tile_high),
                 FNC_NAME(fnc_tile_prefetch), FNC_NAME(fnc_tile_low), FNC_ROW_TILES, FNC_STREAM)
#undef FNC_ROW_TILES
#undef FNC_STREAM
#else
FNC_DEFINE_TILES(fnc_tiles, FNC_MR, FNC_MT, 2, FNC_NAME(fnc_tile_high), FNC_NAME(fnc_tile_high),
                 FNC_NAME(fnc_tile_low), FNC_ROWS(FNC_NAME(fnc_tile_row), NULL, NULL), NULL)
#endif
#undef FNC_BODY
#undef FNC_DEFINE_TILE
#undef FNC_DEFINE_TILES
#undef FNC_ROWS
