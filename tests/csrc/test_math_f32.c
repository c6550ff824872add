/* Error in ulp of every float function over the whole float range, against the C library in
 * double, and the special values. FNC_TEST_FULL=1 visits all 2^32 arguments;
 * otherwise every FNC_TEST_STRIDE-th (1021). */
#include "check.h"
#include "fnc_math.h"

enum { BLOCK = 4096 };

typedef struct {
    const char *name;
    double bound; /* ulp */
    void (*ours)(float *restrict, const float *restrict, int64_t);
    double (*exact)(double);
} row;

#define DEFINE(NAME)                                                                               \
    static void loop_##NAME(float *restrict y, const float *restrict x, int64_t n) {               \
        for (int64_t i = 0; i < n; ++i) y[i] = fnc_##NAME##_f32(x[i]);                             \
    }
DEFINE(exp)
DEFINE(expm1) DEFINE(tanh) DEFINE(sigmoid) DEFINE(erf) DEFINE(log) DEFINE(log1p) DEFINE(sin)
    DEFINE(cos) DEFINE(tan) DEFINE(sqrt) DEFINE(rsqrt) DEFINE(floor) DEFINE(ceil) DEFINE(rint)
        DEFINE(abs) DEFINE(sign) DEFINE(atan)

            static double sigmoid(double x) {
    return x < 0 ? exp(x) / (1 + exp(x)) : 1 / (1 + exp(-x));
}
static double rsqrt(double x) { return 1 / sqrt(x); }
static double sign(double x) { return x > 0 ? 1 : x < 0 ? -1 : x; }

/* bounds: the measured maximum over all 2^32 arguments, rounded up (gcc, FMA) or as without FMA */
static const row rows[] = {
    {"exp", 2, loop_exp, exp},       {"expm1", 3, loop_expm1, expm1},
    {"tanh", 4, loop_tanh, tanh},    {"sigmoid", 4, loop_sigmoid, sigmoid},
    {"erf", 4, loop_erf, erf},       {"log", 3, loop_log, log},
    {"log1p", 3, loop_log1p, log1p}, {"sin", 2, loop_sin, sin},
    {"cos", 2, loop_cos, cos},       {"tan", 4, loop_tan, tan},
    {"sqrt", 0.5, loop_sqrt, sqrt},  {"rsqrt", 1.5, loop_rsqrt, rsqrt},
    {"floor", 0, loop_floor, floor}, {"ceil", 0, loop_ceil, ceil},
    {"rint", 0, loop_rint, rint},    {"abs", 0, loop_abs, fabs},
    {"sign", 0, loop_sign, sign},    {"atan", 3, loop_atan, atan},
};

/* Distance in units of the last place of a float of the size of the exact value. */
static double ulps(float y, double exact) {
    if (isnan(exact)) return isnan(y) ? 0 : INFINITY;
    float rounded = (float)exact;
    if (isnan(y)) return INFINITY;
    if (isinf(rounded) || isinf(y)) return y == rounded ? 0 : INFINITY;
    double magnitude = fmax(fabs(exact), 0x1p-126);
    return fabs((double)y - exact) / ldexp(1, ilogb(magnitude) - 23);
}

static void measure(const row *r, uint32_t stride) {
    static float x[BLOCK], y[BLOCK];
    double worst = 0;
    float at = 0;
    for (uint64_t bits = 0; bits < 1ull << 32;) {
        int64_t n = 0;
        for (; n < BLOCK && bits < 1ull << 32; bits += stride) x[n++] = fnc_f32_of_bits(bits);
        r->ours(y, x, n);
        for (int64_t i = 0; i < n; ++i) {
            double error = ulps(y[i], r->exact(x[i]));
            if (error > worst) worst = error, at = x[i];
        }
    }
    printf("%-8s %.3f ulp at %a\n", r->name, worst, (double)at);
    CHECK(worst <= r->bound, "%s: %g ulp at %a", r->name, worst, (double)at);
}

static const float specials[] = {
    0.0f,    -0.0f,    INFINITY, -INFINITY, NAN,        1.0f,       -1.0f,      0.5f,
    -0.5f,   2.0f,     -2.0f,    3.0f,      -3.0f,      0x1p-149f,  -0x1p-149f, 0x1p-126f,
    3.4e38f, -3.4e38f, 0x1p23f,  0x1p24f,   16777217.f, -0x1p23f,   -8388609.f, 2.5f,
    -2.5f,   1e10f,    -1e10f,   88.72284f, -103.97f,   1.0000001f, 0.9999999f, 1e-20f};
enum { SPECIALS = sizeof specials / sizeof *specials };

