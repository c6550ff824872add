/* gemm_type.h - everything of gemm.h for one element type. A template: FNC_T is the type, FNC_S its
 * suffix, FNC_NR the columns of a tile. Tiles are there for every width of vector, so that a matrix
 * narrower than the widest still has one that does not read beyond it.
 *
 * An element that is not one number (gemm_bf16.h) has FNC_SUM, the type of sums, as well; and how it
 * is multiplied: in FNC_PARTS, each FNC_PART(part, b) of vectors of elements of B, which are vectors
 * of FNC_FACTOR, by FNC_MULTIPLY(sum, a, b). Elements of A are of that type, one after the other for
 * each part: a step of k takes FNC_PARTS of them. It has tiles of the widest vectors alone.
 *
 * With FNC_SHARES_TYPE its tiles and its driver are FNC_SHARED, see fnc_base.h. */

#if FNC_SHARES_TYPE
#define FNC_OF_TYPE FNC_SHARED
#define FNC_ELSEWHERE (FNC_LINKED == 1)
#else
#define FNC_OF_TYPE FNC_NOINLINE
#define FNC_ELSEWHERE 0
#endif

#if !defined(FNC_SUM)
#define FNC_ONE_NUMBER 1
#define FNC_SUM FNC_T
#define FNC_FACTOR FNC_T
#define FNC_PARTS 1
#define FNC_PART(part, x) (x)
#define FNC_MULTIPLY(sum, x, b) ((sum) += (x) * (b))
#else
#define FNC_ONE_NUMBER 0
#endif

#define FNC_X(stem) FNC_PASTE(stem, FNC_S, )
#define FNC_EPILOGUE FNC_X(fnc_epilogue)
#define FNC_TILES FNC_X(fnc_tiles)
#define FNC_ARGS FNC_X(fnc_gemm_args)
#define FNC_PREFETCH FNC_X(fnc_prefetch)

typedef void (*FNC_EPILOGUE)(const void *env, int64_t m, int64_t n, int64_t mr, int64_t nr,
                             const FNC_SUM *acc);

/* acc (+)= A B for the rows and vectors of a tile; see fnc_tile_args. */
typedef void FNC_X(fnc_tile)(const fnc_tile_args *t, int fresh, const FNC_FACTOR *A,
                             const FNC_T *B, FNC_SUM *acc);

/* A tile's shape and its forms: of `high` rows, the same with prefetch, of `low` rows; of one row
 * and one, two, four panels; and one row over many columns of a B that lies by rows. The last two
 * of a row and the stream may be missing. */
typedef struct {
    int64_t high, low, vectors, lanes;
    FNC_X(fnc_tile) * of_high, *with_prefetch, *of_low, *of_row[3];
    void (*stream)(int64_t columns, int64_t K, const FNC_FACTOR *a, int64_t cs_a, const FNC_T *B,
                   int64_t ldb, FNC_SUM *acc);
} FNC_TILES;

/* What is prefetched while tiles compute, `part` bytes a tile: of each of `count` arrays a row of
 * `bytes`, from element `first` on, then the next row, `stride` elements further, of `rows`. Now at
 * byte `byte` of the row of array `array`. */
typedef struct {
    const FNC_T *const *arrays, *one; /* `one`: room for the only array */
    int64_t count, first, rows, stride, bytes, part, array, byte;
} FNC_PREFETCH;

/* C[M, N] = A[M, K] B[K, N], of which rows m0 .. m1 - 1 and columns n0 .. n1 - 1 are computed. */
typedef struct FNC_ARGS {
    int64_t M, N, K;
    const FNC_FACTOR *A; /* A[m, k] at m * rs_a + k * cs_a ... */
    int64_t rs_a, cs_a;
    int axes; /* ... if 0; else k counts along so many axes of A around the one of cs_a */
    const fnc_axis *outer;
    const FNC_T *B; /* row-major, or in panels as wide as the tile */
    int64_t ldb;
    int packed;
    int64_t m0, m1, n0, n1;
    fnc_unit unit; /* in which results are handed over */
    /* Of FNC_TRANSPOSED: fnc_hand_over_transposed. */
    void (*turn)(const struct FNC_ARGS *p, int64_t m, int64_t mr, int64_t n, int64_t rows,
                 const FNC_SUM *sums);
    FNC_EPILOGUE epilogue;
    const void *env;
    const FNC_TILES *tiles;
    /* NULL, or tiles do not read A, but what this copies: rows m ... and elements k ... of it, as
     * `order` says, from the matrix that `left` describes to it. */
    void (*copy)(const void *left, int64_t m, int64_t rows, int64_t k, int64_t length,
                 FNC_FACTOR *copied);
    const void *left;
    fnc_order order;
    /* Packs `depth` rows of B from column 0 to `columns` on the fly, where B is not packed. */
    void (*pack)(int64_t columns, int64_t depth, const FNC_T *B, int64_t ldb, FNC_T *panels);
    /* Sets what is prefetched while region r is computed over block b of k. */
    void (*prefetch)(const struct FNC_ARGS *p, const fnc_region *r, const fnc_k_block *b,
                     FNC_PREFETCH *w);
    const FNC_T *const *beside; /* arrays laid out like C in rows of N, for the prefetch of those */
    int64_t count;
} FNC_ARGS;

