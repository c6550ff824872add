/* Products with both operands along k: close to the exact sum, and bit for bit the same however
 * rows and columns are cut. */
#include "check.h"
#include "gemm_nt.h"

#define DEFINE_TESTS(S, T, NR, EPSILON)                                                            \
    typedef struct {                                                                               \
        T *C;                                                                                      \
        int *seen;                                                                                 \
        int64_t M, N;                                                                              \
    } store_##S;                                                                                   \
    FNC_INLINE void epilogue_##S(const void *env, int64_t m, int64_t n, int64_t mr, int64_t nr,    \
                                 const T *restrict acc) {                                          \
        const store_##S *s = env;                                                                  \
        CHECK(m >= 0 && n >= 0 && m + mr <= s->M && n + nr <= s->N && nr <= NR, "range");          \
        for (int64_t i = 0; i < mr; ++i)                                                           \
            for (int64_t j = 0; j < nr; ++j) {                                                     \
                s->C[(m + i) * s->N + n + j] = acc[i * NR + j];                                    \
                ++s->seen[(m + i) * s->N + n + j];                                                 \
            }                                                                                      \
    }                                                                                              \
    static void product_##S(int64_t M, int64_t N, int64_t K) {                                     \
        const size_t size = sizeof(T);                                                             \
        T *A = malloc(size * (size_t)(M * K + 1)), *B = malloc(size * (size_t)(N * K + 1));        \
        T *whole = malloc(size * (size_t)(M * N + 1)), *cut = malloc(size * (size_t)(M * N + 1));  \
        int *seen = calloc((size_t)(M * N + 1), sizeof *seen);                                     \
        for (int64_t i = 0; i < M * K; ++i) A[i] = (T)random_real();                               \
        for (int64_t i = 0; i < N * K; ++i) B[i] = (T)random_real();                               \
        const store_##S w = {whole, seen, M, N}, c = {cut, seen, M, N};                            \
        fnc_gemm_nt_##S(M, N, K, A, K, B, K, 0, M, 0, N, epilogue_##S, &w);                        \
        for (int i = 0; i < 2; ++i)                                                                \
            for (int j = 0; j < 2; ++j)                                                            \
                fnc_gemm_nt_##S(M, N, K, A, K, B, K, i ? M / 3 : 0, i ? M : M / 3, j ? N / 2 : 0,  \
                                j ? N : N / 2, epilogue_##S, &c);                                  \
        for (int64_t m = 0; m < M; ++m)                                                            \
            for (int64_t n = 0; n < N; ++n) {                                                      \
                double exact = 0, size_of_terms = 0;                                               \
                for (int64_t k = 0; k < K; ++k) {                                                  \
                    const double term = (double)A[m * K + k] * (double)B[n * K + k];               \
                    exact += term, size_of_terms += fabs(term);                                    \
                }                                                                                  \
                const double error = fabs((double)whole[m * N + n] - exact);                       \
                CHECK(error <= 40 * (EPSILON)*size_of_terms, "%s %" PRId64 " x %" PRId64, #S, M,   \
                      N);                                                                          \
                CHECK(seen[m * N + n] == 2, "seen %d", seen[m * N + n]);                           \
                CHECK(whole[m * N + n] == cut[m * N + n],                                          \
                      "%s M %" PRId64 " N %" PRId64 " K %" PRId64 " depends on the cut", #S, M, N, \
                      K);                                                                          \
            }                                                                                      \
        free(A), free(B), free(whole), free(cut), free(seen);                                      \
    }

DEFINE_TESTS(f32, float, FNC_NR_F32, 0x1p-24)
DEFINE_TESTS(f64, double, FNC_NR_F64, 0x1p-53)

int main(void) {
    static const int64_t ms[] = {0, 1, 2, 3, 4, 5, 9, 30}, ns[] = {0, 1, 2, 3, 5, 10, 17, 40};
    static const int64_t ks[] = {0, 1, 2, 3, 4, 7, 8, 9, 15, 16, 17, 33, 100};
    for (size_t i = 0; i < sizeof ms / sizeof *ms; ++i)
        for (size_t j = 0; j < sizeof ns / sizeof *ns; ++j)
            for (size_t k = 0; k < sizeof ks / sizeof *ks; ++k) {
                product_f32(ms[i], ns[j], ks[k]);
                product_f64(ms[i], ns[j], ks[k]);
            }
    return finish();
}
