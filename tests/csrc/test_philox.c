/* Philox against the known answers of its authors (Random123, kat_vectors), and the filling of
 * arrays against single elements. With arguments key0 key1 start count: prints those elements. */
#include "check.h"
#include "philox.h"

static void known_answer(const uint32_t counter[4], uint32_t key0, uint32_t key1,
                         const uint32_t expected[4]) {
    fnc_philox_word c[4];
    for (int w = 0; w < 4; ++w) c[w] = (fnc_philox_word){0} + counter[w];
    fnc_philox_mix(c, key0, key1);
    for (int w = 0; w < 4; ++w)
        for (int l = 0; l < FNC_PHILOX_LANES; ++l)
            CHECK((uint32_t)c[w][l] == expected[w], "word %d lane %d", w, l);
}

static void known_answers(void) {
    static const uint32_t zero[4] = {0, 0, 0, 0}, ones[4] = {~0u, ~0u, ~0u, ~0u};
    static const uint32_t pi[4] = {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344};
    static const uint32_t of_zero[4] = {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8};
    static const uint32_t of_ones[4] = {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd};
    static const uint32_t of_pi[4] = {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1};
    known_answer(zero, 0, 0, of_zero);
    known_answer(ones, ~0u, ~0u, of_ones);
    known_answer(pi, 0xa4093822, 0x299f31d0, of_pi);
    for (uint64_t i = 0; i < 4; ++i) CHECK(fnc_philox(0, 0, i) == of_zero[i], "element %d", (int)i);
}

static void fill_agrees_with_elements(void) {
    static const int64_t starts[] = {0,        1, 2, 3, 4, 63, (1ll << 34) - 9, (1ll << 34) - 4,
                                     1ll << 40};
    uint32_t out[140];
    for (size_t s = 0; s < sizeof starts / sizeof *starts; ++s)
        for (int64_t n = 0; n < 139; ++n) {
            out[n] = 0xdeadbeef;
            fnc_philox_fill(out, starts[s], n, 7, 0xfffffff0u);
            for (int64_t i = 0; i < n; ++i)
                CHECK(out[i] == fnc_philox(7, 0xfffffff0u, (uint64_t)(starts[s] + i)),
                      "start %" PRId64 " n %" PRId64 " i %" PRId64, starts[s], n, i);
            CHECK(out[n] == 0xdeadbeef, "wrote past the end, n %" PRId64, n);
        }
}

static void print_elements(char **argv) {
    enum { MOST = 4096 };
    static uint32_t out[MOST];
    uint32_t key0 = (uint32_t)strtoull(argv[1], NULL, 0),
             key1 = (uint32_t)strtoull(argv[2], NULL, 0);
    int64_t start = strtoll(argv[3], NULL, 0), count = strtoll(argv[4], NULL, 0);
    fnc_philox_fill(out, start, count < MOST ? count : MOST, key0, key1);
    for (int64_t i = 0; i < count && i < MOST; ++i) printf("%" PRIu32 "\n", out[i]);
}

int main(int argc, char **argv) {
    if (argc == 5) return print_elements(argv), 0;
    known_answers();
    fill_agrees_with_elements();
    return finish();
}
