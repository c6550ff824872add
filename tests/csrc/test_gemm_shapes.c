/* Every tile shape over segments of k, against plain loops: bit for bit the chain over k, and close
 * to the sum in double. Results by tile, by row and transposed, any cut of rows and columns.
 * Buffers have exactly the size they need. */
#include "check.h"
#include "gemm_shapes.h"

static void *exact(int64_t n, size_t size) {
    void *p = malloc(n > 0 ? (size_t)n * size : 1);
    if (p == NULL) exit(2);
    return p;
}

#if defined(__FMA__) || defined(__aarch64__)
#define ADD(sum, a, b) _Generic((sum), float : fmaf, double : fma)(a, b, sum)
#else
#define ADD(sum, a, b) ((sum) + (a) * (b))
#endif

static const int64_t cuts[][4] = {{0, 100, 100, 100}, {0, 37, 61, 100}, {0, 1, 99, 100}};

/* A case: sizes, segments of k, how A lies, what is asked for. */
typedef struct {
    int64_t M, N, segments, depth;
    int by_columns, listed, packed;
    fnc_unit unit;
    int poison;
} instance;

/* Where segment s begins, in steps: one after the other, or of columns of three read from the last
 * to the first, one column after the other. */
#define LISTED(c, s) ((c).listed ? (2 - (s) % 3) * ((c).segments / 3) + (s) / 3 : (s))

/* The axes that say so; sometimes one more of a single turn. */
static int outer_axes(instance *c, int64_t step, fnc_axis *outer) {
    c->listed = c->listed && c->segments % 3 == 0;
    if (c->segments == 1) return 0;
    if (!c->listed) {
        outer[0] = (fnc_axis){c->segments, step};
        return 1;
    }
    outer[0] = (fnc_axis){1, 999};
    outer[1] = (fnc_axis){c->segments / 3, step};
    outer[2] = (fnc_axis){3, -(c->segments / 3) * step};
    return 3;
}

