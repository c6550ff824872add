/* gemm_config.h - the register tiles, one row per instruction set, and the cache they are cut for.
 *
 * A tile is some rows by 1, 2, 3 or 4 vectors. Its accumulators, the vectors of B and one broadcast
 * of A have to fit the registers; where there are more vectors than rows, the broadcasts and one
 * vector of B. For what rows are left over there is a lower tile, whose accumulators are enough to
 * hide the latency of FMA. Those of bfloat16 are the same, but for AMX, which has tiles of 32 by 32;
 * see gemm_bf16.h. */
#ifndef FNC_GEMM_CONFIG_H
#define FNC_GEMM_CONFIG_H

#include "../include/fnc_config.h"
#include "../math/fnc_int.h"

/* FNC_MR_v and FNC_MT_v: rows of the high and of the low tile of v vectors. */
#if FNC_VEC_BYTES == 64 || defined(__aarch64__) /* AVX-512, NEON: 32 registers */
enum { FNC_MR_1 = 24, FNC_MR_2 = 12, FNC_MR_3 = 8, FNC_MR_4 = 6 };
enum { FNC_MT_1 = 8, FNC_MT_2 = 4, FNC_MT_3 = 4, FNC_MT_4 = 3, FNC_ACCUMULATORS = 24 };
#elif FNC_VEC_BYTES == 32 /* AVX2 and FMA: 16 registers */
enum { FNC_MR_1 = 12, FNC_MR_2 = 6, FNC_MR_3 = 4, FNC_MR_4 = 3 };
enum { FNC_MT_1 = 8, FNC_MT_2 = 4, FNC_MT_3 = 3, FNC_MT_4 = 2, FNC_ACCUMULATORS = 12 };
#else                     /* SSE2: 16 registers, and no FMA: one more for the product */
enum { FNC_MR_1 = 12, FNC_MR_2 = 6, FNC_MR_3 = 3, FNC_MR_4 = 2 };
enum { FNC_MT_1 = 8, FNC_MT_2 = 4, FNC_MT_3 = 2, FNC_MT_4 = 2, FNC_ACCUMULATORS = 12 };
#endif
enum { FNC_MR = FNC_MR_2, FNC_MT = FNC_MT_2 }; /* of the tile where nothing else is said */

/* Bytes of the second-level cache that a block of B may take. */
#if FNC_VEC_BYTES == 64
enum { FNC_GEMM_L2 = 1 << 20 };
#elif FNC_VEC_BYTES == 32 || defined(__aarch64__)
enum { FNC_GEMM_L2 = 1 << 18 };
#else
enum { FNC_GEMM_L2 = 1 << 17 };
#endif

/* Columns of a tile and of a packed panel, two vectors, and the stride of the block that an
 * epilogue receives, whatever the tile. */
enum { FNC_NR_F32 = 2 * FNC_VEC_BYTES / 4, FNC_NR_F64 = 2 * FNC_VEC_BYTES / 8 };

/* Panels of partial sums that wait, and of a B that is streamed by rows, 8 KB. How products are cut
 * and what is prefetched otherwise is in fnc_config.h. */
enum { FNC_GROUP_PANELS = 512 / FNC_VEC_BYTES, FNC_STREAM_PANELS = 4096 / FNC_VEC_BYTES };

/* Sums may be over several axes of A, all but the last of which are `outer`: the steps of k along
 * the last one are a segment. At most so many segments are taken in one block of k. */
enum { FNC_OUTER = 3, FNC_SEGMENTS = FNC_KC };
typedef struct {
    int64_t extent, step;
} fnc_axis;

/* Zeros around an image: line l and step t along the axis outer[axis] read row l * line + t * tap of
 * A, and rows outside of first .. last - 1 are zeros. tap is 0 where there is no such border. */
typedef struct {
    int axis;
    int64_t line, tap, first, last;
} fnc_border;

/* Of gemm_pixels.h: `lines` by `pixels` of the result by N columns. A[line, pixel, k] lies at
 * line * rs_line + pixel * rs_pixel + what k gives: k counts along the axes `outer`, and along one
 * of `depth` steps of cs. B has rows ldb apart, and N is a vector at least. */
typedef struct {
    int64_t lines, pixels, N, rs_line, rs_pixel, cs, depth, ldb;
    fnc_axis outer[FNC_OUTER];
    fnc_border border;
} fnc_image;

/* The steps from .. to - 1 along the axis of the border. */
typedef struct {
    int64_t from, to;
} fnc_taps;

