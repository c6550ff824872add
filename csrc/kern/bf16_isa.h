/* bf16_isa.h - the few instructions for products of bfloat16: AVX512-BF16, and on top of it AMX.
 *
 *     FNC_HAS_BF16, FNC_HAS_AMX    what this is compiled for; both 0 on every other CPU
 *     FNC_DOT_BF16(c, a, b)        c += a.high * b.high, then c += a.low * b.low, in 16 lanes
 *     FNC_TILE_...                 the registers of tiles 0 .. 7, each 16 rows of 64 bytes: from
 *                                  fnc_tiles_open() to FNC_TILE_RELEASE()
 *
 * Code for AMX runs only where rt/fnc_tiles.h says that it may.
 *
 * A word holds two numbers, the first in its lower half. Inline assembly, for gcc and clang name
 * their builtins differently. With FNC_BF16_TWIN plain C takes the place of the instructions, so
 * that what stands on them is tested on any machine.
 *
 * Numerics, as Intel's manual states them: numbers below 2^-126 count as zero and become zero; each
 * sum is rounded to nearest. A chain of FNC_DOT_BF16 is K rounded multiply-adds, like the float
 * kernels', in another order. A tile product sums 16 first and 16 second numbers of words apart,
 * adds both sums, then adds that to c. Either is within K 2^-23 sum |a b| of the exact sum. */
#ifndef FNC_BF16_ISA_H
#define FNC_BF16_ISA_H

#include "../math/fnc_bf16.h"
#include "turn.h"

#if defined(FNC_BF16_TWIN)
#define FNC_HAS_BF16 1
#if !defined(FNC_HAS_AMX)
#define FNC_HAS_AMX 1
#endif
#elif defined(__AVX512BF16__) && defined(__x86_64__) && !FNC_PORTABLE
#define FNC_HAS_BF16 1
#if (defined(__AMX_BF16__) || defined(__AMXBF16__)) && defined(__linux__) /* gcc, old clang */
#define FNC_HAS_AMX 1
#endif
#endif
#if !defined(FNC_HAS_BF16)
#define FNC_HAS_BF16 0
#endif
#if !defined(FNC_HAS_AMX)
#define FNC_HAS_AMX 0
#endif

/* The shapes of all eight tiles, as ldtilecfg reads them. */
typedef struct {
    uint8_t palette, start_row, reserved[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
} fnc_tile_shapes;

#if defined(FNC_BF16_TWIN)
#include "bf16_twin.h"
#elif FNC_HAS_BF16
#define FNC_DOT_BF16(c, a, b) __asm__("vdpbf16ps %2, %1, %0" : "+v"(c) : "v"(a), "v"(b))
#endif

#if FNC_HAS_AMX && !defined(FNC_BF16_TWIN)
#define FNC_TILE_SHAPES(shapes) __asm__ volatile("ldtilecfg %0" : : "m"(shapes))
#define FNC_TILE_RELEASE() __asm__ volatile("tilerelease" : :)
#define FNC_TILE_ZERO(c) __asm__ volatile("tilezero %%tmm" #c : :)
#define FNC_TILE_LOAD(c, from, bytes)                                                              \
    __asm__ volatile("tileloadd (%0,%1,1), %%tmm" #c                                               \
                     :                                                                             \
                     : "r"(from), "r"((int64_t)(bytes))                                            \
                     : "memory")
#define FNC_TILE_STORE(c, to, bytes)                                                               \
    __asm__ volatile("tilestored %%tmm" #c ", (%0,%1,1)"                                           \
                     :                                                                             \
                     : "r"(to), "r"((int64_t)(bytes))                                              \
                     : "memory")
#define FNC_TILE_DOT(c, a, b)                                                                      \
    __asm__ volatile("tdpbf16ps %%tmm" #b ", %%tmm" #a ", %%tmm" #c : :)
#endif

#if FNC_HAS_AMX
FNC_INLINE void fnc_tiles_open(void) {
    static const fnc_tile_shapes shapes = {
        1, 0, {0}, {64, 64, 64, 64, 64, 64, 64, 64}, {16, 16, 16, 16, 16, 16, 16, 16}};
    FNC_TILE_SHAPES(shapes);
}
#endif

#endif
