/* fnc_f16.h - numbers of float16 (IEEE 754 binary16): sign, 5 bits of exponent, 10 of fraction.
 *
 * In memory such a number is its bit pattern in a uint16_t, for callers too: not every compiler has
 * _Float16, C++ and ctypes have none. In registers it is a float that was rounded; kernels compute
 * in float and round each result that is of dtype float16. Branch-free, so loops that convert
 * vectorise, which gcc 12 does not do for its own conversions; without F16C they would be calls.
 * No step meets a subnormal float, which a mode of the processor might take for 0. */
#ifndef FNC_F16_H
#define FNC_F16_H

#include "fnc_base.h"

/* The nearest number of float16, ties to even; beyond its range infinity; a NaN stays one. */
FNC_INLINE float fnc_round_f16(float x) {
    const uint32_t u = fnc_bits_f32(x), sign = u & 0x80000000u, size = u ^ sign;
    /* Below 2^-14 numbers are 2^-24 apart, as floats between 0.5 and 1 are, at a half of that. */
    const uint32_t small = fnc_bits_f32(fnc_f32_of_bits(size) + 0.5f);
    const uint32_t low = fnc_bits_f32(fnc_f32_of_bits(small) - 0.5f);
    const uint32_t near = (size + 0xfffu + ((size >> 13) & 1u)) & 0xffffe000u;
    uint32_t kept = size < 0x38800000u ? low : near;
    kept = near >= 0x47800000u ? 0x7f800000u : kept;
    kept = size > 0x7f800000u ? size | 0x400000u : kept;
    return fnc_f32_of_bits(kept | sign);
}

FNC_INLINE float fnc_load_f16(uint16_t x) {
    const uint32_t size = ((uint32_t)x & 0x7fffu) << 13, sign = ((uint32_t)x & 0x8000u) << 16;
    const uint32_t normal = size + 0x38000000u; /* exponents count from 15 there, from 127 here */
    const uint32_t low = fnc_bits_f32(fnc_f32_of_bits(size + 0x38800000u) - 0x1p-14f);
    uint32_t wide = size < 0x00800000u ? low : normal;
    wide = size >= 0x0f800000u ? size + 0x70000000u : wide;
    return fnc_f32_of_bits(wide | sign);
}

/* Of a number that is rounded already. */
FNC_INLINE uint16_t fnc_store_f16(float x) {
    const uint32_t u = fnc_bits_f32(x), sign = u & 0x80000000u, size = u ^ sign;
    const uint32_t low = fnc_bits_f32(fnc_f32_of_bits(size) + 0.5f) - 0x3f000000u;
    uint32_t bits = size < 0x38800000u ? low : (size - 0x38000000u) >> 13;
    bits = size >= 0x7f800000u ? 0x7c00u | ((size & 0x7fffffu) >> 13) : bits;
    return (uint16_t)(bits | sign >> 16);
}

#endif
