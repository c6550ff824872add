/* Every form of the matrix product against the slow twin, bit for bit: an element is one chain of
 * multiply-adds whatever the tile, the packing or the cut among threads. Buffers have exactly the
 * size they need, so the address sanitizer sees a read beyond the end. */
#include "check.h"
#include "gemm.h"
#include "gemm_large.h"
#include "gemm_pack.h"
#include "ref.h"

enum { ROWS, PACKED, PACKED_T, ROW_PANELS };

static const char *const names[] = {"rows", "packed", "transposed", "row panels"};

static void *exact(int64_t n, size_t size) {
    void *p = malloc(n > 0 ? (size_t)n * size : 1);
    if (p == NULL) exit(2);
    return p;
}

static const int64_t cuts[][5] = {
    {0, 100, 100, 100, 100}, {0, 33, 50, 90, 100}, {0, 1, 2, 50, 100}};

#define DEFINE_TESTS(S, T, NR)                                                                     \
    typedef struct {                                                                               \
        T *C;                                                                                      \
        int *seen;                                                                                 \
        int64_t M, N;                                                                              \
    } store_##S;                                                                                   \
    FNC_INLINE void epilogue_##S(const void *env, int64_t m, int64_t n, int64_t mr, int64_t nr,    \
                                 const T *restrict acc) {                                          \
        const store_##S *s = env;                                                                  \
        CHECK(mr > 0 && nr > 0 && m >= 0 && n >= 0 && m + mr <= s->M && n + nr <= s->N, "range");  \
        CHECK(nr <= NR || mr == 1, "width of a block");                                            \
        for (int64_t i = 0; i < mr; ++i)                                                           \
            for (int64_t j = 0; j < nr; ++j) {                                                     \
                s->C[(m + i) * s->N + n + j] = acc[i * NR + j];                                    \
                ++s->seen[(m + i) * s->N + n + j];                                                 \
            }                                                                                      \
    }                                                                                              \
    /* All elements handed over once, equal to the twin's. */                                      \
    static void compare_##S(const store_##S *s, const T *expected, const char *what, int64_t K) {  \
        for (int64_t i = 0; i < s->M * s->N; ++i)                                                  \
            CHECK(s->seen[i] == 1 && (s->C[i] == expected[i] || expected[i] != expected[i]) &&     \
                      (s->C[i] != s->C[i]) == (expected[i] != expected[i]),                        \
                  "%s %s M %" PRId64 " N %" PRId64 " K %" PRId64 " at %" PRId64 ": seen %d, %a",   \
                  #S, what, s->M, s->N, K, i, s->seen[i], (double)s->C[i]);                        \
    }                                                                                              \
    static void run_##S(int form, int64_t M, int64_t N, int64_t K, const T *A, int64_t rs,         \
                        int64_t cs, const T *B, int64_t m0, int64_t m1, int64_t n0, int64_t n1,    \
                        const store_##S *s) {                                                      \
        if (form == ROWS)                                                                          \
            fnc_gemm_##S(M, N, K, A, rs, cs, B, N, m0, m1, n0, n1, epilogue_##S, s);               \
        else if (form == ROW_PANELS)                                                                    \
            fnc_gemm_row_panels_##S(N, K, A, cs, B, m0, m1, n0, n1, epilogue_##S, s,                    \
                                (const T *const[]){s->C, s->C}, M % 3);                            \
        else                                                                                       \
            fnc_gemm_packed_##S(M, N, K, A, rs, cs, B, m0, m1, n0, n1, epilogue_##S, s);           \
    }                                                                                              \
    /* B as the form wants it; packed in two parts, as two threads would. */                       \
    static T *prepare_##S(int form, int64_t N, int64_t K, const T *B) {                            \
        if (form == ROWS) {                                                                        \
            T *copy = exact(K * N, sizeof(T));                                                     \
            if (K * N > 0) memcpy(copy, B, (size_t)(K * N) * sizeof(T));                           \
            return copy;                                                                           \
        }                                                                                          \
        const int64_t parts = fnc_pack_parts_##S(N, K);                                            \
        T *panels = exact(fnc_pack_size_##S(N, K), sizeof(T)), *t = exact(K * N, sizeof(T));       \
        fnc_ref_transpose_##S(K, N, B, N, t, K);                                                   \
        for (int64_t p = 0, next; p < parts; p = next) {                                           \
            next = p == 0 ? (parts + 1) / 2 : parts;                                               \
            if (form != PACKED_T)                                                                  \
                fnc_pack_b_##S(N, K, B, N, panels, p, next);                                       \
            else                                                                                   \
                fnc_pack_bt_##S(N, K, t, K, panels, p, next);                                      \
        }                                                                                          \
        free(t);                                                                                   \
        return panels;                                                                             \
    }                                                                                              \
    /* What generated code does with few rows: B as it lies, or A packed instead of it. */         \
    static void few_##S(int swapped, int64_t M, int64_t N, int64_t K, const T *A, int64_t rs,      \
                        int64_t cs, const T *B, const T *expected) {                               \
        T *own = exact(K * N, sizeof(T)), *panels = exact(fnc_pack_size_##S(M, K), sizeof(T));     \
        fnc_ref_transpose_##S(K, N, B, N, own, K);                                                 \
        if (!swapped && K * N > 0) memcpy(own, B, (size_t)(K * N) * sizeof(T));                    \
        if (rs == 1)                                                                               \
            fnc_pack_b_##S(M, K, A, cs, panels, 0, fnc_pack_parts_##S(M, K));                      \
        else                                                                                       \
            fnc_pack_bt_##S(M, K, A, rs, panels, 0, fnc_pack_parts_##S(M, K));                     \
        for (int c = 0; c < 3; ++c) {                                                              \
            store_##S s = {exact(M * N, sizeof(T)), exact(M * N, sizeof(int)), M, N};              \
            for (int64_t i = 0; i < M * N; ++i) s.seen[i] = 0, s.C[i] = -7;                        \
            for (int i = 0; i < 16; ++i) {                                                         \
                const int64_t m0 = M * cuts[c][i / 4] / 100, m1 = M * cuts[c][i / 4 + 1] / 100;    \
                const int64_t n0 = N * cuts[c][i % 4] / 100, n1 = N * cuts[c][i % 4 + 1] / 100;    \
                if (swapped)                                                                       \
                    fnc_gemm_swapped_##S(M, N, K, own, K, panels, m0, m1, n0, n1,                  \
                                         epilogue_##S, &s);                                        \
                else                                                                               \
                    fnc_gemm_packing_##S(M, N, K, A, rs, cs, own, N, m0, m1, n0, n1,                \
                                        epilogue_##S, &s);                                         \
            }                                                                                      \
            compare_##S(&s, expected, swapped ? "swapped" : "packing", K);                          \
            free(s.C), free(s.seen);                                                               \
        }                                                                                          \
        free(own), free(panels);                                                                   \
    }                                                                                              \
    static void product_##S(int64_t M, int64_t N, int64_t K, int transposed, int poison) {         \
        const int64_t rs = transposed ? 1 : K, cs = transposed ? M : 1;                            \
        T *A = exact(M * K, sizeof(T)), *B = exact(K * N, sizeof(T));                              \
        T *expected = exact(M * N, sizeof(T));                                                     \
        for (int64_t i = 0; i < M * K; ++i) A[i] = (T)random_real();                               \
        for (int64_t i = 0; i < K * N; ++i) B[i] = (T)random_real();                               \
        if (poison && M * K > 0) A[(M - 1) * rs] = (T)NAN, A[M / 2 * rs] = (T)INFINITY;            \
        if (poison && K * N > 0) B[N - 1] = (T)NAN, B[N / 2] = (T)-INFINITY;                       \
        fnc_ref_gemm_##S(M, N, K, A, rs, cs, B, N, 1, expected);                                   \
        for (int form = ROWS; form <= (transposed ? ROW_PANELS : PACKED_T); ++form)                     \
            for (int cut = 0; cut < 3; ++cut) {                                                    \
                T *prepared = prepare_##S(form, N, K, B);                                          \
                store_##S s = {exact(M * N, sizeof(T)), exact(M * N, sizeof(int)), M, N};          \
                for (int64_t i = 0; i < M * N; ++i) s.seen[i] = 0, s.C[i] = -7;                    \
                for (int i = 0; i < 4; ++i)                                                        \
                    for (int j = 0; j < 4; ++j)                                                    \
                        run_##S(form, M, N, K, A, rs, cs, prepared, M *cuts[cut][i] / 100,         \
                                M * cuts[cut][i + 1] / 100, N * cuts[cut][j] / 100,                \
                                N * cuts[cut][j + 1] / 100, &s);                                   \
                compare_##S(&s, expected, names[form], K);                                         \
                free(s.C), free(s.seen), free(prepared);                                           \
            }                                                                                      \
        if (M <= FNC_FEW_ROWS && N * (int64_t)sizeof(T) >= FNC_VEC_BYTES)                          \
            few_##S(0, M, N, K, A, rs, cs, B, expected);                                           \
        few_##S(1, M, N, K, A, rs, cs, B, expected);                                               \
        free(A), free(B), free(expected);                                                          \
    }

