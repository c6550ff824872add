/* gemm_driver.h - the one loop nest around the register tiles, for one element type. A template
 * like gemm_type.h.
 *
 * Blocks of columns, groups of rows, blocks of k; in each of them the rows of A are copied or B is
 * packed where that pays, then tile after tile is summed up. Partial sums wait in acc; what is
 * finished is handed over at once. A tile that would stick out of the matrix is moved back over
 * columns or rows that are done; the epilogue sees each element of C once. Takes up to 230 KB of
 * the stack. */

/* Elements of acc and scratch: rows or tiles that wait; copied rows of A or a strip of B. */
enum {
    FNC_X(FNC_ROW_PANEL) = FNC_MR * (FNC_ROW_PANEL_BYTES + 64) / sizeof(FNC_SUM),
    FNC_X(FNC_FEW) = (FNC_FEW_ROWS + FNC_MR) * FNC_STRIP_BYTES / sizeof(FNC_SUM),
    FNC_X(FNC_ACC) = FNC_X(FNC_ROW_PANEL) > FNC_X(FNC_FEW) ? FNC_X(FNC_ROW_PANEL) : FNC_X(FNC_FEW),
    FNC_X(FNC_COPIED) = FNC_PARTS * FNC_KC * (FNC_GROUP_ROWS + FNC_MR),
    FNC_X(FNC_STRIP) = FNC_STRIP_ROWS * FNC_STRIP_BYTES / sizeof(FNC_T),
    FNC_X(FNC_SCRATCH) = FNC_X(FNC_COPIED) > FNC_X(FNC_STRIP) ? FNC_X(FNC_COPIED) : FNC_X(FNC_STRIP),
    FNC_X(FNC_STEPS) = FNC_X(FNC_SCRATCH) / FNC_PARTS /* of A that there is room for */
};

/* The block of k that begins at k: not across a cut of a packed B, and of segments as many as are
 * whole, or a part of one. */
FNC_INLINE void FNC_X(fnc_next_block)(const FNC_ARGS *p, int64_t k, int64_t kc, fnc_k_block *b) {
    const int64_t room = fnc_min_i64(kc - k % kc, p->K - k);
    const int64_t segments = fnc_segments(p->axes, p->outer);
    b->k = k;
    b->segments = 1;
    b->depth = room;
    b->offsets[0] = k * FNC_PARTS * p->cs_a;
    if (segments > 1 && p->K > 0) {
        const int64_t depth = p->K / segments, inside = k % depth;
        const int64_t fit = fnc_min_i64(room / depth, FNC_SEGMENTS);
        b->segments = inside == 0 && fit > 0 ? fit : 1;
        b->depth = fnc_min_i64(room, depth - inside);
        fnc_segment_offsets(p->axes, p->outer, k / depth, b->segments, b->offsets);
        b->offsets[0] += inside * FNC_PARTS * p->cs_a;
    }
    b->length = b->segments * b->depth;
    b->last = k + b->length == p->K;
}

/* `depth` columns of A in the rows of r, adjacent in memory, tile after tile as copied[k][rows].
 * With a long step from k to k + 1 they would fall on few sets of the cache; eight steps at a time
 * they do not. */
FNC_NOINLINE void FNC_X(fnc_copy_a)(const fnc_blocking *by, const fnc_region *r, int64_t depth,
                                    const FNC_FACTOR *restrict A, int64_t cs_a,
                                    FNC_FACTOR *restrict copied) {
    for (int64_t k0 = 0, k1; k0 < depth; k0 = k1) {
        FNC_FACTOR *out = copied;
        k1 = fnc_min_i64(k0 + 8, depth);
        for (int64_t m = r->m0, rows; m < r->m1; m += rows, out += rows * depth) {
            rows = fnc_tile_rows(r->m1 - m, by->high, by->low, by->low_rows);
            const FNC_FACTOR *a = A + fnc_min_i64(m, r->m1 - rows);
            for (int64_t k = k0; k < k1; ++k)
                __builtin_prefetch(a + fnc_min_i64(k + FNC_COPY_AHEAD, depth - 1) * cs_a);
            if (rows == FNC_MR)
                for (int64_t k = k0; k < k1; ++k)
                    __builtin_memcpy(out + k * FNC_MR, a + k * cs_a, FNC_MR * sizeof *a);
            else if (rows == FNC_MT)
                for (int64_t k = k0; k < k1; ++k)
                    __builtin_memcpy(out + k * FNC_MT, a + k * cs_a, FNC_MT * sizeof *a);
            else
                for (int64_t k = k0; k < k1; ++k)
                    __builtin_memcpy(out + k * rows, a + k * cs_a, (size_t)rows * sizeof *a);
        }
    }
}

