/* fnc_int.h - integer arithmetic and casts with a defined result for every input.
 *
 * Overflow wraps (two's complement); x / 0 and x % 0 are 0; INT_MIN / -1 wraps to INT_MIN.
 * Division and modulo round towards minus infinity, as in Python and NumPy.
 * Casts from floating point truncate, saturate, and turn NaN into 0. */
#ifndef FNC_INT_H
#define FNC_INT_H

#include "fnc_base.h"

#define FNC_DEFINE_INT(S, T, U)                                                                    \
    FNC_INLINE T fnc_add_##S(T a, T b) { return (T)((U)a + (U)b); }                                \
    FNC_INLINE T fnc_sub_##S(T a, T b) { return (T)((U)a - (U)b); }                                \
    FNC_INLINE T fnc_mul_##S(T a, T b) { return (T)((U)a * (U)b); }                                \
    FNC_INLINE T fnc_neg_##S(T a) { return (T)((U)0 - (U)a); }                                     \
    FNC_INLINE T fnc_abs_##S(T a) { return a < 0 ? fnc_neg_##S(a) : a; }                           \
    FNC_INLINE T fnc_sign_##S(T a) { return (T)((a > 0) - (a < 0)); }                              \
    FNC_INLINE T fnc_max_##S(T a, T b) { return a < b ? b : a; }                                   \
    FNC_INLINE T fnc_min_##S(T a, T b) { return b < a ? b : a; }                                   \
    FNC_INLINE T fnc_mod_##S(T a, T b) {                                                           \
        T d = b == 0 || b == -1 ? (T)1 : b; /* both leave remainder 0, without a trap */           \
        T r = (T)(a % d);                                                                          \
        return r != 0 && (r ^ d) < 0 ? (T)(r + d) : r;                                             \
    }                                                                                              \
    FNC_INLINE T fnc_floordiv_##S(T a, T b) {                                                      \
        T d = b == 0 || b == -1 ? (T)1 : b;                                                        \
        T q = (T)(a / d);                                                                          \
        q = (T)(q - ((a % d != 0) & ((a ^ d) < 0)));                                               \
        return b == 0 ? (T)0 : b == -1 ? fnc_neg_##S(a) : q;                                       \
    }                                                                                              \
    FNC_INLINE T fnc_pow_##S(T base, T exponent) { /* wraps; a negative exponent truncates */      \
        T result = 1, power = base;                                                                \
        if (exponent < 0) return base == 1 ? 1 : base != -1 ? 0 : exponent & 1 ? -1 : 1;           \
        for (; exponent; exponent = (T)(exponent >> 1)) {                                          \
            if (exponent & 1) result = fnc_mul_##S(result, power);                                 \
            power = fnc_mul_##S(power, power);                                                     \
        }                                                                                          \
        return result;                                                                             \
    }

FNC_DEFINE_INT(i32, int32_t, uint32_t)
FNC_DEFINE_INT(i64, int64_t, uint64_t)
#undef FNC_DEFINE_INT

/* T from F. LOW is the least T, exact in F; TOP is the largest F below -LOW. */
#define FNC_DEFINE_CAST(NAME, T, F, LOW, TOP, MAX)                                                 \
    FNC_INLINE T NAME(F x) {                                                                       \
        F y = x == x ? x : (F)0;                                                                   \
        y = y < (LOW) ? (LOW) : y;                                                                 \
        y = y > (TOP) ? (TOP) : y;                                                                 \
        T i = (T)y;                                                                                \
        return x >= -(LOW) ? (MAX) : i;                                                            \
    }

FNC_DEFINE_CAST(fnc_i32_from_f32, int32_t, float, -0x1p31f, 0x1.fffffep30f, INT32_MAX)
FNC_DEFINE_CAST(fnc_i32_from_f64, int32_t, double, -0x1p31, 0x1.fffffffcp30, INT32_MAX)
FNC_DEFINE_CAST(fnc_i64_from_f32, int64_t, float, -0x1p63f, 0x1.fffffep62f, INT64_MAX)
FNC_DEFINE_CAST(fnc_i64_from_f64, int64_t, double, -0x1p63, 0x1.fffffffffffffp62, INT64_MAX)
#undef FNC_DEFINE_CAST

#endif