DEFINE_TESTS(f32, float, FNC_NR_F32)
DEFINE_TESTS(f64, double, FNC_NR_F64)

static void both(int64_t M, int64_t N, int64_t K) {
    for (int transposed = 0; transposed < 2; ++transposed) {
        product_f32(M, N, K, transposed, 0);
        product_f64(M, N, K, transposed, 0);
    }
}

static void small_extents(void) {
    static const int64_t ms[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 17, 23, 25};
    static const int64_t ns[] = {0, 1, 2, 3, 4, 5, 7, 8, 9, 12, 15, 16, 17, 31, 32, 33, 63, 70};
    static const int64_t ks[] = {0, 1, 2, 9};
    for (size_t i = 0; i < sizeof ms / sizeof *ms; ++i)
        for (size_t j = 0; j < sizeof ns / sizeof *ns; ++j)
            for (size_t k = 0; k < sizeof ks / sizeof *ks; ++k) both(ms[i], ns[j], ks[k]);
}

/* Sums that are cut at KC, groups of tiles, copied A, several blocks of columns or row panels. */
static void large_extents(void) {
    both(13, 40, FNC_KC_WHOLE + 1);
    both(FNC_GROUP_ROWS + 5, 150, FNC_KC_WHOLE + FNC_KC + 7);
    both(2 * FNC_GROUP_ROWS + 1, 300, 33);
    both(FNC_GROUP_ROWS + 1, 270, FNC_KC + 3);
    both(60, 300, FNC_KC - 6);
    both(1, 300, FNC_KC_WHOLE + 1);
    both(3, 4100, 70);
    both(20, 520, FNC_KC_WHOLE - 10);
    both(7, 1100, 260);
    both(FNC_FEW_ROWS, 530, 3 * FNC_STRIP_ROWS + 9);
    both(FNC_MR + 1, 2 * FNC_ROW_PANEL_BYTES / 4 + 9, 40);
    product_f32(6, FNC_NR_F32 + 5, FNC_KC_PACKED + 3, 0, 0);
    product_f32(4 * FNC_MR + 2, 1045, FNC_PREFETCH_FROM / 4 / 1045 + 1, 0, 0); /* prefetches */
}

