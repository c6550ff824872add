/* fnc_pow_f32.h - pow with the special cases of C, through exp2(y log2|x|) in double.
 *
 * The sign is asked of the bits, for -0 has one too: pow(-0, -1) is -infinity.
 * Every float is a normal double, so neither denormals nor overflow need care on the way. */
#ifndef FNC_POW_F32_H
#define FNC_POW_F32_H

#include "fnc_round.h"

/* log2(x) for finite x > 0 that is a float: relative error below 2^-42. */
FNC_INLINE double fnc_log2_wide(double x) {
    uint64_t bits = fnc_bits_f64(x) - 0x3fe6a09e667f3bcdu; /* sqrt(1/2) */
    uint64_t biased = (bits + (2048ull << 52)) >> 52;      /* exponent + 2048, never negative */
    double k = fnc_f64_of_bits(biased | 0x4330000000000000u) - (0x1p52 + 2048.0);
    double m = fnc_f64_of_bits(fnc_bits_f64(x) - ((biased - 2048u) << 52));
    double s = (m - 1.0) / (m + 1.0), z = s * s;
    double p = 0.19585517873922468;
    p = p * z + 0.22176099910445103;
    p = p * z + 0.28572111126961763;
    p = p * z + 0.39999995604840054;
    p = p * z + 0.66666666675845898;
    return k + (2.0 * s + s * z * p) * 0x1.71547652b82fep0;
}

/* 2^x for |x| <= 1000; NaN for NaN. */
FNC_INLINE double fnc_exp2_wide(double x) {
    double t = x + 0x1.8p52, n = t - 0x1.8p52;
    double r = (x - n) * 0x1.62e42fefa39efp-1;
    double p = 0.00138824876;
    p = p * r + 0.00836654809;
    p = p * r + 0.0416672011;
    p = p * r + 0.166665434;
    p = p * r + 0.499999981;
    double scale = fnc_f64_of_bits((fnc_bits_f64(t) + 1023u) << 52);
    return (1.0 + (r + r * r * p)) * scale;
}

FNC_INLINE float fnc_pow_f32(float x, float y) {
    float a = FNC_C(fabsf)(x), infinity = FNC_INF_F32;
    double e = (double)y * fnc_log2_wide((double)a);
    /* log2 of 0 and of infinity, times y; y infinite comes out right by itself unless a is 1 */
    double edge = a == 0.0f ? -(double)infinity * y : (double)infinity * y;
    e = a == 0.0f || a == infinity ? edge : e;
    e = e > 1000.0 ? 1000.0 : e;
    e = e < -1000.0 ? -1000.0 : e;
    float p = (float)fnc_exp2_wide(e);
    int whole = fnc_rint_f32(y) == y;
    int odd = whole & (fnc_rint_f32(0.5f * y) != 0.5f * y);
    p = fnc_f32_of_bits(fnc_bits_f32(p) ^ (fnc_bits_f32(x) & (uint32_t)odd << 31));
    p = x < 0.0f && !whole && a < infinity ? FNC_NAN_F32 : p;
    p = a == 1.0f && FNC_C(fabsf)(y) == infinity ? 1.0f : p;
    p = x != x ? x : p;
    return x == 1.0f || y == 0.0f ? 1.0f : p;
}

#endif