static void special_values(void) {
    for (size_t k = 0; k < sizeof rows / sizeof *rows; ++k)
        for (int i = 0; i < SPECIALS; ++i) {
            float x = specials[i], y;
            rows[k].ours(&y, &x, 1);
            double error = ulps(y, rows[k].exact(x));
            CHECK(error <= rows[k].bound, "%s(%a) = %a", rows[k].name, (double)x, (double)y);
        }
}

static void check_pow(float x, float y, double *worst) {
    float ours = fnc_pow_f32(x, y);
    double error = ulps(ours, pow(x, y)); /* -0 and 0 are equal, the infinities are not */
    CHECK(error <= 1, "pow(%a, %a) = %a", (double)x, (double)y, (double)ours);
    *worst = fmax(*worst, error);
}

static void power(void) {
    double worst = 0;
    for (int i = 0; i < SPECIALS; ++i)
        for (int j = 0; j < SPECIALS; ++j) check_pow(specials[i], specials[j], &worst);
    for (int i = 0; i < 1000000; ++i) {
        uint64_t r = random_bits();
        float x = fnc_f32_of_bits((uint32_t)r), y = fnc_f32_of_bits((uint32_t)(r >> 32));
        check_pow(x, y, &worst);
        check_pow(x, (float)(40 * random_real()), &worst);
        check_pow((float)(1 + 0.1 * random_real()), (float)(1000 * random_real()), &worst);
        check_pow(x, (float)(int)(8 * random_real()), &worst);
    }
    printf("%-8s %.3f ulp\n", "pow", worst);
}

/* Python's definitions, by way of the C library's fmod. */
static float python_mod(float a, float b) {
    float r = fmodf(a, b);
    return r != 0 && (r < 0) != (b < 0) ? r + b : r;
}

static int same(float a, float b) { return a == b || (isnan(a) && isnan(b)); }

static void two_arguments(void) {
    for (int i = 0; i < SPECIALS; ++i)
        for (int j = 0; j < SPECIALS; ++j) {
            float a = specials[i], b = specials[j];
            float high = isnan(a) ? a : isnan(b) ? b : fmaxf(a, b);
            float low = isnan(a) ? a : isnan(b) ? b : fminf(a, b);
            CHECK(same(fnc_max_f32(a, b), high), "max(%g, %g)", (double)a, (double)b);
            CHECK(same(fnc_min_f32(a, b), low), "min(%g, %g)", (double)a, (double)b);
            CHECK(same(fnc_mod_f32(a, b), python_mod(a, b)), "mod(%g, %g)", (double)a, (double)b);
        }
    CHECK(fnc_mod_f32(-7, 3) == 2 && fnc_mod_f32(7, -3) == -2, "signs of mod");
    CHECK(fnc_floordiv_f32(-7, 3) == -3 && fnc_floordiv_f32(7, -3) == -3, "floordiv");
    CHECK(fnc_floordiv_f32(1, 0) == INFINITY && isnan(fnc_floordiv_f32(0, 0)), "floordiv by 0");
    CHECK(fnc_floordiv_f32(1.0f, 0.1f) == 9, "1 // 0.1f: 0.1f is above a tenth");
}

/* a, b, a // b as numpy.floor_divide has it */
static const double quotients[][3] = {
    {5, -INFINITY, -1},  {-5, INFINITY, -1}, {5, INFINITY, 0},   {-5, -INFINITY, 0},
    {3, -0.0, -INFINITY}, {-3, -0.0, INFINITY}, {3, 0.0, INFINITY}, {-3, 0.0, -INFINITY},
    {INFINITY, -0.0, -INFINITY}, {INFINITY, 2, NAN}, {INFINITY, INFINITY, NAN}, {0, -0.0, NAN},
    {0, -INFINITY, 0}, {NAN, 1, NAN}, {1, NAN, NAN},
};

static void quotients_at_infinity(void) {
    for (size_t k = 0; k < sizeof quotients / sizeof *quotients; ++k) {
        const double *q = quotients[k];
        float f = fnc_floordiv_f32((float)q[0], (float)q[1]);
        double d = fnc_floordiv_f64(q[0], q[1]);
        CHECK(same(f, (float)q[2]), "%g // %g = %g", q[0], q[1], (double)f);
        CHECK(same((float)d, (float)q[2]), "%g // %g = %g", q[0], q[1], d);
    }
    CHECK(fnc_pow_f64(-INFINITY, 0.5) == INFINITY, "pow(-inf, 0.5)");
}

int main(void) {
    const char *full = getenv("FNC_TEST_FULL"), *stride = getenv("FNC_TEST_STRIDE");
    uint32_t step = full ? 1 : stride ? (uint32_t)strtoul(stride, NULL, 0) : 1021;
    for (size_t k = 0; k < sizeof rows / sizeof *rows; ++k) measure(&rows[k], step);
    special_values();
    power();
    two_arguments();
    quotients_at_infinity();
    return finish();
}