/* Numbers of bfloat16, `bytes` bytes each: 2, or 4 for floats. See gemm_bf16.h. */
typedef struct {
    const void *first;
    int bytes;
} fnc_numbers;

/* What the tiles over one block of k have in common, in elements. The block is `segments` runs of
 * `depth` steps of k. From one to the next A jumps by the differences of `offsets`; within one it
 * goes on by cs_a. B just runs on, by ldb. Vector v of a tile stands at column
 * (v / 2) * pair_b + v % 2 * second of B, and at (v / 2) * pair_c + v % 2 * second of the sums, whose
 * rows are ldc apart. `at`: what is prefetched, `pace` bytes further with each k. */
typedef struct {
    int64_t segments, depth;
    const int64_t *offsets;
    int64_t rs_a, cs_a;
    int64_t ldb, second, pair_b;
    int64_t ldc, pair_c;
    const char *at;
    int64_t pace;
} fnc_tile_args;

/* How results are handed over: by tiles; by rows as long as a block of columns; or as the transpose
 * of what is computed, by tiles. */
typedef enum { FNC_BY_TILE, FNC_BY_ROW, FNC_TRANSPOSED } fnc_unit;

/* How rows of A are copied for a tile: not at all; as copied[k][rows]; as copied[rows][k]. */
typedef enum { FNC_IN_PLACE, FNC_BY_STEPS, FNC_BY_ROWS } fnc_order;

/* Rows m0 .. m1 - 1 and columns n0 .. n1 - 1 of C. */
typedef struct {
    int64_t m0, m1, n0, n1;
} fnc_region;

/* k .. k + length - 1, and A's part of it, as fnc_tile_args has it: from element offsets[0] on. */
typedef struct {
    int64_t k, length, segments, depth, offsets[FNC_SEGMENTS];
    int last;
} fnc_k_block;

/* How a product is cut: tiles of `high` and `low` rows (see fnc_low_rows); steps of k, rows and
 * columns at a time, and of those columns `inner` at a time, a whole number of tiles. Sums wait
 * tile after tile, `slot` elements apart; or, with ldc, in rows ldc apart, rows of tiles `slot`
 * apart. */
typedef struct {
    int64_t high, low, low_rows, kc, rows, columns, inner, ldc, slot;
    fnc_order copy_a;
} fnc_blocking;

/* How many segments there are: one of an empty sum. */
FNC_INLINE int64_t fnc_segments(int axes, const fnc_axis *outer) {
    int64_t count = 1;
    for (int i = 0; i < axes; ++i) count *= outer[i].extent;
    return count + !count;
}

/* Where segments s, s + 1, ... of A begin: `count` of them, each one turn of a counter. */
FNC_INLINE void fnc_segment_offsets(int axes, const fnc_axis *outer, int64_t s, int64_t count,
                                    int64_t *offsets) {
    int64_t turn[FNC_OUTER], at = 0;
    for (int i = axes; i-- > 0; s /= outer[i].extent) {
        turn[i] = s % outer[i].extent;
        at += turn[i] * outer[i].step;
    }
    for (int64_t n = 0; n < count; ++n) {
        offsets[n] = at;
        for (int i = axes; i-- > 0;) {
            at += outer[i].step;
            if (++turn[i] < outer[i].extent) break;
            at -= turn[i] * outer[i].step;
            turn[i] = 0;
        }
    }
}

/* The most rows that are left to low tiles when they are fewer than a high one has. */
FNC_INLINE int64_t fnc_low_rows(int64_t high, int64_t low) { return (high - 1) / low * low; }

/* Rows of the next tile when `left` remain. What is left over after tiles of `high` rows is given
 * to tiles of `low`; a tile may reach back over rows that are done, so none is ever cut. */
FNC_INLINE int64_t fnc_tile_rows(int64_t left, int64_t high, int64_t low, int64_t low_rows) {
    if (left < high) return left <= low_rows ? low : high;
    if (2 * low <= high) return high;
    const int64_t rest = left % high;
    return rest != 0 && rest <= 2 * low - high ? low : high;
}

/* The column where the panel of column n begins. */
FNC_INLINE int64_t fnc_panel_start(int64_t n, int64_t nr) { return n - n % nr; }

/* Packed B is stored by blocks of k of this length, so that the panels of a block are adjacent. */
FNC_INLINE int64_t fnc_pack_length(int64_t K) { return K > FNC_KC_PACKED ? FNC_KC : K + (K == 0); }

FNC_INLINE int64_t fnc_round_up(int64_t n, int64_t to) { return (n + to - 1) / to * to; }

#endif
