/* fnc_math_f64.h - the functions in double. They call the C library; float64 is for checking. */
#ifndef FNC_MATH_F64_H
#define FNC_MATH_F64_H

#include "fnc_base.h"

#define FNC_DEFINE_LIBM(NAME)                                                                      \
    FNC_INLINE double fnc_##NAME##_f64(double x) { return FNC_C(NAME)(x); }

FNC_DEFINE_LIBM(exp)
FNC_DEFINE_LIBM(expm1)
FNC_DEFINE_LIBM(log)
FNC_DEFINE_LIBM(log1p)
FNC_DEFINE_LIBM(tanh)
FNC_DEFINE_LIBM(erf)
FNC_DEFINE_LIBM(sin)
FNC_DEFINE_LIBM(cos)
FNC_DEFINE_LIBM(tan)
FNC_DEFINE_LIBM(atan)
#undef FNC_DEFINE_LIBM

/* gcc writes pow(x, 0.5) as sqrt(x), which is NaN for -infinity. */
FNC_INLINE double fnc_pow_f64(double x, double y) {
    double p = FNC_C(pow)(x, y);
    return y == 0.5 && x == -FNC_INF_F64 ? FNC_INF_F64 : p;
}

FNC_INLINE double fnc_sigmoid_f64(double x) {
    double e = FNC_C(exp)(-FNC_C(fabs)(x));
    return (x < 0.0 ? e : 1.0) / (1.0 + e);
}

#endif
