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

FNC_INLINE uint64_t fnc_neg_u64(uint64_t a) { return 0 - a; }
FNC_INLINE uint64_t fnc_abs_u64(uint64_t a) { return a; }
FNC_INLINE uint64_t fnc_sign_u64(uint64_t a) { return a > 0; }
FNC_INLINE uint64_t fnc_max_u64(uint64_t a, uint64_t b) { return a < b ? b : a; }
FNC_INLINE uint64_t fnc_min_u64(uint64_t a, uint64_t b) { return b < a ? b : a; }
FNC_INLINE uint64_t fnc_mod_u64(uint64_t a, uint64_t b) { return b == 0 ? 0 : a % b; }
FNC_INLINE uint64_t fnc_floordiv_u64(uint64_t a, uint64_t b) { return b == 0 ? 0 : a / b; }
FNC_INLINE uint64_t fnc_pow_u64(uint64_t base, uint64_t exponent) { /* wraps */
    uint64_t result = 1;
    for (; exponent; exponent >>= 1, base *= base)
        if (exponent & 1) result *= base;
    return result;
}

/* T from F. LOW is the least T and END the first number above all, exact in F; TOP is the largest F
 * below END. */
#define FNC_DEFINE_CAST(NAME, T, F, LOW, TOP, END, MAX)                                            \
    FNC_INLINE T NAME(F x) {                                                                       \
        F y = x == x ? x : (F)0;                                                                   \
        y = y < (LOW) ? (LOW) : y;                                                                 \
        y = y > (TOP) ? (TOP) : y;                                                                 \
        T i = (T)y;                                                                                \
        return x >= (END) ? (MAX) : i;                                                             \
    }

FNC_DEFINE_CAST(fnc_i32_from_f32, int32_t, float, -0x1p31f, 0x1.fffffep30f, 0x1p31f, INT32_MAX)
FNC_DEFINE_CAST(fnc_i32_from_f64, int32_t, double, -0x1p31, 0x1.fffffffcp30, 0x1p31, INT32_MAX)
FNC_DEFINE_CAST(fnc_i64_from_f32, int64_t, float, -0x1p63f, 0x1.fffffep62f, 0x1p63f, INT64_MAX)
FNC_DEFINE_CAST(fnc_i64_from_f64, int64_t, double, -0x1p63, 0x1.fffffffffffffp62, 0x1p63, INT64_MAX)
FNC_DEFINE_CAST(fnc_u64_from_f32, uint64_t, float, 0.0f, 0x1.fffffep63f, 0x1p64f, UINT64_MAX)
FNC_DEFINE_CAST(fnc_u64_from_f64, uint64_t, double, 0.0, 0x1.fffffffffffffp63, 0x1p64, UINT64_MAX)
#undef FNC_DEFINE_CAST

#endif
