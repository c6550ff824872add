/* Sums within the error of blocked summation, maxima that propagate NaN, transposes. */
#include "check.h"
#include "reduce.h"
#include "ref.h"
#include "transpose.h"

static const int64_t lengths[] = {0,   1,   2,   3,    7,    8,    9,     31,     63,     64,
                                  255, 256, 257, 1000, 4096, 5000, 65536, 100003, 1 << 20};
enum { LENGTHS = sizeof lengths / sizeof *lengths, MOST = 1 << 20 };

/* Against the exact sum, in units of epsilon times the sum of magnitudes: a lane adds up to
 * FNC_SUM_BLOCK / 2 terms one by one, the tree above at most 20. */
#define DEFINE_TESTS(S, T, WIDE, EPSILON)                                                          \
    static void sums_##S(T *x) {                                                                   \
        for (int l = 0; l < LENGTHS; ++l) {                                                        \
            WIDE exact = 0, magnitude = 0;                                                         \
            for (int64_t i = 0; i < lengths[l]; ++i) {                                             \
                exact += (WIDE)x[i];                                                               \
                magnitude += (WIDE)fabs((double)x[i]);                                             \
            }                                                                                      \
            const double error = fabs((double)((WIDE)fnc_sum_##S(x, lengths[l]) - exact));         \
            CHECK(error <= (FNC_SUM_BLOCK / 2 + 20) * (EPSILON) * (double)magnitude,               \
                  "%s n %" PRId64 " error %g", #S, lengths[l], error);                             \
        }                                                                                          \
    }                                                                                              \
    static void extremes_##S(T *x) {                                                               \
        for (int l = 0; l < LENGTHS && lengths[l] <= 5000; ++l) {                                  \
            const int64_t n = lengths[l];                                                          \
            CHECK(fnc_max_of_##S(x, n) == fnc_ref_max_##S(x, n), "max of %" PRId64, n);            \
            for (int64_t i = 0; i < n; ++i) x[i] = -x[i];                                          \
            CHECK(fnc_min_of_##S(x, n) == -fnc_ref_max_##S(x, n) || n > 0, "min of %" PRId64, n);  \
            for (int64_t i = 0; i < n; ++i) x[i] = -x[i];                                          \
            for (int64_t at = 0; at < n; at += 1 + n / 17) {                                       \
                const T kept = x[at];                                                              \
                x[at] = (T)NAN;                                                                    \
                CHECK(isnan(fnc_max_of_##S(x, n)) && isnan(fnc_min_of_##S(x, n)),                  \
                      "%s NaN at %" PRId64 " of %" PRId64, #S, at, n);                             \
                CHECK(isnan(fnc_sum_##S(x, n)), "sum with NaN");                                   \
                x[at] = (T)INFINITY;                                                               \
                CHECK(fnc_max_of_##S(x, n) == (T)INFINITY, "infinity");                            \
                x[at] = kept;                                                                      \
            }                                                                                      \
        }                                                                                          \
        CHECK(fnc_max_of_##S(x, 0) == (T)-INFINITY && fnc_min_of_##S(x, 0) == (T)INFINITY, "0");   \
    }

DEFINE_TESTS(f32, float, double, 0x1p-24)
DEFINE_TESTS(f64, double, long double, 0x1p-53)

static void pairwise(void) {
    for (int n = 0; n < 300; ++n) {
        fnc_pairwise_f64 total = {0, {0}};
        for (int i = 1; i <= n; ++i) fnc_pairwise_add_f64(&total, i);
        CHECK(fnc_pairwise_total_f64(&total) == n * (n + 1) / 2, "%d terms", n);
    }
}

#define DEFINE_TRANSPOSE_TEST(BYTES, T)                                                            \
    static void transpose_##BYTES(int64_t rows, int64_t columns, int64_t ldx, int64_t ldo) {       \
        const size_t size = sizeof(T);                                                             \
        T *x = malloc(size * (size_t)(rows * ldx + 1)),                                            \
          *y = malloc(size * (size_t)(columns * ldo + 1));                                         \
        for (int64_t i = 0; i < rows * ldx; ++i) x[i] = (T)random_bits();                          \
        for (int64_t i = 0; i <= columns * ldo; ++i) y[i] = 77;                                    \
        fnc_transpose_##BYTES(rows, columns, x, ldx, y, ldo);                                      \
        for (int64_t j = 0; j < columns; ++j)                                                      \
            for (int64_t i = 0; i < ldo; ++i)                                                      \
                CHECK(y[j * ldo + i] == (i < rows ? x[i * ldx + j] : 77),                          \
                      "%d bytes, %" PRId64 " x %" PRId64, BYTES, rows, columns);                   \
        CHECK(y[columns * ldo] == 77, "wrote past the end");                                       \
        free(x), free(y);                                                                          \
    }
DEFINE_TRANSPOSE_TEST(1, uint8_t)
DEFINE_TRANSPOSE_TEST(4, uint32_t)
DEFINE_TRANSPOSE_TEST(8, uint64_t)

static void transposes(void) {
    static const int64_t sides[] = {0, 1, 2, 7, 8, 15, 16, 17, 33, 50};
    for (size_t i = 0; i < sizeof sides / sizeof *sides; ++i)
        for (size_t j = 0; j < sizeof sides / sizeof *sides; ++j)
            for (int64_t gap = 0; gap < 4; gap += 3) {
                transpose_1(sides[i], sides[j], sides[j] + gap, sides[i] + gap);
                transpose_4(sides[i], sides[j], sides[j] + gap, sides[i] + gap);
                transpose_8(sides[i], sides[j], sides[j] + gap, sides[i] + gap);
            }
}

int main(void) {
    static float x[MOST];
    static double y[MOST];
    for (int i = 0; i < MOST; ++i) x[i] = (float)(y[i] = random_real());
    sums_f32(x), sums_f64(y);
    for (int i = 0; i < MOST; ++i) x[i] = 0.1f, y[i] = 0.1;
    sums_f32(x), sums_f64(y);
    for (int i = 0; i < MOST; ++i) x[i] = (float)(y[i] = random_real());
    extremes_f32(x), extremes_f64(y);
    pairwise();
    transposes();
    return finish();
}
