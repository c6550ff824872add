/* bf16_twin.h - the slow twin of the instructions of bf16_isa.h: what Intel's manual says of them,
 * number by number. FNC_TWIN_REFUSES plays a process that is refused tiles, FNC_TWIN_WRONG one whose
 * tiles pair numbers in another order. */
#ifndef FNC_BF16_TWIN_H
#define FNC_BF16_TWIN_H

#if defined(FNC_BF16_TWIN)
static __thread struct {
    int ready; /* shapes were loaded, and not released */
    uint8_t data[8][16][64];
} fnc_twin;

#if defined(FNC_TWIN_REFUSES)
FNC_INLINE int fnc_may_tile(void) { return 0; }
#else
FNC_INLINE int fnc_may_tile(void) { return 1; }
#endif

FNC_INLINE float fnc_twin_flush(float x) {
    return __builtin_fabsf(x) < 0x1p-126f ? __builtin_copysignf(0, x) : x;
}

/* sum + a * b of bfloat16 numbers, a and b. */
FNC_INLINE float fnc_twin_step(float sum, uint32_t a, uint32_t b) {
    const float x = fnc_twin_flush(fnc_load_bf16((fnc_bf16)a));
    const float y = fnc_twin_flush(fnc_load_bf16((fnc_bf16)b));
    return fnc_twin_flush(__builtin_fmaf(x, y, fnc_twin_flush(sum)));
}

FNC_NOINLINE void fnc_twin_dot(float *c, const fnc_word *a, const fnc_word *b) {
    for (int i = 0; i < 16; ++i) {
        c[i] = fnc_twin_step(c[i], a[i] >> 16, b[i] >> 16);
        c[i] = fnc_twin_step(c[i], a[i], b[i]);
    }
}

FNC_NOINLINE void fnc_twin_shapes(const fnc_tile_shapes *s) {
    fnc_twin.ready = s->palette == 1 && s->start_row == 0;
    for (int t = 0; t < 8; ++t) fnc_twin.ready &= s->rows[t] == 16 && s->row_bytes[t] == 64;
    __builtin_memset(fnc_twin.data, 0, sizeof fnc_twin.data);
}

/* Without shapes these instructions trap. */
FNC_INLINE void *fnc_twin_row(int tile, int row) {
    if (!fnc_twin.ready) __builtin_trap();
    return fnc_twin.data[tile][row];
}

FNC_NOINLINE void fnc_twin_load(int tile, const void *from, int64_t bytes) {
    for (int i = 0; i < 16; ++i)
        __builtin_memcpy(fnc_twin_row(tile, i), (const char *)from + i * bytes, 64);
}

FNC_NOINLINE void fnc_twin_store(int tile, void *to, int64_t bytes) {
    for (int i = 0; i < 16; ++i)
        __builtin_memcpy((char *)to + i * bytes, fnc_twin_row(tile, i), 64);
}

/* c[m][n] += sum over words k of a[m][k] b[k][n]. */
FNC_NOINLINE void fnc_twin_tile_dot(int c, int a, int b) {
    for (int m = 0; m < 16; ++m)
        for (int n = 0; n < 16; ++n) {
            float first = 0, second = 0, sum;
            for (int k = 0; k < 16; ++k) {
                const uint32_t x = ((const fnc_word *)fnc_twin_row(a, m))[k];
                const uint32_t y = ((const fnc_word *)fnc_twin_row(b, k))[n];
#if defined(FNC_TWIN_WRONG)
                first = fnc_twin_step(first, x, y >> 16);
                second = fnc_twin_step(second, x >> 16, y);
#else
                first = fnc_twin_step(first, x, y);
                second = fnc_twin_step(second, x >> 16, y >> 16);
#endif
            }
            char *at = (char *)fnc_twin_row(c, m) + 4 * n;
            __builtin_memcpy(&sum, at, 4);
            sum = fnc_twin_flush(fnc_twin_flush(sum) + fnc_twin_flush(first + second));
            __builtin_memcpy(at, &sum, 4);
        }
}

#define FNC_DOT_BF16(c, a, b)                                                                      \
    fnc_twin_dot((float *)&(c), (const fnc_word *)&(a), (const fnc_word *)&(b))
#define FNC_TILE_SHAPES(shapes) fnc_twin_shapes(&(shapes))
#define FNC_TILE_RELEASE() (void)(fnc_twin.ready = 0)
#define FNC_TILE_ZERO(c) __builtin_memset(fnc_twin_row(c, 0), 0, sizeof fnc_twin.data[c])
#define FNC_TILE_LOAD(c, from, bytes) fnc_twin_load(c, from, bytes)
#define FNC_TILE_STORE(c, to, bytes) fnc_twin_store(c, to, bytes)
#define FNC_TILE_DOT(c, a, b) fnc_twin_tile_dot(c, a, b)
#endif

#endif
