/* fnc_round.h - rounding, comparison-like and other exact functions of floats.
 *
 * All results are exact or correctly rounded. max/min propagate NaN as numpy.maximum does; with a
 * constant second argument they are one instruction, so keep the constant on the right. */
#ifndef FNC_ROUND_H
#define FNC_ROUND_H

#include "fnc_base.h"

/* Is x zero or subnormal? Asked of the bits: told that x == 0, the compiler may take it for +0, and
 * 3 / -0 for +infinity. */
FNC_INLINE int fnc_tiny_f32(float x) { return fnc_bits_f32(x) << 1 < 0x01000000u; }
FNC_INLINE int fnc_tiny_f64(double x) { return fnc_bits_f64(x) << 1 < 0x0020000000000000u; }

/* Has x a minus, -0 and NaN included? Of the bits, for the same reason. */
FNC_INLINE int fnc_signbit_f32(float x) { return (int)(fnc_bits_f32(x) >> 31); }
FNC_INLINE int fnc_signbit_f64(double x) { return (int)(fnc_bits_f64(x) >> 63); }

/* Nearest integer of x, ties to even, for |x| <= 2^22; NaN and infinity give NaN. */
FNC_INLINE float fnc_rint_small_f32(float x) { return (x + 0x1.8p23f) - 0x1.8p23f; }
FNC_INLINE double fnc_rint_small_f64(double x) { return (x + 0x1.8p52) - 0x1.8p52; }

#if FNC_HAS_ROUND
FNC_INLINE float fnc_rint_f32(float x) { return FNC_C(rintf)(x); }
FNC_INLINE double fnc_rint_f64(double x) { return FNC_C(rint)(x); }
FNC_INLINE float fnc_floor_f32(float x) { return FNC_C(floorf)(x); }
FNC_INLINE double fnc_floor_f64(double x) { return FNC_C(floor)(x); }
#else
FNC_INLINE float fnc_rint_f32(float x) {
    float a = FNC_C(fabsf)(x);
    float r = FNC_C(copysignf)((a + 0x1p23f) - 0x1p23f, x);
    return a < 0x1p23f ? r : x;
}
FNC_INLINE double fnc_rint_f64(double x) {
    double a = FNC_C(fabs)(x);
    double r = FNC_C(copysign)((a + 0x1p52) - 0x1p52, x);
    return a < 0x1p52 ? r : x;
}
FNC_INLINE float fnc_floor_f32(float x) {
    float r = fnc_rint_f32(x);
    return r > x ? r - 1.0f : r;
}
FNC_INLINE double fnc_floor_f64(double x) {
    double r = fnc_rint_f64(x);
    return r > x ? r - 1.0 : r;
}
#endif

#define FNC_DEFINE_EXACT(S, T, F)                                                                  \
    FNC_INLINE T fnc_ceil_##S(T x) { return -fnc_floor_##S(-x); }                                  \
    FNC_INLINE T fnc_abs_##S(T x) { return FNC_C(fabs##F)(x); }                                    \
    FNC_INLINE T fnc_sqrt_##S(T x) { return FNC_C(sqrt##F)(x); }                                   \
    FNC_INLINE T fnc_rsqrt_##S(T x) { return (T)1 / FNC_C(sqrt##F)(x); }                           \
    FNC_INLINE T fnc_max_##S(T a, T b) { /* a NaN in a makes the comparison false */               \
        T m = a < b ? b : a;                                                                       \
        return b != b ? b : m;                                                                     \
    }                                                                                              \
    FNC_INLINE T fnc_min_##S(T a, T b) {                                                           \
        T m = a > b ? b : a;                                                                       \
        return b != b ? b : m;                                                                     \
    }                                                                                              \
    FNC_INLINE T fnc_sign_##S(T x) { /* -1, 0, 1; NaN for NaN */                                   \
        T s = x > 0 ? (T)1 : x < 0 ? (T)-1 : (T)0;                                                 \
        return x != x ? x : s;                                                                     \
    }                                                                                              \
    FNC_INLINE int fnc_isnan_##S(T x) { return x != x; }                                           \
    FNC_INLINE int fnc_isfinite_##S(T x) { return FNC_C(fabs##F)(x) < (T)FNC_INF_F64; }            \
    FNC_INLINE T fnc_mod_##S(T a, T b) { /* Python's %: the sign of b; NaN for b = 0 */            \
        T r = FNC_C(fmod##F)(a, b);                                                                \
        return r != 0 && (r < 0) != (b < 0) ? r + b : r;                                           \
    }                                                                                              \
    FNC_INLINE T fnc_floordiv_##S(T a, T b) { /* numpy.floor_divide: consistent with mod */        \
        T r = FNC_C(fmod##F)(a, b), q = (a - r) / b;                                               \
        q = r != 0 && (r < 0) != (b < 0) ? q - 1 : q;                                              \
        T f = fnc_floor_##S(q);                                                                    \
        f = q - f > (T)0.5 ? f + 1 : f;                                                            \
        return fnc_tiny_##S(b) ? fnc_floor_##S(a / b) : f;                                         \
    }

FNC_DEFINE_EXACT(f32, float, f)
FNC_DEFINE_EXACT(f64, double, )
#undef FNC_DEFINE_EXACT

#endif
