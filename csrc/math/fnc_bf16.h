/* fnc_bf16.h - numbers of bfloat16: the upper half of a float, as a bit pattern in memory.
 *
 * In registers such a number is a float whose lower half is zero; kernels compute in float (large
 * products as kern/gemm_bf16.h says) and round each result that is of dtype bfloat16. Branch-free,
 * so loops that convert vectorise. */
#ifndef FNC_BF16_H
#define FNC_BF16_H

#include "fnc_base.h"

typedef uint16_t fnc_bf16;

/* The nearest number of bfloat16, ties to even; beyond its range infinity; a NaN becomes quiet. */
FNC_INLINE float fnc_round_bf16(float x) {
    uint32_t u = fnc_bits_f32(x);
    uint32_t near = u + 0x7fffu + ((u >> 16) & 1u);
    uint32_t kept = x != x ? u | 0x400000u : near;
    return fnc_f32_of_bits(kept & 0xffff0000u);
}

FNC_INLINE float fnc_load_bf16(fnc_bf16 x) { return fnc_f32_of_bits((uint32_t)x << 16); }

/* Of a number that is rounded already. */
FNC_INLINE fnc_bf16 fnc_store_bf16(float x) { return (fnc_bf16)(fnc_bits_f32(x) >> 16); }

/* Arrays of n numbers. */
FNC_INLINE void fnc_widen_bf16(float *restrict out, const fnc_bf16 *restrict x, int64_t n) {
    for (int64_t i = 0; i < n; ++i) out[i] = fnc_load_bf16(x[i]);
}
FNC_INLINE void fnc_narrow_bf16(fnc_bf16 *restrict out, const float *restrict x, int64_t n) {
    for (int64_t i = 0; i < n; ++i) out[i] = fnc_store_bf16(fnc_round_bf16(x[i]));
}

#endif