/* Copies block b of A, where tiles see no segments any more: each segment's steps follow the last
 * one's. */
FNC_INLINE void FNC_X(fnc_copy_block)(const FNC_ARGS *p, const fnc_blocking *by, fnc_region r,
                                      const fnc_k_block *b, FNC_FACTOR *copied) {
    const int64_t end = r.m1;
    for (int64_t rows; r.m0 < end; r.m0 = r.m1) {
        rows = b->segments == 1 && !p->copy
                   ? end - r.m0
                   : fnc_tile_rows(end - r.m0, by->high, by->low, by->low_rows);
        r.m0 = fnc_min_i64(r.m0, end - rows);
        r.m1 = r.m0 + rows;
        if (p->copy) {
            p->copy(p->left, r.m0, rows, b->k, b->length, copied);
            copied += rows * b->length * FNC_PARTS;
            continue;
        }
        const int64_t depth = b->depth * FNC_PARTS;
        for (int64_t s = 0; s < b->segments; ++s, copied += rows * depth)
            FNC_X(fnc_copy_a)(by, &r, depth, p->A + b->offsets[s], p->cs_a, copied);
    }
}

/* What the next tile prefetches: its part of w. */
FNC_INLINE void FNC_X(fnc_prefetch_part)(FNC_PREFETCH *w, fnc_tile_args *t) {
    t->at = (const char *)(w->arrays[w->array] + w->first) + w->byte;
    for (w->byte += w->part; w->byte >= w->bytes && w->rows > 0; w->byte -= w->bytes)
        if (++w->array == w->count) w->array = 0, w->first += w->stride, --w->rows;
}

/* Hands over the transpose of `rows` by mr sums, for products with swapped operands: they are rows
 * n ... and columns m ... of C^T. Rows of sums are FNC_NR apart, if there is more than one. */
FNC_OF_TYPE void FNC_X(fnc_hand_over_transposed)(const FNC_ARGS *p, int64_t m, int64_t mr, int64_t n,
                                                 int64_t rows, const FNC_SUM *restrict sums) {
    FNC_SUM block[FNC_NR * FNC_NR] __attribute__((aligned(64)));
    for (int64_t i0 = 0, nr; i0 < rows; i0 += nr, sums += nr * FNC_NR) {
        nr = fnc_min_i64(rows - i0, FNC_NR);
        for (int64_t j = 0; j < mr; ++j)
            for (int64_t i = 0; i < nr; ++i) block[j * FNC_NR + i] = sums[i * FNC_NR + j];
        p->epilogue(p->env, m, n + i0, mr, nr, block);
    }
}

/* Gives the rows m ... of a tile that begins at row `top` and column `left`, and its columns n ..
 * end - 1 to the epilogue, two vectors at a time. */
FNC_NOINLINE void FNC_X(fnc_hand_over)(const FNC_ARGS *p, const fnc_tile_args *t, int64_t m,
                                       int64_t mr, int64_t top, int64_t n, int64_t end,
                                       int64_t left, const FNC_SUM *tile) {
    const int64_t pair = 2 * p->tiles->lanes;
    for (int64_t nr; n < end; n += nr) {
        const int64_t j = n - left;
        const FNC_SUM *sums = tile + (m - top) * t->ldc + j / pair * t->pair_c + j % pair;
        nr = fnc_min_i64(pair - j % pair, end - n);
        if (p->unit == FNC_TRANSPOSED)
            p->turn(p, n, nr, m, mr, sums);
        else
            p->epilogue(p->env, m, n, mr, nr, sums);
    }
}

