/* fnc_base.h - what every hand-written header stands on: inlining, vector width, bit casts.
 *
 * GNU C for gcc and clang. For other compilers, and with FNC_PORTABLE defined, everything is C99 and the
 * kernels those of kern/gemm_plain.h. No intrinsics header is ever included (0.25 s of compile time);
 * the instruction set is seen only through the one ladder below.
 * Build with -O2 -ftree-vectorize -fvect-cost-model=dynamic -fno-math-errno -fno-trapping-math
 * -fno-signed-zeros -ffp-contract=fast; never with -ffast-math: NaN and infinities are honoured. */
#ifndef FNC_BASE_H
#define FNC_BASE_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define FNC_GNU 1
#else
#define FNC_GNU 0
#endif
#if !defined(FNC_PORTABLE)
#define FNC_PORTABLE !FNC_GNU
#endif

/* FNC_C(fabs): the function of the C library, of which gcc and clang know without its headers. */
#if FNC_GNU
#define FNC_INLINE static inline __attribute__((always_inline, unused))
#define FNC_NOINLINE static __attribute__((noinline, unused))
#define FNC_UNUSED __attribute__((unused))
#define FNC_ALIGNED __attribute__((aligned(64)))
#define FNC_C(function) __builtin_##function
#define FNC_INF_F32 __builtin_inff()
#define FNC_INF_F64 __builtin_inf()
#define FNC_NAN_F32 __builtin_nanf("")
#define FNC_NAN_F64 __builtin_nan("")
#define FNC_PREFETCH_LINE(address) __builtin_prefetch(address)
#else
#include <math.h>
#include <string.h>
#define FNC_INLINE static inline
#define FNC_NOINLINE static
#define FNC_UNUSED
#define FNC_ALIGNED
#define FNC_C(function) function
#define FNC_INF_F32 INFINITY
#define FNC_INF_F64 ((double)INFINITY)
#define FNC_NAN_F32 NAN
#define FNC_NAN_F64 ((double)NAN)
#define FNC_PREFETCH_LINE(address) ((void)(address))
#endif

/* Whose functions that no model changes, FNC_SHARED, are: with FNC_LINKED 0 this unit's own; 1: those
 * of a unit of csrc, which is compiled once and linked to many libraries; 2: this is that unit. */
#if !defined(FNC_LINKED)
#define FNC_LINKED 0
#endif
#if FNC_LINKED == 0
#define FNC_SHARED FNC_NOINLINE
#elif FNC_GNU
#define FNC_SHARED __attribute__((noinline, visibility("hidden")))
#else
#define FNC_SHARED
#endif

/* One copy of the function for all callers: gcc makes no other for the arguments of one of them. */
#if defined(__clang__)
#define FNC_ONE_COPY static __attribute__((noinline))
#elif FNC_GNU
#define FNC_ONE_COPY static __attribute__((noipa))
#else
#define FNC_ONE_COPY static
#endif

/* Compiled quickly, for a function that only calls others, none of them inlined. */
#if defined(__clang__) || !FNC_GNU
#define FNC_PLAIN
#else
#define FNC_PLAIN __attribute__((optimize("O1")))
#endif

/* Unroll the loop that follows, of at most n turns, completely. */
#define FNC_PRAGMA(text) _Pragma(#text)
#if !FNC_GNU
#define FNC_UNROLL(n)
#elif defined(__clang__)
#define FNC_UNROLL(n) FNC_PRAGMA(clang loop unroll(full))
#else
#define FNC_UNROLL(n) FNC_PRAGMA(GCC unroll n)
#endif

/* Bytes of the widest vector register: the only place that looks at the instruction set. */
#if defined(FNC_VEC_BYTES) /* tests try wider vectors than the machine has */
#define FNC_VEC_FORCED 1
#elif defined(__AVX512F__) && !FNC_PORTABLE
#define FNC_VEC_BYTES 64
#elif defined(__AVX__) && !FNC_PORTABLE
#define FNC_VEC_BYTES 32
#else
#define FNC_VEC_BYTES 16
#endif

/* How many numbers of so many bytes it holds. */
#define FNC_LANES(bytes) (FNC_VEC_BYTES / (bytes))

#if !FNC_PORTABLE
/* Keep a loaded vector in a register: gcc would rather load it again at each use. And keep it until
 * here: gcc would put a sum in its place, and copy that where it belongs. */
#if defined(FNC_VEC_FORCED)
#define FNC_IN_REGISTER(x) (void)(x)
#define FNC_UNTIL_HERE(x) (void)(x)
#elif defined(__x86_64__) || defined(__i386__)
#define FNC_IN_REGISTER(x) __asm__("" : "+v"(x))
#define FNC_UNTIL_HERE(x) __asm__ volatile("" : : "v"(x))
#elif defined(__aarch64__)
#define FNC_IN_REGISTER(x) __asm__("" : "+w"(x))
#define FNC_UNTIL_HERE(x) __asm__ volatile("" : : "w"(x))
#else
#define FNC_IN_REGISTER(x) (void)(x)
#define FNC_UNTIL_HERE(x) (void)(x)
#endif

/* Keep the multiply-adds of a loop that has one sum alone: gcc takes such a chain apart where it tunes
 * for Zen (-mtune=znver*), and rounds twice. */
#if defined(FNC_VEC_FORCED) || !(defined(__x86_64__) || defined(__aarch64__))
#define FNC_LONE_SUM(x) __asm__("" : "+m"(x))
#else
#define FNC_LONE_SUM(x) FNC_IN_REGISTER(x)
#endif

/* Make the compiler forget how a pointer or a number came about: it would keep what else it computed
 * that way, and run out of registers. */
#define FNC_OPAQUE(x) __asm__("" : "+r"(x))
#endif

/* One instruction rounds to integer; elsewhere (SSE2) a few additions do. */
#if defined(__SSE4_1__) || defined(__aarch64__) || !FNC_GNU
#define FNC_HAS_ROUND 1
#else
#define FNC_HAS_ROUND 0
#endif

FNC_INLINE uint32_t fnc_bits_f32(float x) {
    uint32_t u;
    FNC_C(memcpy)(&u, &x, sizeof u);
    return u;
}

FNC_INLINE float fnc_f32_of_bits(uint32_t u) {
    float x;
    FNC_C(memcpy)(&x, &u, sizeof x);
    return x;
}

FNC_INLINE uint64_t fnc_bits_f64(double x) {
    uint64_t u;
    FNC_C(memcpy)(&u, &x, sizeof u);
    return u;
}

FNC_INLINE double fnc_f64_of_bits(uint64_t u) {
    double x;
    FNC_C(memcpy)(&x, &u, sizeof x);
    return x;
}

#endif
