/* gemm_config.h - the register tiles, one row per instruction set, and the cache they are cut for.
 *
 * A tile is MR rows by NR = 2 vectors: 2 MR accumulators, 2 vectors of B and one broadcast of A
 * have to fit the registers. MT is the lower tile that takes what is left over; 2 MT accumulators
 * are enough to hide the latency of FMA. The rows of bfloat16 stand apart: AVX512-BF16 has tiles of
 * 8 by 32, AMX of 32 by 32; see gemm_bf16.h. */
#ifndef FNC_GEMM_CONFIG_H
#define FNC_GEMM_CONFIG_H

#include "../math/fnc_int.h"

#if FNC_VEC_BYTES == 64 /*   AVX-512: 32 registers of 64 bytes */
enum { FNC_MR = 12, FNC_MT = 4, FNC_GEMM_L2 = 1 << 20 };
#elif FNC_VEC_BYTES == 32  /* AVX2 and FMA: 16 registers of 32 bytes */
enum { FNC_MR = 6, FNC_MT = 4, FNC_GEMM_L2 = 1 << 18 };
#elif defined(__aarch64__) /* NEON: 32 registers of 16 bytes */
enum { FNC_MR = 12, FNC_MT = 4, FNC_GEMM_L2 = 1 << 18 };
#else /* SSE2: 16 registers of 16 bytes, and no FMA: one more for the product */
enum { FNC_MR = 6, FNC_MT = 4, FNC_GEMM_L2 = 1 << 17 };
#endif

/* Columns of a tile and of a packed panel. The stride of the block that an epilogue receives. */
enum { FNC_NR_F32 = 2 * FNC_VEC_BYTES / 4, FNC_NR_F64 = 2 * FNC_VEC_BYTES / 8 };

/* Sums longer than KC_WHOLE, or of panels than KC_PACKED, are cut, and tiles grouped; the group's
 * sums take up to 84 KB of the stack, the rows of A where they are copied up to 120 KB more. */
enum {
    FNC_KC_WHOLE = 1024,
    FNC_KC_PACKED = 4096,
    FNC_KC = 256,
    FNC_GROUP_ROWS = 48,
    FNC_GROUP_PANELS = 512 / FNC_VEC_BYTES
};

/* A whose columns are adjacent is copied for as many panels of B; its rows are asked for as many
 * steps ahead. */
enum { FNC_COPY_FROM = 4, FNC_COPY_AHEAD = 16 };

/* Bytes of a packed B from which on the next panels are asked for, since they come from afar, and
 * the most rows of A: for more, their way counts little, and they take room in the caches. */
enum { FNC_ASK_FROM = 4 << 20, FNC_ASK_ROWS = 96 };

/* What tiles ask memory for while they compute, `pace` bytes further with each k; 0: nothing. */
typedef struct {
    const char *at;
    int64_t pace;
} fnc_ahead;

/* Panels that a single row takes at once: 8 accumulators; and of a B streamed by rows: 8 KB. */
enum { FNC_GEMV_PANELS = 4, FNC_STREAM_PANELS = 4096 / FNC_VEC_BYTES };

/* Rows m0 .. m1 - 1 and columns n0 .. n1 - 1 of C; `low`: there are not MR rows for a tile. */
typedef struct {
    int64_t m0, m1, n0, n1;
    int low;
} fnc_region;

/* Rows of the next tile when `left` remain. What is left over after tiles of MR is given to tiles
 * of MT; a tile may reach back over rows that are done, so none is ever cut. */
FNC_INLINE int64_t fnc_tile_rows(int64_t left) {
    if (left < FNC_MR) return (left + FNC_MT - 1) / FNC_MT * FNC_MT < FNC_MR ? FNC_MT : FNC_MR;
    int64_t rest = left % FNC_MR;
    return rest != 0 && rest <= 2 * FNC_MT - FNC_MR ? FNC_MT : FNC_MR;
}

/* The column where the panel of column n begins. */
FNC_INLINE int64_t fnc_panel_start(int64_t n, int64_t nr) { return n - n % nr; }

/* Packed B is stored by blocks of k of this length, so that the panels of a block are adjacent. */
FNC_INLINE int64_t fnc_pack_length(int64_t K) {
    return K > FNC_KC_PACKED ? FNC_KC : K + (K == 0);
}

FNC_INLINE int64_t fnc_round_up(int64_t n, int64_t to) { return (n + to - 1) / to * to; }

#endif
