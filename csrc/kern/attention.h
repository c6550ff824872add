/* attention.h - softmax(scale q k^T) v by blocks of queries, and its gradient.
 *
 *     fnc_attention_forward_f32(a, H, E, scores, weights, tile, scratch)
 *     fnc_attention_backward_f32(a, g, H, E, scores, weights, shown, tile, scratch)
 *
 * compute one head of keys with the `groups` of queries that it serves. A block is as many queries
 * as a tile has columns, FNC_NR_F32: they are the lanes of every vector, so that a row of a block is
 * one key, and largest scores and sums are element-wise. Queries are transposed into the block, and
 * results out of it. Keys and values are copied, row by row, where several blocks of queries read
 * them: where they lie, their rows are a power of two apart and share few sets of the cache.
 * Forward goes through keys in blocks with a running maximum; backward goes through blocks of keys
 * and, for each, all queries, whose weights are computed again from the largest score and the
 * reciprocal of the sum that forward left. No array is larger than a block.
 *
 * What happens to scores and weights otherwise comes as functions, to be inlined, of a block of
 * `mr` keys from z0 on by `nr` queries from t0 on, acc[j * FNC_NR_F32 + i]: `scores` adds terms and
 * hides keys; `weights` multiplies by what a dropout draws; `shown` sets to 0 what the mask hides.
 * Each may be NULL. `ahead`: query t sees no key beyond t + ahead, so that such blocks are left out,
 * but for queries whose other keys are hidden as well and count no more than those. */
#ifndef FNC_ATTENTION_H
#define FNC_ATTENTION_H

#include "../math/fnc_math.h"
#include "gemm.h"
#include "turn.h"

enum { FNC_KEYS_FORWARD = 128, FNC_KEYS_BACKWARD = 64 }; /* of a block */
#define FNC_COLUMNS(n) (((n) + FNC_NR_F32 - 1) / FNC_NR_F32 * FNC_NR_F32)

/* Floats of scratch; wide heads are not copied forward, which would take much of the stack. */
#define FNC_COPIES_KEYS(H, E) ((H) + (E) <= 256)
#define FNC_ATTENTION_FORWARD(H, E)                                                                \
    (((H) + (E) + FNC_KEYS_FORWARD) * FNC_NR_F32 +                                                 \
     FNC_COPIES_KEYS(H, E) * FNC_KEYS_FORWARD * ((H) + (E)))
#define FNC_ATTENTION_BACKWARD(H, E)                                                               \
    ((2 * (H) + 2 * (E) + 3 * FNC_KEYS_BACKWARD) * FNC_NR_F32 +                                    \
     (FNC_NR_F32 + FNC_KEYS_BACKWARD) * (FNC_COLUMNS(H) + FNC_COLUMNS(E)) +                        \
     FNC_KEYS_BACKWARD * ((H) + (E)))

/* Rows are of adjacent elements; *_row: how far they are apart, *_group: those of two groups. */
typedef struct {
    int64_t groups, queries, keys;
    const float *q, *k, *v;
    int64_t q_group, q_row, k_row, v_row;
    float *out; /* forward writes them, backward reads them */
    int64_t out_group, out_row;
    float *top, *share; /* of each group and query */
    float scale, hidden;
    int64_t ahead;
} fnc_attention;

typedef struct {
    const float *out;
    int64_t out_group, out_row;
    float *q, *k, *v;
    int64_t q_group, q_row, k_row, v_row;
} fnc_attention_gradient;

typedef void fnc_attention_map(const void *tile, int64_t g, int64_t t0, int64_t z0, int64_t nr,
                               int64_t mr, float *acc);