/* Where the tiles of a region find B: its column `left` at B, the next one `step` elements further;
 * they are `width` columns wide. */
typedef struct {
    const FNC_T *B;
    int64_t left, step, width;
    int panels;
} FNC_X(fnc_right);

FNC_INLINE FNC_X(fnc_right) FNC_X(fnc_right_of)(const FNC_ARGS *p, const fnc_region *r,
                                                const fnc_k_block *b, const FNC_T *strip) {
    const int64_t lanes = p->tiles->lanes, nr = p->tiles->vectors * lanes;
    const int64_t pack = fnc_pack_length(p->K), start = b->k - b->k % pack;
    if (strip) return (FNC_X(fnc_right)){strip, r->n0, b->length, nr, 1};
    if (p->packed) {
        const int64_t left = fnc_panel_start(r->n0, nr), depth = fnc_min_i64(pack, p->K - start);
        const FNC_T *B = p->B + start * fnc_round_up(p->N, nr) + left * depth + (b->k - start) * nr;
        return (FNC_X(fnc_right)){B, left, depth, nr, 1};
    }
    const int64_t width = fnc_min_i64(nr, p->N), left = fnc_min_i64(r->n0, p->N - width);
    return (FNC_X(fnc_right)){p->B + b->k * p->ldb + left, left, 1, width, 0};
}

/* A row's sums from column `left` on, of as many panels as there are up to `end`, but not more than
 * hide the latency; or of all of them, if B comes by rows. Gives the column after the last. */
FNC_NOINLINE int64_t FNC_X(fnc_row)(const FNC_ARGS *p, const fnc_tile_args *t, int fresh,
                                    const FNC_FACTOR *a, const FNC_T *B, int64_t left, int64_t end,
                                    FNC_SUM *acc) {
    const FNC_TILES *ts = p->tiles;
    const int64_t nr = ts->vectors * ts->lanes, fit = (end - left) / nr;
    const int which = fit >= 4 && ts->of_row[2] ? 2 : fit >= 2 && ts->of_row[1] ? 1 : 0;
    if (ts->stream && !p->packed && fit > FNC_GEMV_PANELS && fresh && t->depth == p->K) {
        ts->stream(fit * nr, p->K, a, t->cs_a, B, t->ldb, acc);
        return left + fit * nr;
    }
    ts->of_row[which](t, fresh, a, B, acc);
    return fnc_min_i64(left + (nr << which), end);
}

/* Region r over block b of k, tile after tile. `copied` holds its rows of A, or is NULL; `strip`
 * its rows of B, packed on the fly, or is NULL. */
