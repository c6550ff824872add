/* fnc_range.h: is every index that the caller gave one that the model has?
 *
 * fnc_outside_<type>(in, index, rows, row, count, allowed): of the rows index[0 .. rows), or of the
 * first `rows` where `index` is null, each of `row` elements, is there an element that is neither
 * from 0 to count - 1 nor `allowed`? Numbers with a fraction lose it, as in a cast; NaN is outside. */
#ifndef FNC_RANGE_H
#define FNC_RANGE_H

#include "../math/fnc_f16.h"

/* `wide` holds every `type` and the count; `read` makes a number of an element. */
#define FNC_DEFINE_OUTSIDE(name, type, wide, read, low)                                            \
    FNC_INLINE int fnc_outside_run_##name(const type *at, int64_t n, wide count, wide allowed) {   \
        int outside = 0;                                                                           \
        for (int64_t i = 0; i < n; ++i) {                                                          \
            const wide x = (wide)read(at[i]);                                                      \
            outside |= !((low) & (x < count)) & (x != allowed);                                    \
        }                                                                                          \
        return outside;                                                                            \
    }                                                                                              \
    FNC_INLINE int fnc_outside_##name(const void *in, const int64_t *index, int64_t rows,          \
                                      int64_t row, int64_t count, int64_t allowed) {               \
        const type *at = (const type *)in;                                                         \
        if (index == NULL) return fnc_outside_run_##name(at, rows * row, (wide)count, (wide)allowed); \
        int outside = 0;                                                                           \
        for (int64_t j = 0; j < rows; ++j)                                                         \
            outside |= fnc_outside_run_##name(at + index[j] * row, row, (wide)count, (wide)allowed); \
        return outside;                                                                            \
    }

FNC_DEFINE_OUTSIDE(u8, uint8_t, int32_t, , 1)
FNC_DEFINE_OUTSIDE(i8, int8_t, int32_t, , x >= 0)
FNC_DEFINE_OUTSIDE(u16, uint16_t, int32_t, , 1)
FNC_DEFINE_OUTSIDE(i16, int16_t, int32_t, , x >= 0)
FNC_DEFINE_OUTSIDE(u32, uint32_t, int64_t, , 1)
FNC_DEFINE_OUTSIDE(i32, int32_t, int64_t, , x >= 0)
FNC_DEFINE_OUTSIDE(u64, uint64_t, uint64_t, , 1)
FNC_DEFINE_OUTSIDE(i64, int64_t, int64_t, , x >= 0)
FNC_DEFINE_OUTSIDE(f16, uint16_t, double, fnc_load_f16, x > -1)
FNC_DEFINE_OUTSIDE(f32, float, double, , x > -1)
FNC_DEFINE_OUTSIDE(f64, double, double, , x > -1)

#endif