/* C[M, NR] (+)= A[M, K] B[K, NR], A[m, k] at m * rs_a + k * cs_a. */
#if FNC_PORTABLE
FNC_NOINLINE void fnc_block_product(int64_t M, int64_t K, const float *A, int64_t rs_a, int64_t cs_a,
                                    const float *B, int64_t ldb, float *C, int64_t ldc, int fresh) {
    for (int64_t i = 0; i < M; ++i, C += ldc) {
        if (fresh)
            for (int64_t j = 0; j < FNC_NR_F32; ++j) C[j] = 0;
        for (int64_t k = 0; k < K; ++k)
            for (int64_t j = 0; j < FNC_NR_F32; ++j) C[j] += A[i * rs_a + k * cs_a] * B[k * ldb + j];
    }
}
#else
#define FNC_S f32
typedef FNC_WIDEST(fnc_vec) fnc_lanes;

FNC_INLINE void fnc_block_product(int64_t M, int64_t K, const float *A, int64_t rs_a, int64_t cs_a,
                                  const float *B, int64_t ldb, float *C, int64_t ldc, int fresh) {
    const fnc_tile_args t = {1, K, NULL, rs_a, cs_a, ldb, FNC_NR_F32 / 2, FNC_NR_F32, ldc,
                             FNC_NR_F32, NULL, 0};
    const fnc_tiles_f32 *tiles = &FNC_WIDEST(fnc_tiles);
    int64_t i = 0;
    for (; M - i >= FNC_MR; i += FNC_MR) tiles->of_high(&t, fresh, A + i * rs_a, B, C + i * ldc);
    for (; M - i >= FNC_MT; i += FNC_MT) tiles->of_low(&t, fresh, A + i * rs_a, B, C + i * ldc);
    for (; i < M; ++i) tiles->of_row[0](&t, fresh, A + i * rs_a, B, C + i * ldc);
}
#undef FNC_S
#endif

/* exp(x) for x <= 0: 0 below the smallest normal number, nearly. x / ln2 is n + r, where n is the sum
 * that rounds, and leaves in its low bits the exponent of 2^n: 0 where x is least. */
FNC_INLINE float fnc_exp_negative_f32(float x) {
    const float rounder = 0x1.8p23f + 127.0f, least = x < -88.0f ? -88.0f : x;
    const float t = least * 0x1.715476p0f + rounder, n = t - rounder;
    const float r = least * 0x1.715476p0f - n;
    float p = 0.00132646066f;
    p = p * r + 0.00967161919f;
    p = p * r + 0.0555073495f;
    p = p * r + 0.240222405f;
    p = p * r + 0.693146976f;
    p = p * r + 1.0f;
    return p * fnc_f32_of_bits(fnc_bits_f32(t) << 23);
}

/* Scores of `keys` become exp(s - top), and are added to each query's sum. A vector of queries at a
 * time, whose top and sum stay in registers, as constants do. */
FNC_INLINE void fnc_block_exp(int64_t keys, float *restrict s, const float *top, float *sum) {
    enum { LANES = FNC_LANES(4) };
    for (int v = 0; v < FNC_NR_F32; v += LANES) {
        float most[LANES], so_far[LANES];
        for (int i = 0; i < LANES; ++i) most[i] = top[v + i], so_far[i] = sum[v + i];
        for (int64_t j = 0; j < keys; ++j)
            for (int i = 0; i < LANES; ++i) {
                const float e = fnc_exp_negative_f32(s[j * FNC_NR_F32 + v + i] - most[i]);
                s[j * FNC_NR_F32 + v + i] = e, so_far[i] += e;
            }
        for (int i = 0; i < LANES; ++i) sum[v + i] = so_far[i];
    }
}

/* Scores become weights p, and the gradient of weights, d, that of scores: p (d - own). */
FNC_INLINE void fnc_block_slopes(int64_t keys, float *restrict p, float *restrict d, const float *top,
                                 const float *share, const float *own) {
    enum { LANES = FNC_LANES(4) };
    for (int v = 0; v < FNC_NR_F32; v += LANES) {
        float most[LANES], part[LANES], less[LANES];
        for (int i = 0; i < LANES; ++i)
            most[i] = top[v + i], part[i] = share[v + i], less[i] = own[v + i];
        for (int64_t j = 0; j < keys; ++j)
            for (int i = 0; i < LANES; ++i) {
                const int64_t at = j * FNC_NR_F32 + v + i;
                const float w = fnc_exp_negative_f32(p[at] - most[i]) * part[i];
                p[at] = w, d[at] = w * (d[at] - less[i]);
            }
    }
}