FNC_NOINLINE void FNC_X(fnc_gemm_region)(const FNC_ARGS *p, const fnc_blocking *by,
                                         const fnc_region *r, const fnc_k_block *b,
                                         const FNC_FACTOR *copied, const FNC_T *strip,
                                         FNC_PREFETCH *w, FNC_SUM *acc) {
    const FNC_TILES *ts = p->tiles;
    const FNC_X(fnc_right) right = FNC_X(fnc_right_of)(p, r, b, strip);
    const int64_t pair = 2 * ts->lanes, nr = ts->vectors * ts->lanes;
    const int64_t last_left = right.panels ? r->n1 : p->N - right.width;
    const int fresh = b->k == 0, by_row = b->last && by->ldc && p->unit != FNC_TRANSPOSED;
    const int by_tile = b->last && !by_row;
    const int simple = by_tile && nr <= pair && !by->ldc && p->unit == FNC_BY_TILE;
    fnc_tile_args t = {b->segments,
                       b->depth,
                       b->offsets,
                       p->rs_a,
                       p->cs_a,
                       p->ldb,
                       fnc_min_i64(ts->lanes, right.width - ts->lanes),
                       pair,
                       FNC_NR,
                       ts->high * FNC_NR,
                       NULL,
                       0};
    if (right.panels) t.ldb = nr;
    if (by->ldc) t.ldc = by->ldc, t.pair_c = pair;
    if (by->high == 1 && ts->vectors == 2) t.pair_b = right.step * nr; /* panels side by side */
    if (copied) t.segments = 1, t.depth = b->length, t.rs_a = 1;
    if (by->copy_a == FNC_BY_ROWS) t.rs_a = b->length * FNC_PARTS, t.cs_a = 1;
    t.pace = w->part / (b->length + !b->length);
    FNC_SUM *tile = acc;
    for (int64_t c = r->n0, c0 = right.left, c1; c < r->n1; c = c0 = c1) {
        const FNC_FACTOR *a = copied;
        c1 = fnc_min_i64(c0 + by->inner, r->n1);
        for (int64_t m = r->m0, rows; m < r->m1; m += rows) {
            rows = fnc_tile_rows(r->m1 - m, by->high, by->low, by->low_rows);
            const int64_t top = fnc_min_i64(m, r->m1 - rows), mr = fnc_min_i64(rows, r->m1 - m);
            if (!copied) a = p->A + b->offsets[0] + top * p->rs_a;
            if (by->copy_a == FNC_BY_STEPS) t.cs_a = rows;
            if (by->ldc) tile = acc;
            for (int64_t n = c, left = c0, end; n < c1; n = end, left = fnc_min_i64(n, last_left)) {
                const FNC_T *from = right.B + (left - right.left) * right.step;
                end = fnc_min_i64(left + right.width, c1);
                if (rows > 1 && rows < ts->high) {
                    ts->of_low(&t, fresh, a, from, tile);
                } else if (rows == 1) {
                    end = FNC_X(fnc_row)(p, &t, fresh, a, from, left, by->ldc ? c1 : end, tile);
                } else if (w->rows > 0 && t.pace > 0) {
                    FNC_X(fnc_prefetch_part)(w, &t);
                    ts->with_prefetch(&t, fresh, a, from, tile);
                } else {
                    ts->of_high(&t, fresh, a, from, tile);
                }
                if (simple)
                    p->epilogue(p->env, m, n, mr, end - n, tile + (m - top) * FNC_NR + (n - left));
                else if (by_tile)
                    FNC_X(fnc_hand_over)(p, &t, m, mr, top, n, end, left, tile);
                tile += by->ldc ? fnc_min_i64(end, last_left) - left : by->slot;
            }
            for (int64_t i = 0; by_row && i < mr; ++i)
                p->epilogue(p->env, m + i, c, 1, c1 - c,
                            acc + (m + i - top) * by->ldc + (c - right.left));
            if (by->ldc) acc += by->slot;
            a += rows * b->length * FNC_PARTS;
        }
    }
}

/* The product, cut as `by` says. */
FNC_ONE_COPY void FNC_X(fnc_gemm_blocked)(const FNC_ARGS *p, const fnc_blocking *by) {
    FNC_SUM acc[FNC_X(FNC_ACC)] __attribute__((aligned(64)));
    FNC_FACTOR scratch[FNC_X(FNC_SCRATCH)] __attribute__((aligned(64)));
    FNC_T *strip = (FNC_T *)scratch;
    const int64_t nr = p->tiles->vectors * p->tiles->lanes;
    FNC_PREFETCH w = {0};
    fnc_region r;
    for (r.n0 = p->n0; r.n0 < p->n1; r.n0 = r.n1) {
        r.n1 = fnc_min_i64((p->pack ? r.n0 : fnc_panel_start(r.n0, nr)) + by->columns, p->n1);
        for (r.m0 = p->m0; r.m0 < p->m1; r.m0 = r.m1) {
            fnc_k_block b;
            b.k = b.length = 0;
            r.m1 = fnc_min_i64(r.m0 + fnc_max_i64(by->rows, fnc_tile_rows(p->m1 - r.m0, by->high,
                                                                          by->low, by->low_rows)),
                               p->m1);
            do {
                FNC_X(fnc_next_block)(p, b.k + b.length, by->kc, &b);
                if (p->prefetch) p->prefetch(p, &r, &b, &w);
                if (by->copy_a) FNC_X(fnc_copy_block)(p, by, r, &b, scratch);
                if (p->pack)
                    p->pack(r.n1 - r.n0, b.length, p->B + b.k * p->ldb + r.n0, p->ldb, strip);
                FNC_X(fnc_gemm_region)
                (p, by, &r, &b, by->copy_a ? scratch : NULL, p->pack ? strip : NULL, &w, acc);
            } while (!b.last);
        }
    }
}

