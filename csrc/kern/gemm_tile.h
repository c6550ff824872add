/* gemm_tile.h - one register tile of C = A B, for one vector type. A template: included once per
 * type with FNC_T (element), FNC_BYTES (of a vector, 0 for a scalar), FNC_NR (stride of the
 * accumulator block) and FNC_NAME(stem) defined. VL is the number of lanes.
 *
 * Every element of C is one chain of multiply-adds over k, in order, whatever tile it falls in:
 * so results do not depend on how rows and columns are cut or shared among threads. */

#if FNC_BYTES > 0
#define FNC_VL ((int64_t)(FNC_BYTES / sizeof(FNC_T)))
typedef FNC_T FNC_NAME(fnc_vec)
    __attribute__((vector_size(FNC_BYTES), aligned(sizeof(FNC_T)), may_alias));
#else
#define FNC_VL ((int64_t)1)
typedef FNC_T FNC_NAME(fnc_vec);
#endif

/* acc[rows][2 VL] (+)= A[rows, K] B[K, 2 VL], rows of acc being `ldc` elements apart; the second
 * vector stands `second` columns after the first. `rows` and `asks`, whether `ahead` is heeded, are
 * constants at every call. */
FNC_INLINE void FNC_NAME(fnc_tile)(int rows, int asks, int fresh, int64_t K,
                                   const FNC_T *restrict A, int64_t rs_a, int64_t cs_a,
                                   const FNC_T *restrict B, int64_t ldb, int64_t second,
                                   FNC_T *restrict acc, int64_t ldc, fnc_ahead ahead) {
    typedef FNC_NAME(fnc_vec) vec;
    enum { BASES = (FNC_MR + 2) / 3 };
    const FNC_T *a[BASES];
    vec c[FNC_MR][2];
    FNC_UNROLL(16)
    for (int i = 0; i < rows; ++i) {
        c[i][0] = fresh ? (vec){0} : *(const vec *)(acc + i * ldc);
        c[i][1] = fresh ? (vec){0} : *(const vec *)(acc + i * ldc + second);
        FNC_IN_REGISTER(c[i][0]);
        FNC_IN_REGISTER(c[i][1]);
        if (i % 3 == 0) a[i / 3] = A + i * rs_a;
    }
    for (int64_t k = 0; k < K; ++k) {
        if (asks) {
            __builtin_prefetch(ahead.at, 0, 2);
            ahead.at += ahead.pace;
        }
        vec b0 = *(const vec *)B, b1 = *(const vec *)(B + second);
        FNC_IN_REGISTER(b0);
        FNC_IN_REGISTER(b1);
        FNC_UNROLL(16)
        for (int i = 0; i < rows; ++i) {
            const vec x = (vec){0} + a[i / 3][i % 3 * rs_a];
            c[i][0] += x * b0;
            c[i][1] += x * b1;
            if (i % 3 == 2 || i == rows - 1) a[i / 3] += cs_a;
        }
        B += ldb;
    }
    FNC_UNROLL(16)
    for (int i = 0; i < rows; ++i) {
        *(vec *)(acc + i * ldc) = c[i][0];
        *(vec *)(acc + i * ldc + second) = c[i][1];
    }
}

/* The two heights (MR and MT rows) and the single row of a tile, and a high one that asks. Compiled
 * once, not inlined: strides in registers are as fast as constants, and registers are allocated
 * well in a small function only. */
#define FNC_DEFINE_TILE(stem, rows)                                                                \
    FNC_NOINLINE void FNC_NAME(stem)(int fresh, int64_t K, const FNC_T *A, int64_t rs_a,           \
                                     int64_t cs_a, const FNC_T *B, int64_t ldb, int64_t second,    \
                                     FNC_T *acc) {                                                 \
        FNC_NAME(fnc_tile)                                                                         \
        (rows, 0, fresh, K, A, rs_a, cs_a, B, ldb, second, acc, FNC_NR, (fnc_ahead){0, 0});        \
    }
FNC_DEFINE_TILE(fnc_tile_high, FNC_MR)
FNC_DEFINE_TILE(fnc_tile_low, FNC_MT)
FNC_DEFINE_TILE(fnc_tile_row, 1)
#undef FNC_DEFINE_TILE

FNC_NOINLINE void FNC_NAME(fnc_tile_asking)(int fresh, int64_t K, const FNC_T *A, int64_t rs_a,
                                            int64_t cs_a, const FNC_T *B, int64_t ldb,
                                            int64_t second, FNC_T *acc, fnc_ahead ahead) {
    FNC_NAME(fnc_tile)(FNC_MR, 1, fresh, K, A, rs_a, cs_a, B, ldb, second, acc, FNC_NR, ahead);
}

