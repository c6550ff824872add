/* fnc_trig_f32.h - sin, cos, tan: right over the whole range, huge arguments too, and branch-free;
 * and atan.
 *
 * x * 2/pi mod 4 is taken in double. A row of the tables serves 16 binades of x: 2/pi without the
 * high bits that only add multiples of 4 to the product, cut into 29 + 29 + 53 bits. A float has
 * 24 bits, so the first two products are exact. The last row also turns infinity into NaN. */
#ifndef FNC_TRIG_F32_H
#define FNC_TRIG_F32_H

#include "fnc_round.h"

static const double fnc_two_over_pi_high[8]
    FNC_UNUSED = {0x1.45f306dp-1,  0x1.45f306cp-1,  0x1.836e4e4p-16, 0x1.3910548p-34,
                               0x1.529fc20p-52, 0x1.fc2757dp-64, 0x1.57d1f53p-80, 0x1.f534ddcp-96};
static const double fnc_two_over_pi_middle[8] FNC_UNUSED = {
    0x1.9391054p-30, 0x1.c9c882ap-29, 0x1.054a7f0p-46,  0x1.3f84eafp-61,
    0x1.d5f47d4p-78, 0x1.f534dd8p-96, 0x1.377036cp-110, 0x1.b6c52b0p-129};
static const double fnc_two_over_pi_low[8] FNC_UNUSED = {
    0x1.4fe13abe8fa9ap-59,  0x1.4fe13abe8fa9ap-59,  0x1.3abe8fa9a6ee0p-75,  0x1.47d4d377036d9p-90,
    0x1.a6ee06db14acdp-107, 0x1.036d8a5664f11p-122, 0x1.8a5664f10e410p-138, 0x1.93c439041fe51p-156};

/* x = quadrant pi/2 + r, |r| <= pi/4; the quadrant is modulo 4 in the two low bits. */
typedef struct {
    uint32_t quadrant;
    float r;
} fnc_reduced_trig;

FNC_INLINE double fnc_mod4(double x) { /* to [-2, 2]; exact, also for |x| above 2^53 */
    return x - 4.0 * fnc_rint_f64(0.25 * x);
}

FNC_INLINE fnc_reduced_trig fnc_trig_reduce_f32(float x) {
    int32_t above = (int32_t)(fnc_bits_f32(x) << 1 >> 24) - 135;     /* binades above 2^8 */
    int64_t row = (int64_t)((uint32_t)(above < 0 ? 0 : above) >> 4); /* wide: gcc gathers */
    double wide = x;
    double high = fnc_mod4(wide * fnc_two_over_pi_high[row]);
    double middle = fnc_mod4(wide * fnc_two_over_pi_middle[row]);
    double shifted = (high + middle) + 0x1.8p52;
    double turn = (high - (shifted - 0x1.8p52)) + middle + wide * fnc_two_over_pi_low[row];
    return (fnc_reduced_trig){(uint32_t)fnc_bits_f64(shifted), (float)(turn * 0x1.921fb54442d18p0)};
}

/* sin(r), or cos(r) when the quadrant is odd; negated in quadrants 2 and 3. */
FNC_INLINE float fnc_trig_poly_f32(uint32_t quadrant, float r) {
    float z = r * r;
    float s = -0.000195166554f;
    s = s * z + 0.00833217354f;
    s = s * z - 0.166666549f;
    s = r + r * z * s;
    float c = 2.44377402e-5f;
    c = c * z - 0.00138873615f;
    c = c * z + 0.0416666467f;
    c = 1.0f + z * (z * c - 0.5f);
    float y = quadrant & 1u ? c : s;
    return fnc_f32_of_bits(fnc_bits_f32(y) ^ (quadrant & 2u) << 30);
}

FNC_INLINE float fnc_sin_f32(float x) {
    fnc_reduced_trig a = fnc_trig_reduce_f32(x);
    return fnc_trig_poly_f32(a.quadrant, a.r);
}

FNC_INLINE float fnc_cos_f32(float x) {
    fnc_reduced_trig a = fnc_trig_reduce_f32(x);
    return fnc_trig_poly_f32(a.quadrant + 1u, a.r);
}

FNC_INLINE float fnc_tan_f32(float x) {
    fnc_reduced_trig a = fnc_trig_reduce_f32(x);
    return fnc_trig_poly_f32(a.quadrant, a.r) / fnc_trig_poly_f32(a.quadrant + 1u, a.r);
}

/* A polynomial on [-1, 1]; beyond it atan(x) = pi/2 - atan(1/x). */
FNC_INLINE float fnc_atan_f32(float x) {
    float a = fnc_abs_f32(x);
    float r = a > 1.0f ? 1.0f / a : a;
    float z = r * r;
    float p = 0.00297462476f;
    p = p * z - 0.0165813168f;
    p = p * z + 0.043553742f;
    p = p * z - 0.0758059345f;
    p = p * z + 0.106789461f;
    p = p * z - 0.142142101f;
    p = p * z + 0.199941372f;
    p = p * z - 0.33333167f;
    p = r + r * z * p;
    float y = a > 1.0f ? 0x1.921fb6p0f - p : p;
    return x < 0.0f ? -y : y;
}

#endif