#if FNC_VEC_BYTES >= 64
#define FNC_NAME(stem) FNC_PASTE(stem, FNC_S, _v64)
#define FNC_BYTES 64
#include "gemm_tile.h"
#undef FNC_NAME
#undef FNC_BYTES
#undef FNC_VL
#endif

#if FNC_VEC_BYTES == 32 || (FNC_VEC_BYTES > 32 && FNC_ONE_NUMBER)
#define FNC_NAME(stem) FNC_PASTE(stem, FNC_S, _v32)
#define FNC_BYTES 32
#include "gemm_tile.h"
#undef FNC_NAME
#undef FNC_BYTES
#undef FNC_VL
#endif

#if FNC_VEC_BYTES == 16 || FNC_ONE_NUMBER
#define FNC_NAME(stem) FNC_PASTE(stem, FNC_S, _v16)
#define FNC_BYTES 16
#include "gemm_tile.h"
#undef FNC_NAME
#undef FNC_BYTES
#undef FNC_VL
#endif

#if FNC_ONE_NUMBER
#define FNC_NAME(stem) FNC_PASTE(stem, FNC_S, _scalar)
#define FNC_BYTES 0
#include "gemm_tile.h"
#undef FNC_NAME
#undef FNC_BYTES
#undef FNC_VL

/* The widest tiles whose vectors are not wider than `columns`. */
FNC_INLINE const FNC_TILES *FNC_X(fnc_tiles_for)(int64_t columns) {
    const int64_t bytes = columns * (int64_t)sizeof(FNC_T);
    (void)bytes;
#if FNC_VEC_BYTES >= 64
    if (bytes >= 64) return &FNC_PASTE(fnc_tiles, FNC_S, _v64);
#endif
#if FNC_VEC_BYTES >= 32
    if (bytes >= 32) return &FNC_PASTE(fnc_tiles, FNC_S, _v32);
#endif
    if (bytes >= 16) return &FNC_PASTE(fnc_tiles, FNC_S, _v16);
    return &FNC_PASTE(fnc_tiles, FNC_S, _scalar);
}
#endif

#if FNC_ELSEWHERE
FNC_OF_TYPE void FNC_X(fnc_gemm_tiled)(const FNC_ARGS *p);
FNC_OF_TYPE void FNC_X(fnc_gemm_packing_of)(const FNC_ARGS *p);
FNC_OF_TYPE void FNC_X(fnc_gemm_row_panels_of)(const FNC_ARGS *p);
FNC_OF_TYPE void FNC_X(fnc_hand_over_transposed)(const FNC_ARGS *p, int64_t m, int64_t mr, int64_t n,
                                                 int64_t rows, const FNC_SUM *sums);
FNC_OF_TYPE void FNC_X(fnc_prefetch_panels)(const FNC_ARGS *p, const fnc_region *r,
                                            const fnc_k_block *b, FNC_PREFETCH *w);
#else
#include "gemm_driver.h"
#endif

#include "gemm_direct.h"

#undef FNC_OF_TYPE
#undef FNC_ELSEWHERE
#undef FNC_X
#undef FNC_EPILOGUE
#undef FNC_TILES
#undef FNC_ARGS
#undef FNC_PREFETCH
#undef FNC_SUM
#undef FNC_FACTOR
#undef FNC_ONE_NUMBER
#undef FNC_PARTS
#undef FNC_PART
#undef FNC_MULTIPLY
