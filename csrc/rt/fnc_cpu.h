/* fnc_cpu.h: which instructions code needs, and whether this processor, and its system, have them.
 *
 *     const fnc_cpu needs = FNC_CPU_NEEDS;    what the unit at hand is compiled for
 *     fnc_cpu_has(&needs)                     may it be called here?
 *
 * Of x86: elsewhere nothing is needed. Of AMX it takes more than what the processor says, fnc_tiles.h:
 * so ask when a context is made, not within calls. */
#ifndef FNC_CPU_H
#define FNC_CPU_H

#include <stdint.h>

#include "../include/fnc_abi.h"
#include "fnc_tiles.h"

/* Words of the cpuid instruction: leaf 1 ecx, leaf 7 ebx, ecx and edx, leaf 7.1 eax, 0x80000001 ecx.
 * `works`: what else has to be true, or null. */
enum { FNC_CPU_WORDS = 6 };
typedef struct fnc_cpu {
    uint32_t word[FNC_CPU_WORDS];
    int (*works)(void);
} fnc_cpu;

#if FNC_HAS_AMX
#define FNC_CPU_WORKS fnc_tiles_work
#else
#define FNC_CPU_WORKS 0
#endif

#if (defined(__x86_64__) || defined(__i386__)) && defined(__GNUC__)
/* 1 where the compiler's macro of the instructions is defined, which then is the number 1. */
#define FNC_CPU_SECOND(a, b, ...) b
#define FNC_CPU_IS(...) FNC_CPU_SECOND(__VA_ARGS__, 0, 0)
#define FNC_CPU_ONE_1 0, 1
#define FNC_CPU_JOIN(macro) FNC_CPU_ONE_##macro
#define FNC_CPU_BIT(macro, bit) ((uint32_t)FNC_CPU_IS(FNC_CPU_JOIN(macro)) << (bit))
/* Joining has to see what a macro is: one more turn. */
#define FNC_CPU_ON(macro, bit) FNC_CPU_BIT(macro, bit)

#define FNC_CPU_NEEDS                                                                              \
    {{FNC_CPU_ON(__SSE3__, 0) | FNC_CPU_ON(__SSSE3__, 9) | FNC_CPU_ON(__FMA__, 12) |               \
          FNC_CPU_ON(__SSE4_1__, 19) | FNC_CPU_ON(__SSE4_2__, 20) | FNC_CPU_ON(__MOVBE__, 22) |    \
          FNC_CPU_ON(__POPCNT__, 23) | FNC_CPU_ON(__AVX__, 28) | FNC_CPU_ON(__F16C__, 29),         \
      FNC_CPU_ON(__BMI__, 3) | FNC_CPU_ON(__AVX2__, 5) | FNC_CPU_ON(__BMI2__, 8) |                 \
          FNC_CPU_ON(__AVX512F__, 16) | FNC_CPU_ON(__AVX512DQ__, 17) | FNC_CPU_ON(__ADX__, 19) |   \
          FNC_CPU_ON(__AVX512IFMA__, 21) | FNC_CPU_ON(__AVX512CD__, 28) |                          \
          FNC_CPU_ON(__AVX512BW__, 30) | FNC_CPU_ON(__AVX512VL__, 31),                             \
      FNC_CPU_ON(__AVX512VBMI__, 1) | FNC_CPU_ON(__AVX512VBMI2__, 6) | FNC_CPU_ON(__GFNI__, 8) |   \
          FNC_CPU_ON(__AVX512VNNI__, 11) | FNC_CPU_ON(__AVX512BITALG__, 12) |                      \
          FNC_CPU_ON(__AVX512VPOPCNTDQ__, 14),                                                     \
      FNC_CPU_ON(__AMX_BF16__, 22) | FNC_CPU_ON(__AMX_TILE__, 24) | FNC_CPU_ON(__AMX_INT8__, 25),  \
      FNC_CPU_ON(__AVXVNNI__, 4) | FNC_CPU_ON(__AVX512BF16__, 5),                                  \
      FNC_CPU_ON(__LZCNT__, 5) | FNC_CPU_ON(__XOP__, 11) | FNC_CPU_ON(__FMA4__, 16) |              \
          FNC_CPU_ON(__TBM__, 21)},                                                                \
     FNC_CPU_WORKS}

enum { FNC_CPU_AVX = 0x30001000, FNC_CPU_AVX2 = 0x20, FNC_CPU_AVX512 = (int)0xD0230000 };
enum { FNC_CPU_AMX = 0x3400000 };

/* `found` less what the system does not save when it changes threads: bits of XCR0 say what it does. */
static inline fnc_cpu fnc_cpu_saved(fnc_cpu found, uint32_t saved) {
    if ((saved & 6) != 6) {
        found.word[0] &= ~(uint32_t)FNC_CPU_AVX;
        found.word[1] &= ~(uint32_t)FNC_CPU_AVX2;
    }
    if ((saved & 0xE6) != 0xE6) found.word[1] &= ~(uint32_t)FNC_CPU_AVX512;
    if ((saved & 0x600E6) != 0x600E6) found.word[3] &= ~(uint32_t)FNC_CPU_AMX;
    return found;
}

#include <cpuid.h>

/* What the processor and the system have. */
static inline fnc_cpu fnc_cpu_here(void) {
    fnc_cpu found = {{0, 0, 0, 0, 0, 0}, 0};
    uint32_t a = 0, b = 0, c = 0, d = 0, saved = 0, high = 0;
    if (!__get_cpuid(1, &a, &b, &c, &d)) return found;
    found.word[0] = c;
    if (c >> 27 & 1) __asm__ volatile("xgetbv" : "=a"(saved), "=d"(high) : "c"(0));
    if (__get_cpuid_count(7, 0, &a, &b, &c, &d)) {
        found.word[1] = b;
        found.word[2] = c;
        found.word[3] = d;
        if (a >= 1 && __get_cpuid_count(7, 1, &a, &b, &c, &d)) found.word[4] = a;
    }
    if (__get_cpuid(0x80000001u, &a, &b, &c, &d)) found.word[5] = c;
    return fnc_cpu_saved(found, saved);
}
#else
#define FNC_CPU_NEEDS {{0, 0, 0, 0, 0, 0}, 0}

static inline fnc_cpu fnc_cpu_here(void) {
    const fnc_cpu found = FNC_CPU_NEEDS;
    return found;
}
#endif

static inline int fnc_cpu_covers(const fnc_cpu *here, const fnc_cpu *needs) {
    for (int i = 0; i < FNC_CPU_WORDS; ++i)
        if (needs->word[i] & ~here->word[i]) return 0;
    return 1;
}

static inline int fnc_cpu_has(const fnc_cpu *needs) {
    const fnc_cpu here = fnc_cpu_here();
    return fnc_cpu_covers(&here, needs) && (!needs->works || needs->works());
}

#endif
