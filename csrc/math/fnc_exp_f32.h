/* fnc_exp_f32.h - exp and what is made of it: expm1, tanh, sigmoid, erf, softplus' parts.
 *
 * Branch-free scalar text that gcc and clang vectorise. Coefficients: fit_coefficients.py. */
#ifndef FNC_EXP_F32_H
#define FNC_EXP_F32_H

#include "fnc_base.h"

/* x = n ln2 + r with |r| <= ln2 / 2, |x| < 2^15. n is an integer kept as wrapped bits, so that the
 * garbage of a NaN stays defined; r is NaN for NaN. */
typedef struct {
    uint32_t n;
    float r;
} fnc_reduced_f32;

FNC_INLINE fnc_reduced_f32 fnc_exp_reduce_f32(float x) {
    float t = x * 0x1.715476p0f + 0x1.8p23f; /* the sum leaves n in the low mantissa bits */
    float n = t - 0x1.8p23f;
    float r = x - n * 0x1.63p-1f; /* 9 bits: the product is exact without FMA too */
    return (fnc_reduced_f32){fnc_bits_f32(t) - 0x4b400000u, r - n * -0x1.bd0106p-13f};
}

/* exp(r) - 1 for |r| <= ln2 / 2. */
FNC_INLINE float fnc_expm1_poly_f32(float r) {
    float p = 0.00138824876f;
    p = p * r + 0.00836654809f;
    p = p * r + 0.0416672011f;
    p = p * r + 0.166665434f;
    p = p * r + 0.499999981f;
    return r + r * r * p;
}

/* 2^n for -126 <= n <= 127. */
FNC_INLINE float fnc_exp2_int_f32(uint32_t n) { return fnc_f32_of_bits((n + 127u) << 23); }

/* max error: see the table in fnc_math.h */
FNC_INLINE float fnc_exp_f32(float x) {
    x = x > 89.0f ? 89.0f : x;
    x = x < -104.0f ? -104.0f : x;
    fnc_reduced_f32 a = fnc_exp_reduce_f32(x);
    uint32_t half = (uint32_t)((int32_t)a.n >> 1); /* 2^n itself may not be representable */
    float y = fnc_expm1_poly_f32(a.r) + 1.0f;
    return y * fnc_exp2_int_f32(half) * fnc_exp2_int_f32(a.n - half);
}

FNC_INLINE float fnc_expm1_f32(float x) {
    x = x > 89.0f ? 89.0f : x;
    x = x < -30.0f ? -30.0f : x;
    fnc_reduced_f32 a = fnc_exp_reduce_f32(x);
    float half = fnc_exp2_int_f32(a.n - 1u); /* half of 2^n: n may be 128 */
    return 2.0f * (half * fnc_expm1_poly_f32(a.r) + (half - 0.5f));
}

/* |x|, but no more than `most`, which a NaN becomes. The integers are compared: of a comparison of
 * numbers gcc makes two paths, on which all that follows is computed twice. */
FNC_INLINE float fnc_abs_to_f32(float x, float most) {
    uint32_t a = fnc_bits_f32(x) & 0x7fffffffu, b = fnc_bits_f32(most);
    return fnc_f32_of_bits(a < b ? a : b);
}

/* In sigmoid and tanh below, the sum that rounds to n leaves in its low bits the exponent of a power
 * of two as well: shifted into place they are 2^(n - 24), or 2^n. Far out both are garbage, and a
 * constant is chosen in their place; a NaN comes through. */

/* e / (e + 2) with e = exp(2x) - 1. x is n ln2 / 2 and r, of half the size that
 * fnc_expm1_poly_f32 takes; 1 from |x| = 9.1 on. */
FNC_INLINE float fnc_tanh_f32(float x) {
    const float rounder = 0x1.8p23f + 127.0f;
    float t = x * 0x1.715476p1f + rounder;
    float n = t - rounder;
    float r = x - n * 0x1.63p-2f;
    r = r - n * -0x1.bd0106p-14f;
    float p = 64 * 0.00138824876f;
    p = p * r + 32 * 0.00836654809f;
    p = p * r + 16 * 0.0416672011f;
    p = p * r + 8 * 0.166665434f;
    p = p * r + 4 * 0.499999981f;
    p = p * r + 2.0f;
    float power = fnc_f32_of_bits(fnc_bits_f32(t) << 23);
    float e = power * r * p + (power - 1.0f);
    return FNC_C(fabsf)(x) > 10.0f ? FNC_C(copysignf)(1.0f, x) : e / (e + 2.0f);
}

/* 1 / (1 + e) with e = exp(-x), all of it times 2^-24: so e is a number where the result is one,
 * subnormal or not. */
FNC_INLINE float fnc_sigmoid_f32(float x) {
    const float rounder = 0x1.8p23f + 103.0f;
    float t = x * -0x1.715476p0f + rounder;
    float n = t - rounder;
    float r = -x - n * 0x1.63p-1f;
    r = r - n * -0x1.bd0106p-13f;
    float p = 0.00831255382f;
    p = p * r + 0.0418903431f;
    p = p * r + 0.166671148f;
    p = p * r + 0.499992302f;
    p = p * r + 1.0f;
    p = p * r + 1.0f;
    float power = fnc_f32_of_bits(fnc_bits_f32(t) << 23);
    float y = 0x1p-24f / (p * power + 0x1p-24f);
    y = x < -104.0f ? 0.0f : y;
    return x > 70.0f ? 1.0f : y;
}

/* x P(x^2) up to |x| = 3.75, where 1 is as near as a rounding; the polynomial is written about the
 * middle of the squares, or its terms would cancel. */
FNC_INLINE float fnc_erf_f32(float x) {
    float c = FNC_C(copysignf)(fnc_abs_to_f32(x, 3.75f), x);
    float u = c * c * 0.142222226f - 1.0f;
    float p = -0.000361828842f;
    p = p * u + 0.000966901286f;
    p = p * u - 0.000907880744f;
    p = p * u + 0.00157907914f;
    p = p * u - 0.00490386334f;
    p = p * u + 0.00955080185f;
    p = p * u - 0.015342814f;
    p = p * u + 0.0246503294f;
    p = p * u - 0.037855625f;
    p = p * u + 0.0537262205f;
    p = p * u - 0.0715057323f;
    p = p * u + 0.0907228543f;
    p = p * u - 0.111948687f;
    p = p * u + 0.139269784f;
    p = p * u - 0.18802983f;
    p = p * u + 0.377056925f;
    return x == x ? c * p : x;
}

#endif
