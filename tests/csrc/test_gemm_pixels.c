/* Products over pixels, lines and taps at constant strides, against plain loops: bit for bit the
 * chain over k. Images that tiles divide, and others; any cut of lines and columns. */
#include "check.h"
#include "gemm_pixels.h"

#if defined(__FMA__) || defined(__aarch64__)
#define ADD(sum, a, b) _Generic((sum), float : fmaf, double : fma)(a, b, sum)
#else
#define ADD(sum, a, b) ((sum) + (a) * (b))
#endif

#define DEFINE_STORE(S, T, NR)                                                                     \
    typedef struct {                                                                               \
        T *C;                                                                                      \
        int *seen;                                                                                 \
        int64_t line, pixels, N;                                                                   \
    } store_##S;                                                                                   \
    FNC_INLINE void keep_##S(const void *env, int64_t m, int64_t n, int64_t mr, int64_t nr,        \
                             const T *restrict acc) {                                              \
        const store_##S *s = env;                                                                  \
        CHECK(mr > 0 && nr > 0 && nr <= NR && m + mr <= s->pixels && n + nr <= s->N, "range");     \
        for (int64_t i = 0; i < mr; ++i)                                                           \
            for (int64_t j = 0; j < nr; ++j) {                                                     \
                const int64_t at = (s->line * s->pixels + m + i) * s->N + n + j;                   \
                s->C[at] = acc[i * NR + j];                                                        \
                ++s->seen[at];                                                                     \
            }                                                                                      \
    }                                                                                              \
    static void expect_##S(const fnc_image i, const T *A, const T *B, const store_##S *s,          \
                           const char *what) {                                                     \
        for (int64_t at = 0; at < i.lines * i.pixels * i.N; ++at) {                                \
            const int64_t n = at % i.N, m = at / i.N % i.pixels, line = at / i.N / i.pixels;       \
            const T *b = B + n;                                                                    \
            T sum = 0;                                                                             \
            for (int64_t q = 0; q < fnc_segments(FNC_OUTER, i.outer); ++q) {                       \
                int64_t from = line * i.rs_line + m * i.rs_pixel, rest = q;                        \
                for (int axis = FNC_OUTER; axis-- > 0; rest /= i.outer[axis].extent)               \
                    from += rest % i.outer[axis].extent * i.outer[axis].step;                      \
                for (int64_t k = 0; k < i.depth; ++k, b += i.ldb)                                  \
                    sum = ADD(sum, A[from + k * i.cs], *b);                                        \
            }                                                                                      \
            CHECK(s->seen[at] == 1 && s->C[at] == sum, "%s %s at %d: seen %d, %a, expected %a",    \
                  #S, what, (int)at, s->seen[at], (double)s->C[at], (double)sum);                  \
        }                                                                                          \
    }
DEFINE_STORE(f32, float, FNC_NR_F32)
DEFINE_STORE(f64, double, FNC_NR_F64)

/* Is element e of A in one of the lines of zeros? */
static int is_zero(const fnc_image *i, int64_t e) {
    if (i->border.tap == 0) return 0;
    const int64_t row = i->rs_line / i->border.line;
    const int images = i->border.axis == 1 && i->outer[0].extent > 1;
    const int64_t at = (images ? e % i->outer[0].step : e) / row;
    return at < i->border.first || at >= i->border.last;
}

/* A buffer that ends where the last element read ends. */
#define DEFINE_CASE(S, T, name, ...)                                                               \
    static const fnc_image name##_##S##_image = {__VA_ARGS__};                                     \
    FNC_NOINLINE void name##_##S##_tile(fnc_taps taps, const T *A, const T *B, T *acc) {           \
        fnc_pixels_##S((fnc_image){__VA_ARGS__}, 0, taps, A, B, acc);                              \
    }                                                                                              \
    FNC_INLINE fnc_image name##_##S##_of(int64_t turns) {                                          \
        fnc_image i = {__VA_ARGS__};                                                               \
        i.outer[0].extent = turns;                                                                 \
        return i;                                                                                  \
    }                                                                                              \
    FNC_NOINLINE void name##_##S##_part(int64_t turns, fnc_taps taps, const T *A, const T *B,      \
                                            T *acc) {                                              \
        fnc_pixels_##S(name##_##S##_of(turns), 1, taps, A, B, acc);                                \
    }                                                                                              \
    /* By the driver of long sums: cut among columns, and lines or pixels. */                      \
    static void name##_##S##_long(const T *A, const T *B, int cut, store_##S s) {                  \
        const fnc_image i = name##_##S##_image;                                                    \
        const int64_t h = i.lines * (cut % 3) / 3, m = i.pixels * (cut % 2) / 2 + cut % 2;         \
        const int64_t n = i.N * cut / 5, mid = fnc_min_i64(m, i.pixels);                           \
        for (int part = 0; part < 8; ++part)                                                       \
            fnc_gemm_pixels_long_##S(i, name##_##S##_part, A, B, part & 1 ? h : 0,                 \
                                     part & 1 ? i.lines : h, part & 4 ? mid : 0,                   \
                                     part & 4 ? i.pixels : mid, part & 2 ? n : 0,                  \
                                     part & 2 ? i.N : n, keep_##S, &s, &s.line);                   \
        expect_##S(i, A, B, &s, #name " long");                                                    \
    }                                                                                              \
    static void name##_##S(void) {                                                                 \
        const fnc_image i = name##_##S##_image;                                                    \
        int64_t last = (i.lines - 1) * i.rs_line + (i.pixels - 1) * i.rs_pixel;                    \
        last += (i.depth - 1) * i.cs;                                                              \
        for (int axis = 0; axis < FNC_OUTER; ++axis)                                               \
            last += (i.outer[axis].extent - 1) * i.outer[axis].step;                               \
        const int64_t K = fnc_segments(FNC_OUTER, i.outer) * i.depth;                              \
        T *A = malloc((size_t)(last + 1) * sizeof(T)), *B = malloc((size_t)(K * i.N) * sizeof(T)); \
        for (int64_t e = 0; e <= last; ++e) A[e] = is_zero(&i, e) ? 0 : (T)random_real();          \
        for (int64_t e = 0; e < K * i.N; ++e) B[e] = (T)random_real();                             \
        for (int cut = 0; cut < 3; ++cut) {                                                        \
            const int64_t size = i.lines * i.pixels * i.N;                                         \
            store_##S s = {calloc((size_t)size, sizeof(T)), calloc((size_t)size, sizeof(int)), 0,  \
                           i.pixels, i.N};                                                         \
            const int64_t h = i.lines * cut / 3, n = i.N * cut / 5;                                \
            for (int part = 0; part < 4; ++part)                                                   \
                fnc_gemm_pixels_##S(name##_##S##_image, name##_##S##_tile, A, B,                   \
                                    part & 1 ? h : 0, part & 1 ? i.lines : h, part & 2 ? n : 0,    \
                                    part & 2 ? i.N : n, keep_##S, &s, &s.line);                    \
            expect_##S(i, A, B, &s, #name);                                                        \
            for (int64_t e = 0; e < size; ++e) s.seen[e] = 0, s.C[e] = -1;                         \
            name##_##S##_long(A, B, cut, s);                                                       \
            free(s.C), free(s.seen);                                                               \
        }                                                                                          \
        free(A), free(B);                                                                          \
    }
