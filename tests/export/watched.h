/* watched.h: counts what a program and its library ask of the system. -D'NAMES(X)=X(malloc) X(free)'
 * tells the names, for each of which the linker is given -Wl,--wrap=name. Their arguments are integers
 * and pointers, which any function takes as well as those that it has. */
#ifndef WATCHED_H
#define WATCHED_H

#define NUMBER(name) name##_number,
#define TEXT(name) #name,
#define WRAP(name)                                                                                 \
    long __real_##name(long a, long b, long c, long d, long e, long f, long g);                    \
    long __wrap_##name(long a, long b, long c, long d, long e, long f, long g);                    \
    long __wrap_##name(long a, long b, long c, long d, long e, long f, long g) {                   \
        __atomic_add_fetch(&counts[name##_number], 1, __ATOMIC_RELAXED);                           \
        return __real_##name(a, b, c, d, e, f, g);                                                 \
    }

enum { NAMES(NUMBER) WATCHED };
static const char *const watched[] = {NAMES(TEXT) ""};
static long counts[WATCHED + 1];
NAMES(WRAP)

/* The first name that was called since the last `forget`, or null. */
static inline const char *called(void) {
    for (int i = 0; i < WATCHED; ++i)
        if (counts[i] > 0) return watched[i];
    return 0;
}

static inline void forget(void) {
    for (int i = 0; i < WATCHED; ++i) counts[i] = 0;
}

#endif
