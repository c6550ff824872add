/* fnc_log_f32.h - log, log1p. Branch-free scalar text; coefficients: fit_coefficients.py. */
#ifndef FNC_LOG_F32_H
#define FNC_LOG_F32_H

#include "fnc_base.h"

/* log(1 + f) + k ln2 for f in [sqrt(1/2) - 1, sqrt(2) - 1]. */
FNC_INLINE float fnc_log_poly_f32(float f, float k) {
    float p = -0.0785966495f;
    p = p * f + 0.128816697f;
    p = p * f - 0.131287388f;
    p = p * f + 0.141811876f;
    p = p * f - 0.166245561f;
    p = p * f + 0.200022866f;
    p = p * f - 0.250008103f;
    p = p * f + 0.333333167f;
    float z = f * f;
    float tail = f * z * p + k * -0x1.bd0106p-13f - 0.5f * z;
    return k * 0x1.63p-1f + (f + tail); /* k times 9 bits is exact */
}

/* The exponent k such that x / 2^k is in [sqrt(1/2), sqrt(2)), for normal x > 0. */
FNC_INLINE int32_t fnc_log_exponent_f32(float x) {
    return (int32_t)(fnc_bits_f32(x) - 0x3f3504f3u) >> 23;
}

FNC_INLINE float fnc_log_f32(float x) {
    int denormal = x < 0x1p-126f;
    float s = denormal ? x * 0x1p23f : x;
    int32_t k = fnc_log_exponent_f32(s);
    float m = fnc_f32_of_bits(fnc_bits_f32(s) - ((uint32_t)k << 23));
    float y = fnc_log_poly_f32(m - 1.0f, (float)(denormal ? k - 23 : k));
    y = x < FNC_INF_F32 ? y : x; /* infinity and NaN */
    y = x == 0.0f ? -FNC_INF_F32 : y;
    return x < 0.0f ? FNC_NAN_F32 : y;
}

/* u = 1 + x rounds; what it loses comes back, scaled, in the reduced argument. */
FNC_INLINE float fnc_log1p_f32(float x) {
    float u = 1.0f + x;
    float lost = x > 1.0f ? 1.0f - (u - x) : x - (u - 1.0f);
    int32_t k = fnc_log_exponent_f32(u);
    float m = fnc_f32_of_bits(fnc_bits_f32(u) - ((uint32_t)k << 23));
    float scale = fnc_f32_of_bits((uint32_t)(127 - (k > 126 ? 126 : k)) << 23);
    float y = fnc_log_poly_f32((m - 1.0f) + lost * scale, (float)k);
    y = x < FNC_INF_F32 ? y : x;
    y = x == -1.0f ? -FNC_INF_F32 : y;
    return x < -1.0f ? FNC_NAN_F32 : y;
}

#endif
