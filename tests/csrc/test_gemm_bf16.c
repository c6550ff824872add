/* Products of bfloat16 with a packed right operand. On whole numbers, whose sums are exact in any
 * order, bit for bit the slow twin; on others within the stated error, and the same bits however
 * rows and columns are cut. Buffers have exactly the size they need. Compiled for a CPU that has
 * the instructions it runs them, with FNC_BF16_TWIN their twins; else halves of words as
 * floats. */
#include "check.h"
#include "../../csrc/rt/fnc_tiles.h"
#include "gemm_bf16.h"
#include "ref.h"

/* What is adjacent in A: nothing; or it is walked along segments of a row, or of a column. */
typedef enum { ROWS, COLUMNS, APART, ROW_SEGMENTS, COLUMN_SEGMENTS, LAYOUTS } layout;

typedef struct {
    int64_t rs, cs, depth;
    fnc_axis outer;
} place;

typedef struct {
    float *C;
    int *seen;
    int64_t M, N;
} store;

FNC_INLINE void keep(const void *env, int64_t m, int64_t n, int64_t mr, int64_t nr,
                     const float *restrict acc) {
    const store *s = env;
    CHECK(mr > 0 && nr > 0 && m >= 0 && n >= 0 && m + mr <= s->M && n + nr <= s->N, "range");
    CHECK(nr <= FNC_NR_F32 || mr == 1, "width of a block");
    for (int64_t i = 0; i < mr; ++i)
        for (int64_t j = 0; j < nr; ++j) {
            s->C[(m + i) * s->N + n + j] = acc[i * FNC_NR_F32 + j];
            ++s->seen[(m + i) * s->N + n + j];
        }
}

static void *exact(int64_t n, size_t size) {
    void *p = malloc(n > 0 ? (size_t)n * size : 1);
    if (p == NULL) exit(2);
    return p;
}

static float whole(void) { return (float)((int)(random_bits() % 9) - 4); }
static float real(void) { return fnc_round_bf16((float)random_real()); }

/* B[K, N] or its transpose in panels, packed in two parts as two threads would, from two bytes each. */
static float *packed(int64_t N, int64_t K, const float *B, int transposed, int narrow) {
    const int64_t parts = fnc_pack_parts_bf16(N, K);
    float *panels = exact(fnc_pack_size_bf16(N, K), 4), *t = exact(K * N, 4);
    fnc_bf16 *b_narrow = exact(K * N, 2), *t_narrow = exact(K * N, 2);
    CHECK(fnc_pack_size_bf16(N, K) <= K * fnc_round_up(N, 32), "room in the plan's buffer");
    fnc_ref_transpose_f32(K, N, B, N, t, K);
    fnc_narrow_bf16(b_narrow, B, K * N);
    fnc_narrow_bf16(t_narrow, t, K * N);
    for (int64_t p = 0, next; p < parts; p = next) {
        next = p == 0 ? (parts + 1) / 2 : parts;
        if (transposed && narrow)
            fnc_pack_bt_bf16(N, K, t_narrow, K, panels, p, next);
        else if (transposed)
            fnc_pack_bt_bf16(N, K, t, K, panels, p, next);
        else if (narrow)
            fnc_pack_b_bf16(N, K, b_narrow, N, panels, p, next);
        else
            fnc_pack_b_bf16(N, K, B, N, panels, p, next);
    }
    free(t), free(b_narrow), free(t_narrow);
    return panels;
}

static const int64_t cuts[][5] = {
    {0, 100, 100, 100, 100}, {0, 33, 50, 90, 100}, {0, 1, 2, 50, 100}};