/* NR rows of N numbers as columns, times `by`; those of queries that there are not are 0. */
FNC_INLINE void fnc_turn_in(int64_t n, int64_t N, const float *x, int64_t ldx, float by, float *out) {
    if (n < FNC_NR_F32)
        for (int64_t i = 0; i < N * FNC_NR_F32; ++i) out[i] = 0;
    fnc_turn_f32(n, N, x, ldx, out, FNC_NR_F32);
    if (by != 1.0f)
        for (int64_t i = 0; i < N * FNC_NR_F32; ++i) out[i] *= by;
}

/* The largest score of each query, and of what was there before. */
FNC_INLINE void fnc_block_top(int64_t keys, const float *restrict s, float *restrict top) {
    enum { NR = FNC_NR_F32 };
    int64_t j = 0;
    for (; j + 4 <= keys; j += 4)
        for (int i = 0; i < NR; ++i) {
            const float *at = s + j * NR + i;
            const float a = at[0] > at[NR] ? at[0] : at[NR];
            const float b = at[2 * NR] > at[3 * NR] ? at[2 * NR] : at[3 * NR];
            const float c = a > b ? a : b;
            top[i] = c > top[i] ? c : top[i];
        }
    for (; j < keys; ++j)
        for (int i = 0; i < NR; ++i) top[i] = s[j * NR + i] > top[i] ? s[j * NR + i] : top[i];
}

/* May a key that is hidden count for one of n queries: does each see so little? */
FNC_INLINE int fnc_counts_hidden(int64_t n, const float *top, float hidden) {
    int found = 0;
    for (int64_t i = 0; i < n; ++i) found |= top[i] <= hidden + 104.0f;
    return found;
}

/* n rows of N numbers, `ldx` apart, one behind the other. */
FNC_INLINE void fnc_rows_together(int64_t n, int64_t N, const float *restrict x, int64_t ldx,
                                  float *restrict out) {
    for (int64_t i = 0; i < n; ++i)
        for (int64_t c = 0; c < N; ++c) out[i * N + c] = x[i * ldx + c];
}