FNC_INLINE void FNC_NAME(fnc_tile_of)(int64_t rows, int fresh, int64_t K, const FNC_T *A,
                                      int64_t rs_a, int64_t cs_a, const FNC_T *B, int64_t ldb,
                                      int64_t second, FNC_T *acc) {
    if (rows == FNC_MR)
        FNC_NAME(fnc_tile_high)(fresh, K, A, rs_a, cs_a, B, ldb, second, acc);
    else
        FNC_NAME(fnc_tile_low)(fresh, K, A, rs_a, cs_a, B, ldb, second, acc);
}

/* The same, which asks for what lies ahead if it is a high one. */
FNC_INLINE void FNC_NAME(fnc_tile_ahead)(int64_t rows, int fresh, int64_t K, const FNC_T *A,
                                         int64_t rs_a, int64_t cs_a, const FNC_T *B, int64_t ldb,
                                         int64_t second, FNC_T *acc, fnc_ahead ahead) {
    if (rows == FNC_MR && ahead.pace > 0)
        FNC_NAME(fnc_tile_asking)(fresh, K, A, rs_a, cs_a, B, ldb, second, acc, ahead);
    else
        FNC_NAME(fnc_tile_of)(rows, fresh, K, A, rs_a, cs_a, B, ldb, second, acc);
}

/* acc[panels 2 VL] = a[K] B[K, panels 2 VL]: one row of A. Panels are `step` elements apart. */
FNC_INLINE void FNC_NAME(fnc_row_tile)(int panels, int fresh, int64_t K, const FNC_T *restrict a,
                                       int64_t cs_a, const FNC_T *restrict B, int64_t ldb,
                                       int64_t step, int64_t second, FNC_T *restrict acc) {
    typedef FNC_NAME(fnc_vec) vec;
    vec c[FNC_GEMV_PANELS][2];
    FNC_UNROLL(16)
    for (int p = 0; p < panels; ++p) {
        c[p][0] = fresh ? (vec){0} : *(const vec *)(acc + p * FNC_NR);
        c[p][1] = fresh ? (vec){0} : *(const vec *)(acc + p * FNC_NR + second);
    }
    for (int64_t k = 0; k < K; ++k) {
        vec x = (vec){0} + a[k * cs_a];
        FNC_UNROLL(16)
        for (int p = 0; p < panels; ++p) {
            c[p][0] += x * *(const vec *)(B + k * ldb + p * step);
            c[p][1] += x * *(const vec *)(B + k * ldb + p * step + second);
        }
    }
    FNC_UNROLL(16)
    for (int p = 0; p < panels; ++p) {
        *(vec *)(acc + p * FNC_NR) = c[p][0];
        *(vec *)(acc + p * FNC_NR + second) = c[p][1];
    }
}

#define FNC_DEFINE_ROW(stem, panels)                                                               \
    FNC_NOINLINE void FNC_NAME(stem)(int fresh, int64_t K, const FNC_T *a, int64_t cs_a,           \
                                     const FNC_T *B, int64_t ldb, int64_t step, int64_t second,    \
                                     FNC_T *acc) {                                                 \
        FNC_NAME(fnc_row_tile)(panels, fresh, K, a, cs_a, B, ldb, step, second, acc);              \
    }
FNC_DEFINE_ROW(fnc_row_tile_4, 4)
FNC_DEFINE_ROW(fnc_row_tile_2, 2)
#undef FNC_DEFINE_ROW

/* acc[columns] (+)= a[K] B[K, columns] for a B that comes from far: four whole rows at a time, read
 * as memory likes it, while the sums wait in the first-level cache. Whole vectors only. */
FNC_NOINLINE void FNC_NAME(fnc_row_stream)(int64_t columns, int64_t K, const FNC_T *restrict a,
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

/* The rows m0 .. m1 - 1 of A, adjacent in memory, tile after tile as strip[k][rows]. With a long
 * step from k to k + 1 they would fall on few sets of the cache; eight steps at a time they do not.
 */
FNC_NOINLINE void FNC_NAME(fnc_copy_a)(int64_t m0, int64_t m1, int short_m, int64_t K,
                                       const FNC_T *restrict A, int64_t cs_a,
                                       FNC_T *restrict strip) {
    for (int64_t k0 = 0, k1; k0 < K; k0 = k1) {
        FNC_T *out = strip;
        k1 = fnc_min_i64(k0 + 8, K);
        for (int64_t m = m0, rows; m < m1; m += rows, out += rows * K) {
            rows = short_m ? FNC_MT : fnc_tile_rows(m1 - m);
            const FNC_T *a = A + fnc_min_i64(m, m1 - rows);
            for (int64_t k = k0; k < k1; ++k)
                __builtin_prefetch(a + fnc_min_i64(k + FNC_COPY_AHEAD, K - 1) * cs_a);
            if (rows == FNC_MR)
                for (int64_t k = k0; k < k1; ++k)
                    __builtin_memcpy(out + k * FNC_MR, a + k * cs_a, FNC_MR * sizeof(FNC_T));
            else
                for (int64_t k = k0; k < k1; ++k)
                    __builtin_memcpy(out + k * FNC_MT, a + k * cs_a, FNC_MT * sizeof(FNC_T));
        }
    }
}
