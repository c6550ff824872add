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

/* Three entries, from the fewest ways to all; gemm.h picks one while the compiler still parses,
 * because code that is found dead later costs much of its compile time all the same.
 * Small: B is a vector wide at least, and in the second-level cache. */
#define FNC_ENTRY(stem) FNC_PASTE(stem, FNC_S, )
FNC_INLINE void FNC_ENTRY(fnc_gemm_small)(int64_t M, int64_t N, int64_t K, const FNC_T *A,
                                          int64_t rs_a, int64_t cs_a, const FNC_T *B, int64_t ldb,
                                          int packed, int64_t m0, int64_t m1, int64_t n0,
                                          int64_t n1, FNC_EPILOGUE epilogue, const void *env) {
    const int known = __builtin_constant_p(N) && __builtin_constant_p(n0) &&
                      __builtin_constant_p(n1) && n0 == 0 && n1 == N;
    const int64_t tail = known ? N % FNC_NR : 0;
    const FNC_PRODUCT p = {N, K, A, rs_a, cs_a, B, ldb, packed};
    const fnc_region all = {m0, m1, n0, n1, m1 - m0 < FNC_MR};
    (void)M;
    FNC_WIDEST(fnc_gemm_direct)(p, all, known && tail == 0, tail, epilogue, env);
}

/* Wide: B is a vector wide at least. */
FNC_INLINE void FNC_ENTRY(fnc_gemm_wide)(int64_t M, int64_t N, int64_t K, const FNC_T *A,
                                         int64_t rs_a, int64_t cs_a, const FNC_T *B, int64_t ldb,
                                         int packed, int64_t m0, int64_t m1, int64_t n0, int64_t n1,
                                         FNC_EPILOGUE epilogue, const void *env) {
    const FNC_PRODUCT p = {N, K, A, rs_a, cs_a, B, ldb, packed};
    const fnc_region all = {m0, m1, n0, n1, m1 - m0 < FNC_MR};
    if (K <= FNC_KC_WHOLE && N * K * (int64_t)sizeof(FNC_T) <= FNC_GEMM_L2)
        FNC_ENTRY(fnc_gemm_small)
    (M, N, K, A, rs_a, cs_a, B, ldb, packed, m0, m1, n0, n1, epilogue, env);
    else FNC_WIDEST(fnc_gemm)(&p, all, epilogue, env);
}

FNC_INLINE void FNC_ENTRY(fnc_gemm_any)(int64_t M, int64_t N, int64_t K, const FNC_T *A,
                                        int64_t rs_a, int64_t cs_a, const FNC_T *B, int64_t ldb,
                                        int packed, int64_t m0, int64_t m1, int64_t n0, int64_t n1,
                                        FNC_EPILOGUE epilogue, const void *env) {
    const FNC_PRODUCT p = {N, K, A, rs_a, cs_a, B, ldb, packed};
    const fnc_region all = {m0, m1, n0, n1, m1 - m0 < FNC_MR};
    if (packed || N * (int64_t)sizeof(FNC_T) >= FNC_VEC_BYTES) FNC_ENTRY(fnc_gemm_wide)
    (M, N, K, A, rs_a, cs_a, B, ldb, packed, m0, m1, n0, n1, epilogue, env);
    else FNC_ENTRY(fnc_gemm_narrow)(&p, all, epilogue, env);
}
#undef FNC_ENTRY
#undef FNC_EPILOGUE
#undef FNC_PRODUCT
