/* fnc_port.h: what there is on the system that a library is compiled for, each 0 or 1.
 *
 *     FNC_HAS_HEAP, FNC_HAS_FILES
 *     FNC_HAS_THREADS    may be defined as 0 beforehand
 *     FNC_POSIX          files and threads are those of POSIX
 *
 * With FNC_FREESTANDING there is nothing but memcpy. Without POSIX files are those of C99's stdio.h, of
 * which nothing can be mapped: what is said to be is read. Windows, WASI and others. */
#ifndef FNC_PORT_H
#define FNC_PORT_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "../math/fnc_base.h"

#if defined(FNC_FREESTANDING)
#define FNC_POSIX 0
#define FNC_HAS_HEAP 0
#define FNC_HAS_FILES 0
#define FNC_HAS_THREADS 0
#elif (defined(__unix__) || defined(__APPLE__)) && !defined(__wasi__) && FNC_GNU
#define FNC_POSIX 1
#else
#define FNC_POSIX 0
#endif
#if !defined(FNC_FREESTANDING)
#define FNC_HAS_HEAP 1
#define FNC_HAS_FILES 1
#endif
#if !defined(FNC_HAS_THREADS)
#define FNC_HAS_THREADS FNC_POSIX
#endif

#define FNC_LIB static FNC_UNUSED

/* A pointer that one thread sets and others read. Elsewhere than with gcc and clang reading and writing
 * it whole is what processors do. */
#if FNC_GNU
#define FNC_ACQUIRE(pointer) __atomic_load_n(&(pointer), __ATOMIC_ACQUIRE)
#define FNC_RELEASE(pointer, value) __atomic_store_n(&(pointer), value, __ATOMIC_RELEASE)
#else
#define FNC_ACQUIRE(pointer) (*(const unsigned char *const volatile *)&(pointer))
#define FNC_RELEASE(pointer, value) (*(const unsigned char *volatile *)&(pointer) = (value))
#endif

#if FNC_GNU
/* Between two looks at what another thread is to change. */
FNC_LIB void fnc_pause(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}
#endif

/* Of string.h more than memcpy would be asked of systems that have no more. */
FNC_LIB size_t fnc_text_length(const char *text) {
    size_t length = 0;
    while (text[length] != '\0') ++length;
    return length;
}

/* How many bytes of two texts are the same, the last zero among them. */
FNC_LIB size_t fnc_text_same(const char *one, const char *other) {
    size_t same = 0;
    for (; one[same] == other[same]; ++same)
        if (one[same] == '\0') return same + 1;
    return same;
}

FNC_LIB int fnc_text_is(const char *one, const char *other) {
    return fnc_text_same(one, other) == fnc_text_length(one) + 1;
}

FNC_LIB void fnc_zero(void *memory, int64_t bytes) {
    unsigned char *at = (unsigned char *)memory;
    for (int64_t i = 0; i < bytes; ++i) at[i] = 0;
}

#endif