static void nan_and_infinity(void) {
    static const int64_t sizes[][3] = {{1, 1, 1},  {2, 3, 4},    {7, 10, 5},
                                       {8, 17, 3}, {29, 70, 40}, {50, 130, 300}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; ++i)
        for (int t = 0; t < 2; ++t) {
            product_f32(sizes[i][0], sizes[i][1], sizes[i][2], t, 1);
            product_f64(sizes[i][0], sizes[i][1], sizes[i][2], t, 1);
        }
}

/* Constants at the call, as generated code has them. */
static void constant_extents(void) {
    enum { M = 32, N = 48, K = 20 };
    static float A[M * K], B[K * N], expected[M * N], C[M * N];
    static int seen[M * N];
    for (int i = 0; i < M * K; ++i) A[i] = (float)random_real();
    for (int i = 0; i < K * N; ++i) B[i] = (float)random_real();
    const store_f32 s = {C, seen, M, N};
    fnc_ref_gemm_f32(M, N, K, A, K, 1, B, N, 1, expected);
    fnc_gemm_f32(M, N, K, A, K, 1, B, N, 0, M, 0, N, epilogue_f32, &s);
    compare_f32(&s, expected, "constant", K);
}

/* The same for every width of a vector, whose tiles have one; cut among two threads by rows and by
 * columns. */
