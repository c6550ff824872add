/* Conversion to bfloat16 against its definition: of the two neighbours of a number the nearer, of
 * two equally near the one whose last bit is 0. */
#include "check.h"
#include "fnc_bf16.h"

static double value(uint32_t pattern) { /* of a finite pattern, and of the one after the last */
    if ((pattern & 0x7fff) == 0x7f80) return pattern & 0x8000 ? -0x1p128 : 0x1p128;
    return fnc_load_bf16((fnc_bf16)pattern);
}

static uint32_t nearest(uint32_t bits) {
    const uint32_t below = bits >> 16; /* towards zero */
    const double x = fnc_f32_of_bits(bits);
    const double down = fabs(x - value(below)), up = fabs(value(below + 1) - x);
    return down < up || (down == up && below % 2 == 0) ? below : below + 1;
}

static void check(uint32_t bits) {
    const float x = fnc_f32_of_bits(bits), y = fnc_round_bf16(x);
    const uint32_t kept = fnc_bits_f32(y);
    CHECK((kept & 0xffff) == 0, "%08x: lower half", bits);
    CHECK(fnc_store_bf16(y) == kept >> 16 && fnc_bits_f32(fnc_load_bf16(kept >> 16)) == kept,
          "%08x: memory", bits);
    if (x != x) {
        CHECK(kept >> 16 == (bits >> 16 | 0x40), "%08x: a NaN gave %08x", bits, kept);
    } else if (isinf(x)) {
        CHECK(kept == bits, "%08x: infinity gave %08x", bits, kept);
    } else {
        CHECK(kept >> 16 == nearest(bits), "%08x: gave %08x", bits, kept);
    }
}

int main(void) {
    const uint32_t low[] = {0, 1, 0x7fff, 0x8000, 0x8001, 0xffff};
    for (uint32_t high = 0; high < 0x10000; ++high)
        for (int i = 0; i < 6; ++i) check(high << 16 | low[i]);
    for (int i = 0; i < 1000000; ++i) check((uint32_t)random_bits());
    return finish();
}