/* Are there more segments than a block of k may have? */
FNC_INLINE int FNC_X(fnc_too_many)(const FNC_ARGS *p) {
    return fnc_segments(p->axes, p->outer) > FNC_SEGMENTS;
}

/* By tiles: columns by blocks whose part of B stays in the second-level cache, rows by groups where
 * they are copied or partial sums wait. Where there are not enough rows for a high tile, low ones
 * serve; not for that either, single rows, whose sums lie side by side. */
FNC_INLINE fnc_blocking FNC_X(fnc_by_tiles)(const FNC_ARGS *p) {
    const FNC_TILES *ts = p->tiles;
    const int64_t height = p->m1 - p->m0, nr = ts->vectors * ts->lanes, stream = FNC_STREAM_PANELS;
    const int64_t slot = ts->high * fnc_round_up(nr, FNC_NR);
    if (height < ts->low) {
        const int64_t kc = p->packed ? fnc_pack_length(p->K) : p->K + !p->K, columns = stream * nr;
        const int64_t few = FNC_X(FNC_ACC) / slot * nr;
        if (!p->packed && FNC_X(fnc_too_many)(p)) /* a last tile overlaps: each waits alone */
            return (fnc_blocking){1, 1, 0, FNC_KC, 1, few, few, 0, slot, FNC_IN_PLACE};
        return (fnc_blocking){1, 1, 0, kc, 1, columns, columns, columns, 0, p->order};
    }
    const int steps = p->rs_a == 1 && p->N >= FNC_COPY_FROM * nr;
    const fnc_order copy_a = p->copy ? p->order : steps ? FNC_BY_STEPS : FNC_IN_PLACE;
    const int64_t whole = p->copy   ? fnc_min_i64(FNC_X(FNC_STEPS) / ts->high, FNC_KC_WHOLE)
                          : copy_a  ? FNC_KC
                          : p->packed ? FNC_KC_PACKED
                                      : FNC_KC_WHOLE;
    const int split = p->K > whole || FNC_X(fnc_too_many)(p);
    const int64_t kc = split ? FNC_KC : p->K + !p->K;
    const int64_t fit = FNC_GEMM_L2 / (int64_t)sizeof(FNC_T) / nr / (kc + 1);
    const int64_t fits = FNC_X(FNC_STEPS) / kc - ts->high;
    const int64_t rows = p->copy   ? fnc_min_i64(FNC_GROUP_ROWS, fits / ts->high * ts->high)
                         : copy_a ? fnc_min_i64(FNC_GROUP_ROWS, fits)
                         : split ? FNC_GROUP_ROWS : 1;
    const int64_t room = FNC_X(FNC_ACC) / slot / (rows / ts->high + 1);
    const int64_t panels = split ? fnc_min_i64(FNC_GROUP_PANELS, room) : fnc_max_i64(fit, 1);
    const int64_t high = height < ts->high ? ts->low : ts->high;
    return (fnc_blocking){high,        ts->low, fnc_low_rows(high, ts->low),
                          kc,          rows,    panels * nr,
                          panels * nr, 0,       split ? slot : 0,
                          copy_a};
}

/* By strips of B, packed on the fly: all rows of a group while a panel is in the first-level cache.
 */
FNC_INLINE fnc_blocking FNC_X(fnc_by_packing)(const FNC_ARGS *p) {
    const int64_t high = p->m1 - p->m0 < FNC_MR ? FNC_MT : FNC_MR;
    const int64_t columns = FNC_STRIP_BYTES / (int64_t)sizeof(FNC_T), slot = FNC_MR * FNC_NR;
    return (fnc_blocking){
        high, FNC_MT, fnc_low_rows(high, FNC_MT), FNC_STRIP_ROWS, FNC_FEW_ROWS, columns, FNC_NR, 0,
        slot, FNC_IN_PLACE};
}