/* The product, cut in up to 16 pieces; with `narrow` of the same numbers in two bytes each. */
static float *product(int64_t M, int64_t N, int64_t K, const float *A, const fnc_bf16 *narrow,
                      place at, const float *panels, const int64_t *cut) {
    const int axes = at.outer.extent > 1;
    const store s = {exact(M * N, 4), exact(M * N, sizeof(int)), M, N};
    for (int64_t i = 0; i < M * N; ++i) s.seen[i] = 0, s.C[i] = -7;
    for (int i = 0; i < 4; ++i)
        for (int j = 0; j < 4; ++j) {
            const int64_t m0 = M * cut[i] / 100, m1 = M * cut[i + 1] / 100;
            const int64_t n0 = N * cut[j] / 100, n1 = N * cut[j + 1] / 100;
            if (narrow)
                fnc_gemm_packed_walked_bf16(axes, &at.outer, M, N, K, narrow, at.rs, at.cs, panels,
                                            m0, m1, n0, n1, keep, &s);
            else
                fnc_gemm_packed_walked_bf16(axes, &at.outer, M, N, K, A, at.rs, at.cs, panels, m0,
                                            m1, n0, n1, keep, &s);
        }
    for (int64_t i = 0; i < M * N; ++i)
        CHECK(s.seen[i] == 1, "M %d N %d K %d: %d is seen %d times", (int)M, (int)N, (int)K, (int)i,
              s.seen[i]);
    free(s.seen);
    return s.C;
}

static int same(float x, float y) { return x == y || (x != x && y != y); }

/* Is C what A[M, K] B[K, N] has to be, to within `eps` of the sum of absolute terms? */
static void compare(int64_t M, int64_t N, int64_t K, const float *A, const float *B, const float *C,
                    double eps, const char *what) {
    float *expected = exact(M * N, 4), *size = exact(M * N, 4);
    float *a = exact(M * K, 4), *b = exact(K * N, 4);
    for (int64_t i = 0; i < M * K; ++i) a[i] = fabsf(A[i]);
    for (int64_t i = 0; i < K * N; ++i) b[i] = fabsf(B[i]);
    fnc_ref_gemm_f32(M, N, K, A, K, 1, B, N, 1, expected);
    fnc_ref_gemm_f32(M, N, K, a, K, 1, b, N, 1, size);
    for (int64_t i = 0; i < M * N; ++i)
        CHECK(same(C[i], expected[i]) || fabs((double)C[i] - expected[i]) <= eps * size[i],
              "%s M %d N %d K %d at %d: %a, expected %a", what, (int)M, (int)N, (int)K, (int)i,
              (double)C[i], (double)expected[i]);
    free(expected), free(size), free(a), free(b);
}

static place place_of(layout form, int64_t M, int64_t K) {
    const int64_t segments = form < ROW_SEGMENTS ? 1 : K % 3 == 0 && K > 0 ? 3 : K % 2 == 0 ? 2 : 1;
    const int64_t depth = K / segments, row = 2 * depth + 3;
    const place all[] = {{K, 1, K, {1, 0}},
                         {1, M, K, {1, 0}},
                         {2 * K + 1, 2, K, {1, 0}},
                         {segments * row, 1, depth, {segments, row}},
                         {1, M, depth, {segments, M * (depth + 1)}}};
    return all[form];
}

static int64_t position(place at, int64_t m, int64_t k) {
    return m * at.rs + k / at.depth * at.outer.step + k % at.depth * at.cs;
}

/* Elements of A in the layout `at`. */
static int64_t room(int64_t M, int64_t K, place at) {
    return M * K > 0 ? position(at, M - 1, K - 1) + 1 : 0;
}

static float *laid_out(int64_t M, int64_t K, const float *A, place at) {
    float *out = exact(room(M, K, at), 4);
    memset(out, 0, (size_t)room(M, K, at) * sizeof *out);
    for (int64_t m = 0; m < M; ++m)
        for (int64_t k = 0; k < K; ++k) out[position(at, m, k)] = A[m * K + k];
    return out;
}

