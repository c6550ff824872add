/* argsort.h - the positions of the elements of a row in order.
 *
 *     fnc_argsort_f32(n, x, descending, out)     and of the other types: out[0 .. n - 1]
 *
 * Equal elements stand in the order of their positions, and so do NaN, which are larger than all
 * else. A heap in place, where positions decide between equals: the order is one, whatever way leads
 * to it, and no more memory is needed. */
#ifndef FNC_ARGSORT_H
#define FNC_ARGSORT_H

#include "../math/fnc_base.h"

#define FNC_DEFINE_ARGSORT(S, T)                                                                   \
    /* Does element a come behind b? */                                                            \
    FNC_INLINE int fnc_is_behind_##S(const T *x, int descending, int32_t a, int32_t b) {           \
        const T u = descending ? x[b] : x[a], v = descending ? x[a] : x[b];                        \
        if (u > v || (u != u && v == v)) return 1;                                                 \
        if (u < v || (v != v && u == u)) return 0;                                                 \
        return a > b;                                                                              \
    }                                                                                              \
    /* Lets position `at` of a heap of n sink to where it belongs. */                              \
    FNC_INLINE void fnc_sink_##S(int64_t n, const T *x, int descending, int64_t at,                \
                                 int32_t *heap) {                                                  \
        const int32_t own = heap[at];                                                              \
        for (int64_t below; (below = 2 * at + 1) < n; at = below) {                                \
            if (below + 1 < n && fnc_is_behind_##S(x, descending, heap[below + 1], heap[below]))   \
                ++below;                                                                           \
            if (!fnc_is_behind_##S(x, descending, heap[below], own)) break;                        \
            heap[at] = heap[below];                                                                \
        }                                                                                          \
        heap[at] = own;                                                                            \
    }                                                                                              \
    FNC_NOINLINE void fnc_argsort_##S(int64_t n, const T *x, int descending, int32_t *out) {       \
        for (int64_t i = 0; i < n; ++i) out[i] = (int32_t)i;                                       \
        for (int64_t i = n / 2; i-- > 0;) fnc_sink_##S(n, x, descending, i, out);                  \
        for (int64_t last = n - 1; last > 0; --last) {                                             \
            const int32_t largest = out[0];                                                        \
            out[0] = out[last], out[last] = largest;                                               \
            fnc_sink_##S(last, x, descending, 0, out);                                             \
        }                                                                                          \
    }
FNC_DEFINE_ARGSORT(bool, uint8_t)
FNC_DEFINE_ARGSORT(u8, uint8_t)
FNC_DEFINE_ARGSORT(i8, int8_t)
FNC_DEFINE_ARGSORT(u16, uint16_t)
FNC_DEFINE_ARGSORT(i16, int16_t)
FNC_DEFINE_ARGSORT(u32, uint32_t)
FNC_DEFINE_ARGSORT(i32, int32_t)
FNC_DEFINE_ARGSORT(u64, uint64_t)
FNC_DEFINE_ARGSORT(i64, int64_t)
FNC_DEFINE_ARGSORT(f32, float)
FNC_DEFINE_ARGSORT(f64, double)
#undef FNC_DEFINE_ARGSORT

#endif
