/* philox.h - Philox4x32-10 (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2,
 * 3", SC 2011): random bits as a pure function of key and index.
 *
 * Element i of the stream of a key is word i % 4 of the block whose counter is
 * (low32(i / 4), high32(i / 4), 0, 0). fncompile/ir/philox.py is the NumPy twin. */
#ifndef FNC_PHILOX_H
#define FNC_PHILOX_H

#include "../math/fnc_base.h"

#if !FNC_PORTABLE
/* Lanes of 64 bits of which the low half counts: one instruction multiplies the halves. Only gcc
 * for x86 has to be told; others see it in the text. */
#if defined(__AVX512F__)
enum { FNC_PHILOX_LANES = 8 };
#elif defined(__AVX2__)
enum { FNC_PHILOX_LANES = 4 };
#else
enum { FNC_PHILOX_LANES = 2 };
#endif
typedef uint64_t fnc_philox_word __attribute__((vector_size(8 * FNC_PHILOX_LANES)));

FNC_INLINE fnc_philox_word fnc_philox_mul(fnc_philox_word a, fnc_philox_word b) {
#if defined(__clang__) || !defined(__SSE2__)
    return (a & 0xFFFFFFFFu) * (b & 0xFFFFFFFFu);
#elif defined(__AVX512F__)
    typedef int v16si __attribute__((vector_size(64)));
    typedef long long v8di __attribute__((vector_size(64)));
    return (fnc_philox_word)__builtin_ia32_pmuludq512_mask((v16si)a, (v16si)b, (v8di){0}, 0xFF);
#elif defined(__AVX2__)
    typedef int v8si __attribute__((vector_size(32)));
    return (fnc_philox_word)__builtin_ia32_pmuludq256((v8si)a, (v8si)b);
#else
    typedef int v4si __attribute__((vector_size(16)));
    return (fnc_philox_word)__builtin_ia32_pmuludq128((v4si)a, (v4si)b);
#endif
}

/* The ten rounds, in place, on the counters of all lanes. */
FNC_INLINE void fnc_philox_mix(fnc_philox_word c[4], uint32_t key0, uint32_t key1) {
    const fnc_philox_word m0 = (fnc_philox_word){0} + 0xD2511F53u;
    const fnc_philox_word m1 = (fnc_philox_word){0} + 0xCD9E8D57u;
    FNC_UNROLL(10)
    for (int round = 0; round < 10; ++round) {
        fnc_philox_word a = fnc_philox_mul(c[0], m0), b = fnc_philox_mul(c[2], m1);
        c[0] = (b >> 32) ^ c[1] ^ (uint64_t)key0;
        c[1] = b;
        c[2] = (a >> 32) ^ c[3] ^ (uint64_t)key1;
        c[3] = a;
        key0 += 0x9E3779B9u;
        key1 += 0xBB67AE85u;
    }
}

/* out[0 .. 4 LANES - 1] = the blocks first ... first + LANES - 1. */
FNC_INLINE void fnc_philox_blocks(uint32_t *restrict out, uint64_t first, uint32_t key0,
                                  uint32_t key1) {
    fnc_philox_word c[4] = {{0}, {0}, {0}, {0}}, block;
    for (int l = 0; l < FNC_PHILOX_LANES; ++l) block[l] = first + (uint64_t)l;
    c[0] = block;
    c[1] = block >> 32;
    fnc_philox_mix(c, key0, key1);
    fnc_philox_word low = (c[0] & 0xFFFFFFFFu) | c[1] << 32;
    fnc_philox_word high = (c[2] & 0xFFFFFFFFu) | c[3] << 32;
    for (int l = 0; l < FNC_PHILOX_LANES; ++l) {
        uint64_t pair[2] = {low[l], high[l]};
        uint32_t word[4] = {(uint32_t)pair[0], (uint32_t)(pair[0] >> 32), (uint32_t)pair[1],
                            (uint32_t)(pair[1] >> 32)};
        FNC_C(memcpy)(out + 4 * l, word, sizeof word);
    }
}

#endif

/* Element `index` of the stream of the key. For many elements fnc_philox_fill is 20 times faster.
 */
FNC_INLINE uint32_t fnc_philox(uint32_t key0, uint32_t key1, uint64_t index) {
    uint32_t w[4] = {(uint32_t)(index >> 2), (uint32_t)(index >> 34), 0, 0};
    for (int round = 0; round < 10; ++round) {
        uint64_t a = 0xD2511F53ull * w[0], b = 0xCD9E8D57ull * w[2];
        w[0] = (uint32_t)(b >> 32) ^ w[1] ^ key0;
        w[1] = (uint32_t)b;
        w[2] = (uint32_t)(a >> 32) ^ w[3] ^ key1;
        w[3] = (uint32_t)a;
        key0 += 0x9E3779B9u;
        key1 += 0xBB67AE85u;
    }
    return w[index & 3];
}

/* out[i] = element start + i, for 0 <= i < n; start >= 0. */
FNC_NOINLINE void fnc_philox_fill(uint32_t *restrict out, int64_t start, int64_t n, uint32_t key0,
                                  uint32_t key1) {
#if !FNC_PORTABLE
    enum { CHUNK = 4 * FNC_PHILOX_LANES };
#endif
    uint64_t index = (uint64_t)start;
    int64_t i = 0;
    for (; i < n && index & 3; ++i, ++index) out[i] = fnc_philox(key0, key1, index);
#if !FNC_PORTABLE
    for (; n - i >= CHUNK; i += CHUNK, index += CHUNK)
        fnc_philox_blocks(out + i, index >> 2, key0, key1);
#endif
    for (; i < n; ++i, ++index) out[i] = fnc_philox(key0, key1, index);
}

#endif