#define DEFINE_BOTH(...)                                                                           \
    DEFINE_CASE(f32, float, __VA_ARGS__)                                                           \
    DEFINE_CASE(f64, double, __VA_ARGS__)

/* lines, pixels, N, rs_line, rs_pixel, cs, depth, ldb, outer, border: images that tiles divide or not, 3 x 3
 * taps, strides and dilations of two, lines of one pixel, one line, two axes of segments. */
DEFINE_BOTH(same, 8, 8, 64, 10 * 4, 4, 1, 12, 64, {{3, 40}, {1, 0}, {1, 0}}, {0})
DEFINE_BOTH(tall, 9, 4, 32, 6 * 3, 3, 1, 9, 32, {{3, 18}, {1, 0}, {1, 0}}, {0})
DEFINE_BOTH(prime, 7, 13, 48, 15 * 2, 2, 1, 6, 48, {{3, 30}, {1, 0}, {1, 0}}, {0})
DEFINE_BOTH(odd, 5, 11, 37, 13 * 3, 3, 1, 9, 37, {{3, 39}, {1, 0}, {1, 0}}, {0})
DEFINE_BOTH(strided, 5, 6, 16, 2 * 13 * 3, 6, 1, 9, 16, {{3, 39}, {1, 0}, {1, 0}}, {0})
DEFINE_BOTH(dilated, 6, 5, 23, 9 * 2, 2, 1, 2, 23, {{1, 5}, {3, 36}, {3, 4}}, {0})
DEFINE_BOTH(column, 11, 1, 96, 7, 1, 2, 3, 96, {{1, 0}, {1, 0}, {2, 7}}, {0})
DEFINE_BOTH(row, 1, 17, 130, 0, 3, 1, 3, 130, {{5, 3}, {1, 0}, {1, 0}}, {0})
/* As many accumulators as there are: a line of 13 by two vectors, of 27 by one, of 9 by three. */
DEFINE_BOTH(thirteen, 3, 13, 32, 15 * 2, 2, 1, 6, 32, {{3, 30}, {1, 0}, {1, 0}}, {0})
DEFINE_BOTH(one_vector, 2, 27, 16, 29 * 2, 2, 1, 6, 16, {{3, 58}, {1, 0}, {1, 0}}, {0})
DEFINE_BOTH(three_vectors, 3, 9, 48, 11 * 2, 2, 1, 6, 48, {{3, 22}, {1, 0}, {1, 0}}, {0})
/* Gradients of weights: taps and channels by pixels, over more images than are taken at a time, and
 * with more tiles than sums have room. */