#define DEFINE_TESTS(S, T, NR, EPS)                                                                \
    typedef struct {                                                                               \
        T *C;                                                                                      \
        int *seen;                                                                                 \
        const instance *c;                                                                         \
    } store_##S;                                                                                   \
    static void keep_##S(const void *env, int64_t m, int64_t n, int64_t mr, int64_t nr,            \
                         const T *acc) {                                                           \
        const store_##S *s = env;                                                                  \
        const int64_t rows = s->c->M, columns = s->c->N;                                           \
        CHECK(mr > 0 && nr > 0 && m >= 0 && n >= 0 && m + mr <= rows && n + nr <= columns,         \
              "range");                                                                            \
        CHECK(nr <= NR || mr == 1, "width of a block");                                            \
        for (int64_t i = 0; i < mr; ++i)                                                           \
            for (int64_t j = 0; j < nr; ++j) {                                                     \
                s->C[(m + i) * columns + n + j] = acc[i * NR + j];                                 \
                ++s->seen[(m + i) * columns + n + j];                                              \
            }                                                                                      \
    }                                                                                              \
    static const fnc_tiles_##S *const shapes_##S[] = {&fnc_tiles_##S##_1, &fnc_tiles_##S##_WIDE,   \
                                                      &fnc_tiles_##S##_3, &fnc_tiles_##S##_4};     \
    static T *packed_##S(int shape, int64_t N, int64_t K, const T *B) {                            \
        T *out;                                                                                    \
        const int64_t half = fnc_pack_parts_##S##_1(N, K) / 2;                                     \
        if (shape == 0) {                                                                          \
            out = exact(fnc_pack_size_##S##_1(N, K), sizeof(T));                                   \
            fnc_pack_b_##S##_1(N, K, B, N, out, 0, half);                                          \
            fnc_pack_b_##S##_1(N, K, B, N, out, half, fnc_pack_parts_##S##_1(N, K));               \
        } else if (shape == 1) {                                                                   \
            out = exact(fnc_pack_size_##S(N, K), sizeof(T));                                       \
            fnc_pack_b_##S(N, K, B, N, out, 0, fnc_pack_parts_##S(N, K));                          \
        } else {                                                                                   \
            T *t = exact(K * N, sizeof(T));                                                        \
            for (int64_t i = 0; i < K * N; ++i) t[i % N * K + i / N] = B[i];                       \
            out = exact(shape == 2 ? fnc_pack_size_##S##_3(N, K) : fnc_pack_size_##S##_4(N, K),    \
                        sizeof(T));                                                                \
            if (shape == 2)                                                                        \
                fnc_pack_bt_##S##_3(N, K, t, K, out, 0, fnc_pack_parts_##S##_3(N, K));             \
            else                                                                                   \
                fnc_pack_bt_##S##_4(N, K, t, K, out, 0, fnc_pack_parts_##S##_4(N, K));             \
            free(t);                                                                               \
        }                                                                                          \
        return out;                                                                                \
    }                                                                                              \
    static void run_##S(const instance *c, int shape, fnc_gemm_args_##S p, const T *expected) {    \
        for (int cut = 0; cut < 3; ++cut) {                                                        \
            const int64_t M = p.M, N = p.N;                                                        \
            store_##S s = {exact(M * N, sizeof(T)), exact(M * N, sizeof(int)), c};                 \
            for (int64_t i = 0; i < M * N; ++i) s.seen[i] = 0, s.C[i] = -7;                        \
            for (int i = 0; i < 9; ++i) {                                                          \
                p.m0 = M * cuts[cut][i / 3] / 100, p.m1 = M * cuts[cut][i / 3 + 1] / 100;          \
                p.n0 = N * cuts[cut][i % 3] / 100, p.n1 = N * cuts[cut][i % 3 + 1] / 100;          \
                p.epilogue = keep_##S, p.env = &s;                                                 \
                fnc_gemm_segments_##S(&p);                                                         \
            }                                                                                      \
            for (int64_t i = 0; i < M * N; ++i) {                                                  \
                const int64_t at = c->unit == FNC_TRANSPOSED ? i % c->N * c->M + i / c->N : i;     \
                const T x = s.C[i], e = expected[at];                                              \
                CHECK(s.seen[i] == 1 && (x == e || (x != x && e != e)),                            \
                      "%s tile %d M %d N %d segments %d depth %d columns %d listed %d packed %d "  \
                      "unit %d at %d: seen %d, %a, expected %a",                                   \
                      #S, shape + 1, (int)c->M, (int)c->N, (int)c->segments, (int)c->depth,        \
                      c->by_columns, c->listed, c->packed, (int)c->unit, (int)i,                   \
                      s.seen[i], (double)x, (double)e);                                            \
            }                                                                                      \
            free(s.C), free(s.seen);                                                               \
        }                                                                                          \
    }                                                                                              \
    static void case_##S(instance c) {                                                             \
        const int64_t M = c.M, N = c.N, K = c.segments * c.depth, gap = 3;                         \
        const int64_t rs = c.by_columns ? 1 : c.depth + gap, cs = c.by_columns ? M + gap : 1;      \
        const int64_t run = (M - (M > 0)) * rs + (c.depth - (c.depth > 0)) * cs + 1,               \
                      step = run + 2;                                                              \
        int64_t *offsets = exact(c.segments, sizeof *offsets);                                     \
        fnc_axis outer[FNC_OUTER] = {{0, 0}, {0, 0}, {0, 0}};                                      \
        const int axes = outer_axes(&c, step, outer);                                              \
        T *A = exact(c.segments * step, sizeof(T)), *B = exact(K * N, sizeof(T));                  \
        T *expected = exact(M * N, sizeof(T));                                                     \
        for (int64_t i = 0; i < c.segments * step; ++i) A[i] = (T)random_real();                   \
        for (int64_t i = 0; i < K * N; ++i) B[i] = (T)random_real();                               \
        for (int64_t s = 0; s < c.segments; ++s)                                                   \
            offsets[s] = LISTED(c, s) * step;                                                      \
        if (c.poison && M * N * K > 0)                                                             \
            A[offsets[c.segments / 2]] = (T)NAN, B[K * N - 1] = (T)INFINITY;                       \
        for (int64_t m = 0; m < M; ++m)                                                            \
            for (int64_t n = 0; n < N; ++n) {                                                      \
                T sum = 0;                                                                         \
                double exactly = 0, size = 1;                                                      \
                for (int64_t k = 0; k < K; ++k) {                                                  \
                    const T a = A[offsets[k / c.depth] + m * rs + k % c.depth * cs];               \
                    sum = ADD(sum, a, B[k * N + n]);                                               \
                    exactly += (double)a * (double)B[k * N + n];                                   \
                    size += fabs((double)a * (double)B[k * N + n]);                                \
                }                                                                                  \
                CHECK(exactly - exactly != 0 ||                                                    \
                          fabs((double)sum - exactly) <= size * EPS * (double)(K + 1),             \
                      "the chain itself");                                                         \
                expected[m * N + n] = sum;                                                         \
            }                                                                                      \
        for (int shape = 0; shape < 4; ++shape) {                                                  \
            T *panels = c.packed ? packed_##S(shape, N, K, B) : NULL;                              \
            const instance turned = {N,        M,        c.segments, c.depth, c.by_columns,        \
                                     c.listed, c.packed, c.unit,     0};                           \
            const fnc_gemm_args_##S p = {.M = M,                                                   \
                                         .N = N,                                                   \
                                         .K = K,                                                   \
                                         .A = A + (c.listed ? 2 * (c.segments / 3) * step : 0),    \
                                         .rs_a = rs,                                               \
                                         .cs_a = cs,                                               \
                                         .axes = axes,                                             \
                                         .outer = outer,                                           \
                                         .B = c.packed ? panels : B,                               \
                                         .ldb = N,                                                 \
                                         .packed = c.packed,                                       \
                                         .unit = c.unit,                                           \
                                         .turn = fnc_hand_over_transposed_##S,                     \
                                         .tiles = shapes_##S[shape]};                              \
            run_##S(c.unit == FNC_TRANSPOSED ? &turned : &c, shape, p, expected);                  \
            free(panels);                                                                          \
        }                                                                                          \
        free(offsets), free(A), free(B), free(expected);                                           \
    }

