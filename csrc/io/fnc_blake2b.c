/* BLAKE2b after RFC 7693; the names are the RFC's. */
#include "fnc_blake2b.h"

#include <string.h>

static const uint64_t blake2b_iv[8] = {
    0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b, 0xa54ff53a5f1d36f1,
    0x510e527fade682d1, 0x9b05688c2b3e6c1f, 0x1f83d9abfb41bd6b, 0x5be0cd19137e2179,
};

static const unsigned char blake2b_sigma[10][16] = {
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
    {14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
    {11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4},
    {7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8},
    {9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13},
    {2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9},
    {12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11},
    {13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10},
    {6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5},
    {10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0},
};

static uint64_t blake2b_rotate(uint64_t x, int right) {
    return x >> right | x << (64 - right);
}

static uint64_t blake2b_load(const unsigned char *bytes) {
    uint64_t word = 0;
    for (int i = 7; i >= 0; i--)
        word = word << 8 | bytes[i];
    return word;
}

static void blake2b_mix(uint64_t v[16], int a, int b, int c, int d, uint64_t x, uint64_t y) {
    v[a] += v[b] + x;
    v[d] = blake2b_rotate(v[d] ^ v[a], 32);
    v[c] += v[d];
    v[b] = blake2b_rotate(v[b] ^ v[c], 24);
    v[a] += v[b] + y;
    v[d] = blake2b_rotate(v[d] ^ v[a], 16);
    v[c] += v[d];
    v[b] = blake2b_rotate(v[b] ^ v[c], 63);
}

static void blake2b_round(uint64_t v[16], const uint64_t m[16], const unsigned char s[16]) {
    blake2b_mix(v, 0, 4, 8, 12, m[s[0]], m[s[1]]);
    blake2b_mix(v, 1, 5, 9, 13, m[s[2]], m[s[3]]);
    blake2b_mix(v, 2, 6, 10, 14, m[s[4]], m[s[5]]);
    blake2b_mix(v, 3, 7, 11, 15, m[s[6]], m[s[7]]);
    blake2b_mix(v, 0, 5, 10, 15, m[s[8]], m[s[9]]);
    blake2b_mix(v, 1, 6, 11, 12, m[s[10]], m[s[11]]);
    blake2b_mix(v, 2, 7, 8, 13, m[s[12]], m[s[13]]);
    blake2b_mix(v, 3, 4, 9, 14, m[s[14]], m[s[15]]);
}

static void blake2b_compress(fnc_blake2b *hash, const unsigned char block[128], uint64_t last) {
    uint64_t v[16], m[16];
    for (int i = 0; i < 16; i++)
        m[i] = blake2b_load(block + 8 * i);
    memcpy(v, hash->state, sizeof hash->state);
    memcpy(v + 8, blake2b_iv, sizeof blake2b_iv);
    v[12] ^= hash->count;
    v[14] ^= last;
    for (int i = 0; i < 12; i++)
        blake2b_round(v, m, blake2b_sigma[i % 10]);
    for (int i = 0; i < 8; i++)
        hash->state[i] ^= v[i] ^ v[i + 8];
}

void fnc_blake2b_init(fnc_blake2b *hash) {
    memset(hash, 0, sizeof *hash);
    memcpy(hash->state, blake2b_iv, sizeof blake2b_iv);
    hash->state[0] ^= 0x01010000 ^ FNC_BLAKE2B_BYTES;
}

void fnc_blake2b_update(fnc_blake2b *hash, const void *data, uint64_t size) {
    const unsigned char *bytes = data;
    while (size > 0) {
        /* A full block is hashed only when more follows: the last one is marked as last. */
        if (hash->used == sizeof hash->block) {
            hash->count += hash->used;
            blake2b_compress(hash, hash->block, 0);
            hash->used = 0;
        }
        size_t room = sizeof hash->block - hash->used;
        size_t part = size < room ? (size_t)size : room;
        memcpy(hash->block + hash->used, bytes, part);
        hash->used += part;
        bytes += part;
        size -= part;
    }
}

void fnc_blake2b_final(fnc_blake2b *hash, unsigned char digest[FNC_BLAKE2B_BYTES]) {
    memset(hash->block + hash->used, 0, sizeof hash->block - hash->used);
    hash->count += hash->used;
    blake2b_compress(hash, hash->block, ~(uint64_t)0);
    for (int i = 0; i < FNC_BLAKE2B_BYTES; i++)
        digest[i] = (unsigned char)(hash->state[i / 8] >> 8 * (i % 8));
}