#define DEFINE_VECTOR(S, T, N)                                                                     \
    static void vector_##S##_##N(int64_t K, int64_t most) {                                        \
        for (int64_t M = 0, M0, N0; M <= most; M += M < 27 ? 1 : 11)                               \
            for (int form = 0; form < 12; ++form) {                                                \
                T *A = exact(M * K, sizeof(T)), *B = exact(K * N, sizeof(T));                      \
                T *panels = exact(fnc_pack_size_##S(N, K), sizeof(T));                             \
                T *expected = exact(M * N, sizeof(T));                                             \
                store_##S s = {exact(M * N, sizeof(T)), exact(M * N, sizeof(int)), M, N};          \
                const int64_t rs = form & 1 ? 1 : K, cs = form & 1 ? M : 1;                        \
                M0 = form / 4 == 1 ? M / 3 : M, N0 = form / 4 == 2 ? N / 3 : N;                    \
                for (int64_t i = 0; i < M * K; ++i) A[i] = (T)random_real();                       \
                for (int64_t i = 0; i < K * N; ++i) B[i] = (T)random_real();                       \
                for (int64_t i = 0; i < M * N; ++i) s.seen[i] = 0, s.C[i] = -7;                    \
                fnc_pack_b_##S(N, K, B, N, panels, 0, fnc_pack_parts_##S(N, K));                   \
                fnc_ref_gemm_##S(M, N, K, A, rs, cs, B, N, 1, expected);                           \
                for (int part = 0; part < 4; ++part) {                                             \
                    const int64_t m0 = part & 1 ? M0 : 0, m1 = part & 1 ? M : M0;                  \
                    const int64_t n0 = part & 2 ? N0 : 0, n1 = part & 2 ? N : N0;                  \
                    if (form & 2)                                                                  \
                        fnc_gemm_packed_##S(M, N, K, A, rs, cs, panels, m0, m1, n0, n1,            \
                                            epilogue_##S, &s);                                     \
                    else                                                                           \
                        fnc_gemm_##S(M, N, K, A, rs, cs, B, N, m0, m1, n0, n1, epilogue_##S, &s);  \
                }                                                                                  \
                compare_##S(&s, expected, "vector", K);                                            \
                free(A), free(B), free(panels), free(expected), free(s.C), free(s.seen);           \
            }                                                                                      \
    }
DEFINE_VECTOR(f32, float, 1)
DEFINE_VECTOR(f32, float, 4)
DEFINE_VECTOR(f32, float, 8)
DEFINE_VECTOR(f32, float, 16)
DEFINE_VECTOR(f64, double, 1)
DEFINE_VECTOR(f64, double, 2)
DEFINE_VECTOR(f64, double, 4)
DEFINE_VECTOR(f64, double, 8)

static void literal_vectors(void) {
    vector_f32_1(19, 60), vector_f32_4(19, 60), vector_f32_8(19, 60), vector_f32_16(19, 60);
    vector_f64_1(19, 60), vector_f64_2(19, 60), vector_f64_4(19, 60), vector_f64_8(19, 60);
    vector_f32_1(FNC_KC_WHOLE + 5, 30), vector_f32_16(FNC_KC_WHOLE + 5, 30);
    vector_f64_1(FNC_KC_WHOLE + 5, 30), vector_f64_8(FNC_KC_WHOLE + 5, 30);
}

int main(void) {
    literal_vectors();
    small_extents();
    large_extents();
    nan_and_infinity();
    constant_extents();
    return finish();
}
