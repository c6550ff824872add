/* fnc_tiles.h: may this process use the tiles of AMX, and do they compute?
 *
 *     fnc_tiles_work()     1 or 0; takes some microseconds, and no memory but the stack
 *
 * Linux gives tiles to a process that asks for them, and to all of its threads and children then; it
 * remembers, so that a library need not. An old one knows none, and an emulator or a sandbox may
 * refuse them though cpuid has them. Ask when a context is made: the question is a system call.
 * What tiles compute is seen before code for them is chosen, for processors with them are few
 * beside the emulators that play them: one product of whole numbers, exact in any order of sums,
 * against plain C. */
#ifndef FNC_TILES_H
#define FNC_TILES_H

#include "../kern/bf16_isa.h"

#if FNC_HAS_AMX
#if !defined(FNC_BF16_TWIN)
FNC_INLINE int fnc_may_tile(void) {
    enum { ARCH_PRCTL = 158, ARCH_REQ_XCOMP_PERM = 0x1023, XTILEDATA = 18 };
    int64_t status = ARCH_PRCTL;
    __asm__ volatile("syscall"
                     : "+a"(status)
                     : "D"((int64_t)ARCH_REQ_XCOMP_PERM), "S"((int64_t)XTILEDATA)
                     : "rcx", "r11", "memory");
    return status == 0;
}
#endif

/* Number i of a series of whole ones from -8 to 7. */
FNC_INLINE float fnc_tile_number(uint32_t i) {
    return (float)(int)(i * 0x9e3779b1u >> 28) - 8;
}

FNC_NOINLINE int fnc_tiles_work(void) {
    enum { N = 16 };
    fnc_word a[N][N], b[N][N];
    float c[N][N];
    if (!fnc_may_tile()) return 0;
    for (uint32_t i = 0; i < N * N; ++i) {
        const uint32_t at = 5 * i; /* two numbers of a, two of b, one of c */
        a[i / N][i % N] = fnc_bits_f32(fnc_tile_number(at)) >> 16 |
                          fnc_bits_f32(fnc_tile_number(at + 1));
        b[i / N][i % N] = fnc_bits_f32(fnc_tile_number(at + 2)) >> 16 |
                          fnc_bits_f32(fnc_tile_number(at + 3));
        c[i / N][i % N] = fnc_tile_number(at + 4);
    }
    fnc_tiles_open();
    FNC_TILE_LOAD(0, c, sizeof *c);
    FNC_TILE_LOAD(4, a, sizeof *a);
    FNC_TILE_LOAD(6, b, sizeof *b);
    FNC_TILE_DOT(0, 4, 6);
    FNC_TILE_STORE(0, c, sizeof *c);
    FNC_TILE_RELEASE();
    for (int i = 0; i < N; ++i)
        for (int j = 0; j < N; ++j) {
            float sum = fnc_tile_number((uint32_t)(5 * (i * N + j) + 4));
            for (int k = 0; k < N; ++k) {
                const fnc_bf16 low[2] = {(fnc_bf16)a[i][k], (fnc_bf16)b[k][j]};
                const fnc_bf16 high[2] = {(fnc_bf16)(a[i][k] >> 16), (fnc_bf16)(b[k][j] >> 16)};
                sum += fnc_load_bf16(low[0]) * fnc_load_bf16(low[1]) +
                       fnc_load_bf16(high[0]) * fnc_load_bf16(high[1]);
            }
            if (c[i][j] != sum) return 0;
        }
    return 1;
}
#endif

#endif