DEFINE_BOTH(weights, 3, 48, 20, 34 * 16, 1, 16, 5, 20, {{12, 34 * 34 * 16}, {5, 34 * 16}, {1, 0}}, {0})
DEFINE_CASE(f32, float, wide, 3, 264, 16, 600, 1, 264, 17, 16, {{17, 5000}, {1, 0}, {1, 0}}, {0})
/* Lines of zeros around: two before and one behind, lines by twos, and of gradients of weights. */
DEFINE_BOTH(edges, 8, 8, 64, 10 * 4, 4, 1, 12, 64, {{3, 40}, {1, 0}, {1, 0}}, {0, 1, 1, 2, 9})
DEFINE_BOTH(empty, 8, 8, 32, 10 * 2, 2, 1, 6, 32, {{3, 20}, {1, 0}, {1, 0}}, {0, 1, 1, 4, 6})
DEFINE_BOTH(by_two, 5, 6, 16, 2 * 13 * 3, 6, 1, 9, 16, {{3, 39}, {1, 0}, {1, 0}},
            {0, 2, 1, 1, 10})
DEFINE_BOTH(dilations, 6, 5, 23, 9 * 2, 2, 1, 2, 23, {{1, 5}, {3, 36}, {3, 4}},
            {1, 1, 2, 2, 9})
DEFINE_BOTH(of_weights, 3, 48, 20, 34 * 16, 1, 16, 5, 20,
            {{12, 34 * 34 * 16}, {5, 34 * 16}, {1, 0}}, {1, 1, 1, 1, 6})

int main(void) {
    edges_f32(), empty_f32(), by_two_f32(), dilations_f32(), of_weights_f32();
    edges_f64(), empty_f64(), by_two_f64(), dilations_f64(), of_weights_f64();
    same_f32(), tall_f32(), prime_f32(), odd_f32(), strided_f32(), dilated_f32(), column_f32();
    row_f32(), weights_f32(), wide_f32(), thirteen_f32(), one_vector_f32(), three_vectors_f32();
    same_f64(), tall_f64(), prime_f64(), odd_f64(), strided_f64(), dilated_f64(), column_f64();
    row_f64(), weights_f64(), thirteen_f64(), one_vector_f64(), three_vectors_f64();
    return finish();
}
