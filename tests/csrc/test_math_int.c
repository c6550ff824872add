/* Integer arithmetic and casts, on values where C leaves behaviour undefined too; the sanitized
 * build proves that ours does not. */
#include "check.h"
#include "fnc_int.h"
#include "fnc_math.h"

static const int64_t edges[] = {0,
                                1,
                                -1,
                                2,
                                -2,
                                3,
                                -3,
                                7,
                                -7,
                                10,
                                -10,
                                INT32_MAX,
                                INT32_MIN,
                                INT32_MAX - 1,
                                INT32_MIN + 1,
                                46341,
                                -46341};
enum { EDGES = sizeof edges / sizeof *edges };

static int64_t floor_divide(int64_t a, int64_t b) { /* in a wider type: no overflow */
    const int64_t q = a / b;
    return q - (a % b != 0 && (a < 0) != (b < 0));
}

static int32_t wrap(int64_t x) { return (int32_t)(uint32_t)(uint64_t)x; }

static void int32_arithmetic(void) {
    for (int i = 0; i < EDGES; ++i)
        for (int j = 0; j < EDGES; ++j) {
            const int32_t a = (int32_t)edges[i], b = (int32_t)edges[j];
            const int64_t q = b == 0 ? 0 : floor_divide(a, b);
            CHECK(fnc_add_i32(a, b) == wrap((int64_t)a + b), "%d + %d", a, b);
            CHECK(fnc_sub_i32(a, b) == wrap((int64_t)a - b), "%d - %d", a, b);
            CHECK(fnc_mul_i32(a, b) == wrap((int64_t)a * b), "%d * %d", a, b);
            CHECK(fnc_floordiv_i32(a, b) == wrap(q), "%d // %d", a, b);
            CHECK(fnc_mod_i32(a, b) == (b == 0 ? 0 : wrap(a - q * b)), "%d %% %d", a, b);
            CHECK(fnc_max_i32(a, b) == (a > b ? a : b) && fnc_min_i32(a, b) == (a < b ? a : b),
                  "value");
            CHECK(fnc_neg_i32(a) == wrap(-(int64_t)a), "-%d", a);
            CHECK(fnc_abs_i32(a) == wrap(a < 0 ? -(int64_t)a : a), "abs %d", a);
            CHECK(fnc_sign_i32(a) == (a > 0 ? 1 : a < 0 ? -1 : 0), "sign %d", a);
        }
}

static void int64_arithmetic(void) {
    CHECK(fnc_add_i64(INT64_MAX, 1) == INT64_MIN, "add wraps");
    CHECK(fnc_sub_i64(INT64_MIN, 1) == INT64_MAX, "sub wraps");
    CHECK(fnc_mul_i64(INT64_MIN, -1) == INT64_MIN, "mul wraps");
    CHECK(fnc_neg_i64(INT64_MIN) == INT64_MIN, "neg wraps");
    CHECK(fnc_floordiv_i64(INT64_MIN, -1) == INT64_MIN, "division wraps");
    CHECK(fnc_mod_i64(INT64_MIN, -1) == 0, "mod by -1");
    CHECK(fnc_floordiv_i64(5, 0) == 0 && fnc_mod_i64(5, 0) == 0, "by zero");
    CHECK(fnc_floordiv_i64(-7, 2) == -4 && fnc_mod_i64(-7, 2) == 1, "floor");
    CHECK(fnc_mod_i64(INT64_MIN, 3) == 1, "mod of the least");
}

static void powers(void) {
    CHECK(fnc_pow_i32(2, 10) == 1024 && fnc_pow_i32(-3, 3) == -27 && fnc_pow_i32(7, 0) == 1,
          "value");
    CHECK(fnc_pow_i32(2, 31) == INT32_MIN && fnc_pow_i32(2, 32) == 0, "wraps");
    CHECK(fnc_pow_i32(2, -1) == 0 && fnc_pow_i32(1, -5) == 1, "negative exponent");
    CHECK(fnc_pow_i32(-1, -3) == -1 && fnc_pow_i32(-1, -4) == 1, "of -1");
    CHECK(fnc_pow_i64(3, 39) == 4052555153018976267ll, "64 bits");
}

static void casts(void) {
    CHECK(fnc_i32_from_f32(NAN) == 0 && fnc_i32_from_f32(2.9f) == 2, "NaN, truncation");
    CHECK(fnc_i32_from_f32(-2.9f) == -2 && fnc_i32_from_f32(1e10f) == INT32_MAX, "saturation");
    CHECK(fnc_i32_from_f32(-1e10f) == INT32_MIN && fnc_i32_from_f32(INFINITY) == INT32_MAX,
          "value");
    CHECK(fnc_i32_from_f32(0x1.fffffep30f) == 2147483520, "largest float below 2^31");
    CHECK(fnc_i32_from_f32(-0x1p31f) == INT32_MIN, "the least");
    CHECK(fnc_i32_from_f64(2147483647.0) == INT32_MAX, "exact");
    CHECK(fnc_i32_from_f64(2147483647.5) == INT32_MAX, "above the largest");
    CHECK(fnc_i32_from_f64(-2147483648.9) == INT32_MIN && fnc_i32_from_f64(NAN) == 0, "below");
    CHECK(fnc_i64_from_f64(0x1p63) == INT64_MAX && fnc_i64_from_f64(-0x1p63) == INT64_MIN, "value");
    CHECK(fnc_i64_from_f64(0x1.fffffffffffffp62) == 9223372036854774784ll, "below 2^63");
    CHECK(fnc_i64_from_f32(1e30f) == INT64_MAX && fnc_i64_from_f32(NAN) == 0, "float to 64 bits");
    CHECK(fnc_i64_from_f32(-INFINITY) == INT64_MIN && fnc_i64_from_f32(-1.5f) == -1, "value");
}

static void float64_functions(void) {
    CHECK(fnc_exp_f64(1) == exp(1) && isnan(fnc_log_f64(-1)), "libm");
    CHECK(fnc_sigmoid_f64(-800) == 0 && fnc_sigmoid_f64(800) == 1 && fnc_sigmoid_f64(0) == 0.5,
          "value");
    CHECK(fnc_rint_f64(2.5) == 2 && fnc_rint_f64(-3.5) == -4 && fnc_rint_f64(1e300) == 1e300,
          "value");
    CHECK(fnc_floor_f64(-0.5) == -1 && fnc_floor_f64(3) == 3 && isnan(fnc_floor_f64(NAN)), "value");
    CHECK(fnc_ceil_f64(0.5) == 1 && fnc_ceil_f64(-INFINITY) == -INFINITY, "value");
    CHECK(fnc_mod_f64(-7.5, 2) == 0.5 && fnc_mod_f64(7.5, -2) == -0.5, "mod");
    CHECK(fnc_floordiv_f64(-7.5, 2) == -4 && isnan(fnc_mod_f64(1, 0)), "floordiv");
    CHECK(isnan(fnc_max_f64(NAN, 1)) && isnan(fnc_max_f64(1, NAN)) && fnc_max_f64(1, 2) == 2,
          "value");
    CHECK(isnan(fnc_min_f64(NAN, 1)) && isnan(fnc_min_f64(1, NAN)) && fnc_min_f64(1, 2) == 1,
          "value");
    CHECK(isnan(fnc_sign_f64(NAN)) && fnc_sign_f64(-3) == -1 && fnc_sign_f64(0) == 0, "sign");
}

int main(void) {
    int32_arithmetic();
    int64_arithmetic();
    powers();
    casts();
    float64_functions();
    return finish();
}
