/* gemm_nt_type.h - gemm_nt.h for one element type. A template like gemm_type.h. */

#define FNC_NAME(stem) FNC_PASTE(stem, FNC_S, )
#define FNC_VL ((int64_t)(FNC_VEC_BYTES / sizeof(FNC_T)))

typedef FNC_T FNC_NAME(fnc_nt_vec)
    __attribute__((vector_size(FNC_VEC_BYTES), aligned(sizeof(FNC_T)), may_alias));

/* The sum of the lanes as a tree. */
FNC_INLINE FNC_T FNC_NAME(fnc_lane_sum)(FNC_NAME(fnc_nt_vec) v) {
    FNC_T lane[FNC_VEC_BYTES / sizeof(FNC_T)];
    __builtin_memcpy(lane, &v, sizeof lane);
    FNC_UNROLL(4)
    for (int64_t half = FNC_VL / 2; half > 0; half /= 2) {
        FNC_UNROLL(8)
        for (int64_t l = 0; l < half; ++l) lane[l] += lane[l + half];
    }
    return lane[0];
}

/* acc[rows][columns] = A Bt^T. `rows` and `columns` are constants. */
FNC_INLINE void FNC_NAME(fnc_nt_tile)(int rows, int columns, int64_t K, const FNC_T *restrict A,
                                      int64_t lda, const FNC_T *restrict B, int64_t ldb,
                                      FNC_T *restrict acc) {
    typedef FNC_NAME(fnc_nt_vec) vec;
    vec c[4][4] = {{{0}}}, a, b[4];
    int64_t k = 0;
    for (; k + FNC_VL <= K; k += FNC_VL) {
        FNC_UNROLL(4)
        for (int j = 0; j < columns; ++j) {
            b[j] = *(const vec *)(B + j * ldb + k);
            FNC_IN_REGISTER(b[j]);
        }
        FNC_UNROLL(4)
        for (int i = 0; i < rows; ++i) {
            a = *(const vec *)(A + i * lda + k);
            FNC_UNROLL(4)
            for (int j = 0; j < columns; ++j) c[i][j] += a * b[j];
        }
    }
    if (k < K) { /* what is left, with zeros behind it */
        FNC_T edge[8][FNC_VEC_BYTES / sizeof(FNC_T)] = {{0}};
        for (int64_t l = 0; l < K - k; ++l) {
            for (int i = 0; i < rows; ++i) edge[i][l] = A[i * lda + k + l];
            for (int j = 0; j < columns; ++j) edge[4 + j][l] = B[j * ldb + k + l];
        }
        FNC_UNROLL(4)
        for (int i = 0; i < rows; ++i) {
            FNC_UNROLL(4)
            for (int j = 0; j < columns; ++j)
                c[i][j] += *(const vec *)edge[i] * *(const vec *)edge[4 + j];
        }
    }
    FNC_UNROLL(4)
    for (int i = 0; i < rows; ++i) {
        FNC_UNROLL(4)
        for (int j = 0; j < columns; ++j) acc[i * FNC_NR + j] = FNC_NAME(fnc_lane_sum)(c[i][j]);
    }
}

/* Several sums at once also where one would do: gcc tunes a single chain of multiply-adds for some
 * machines by not fusing it, and then its bits would differ from those of the other tiles. */
#define FNC_DEFINE_TILE(stem, rows, columns)                                                       \
    FNC_NOINLINE void FNC_NAME(stem)(int64_t K, const FNC_T *A, int64_t lda, const FNC_T *B,       \
                                     int64_t ldb, FNC_T *acc) {                                    \
        FNC_NAME(fnc_nt_tile)(rows, columns, K, A, lda, B, ldb, acc);                              \
    }
FNC_DEFINE_TILE(fnc_nt_tile_4x2, 4, 2)
FNC_DEFINE_TILE(fnc_nt_tile_4x1, 4, 1)
FNC_DEFINE_TILE(fnc_nt_tile_1x4, 1, 4)
#undef FNC_DEFINE_TILE

/* acc[rows][nr] for columns n ... of C; rows is 4 or 1. */
FNC_INLINE void FNC_NAME(fnc_nt_strip)(int64_t rows, int64_t nr, int64_t K, const FNC_T *a,
                                       int64_t lda, const FNC_T *b, int64_t ldb, FNC_T *acc) {
    int64_t j = 0;
    if (rows == 4) {
        for (; j + 2 <= nr; j += 2) FNC_NAME(fnc_nt_tile_4x2)(K, a, lda, b + j * ldb, ldb, acc + j);
        if (j < nr) FNC_NAME(fnc_nt_tile_4x1)(K, a, lda, b + j * ldb, 0, acc + j);
        return;
    }
    for (; j + 4 <= nr; j += 4) FNC_NAME(fnc_nt_tile_1x4)(K, a, 0, b + j * ldb, ldb, acc + j);
    for (; j < nr; ++j) { /* the same column four times */
        FNC_T same[4];
        FNC_NAME(fnc_nt_tile_1x4)(K, a, 0, b + j * ldb, 0, same);
        acc[j] = same[0];
    }
}

FNC_INLINE void FNC_NAME(fnc_gemm_nt)(int64_t M, int64_t N, int64_t K, const FNC_T *A, int64_t lda,
                                      const FNC_T *Bt, int64_t ldb, int64_t m0, int64_t m1,
                                      int64_t n0, int64_t n1,
                                      FNC_PASTE(fnc_epilogue, FNC_S, ) epilogue, const void *env) {
    FNC_T acc[4 * FNC_NR] __attribute__((aligned(64)));
    int64_t mr, nr;
    (void)M, (void)N;
    for (int64_t m = m0; m < m1; m += mr) {
        mr = m1 - m >= 4 ? 4 : 1;
        for (int64_t n = n0; n < n1; n += nr) {
            nr = fnc_min_i64(FNC_NR, n1 - n);
            FNC_NAME(fnc_nt_strip)(mr, nr, K, A + m * lda, lda, Bt + n * ldb, ldb, acc);
            epilogue(env, m, n, mr, nr, acc);
        }
    }
}
#undef FNC_NAME
#undef FNC_VL
