/* gemm_type.h - everything of gemm.h for one element type. A template: FNC_T is the type, FNC_S its
 * suffix, FNC_NR the columns of a tile. The loops are there for every width of vector, so that a
 * matrix narrower than the widest still has a tile that does not read beyond it. */

#define FNC_EPILOGUE FNC_PASTE(fnc_epilogue, FNC_S, )
#define FNC_PRODUCT FNC_PASTE(fnc_product, FNC_S, )
typedef void (*FNC_EPILOGUE)(const void *env, int64_t m, int64_t n, int64_t mr, int64_t nr,
                             const FNC_T *acc);

/* What is multiplied: A[M, K] by strides; B[K, N] row-major or packed. */
typedef struct {
    int64_t N, K;
    const FNC_T *A;
    int64_t rs_a, cs_a;
    const FNC_T *B;
    int64_t ldb;
    int packed;
} FNC_PRODUCT;

#if FNC_VEC_BYTES >= 64
#define FNC_NAME(stem) FNC_PASTE(stem, FNC_S, _v64)
#define FNC_BYTES 64
#include "gemm_loop.h"
#undef FNC_NAME
#undef FNC_BYTES
#endif

#if FNC_VEC_BYTES >= 32
#define FNC_NAME(stem) FNC_PASTE(stem, FNC_S, _v32)
#define FNC_BYTES 32
#include "gemm_loop.h"
#undef FNC_NAME
#undef FNC_BYTES
#endif

#define FNC_NAME(stem) FNC_PASTE(stem, FNC_S, _v16)
#define FNC_BYTES 16
#include "gemm_loop.h"
#undef FNC_NAME
#undef FNC_BYTES

#define FNC_NAME(stem) FNC_PASTE(stem, FNC_S, _scalar)
#define FNC_BYTES 0
#include "gemm_loop.h"
#undef FNC_NAME
#undef FNC_BYTES

#if FNC_VEC_BYTES >= 64
#define FNC_WIDEST(stem) FNC_PASTE(stem, FNC_S, _v64)
#elif FNC_VEC_BYTES >= 32
#define FNC_WIDEST(stem) FNC_PASTE(stem, FNC_S, _v32)
#else
#define FNC_WIDEST(stem) FNC_PASTE(stem, FNC_S, _v16)
#endif

/* Matrices with fewer columns than the widest vector has lanes. */
FNC_NOINLINE void FNC_PASTE(fnc_gemm_narrow, FNC_S, )(const FNC_PRODUCT *p, const fnc_region all,
                                                      FNC_EPILOGUE epilogue, const void *env) {
    const int64_t bytes = p->N * (int64_t)sizeof(FNC_T);
#if FNC_VEC_BYTES >= 64
    if (bytes >= 32) {
        FNC_PASTE(fnc_gemm, FNC_S, _v32)(p, all, epilogue, env);
        return;
    }
#endif
#if FNC_VEC_BYTES >= 32
    if (bytes >= 16) {
        FNC_PASTE(fnc_gemm, FNC_S, _v16)(p, all, epilogue, env);
        return;
    }
#endif
    (void)bytes;
    FNC_PASTE(fnc_gemm, FNC_S, _scalar)(p, all, epilogue, env);
}

/* The way for this product: constants at the call leave one of the branches. */
FNC_INLINE void FNC_PASTE(fnc_gemm_choose, FNC_S, )(const FNC_PRODUCT p, const fnc_region all,
                                                    FNC_EPILOGUE epilogue, const void *env) {
    const int64_t bytes = p.packed ? FNC_VEC_BYTES : p.N * (int64_t)sizeof(FNC_T);
    const int64_t cached = p.N * p.K * (int64_t)sizeof(FNC_T);
    const int known = __builtin_constant_p(p.N) && __builtin_constant_p(all.n0) &&
                      __builtin_constant_p(all.n1) && all.n0 == 0 && all.n1 == p.N;
    const int whole = known && p.N % FNC_NR == 0;
    const FNC_PRODUCT q = p;
    if (bytes < FNC_VEC_BYTES)
        FNC_PASTE(fnc_gemm_narrow, FNC_S, )(&q, all, epilogue, env);
    else if (cached <= FNC_GEMM_L2 && p.K <= FNC_KC_WHOLE)
        FNC_WIDEST(fnc_gemm_direct)(p, all, whole, known ? p.N % FNC_NR : 0, epilogue, env);
    else
        FNC_WIDEST(fnc_gemm)(&q, all, epilogue, env);
}

FNC_INLINE void FNC_PASTE(fnc_gemm, FNC_S, )(int64_t M, int64_t N, int64_t K, const FNC_T *A,
                                             int64_t rs_a, int64_t cs_a, const FNC_T *B,
                                             int64_t ldb, int64_t m0, int64_t m1, int64_t n0,
                                             int64_t n1, FNC_EPILOGUE epilogue, const void *env) {
    const FNC_PRODUCT p = {N, K, A, rs_a, cs_a, B, ldb, 0};
    const fnc_region all = {m0, m1, n0, n1, m1 - m0 < FNC_MR};
    (void)M;
    FNC_PASTE(fnc_gemm_choose, FNC_S, )(p, all, epilogue, env);
}

/* B packed by fnc_pack_b or fnc_pack_bt. */
FNC_INLINE void FNC_PASTE(fnc_gemm_packed, FNC_S, )(int64_t M, int64_t N, int64_t K, const FNC_T *A,
                                                    int64_t rs_a, int64_t cs_a, const FNC_T *panels,
                                                    int64_t m0, int64_t m1, int64_t n0, int64_t n1,
                                                    FNC_EPILOGUE epilogue, const void *env) {
    const FNC_PRODUCT p = {N, K, A, rs_a, cs_a, panels, FNC_NR, 1};
    const fnc_region all = {m0, m1, n0, n1, m1 - m0 < FNC_MR};
    (void)M;
    FNC_PASTE(fnc_gemm_choose, FNC_S, )(p, all, epilogue, env);
}
#undef FNC_WIDEST
#undef FNC_EPILOGUE
#undef FNC_PRODUCT
