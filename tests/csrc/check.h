/* check.h - the little that the C test programs share: failing with a message, and random data. */
#ifndef FNC_TEST_CHECK_H
#define FNC_TEST_CHECK_H

#include <inttypes.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int failures;

#define CHECK(condition, ...)                                                                      \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            if (failures++ < 20) {                                                                 \
                printf("%s:%d: %s: ", __FILE__, __LINE__, #condition);                             \
                printf(__VA_ARGS__);                                                               \
                printf("\n");                                                                      \
            }                                                                                      \
        }                                                                                          \
    } while (0)

static inline int finish(void) {
    if (failures) printf("%d failures\n", failures);
    return failures != 0;
}

/* xorshift: a generator that is not the one under test */
static uint64_t random_state = 88172645463325252ull;
static inline uint64_t random_bits(void) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    return random_state ^= random_state << 17;
}

static inline double random_real(void) { return (double)(random_bits() >> 11) * 0x1p-52 - 1.0; }

#endif