/* For row-panel output: row panels of a tile's height, as many at once as A is copied for. A row of sums
 * waits as it is handed over; of a long sum, all rows of the group do. */
FNC_INLINE fnc_blocking FNC_X(fnc_by_row_panels)(const FNC_ARGS *p) {
    enum { PAD = 64 / sizeof(FNC_T), SPLIT = FNC_ROW_PANEL_SPLIT_BYTES / sizeof(FNC_T) };
    const FNC_TILES *ts = p->tiles;
    const int64_t nr = ts->vectors * ts->lanes, most = FNC_X(FNC_STEPS) / ts->high;
    const int split = p->K > fnc_min_i64(FNC_KC_WHOLE, most) || FNC_X(fnc_too_many)(p);
    const int64_t kc = split ? FNC_KC : p->K + !p->K,
                  high = p->m1 - p->m0 < ts->high ? ts->low : ts->high;
    const int64_t fit = FNC_X(FNC_STEPS) / kc / ts->high * ts->high - ts->high;
    const int64_t rows =
        fnc_max_i64(fnc_min_i64(fit, FNC_GROUP_ROWS / ts->high * ts->high), ts->high);
    const int64_t room = FNC_X(FNC_ACC) / (split ? rows + ts->high : ts->high) - PAD;
    const int64_t wide = fnc_min_i64(split ? SPLIT : FNC_ROW_PANEL_BYTES / (int64_t)sizeof(FNC_T), room);
    const int64_t columns = fnc_panel_start(wide, nr), ldc = columns + PAD;
    return (fnc_blocking){high,    ts->low, fnc_low_rows(high, ts->low), kc,          rows, columns,
                          columns, ldc,     split ? ts->high * ldc : 0,  p->rs_a == 1 ? FNC_BY_STEPS : FNC_IN_PLACE};
}

/* The panels that follow those of r, spread over the tiles of all rows beside r: they come from
 * far, where B is large. */
FNC_OF_TYPE void FNC_X(fnc_prefetch_panels)(const FNC_ARGS *p, const fnc_region *r,
                                            const fnc_k_block *b, FNC_PREFETCH *w) {
    if (r->m0 > p->m0) return; /* goes on */
    *w = (FNC_PREFETCH){0};
    if (!p->packed || p->rs_a == 1) return;
    const int64_t size = (int64_t)sizeof(FNC_T), nr = p->tiles->vectors * p->tiles->lanes;
    const int64_t across = r->n1 - r->n0, next = fnc_min_i64(across, p->n1 - r->n1);
    const int64_t panels = (across + nr - 1) / nr, rows = p->m1 - p->m0;
    const int64_t tiles = rows / p->tiles->high * panels;
    const int far = p->N * p->K * size >= FNC_PREFETCH_FROM && b->length == p->K;
    if (!far || rows > FNC_PREFETCH_ROWS || next <= 0 || tiles == 0) return;
    w->one = p->B + fnc_panel_start(r->n1, nr) * p->K;
    w->arrays = &w->one;
    w->count = w->rows = 1;
    w->bytes = next * p->K * size;
    w->part = (next * size / tiles + 1) * p->K;
}

/* The product p by either of them. The last two are for as many rows as a low tile has, at least.
 */
FNC_OF_TYPE void FNC_X(fnc_gemm_tiled)(const FNC_ARGS *p) {
    const fnc_blocking by = FNC_X(fnc_by_tiles)(p);
    FNC_X(fnc_gemm_blocked)(p, &by);
}
FNC_OF_TYPE void FNC_X(fnc_gemm_packing_of)(const FNC_ARGS *p) {
    const fnc_blocking by = FNC_X(fnc_by_packing)(p);
    FNC_X(fnc_gemm_blocked)(p, &by);
}
FNC_OF_TYPE void FNC_X(fnc_gemm_row_panels_of)(const FNC_ARGS *p) {
    const fnc_blocking by = FNC_X(fnc_by_row_panels)(p);
    FNC_X(fnc_gemm_blocked)(p, &by);
}
