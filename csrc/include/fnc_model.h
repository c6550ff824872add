/* fnc_model.h: all that a generated model includes. */
#ifndef FNC_MODEL_H
#define FNC_MODEL_H

#include <stdint.h>
#include <string.h>

#include "../kern/gemm.h"
#include "../kern/philox.h"
#include "../math/fnc_flush.h"
#include "../math/fnc_math.h"
#include "fnc_abi.h"
#include "fnc_config.h"

/* What the epilogue of a contraction needs to find its memory: the call, the batch at hand, of
 * which the axes count, and the pointers of a kernel whose function serves several. */
typedef struct fnc_tile {
    const fnc_env *env;
    int64_t g[4];
    const void *const *at;
} fnc_tile;

/* Where the share of worker `part` of `parts` begins in `extent`. Shares are cut at multiples of
 * `grain`, and none but an empty one is smaller than that. */
FNC_INLINE int64_t fnc_share(int64_t extent, int64_t grain, int64_t part, int64_t parts) {
    const int64_t blocks = extent / grain;
    if (part == 0) return 0;
    return part >= parts || blocks < 2 ? extent : blocks * part / parts * grain;
}

/* Rows m0 .. m1 - 1 and columns n0 .. n1 - 1 of a result. */
typedef struct fnc_block {
    int64_t m0, m1, n0, n1;
} fnc_block;

/* The block of an M by N result that worker `part` of `parts` computes: the longer side is cut, or
 * with `by_rows` the rows. */
FNC_INLINE fnc_block fnc_share_block(int64_t M, int64_t N, int by_rows, int64_t part,
                                     int64_t parts) {
    fnc_block own = {0, M, 0, N};
    if (by_rows || M >= N) {
        own.m0 = fnc_share(M, FNC_ROW_GRAIN, part, parts);
        own.m1 = fnc_share(M, FNC_ROW_GRAIN, part + 1, parts);
    } else {
        own.n0 = fnc_share(N, FNC_COLUMN_GRAIN, part, parts);
        own.n1 = fnc_share(N, FNC_COLUMN_GRAIN, part + 1, parts);
    }
    return own;
}

/* All workers of a call wait for each other. */
FNC_INLINE void fnc_barrier(const fnc_env *env, int64_t parts) {
    if (parts > 1) ((fnc_team *)env->team)->meet((fnc_team *)env->team);
}

/* Does `work`, which goes `times` through `amount`, on as many workers as that occupies. */
FNC_INLINE void fnc_run_often(const fnc_env *env, fnc_work *work, int64_t amount, int64_t times) {
    fnc_team *team = (fnc_team *)env->team;
    const int64_t parts = amount / FNC_LEAST_STEP;
    if (team == NULL || parts < 2)
        work(env, 0, 1);
    else
        team->run(team, work, env, parts, fnc_min_i64(parts, amount * times / FNC_LEAST_WORK));
}

FNC_INLINE void fnc_run(const fnc_env *env, fnc_work *work, int64_t amount) {
    fnc_run_often(env, work, amount, 1);
}

#endif
