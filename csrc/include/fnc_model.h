/* fnc_model.h: all that a generated model includes. */
#ifndef FNC_MODEL_H
#define FNC_MODEL_H

#include <stdint.h>
#include <string.h>

#include "../kern/gemm.h"
#include "../kern/philox.h"
#include "../math/fnc_math.h"
#include "fnc_abi.h"

#define FNC_INF_F32 __builtin_inff()
#define FNC_INF_F64 __builtin_inf()
#define FNC_NAN_F32 __builtin_nanf("")
#define FNC_NAN_F64 __builtin_nan("")

/* What the epilogue of a contraction needs to find its memory: the call, and the batch at hand. */
typedef struct fnc_tile {
    const fnc_env *env;
    int64_t g;
} fnc_tile;

/* Where the share of worker `part` of `parts` begins in `extent`; the shares are cut at multiples of
 * `grain`, by shape and number of parts alone. */
FNC_INLINE int64_t fnc_share(int64_t extent, int64_t grain, int64_t part, int64_t parts) {
    int64_t blocks = (extent + grain - 1) / grain;
    int64_t start = blocks * part / parts * grain;
    return start < extent ? start : extent;
}

#endif