FNC_INLINE void fnc_attention_forward_f32(const fnc_attention *a, int64_t H, int64_t E,
                                          fnc_attention_map *scores, fnc_attention_map *weights,
                                          const void *tile, float *scratch) {
    enum { NR = FNC_NR_F32 };
    float *q = scratch, *s = q + H * NR, *o = s + FNC_KEYS_FORWARD * NR;
    const int64_t G = a->groups, T = a->queries, S = a->keys;
    const float *k = a->k, *v = a->v;
    int64_t k_row = a->k_row, v_row = a->v_row;
    if (FNC_COPIES_KEYS(H, E) && S <= FNC_KEYS_FORWARD && G * T > NR) {
        float *copied = o + E * NR;
        fnc_rows_together(S, H, k, k_row, copied);
        fnc_rows_together(S, E, v, v_row, copied + S * H);
        k = copied, v = copied + S * H, k_row = H, v_row = E;
    }
    for (int64_t g = 0; g < G; ++g)
        for (int64_t t0 = 0; t0 < T; t0 += NR) {
            const int64_t n = fnc_min_i64(NR, T - t0), seen = fnc_min_i64(S, t0 + n + a->ahead);
            float top[NR] FNC_ALIGNED, sum[NR] FNC_ALIGNED, less[NR] FNC_ALIGNED;
            for (int i = 0; i < NR; ++i) top[i] = -0x1.fffffep127f, sum[i] = 0;
            fnc_turn_in(n, H, a->q + g * a->q_group + t0 * a->q_row, a->q_row, a->scale, q);
            int64_t keys;
            for (int64_t z = 0; z < S; z += keys) {
                if (z >= seen && z > 0 && !fnc_counts_hidden(n, top, a->hidden)) break;
                keys = fnc_min_i64((z < seen ? seen : S) - z, FNC_KEYS_FORWARD);
                fnc_block_product(keys, H, k + z * k_row, k_row, 1, q, NR, s, NR, 1);
                if (scores) scores(tile, g, t0, z, n, keys, s);
                for (int i = 0; i < NR; ++i) less[i] = top[i];
                fnc_block_top(keys, s, top);
                for (int i = 0; i < NR; ++i) less[i] = fnc_exp_negative_f32(less[i] - top[i]);
                for (int i = 0; i < NR; ++i) sum[i] *= less[i];
                fnc_block_exp(keys, s, top, sum);
                if (weights) weights(tile, g, t0, z, n, keys, s);
                if (z > 0)
                    for (int64_t c = 0; c < E; ++c)
                        for (int i = 0; i < NR; ++i) o[c * NR + i] *= less[i];
                fnc_block_product(E, keys, v + z * v_row, 1, v_row, s, NR, o, NR, z == 0);
            }
            for (int i = 0; i < NR; ++i) less[i] = 1.0f / sum[i];
            for (int64_t c = 0; c < E; ++c)
                for (int i = 0; i < NR; ++i) o[c * NR + i] = S > 0 ? o[c * NR + i] * less[i] : 0;
            fnc_turn_f32(E, n, o, NR, a->out + g * a->out_group + t0 * a->out_row, a->out_row);
            FNC_C(memcpy)(a->top + g * T + t0, top, (size_t)n * sizeof *top);
            FNC_C(memcpy)(a->share + g * T + t0, less, (size_t)n * sizeof *less);
        }
}

/* Rows of N numbers one behind the other, room for `columns` each; the rest is 0. */
FNC_INLINE void fnc_rows_in(int64_t n, int64_t N, const float *x, int64_t ldx, int64_t columns,
                            float *out) {
    if (n < FNC_NR_F32 || N < columns)
        FNC_C(memset)(out, 0, (size_t)(FNC_NR_F32 * columns) * sizeof *out);
    for (int64_t i = 0; i < n; ++i)
        for (int64_t c = 0; c < N; ++c) out[i * columns + c] = x[i * ldx + c];
}

/* n rows of N, times `by`, of where they wait in rows of `columns`. */
FNC_INLINE void fnc_rows_out(int64_t n, int64_t N, const float *restrict x, int64_t columns, float by,
                             float *restrict out, int64_t ldo) {
    for (int64_t i = 0; i < n; ++i)
        for (int64_t c = 0; c < N; ++c) out[i * ldo + c] = x[i * columns + c] * by;
}