static void each_form(int64_t M, int64_t N, int64_t K, const float *A, const float *B, layout how,
                      double eps) {
    const place at = place_of(how, M, K);
    float *left = laid_out(M, K, A, at), *first = NULL;
    fnc_bf16 *narrow = exact(room(M, K, at), 2);
    fnc_narrow_bf16(narrow, left, room(M, K, at));
    for (int form = 0; form < 4; ++form) {
        const int transposed = form % 2, halves = form / 2;
        float *panels = packed(N, K, B, transposed, halves);
        for (int cut = 0; cut < 6; cut += getenv("FNC_TEST_STRIDE") ? 5 : 1) {
            float *C = product(M, N, K, left, cut < 3 ? NULL : narrow, at, panels, cuts[cut % 3]);
            if (first == NULL) {
                compare(M, N, K, A, B, C, eps, "first");
                first = C;
                continue;
            }
            for (int64_t i = 0; i < M * N; ++i)
                CHECK(same(C[i], first[i]), "M %d N %d K %d, cut %d: other bits", (int)M, (int)N,
                      (int)K, cut);
            free(C);
        }
        free(panels);
    }
    free(first), free(left), free(narrow);
}

static void check(int64_t M, int64_t N, int64_t K, layout form, int poison) {
    float *A = exact(M * K, 4), *B = exact(K * N, 4);
    for (int exactly = 0; exactly < 2; ++exactly) {
        for (int64_t i = 0; i < M * K; ++i) A[i] = exactly ? whole() : real();
        for (int64_t i = 0; i < K * N; ++i) B[i] = exactly ? whole() : real();
        if (poison && M * K > 0) A[(M - 1) * K] = NAN, A[M / 2 * K] = INFINITY;
        if (poison && K * N > 0) B[N - 1] = NAN, B[N / 2] = -INFINITY;
        each_form(M, N, K, A, B, form, exactly || !FNC_HAS_BF16 ? 0 : (double)K * 0x1p-23);
    }
    free(A), free(B);
}

static void all_extents(void) {
    static const int64_t ms[] = {0, 1, 3, 8, 17, 33}, ns[] = {0, 1, 16, 31, 33, 70};
    static const int64_t ks[] = {0, 1, 15, 16, 17, 33};
    for (int i = 0; i < 6; ++i)
        for (int j = 0; j < 6; ++j)
            for (int k = 0; k < 6; ++k)
                check(ms[i], ns[j], ks[k], (layout)((i + j + k) % LAYOUTS), 0);
    for (int form = ROWS; form < LAYOUTS; ++form) {
        check(33, 70, 42, (layout)form, 1);
        check(37, 64, 64, (layout)form, 0);
        check(32, 32, 32, (layout)form, 0);
    }
}

/* Sums longer than what is at hand of A, panels that wait, blocks of columns. */
static void large_extents(void) {
    check(35, 290, 520, ROWS, 0);
    check(9, 40, 1030, COLUMNS, 0);
    check(29, 40, 1035, ROW_SEGMENTS, 0);
    check(17, 33, 2082, COLUMN_SEGMENTS, 0);
    check(14, 12, 700, ROWS, 0);
    check(3, 1100, 500, ROWS, 0);
}

/* So long that panels are packed by blocks, of words that are read where they lie. */
static void long_sum(void) {
    enum { M = 18, N = 33, K = 8224 };
    float *A = exact(M * K, 4), *B = exact(K * N, 4);
    fnc_bf16 *narrow = exact(M * K, 2);
    for (int i = 0; i < M * K; ++i) A[i] = whole();
    for (int i = 0; i < K * N; ++i) B[i] = whole();
    fnc_narrow_bf16(narrow, A, M * K);
    float *panels = packed(N, K, B, 0, 1);
    float *C = product(M, N, K, A, narrow, place_of(ROWS, M, K), panels, cuts[0]);
    compare(M, N, K, A, B, C, 0, "long");
    free(A), free(B), free(narrow), free(panels), free(C);
}

int main(void) {
#if FNC_HAS_AMX
    CHECK(fnc_tiles_work(), "tiles are refused, or wrong"); /* asks for them */
#endif
    all_extents();
    large_extents();
    long_sum();
    return finish();
}