#if FNC_VEC_BYTES == 64
#define fnc_tiles_f32_WIDE fnc_tiles_f32_v64
#define fnc_tiles_f64_WIDE fnc_tiles_f64_v64
#elif FNC_VEC_BYTES == 32
#define fnc_tiles_f32_WIDE fnc_tiles_f32_v32
#define fnc_tiles_f64_WIDE fnc_tiles_f64_v32
#else
#define fnc_tiles_f32_WIDE fnc_tiles_f32_v16
#define fnc_tiles_f64_WIDE fnc_tiles_f64_v16
#endif
DEFINE_TESTS(f32, float, FNC_NR_F32, 0x1p-23)
DEFINE_TESTS(f64, double, FNC_NR_F64, 0x1p-52)

static void both(instance c) {
    case_f32(c);
    case_f64(c);
}

/* What is combined goes by chance, but each value of each is there many times. */
static void any_sizes(int times) {
    static const int64_t ms[] = {0, 1, 2, 3, 4, 5, 7, 8, 11, 12, 13, 23, 24, 25, 29, 31, 47};
    static const int64_t ns[] = {0, 1, 2, 3, 5, 7, 8, 15, 16, 17, 31, 33, 47, 48, 49, 64, 67, 97};
    static const int64_t segments[] = {1, 2, 3, 9}, depths[] = {0, 1, 2, 3, 7, 16, 17};
    for (int i = 0; i < times; ++i) {
        const uint64_t r = random_bits();
        both((instance){ms[r % 17], ns[r / 17 % 18], segments[r >> 20 & 3], depths[(r >> 24) % 7],
                        r >> 32 & 1, r >> 33 & 1, r >> 35 & 1, (fnc_unit)((r >> 36) % 3),
                        (r >> 40) % 8 == 0});
    }
}

/* Sums that are cut inside and between segments, groups of copied rows, several blocks. */
static void large_sizes(void) {
    for (int i = 0; i < 12; ++i) {
        const int packed = i & 1, columns = i >> 1 & 1, unit = i / 4;
        both((instance){53, 70, 9, 37, columns, i % 3 == 0, packed, (fnc_unit)unit, 0});
        both((instance){29, 40, 3, FNC_KC + 1, columns, 0, packed, (fnc_unit)unit, 0});
        both((instance){26, 35, 4, FNC_KC_PACKED / 4 + 1, columns, 1, packed, (fnc_unit)unit, 0});
    }
    both((instance){FNC_MR_1 + 3, 2 * FNC_ROW_PANEL_BYTES / 4 + 9, 1, 5, 1, 0, 1, FNC_BY_ROW, 0});
    for (int packed = 0; packed < 2; ++packed) { /* more segments than a block has */
        both((instance){3, 40, 3 * FNC_SEGMENTS, 2, 0, 1, packed, FNC_BY_TILE, 0});
        both((instance){3, 197, FNC_SEGMENTS + 1, 3, 1, 0, packed, FNC_BY_ROW, 0});
        both((instance){31, 70, 3 * FNC_SEGMENTS, 1, 1, 1, packed, FNC_BY_ROW, 0});
        both((instance){31, 40, FNC_SEGMENTS + 7, 1, 0, 0, packed, FNC_BY_TILE, 0});
    }
    both((instance){2, 2 * FNC_ROW_PANEL_BYTES / 4 + 9, 3, 5, 0, 0, 1, FNC_BY_TILE, 0});
}

int main(void) {
    any_sizes(getenv("FNC_TEST_STRIDE") ? 300 : 1500);
    large_sizes();
    return finish();
}