FNC_INLINE void fnc_attention_backward_f32(const fnc_attention *a, const fnc_attention_gradient *b,
                                           int64_t H, int64_t E, fnc_attention_map *scores,
                                           fnc_attention_map *weights, fnc_attention_map *shown,
                                           const void *tile, float *scratch) {
    enum { NR = FNC_NR_F32, KEYS = FNC_KEYS_BACKWARD };
    const int64_t HC = FNC_COLUMNS(H), EC = FNC_COLUMNS(E);
    float *q = scratch, *dq = q + H * NR, *d_out = dq + H * NR, *p = d_out + E * NR;
    float *d = p + KEYS * NR, *f = d + KEYS * NR, *q_rows = f + KEYS * NR;
    float *d_rows = q_rows + NR * HC, *dk = d_rows + NR * EC, *dv = dk + KEYS * HC;
    float *k = dv + KEYS * EC, *v = k + KEYS * H, *o = v + KEYS * E;
    const int64_t G = a->groups, T = a->queries, S = a->keys;
    int64_t keys;
    for (int64_t g = 0; g < G; ++g)
        for (int64_t t = 0; t < T; ++t)
            FNC_C(memset)(b->q + g * b->q_group + t * b->q_row, 0, (size_t)H * sizeof *q);
    for (int64_t z = 0; z < S; z += keys) {
        keys = fnc_min_i64(S - z, KEYS);
        fnc_rows_together(keys, H, a->k + z * a->k_row, a->k_row, k);
        fnc_rows_together(keys, E, a->v + z * a->v_row, a->v_row, v);
        FNC_C(memset)(dk, 0, (size_t)(KEYS * (HC + EC)) * sizeof *dk);
        for (int64_t g = 0; g < G; ++g)
            for (int64_t t0 = 0; t0 < T; t0 += NR) {
                const int64_t n = fnc_min_i64(NR, T - t0);
                const float *out = a->out + g * a->out_group + t0 * a->out_row;
                const float *up = b->out + g * b->out_group + t0 * b->out_row;
                const float *from = a->q + g * a->q_group + t0 * a->q_row;
                float top[NR] FNC_ALIGNED, share[NR] FNC_ALIGNED, own[NR] FNC_ALIGNED;
                for (int i = 0; i < NR; ++i) top[i] = share[i] = own[i] = 0;
                FNC_C(memcpy)(top, a->top + g * T + t0, (size_t)n * sizeof *top);
                int64_t seen = fnc_min_i64(keys, t0 + n + a->ahead - z);
                if (seen < keys && fnc_counts_hidden(n, top, a->hidden)) seen = keys;
                if (seen <= 0) continue;
                FNC_C(memcpy)(share, a->share + g * T + t0, (size_t)n * sizeof *share);
                fnc_turn_in(n, H, from, a->q_row, a->scale, q);
                fnc_turn_in(n, E, up, b->out_row, 1.0f, d_out);
                fnc_rows_in(n, H, from, a->q_row, HC, q_rows);
                fnc_rows_in(n, E, up, b->out_row, EC, d_rows);
                fnc_turn_in(n, E, out, a->out_row, 1.0f, o);
                for (int64_t c = 0; c < E; ++c)
                    for (int i = 0; i < NR; ++i) own[i] += o[c * NR + i] * d_out[c * NR + i];
                fnc_block_product(seen, H, k, H, 1, q, NR, p, NR, 1);
                fnc_block_product(seen, E, v, E, 1, d_out, NR, d, NR, 1);
                if (scores) scores(tile, g, t0, z, n, seen, p);
                if (weights) {
                    for (int64_t i = 0; i < seen * NR; ++i) f[i] = 1.0f;
                    weights(tile, g, t0, z, n, seen, f);
                    for (int64_t i = 0; i < seen * NR; ++i) d[i] *= f[i];
                }
                fnc_block_slopes(seen, p, d, top, share, own);
                if (shown) shown(tile, g, t0, z, n, seen, d);
                if (weights)
                    for (int64_t i = 0; i < seen * NR; ++i) p[i] *= f[i];
                for (int64_t c = 0; c < EC; c += NR)
                    fnc_block_product(seen, NR, p, NR, 1, d_rows + c, EC, dv + c, EC, 0);
                for (int64_t c = 0; c < HC; c += NR)
                    fnc_block_product(seen, NR, d, NR, 1, q_rows + c, HC, dk + c, HC, 0);
                fnc_block_product(H, seen, k, 1, H, d, NR, dq, NR, 1);
                fnc_turn_f32(H, NR, dq, NR, q_rows, HC);
                float *to = b->q + g * b->q_group + t0 * b->q_row;
                for (int64_t i = 0; i < n; ++i)
                    for (int64_t c = 0; c < H; ++c)
                        to[i * b->q_row + c] += q_rows[i * HC + c] * a->scale;
            }
        fnc_rows_out(keys, H, dk, HC, a->scale, b->k + z * b->k_row, b->k_row);
        fnc_rows_out(keys, E, dv, EC, 1.0f, b->v + z * b->v_row, b->v_row);
    }
}

#endif
