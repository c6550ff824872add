/* One row times a matrix of bfloat16: bit for bit the slow twin on the same numbers as floats, every
 * column handed over once. */
#include "check.h"
#include "gemv_bf16.h"
#include "ref.h"

typedef struct {
    float *C;
    int *seen;
} store;

FNC_INLINE void keep(const void *env, int64_t m, int64_t n, int64_t mr, int64_t nr,
                     const float *restrict acc) {
    const store *s = env;
    CHECK(m == 0 && mr == 1 && nr > 0 && nr <= FNC_NR_F32, "block");
    for (int64_t j = 0; j < nr; ++j) {
        s->C[n + j] = acc[j];
        ++s->seen[n + j];
    }
}

static void *array(int64_t n, size_t size) {
    void *p = calloc(n > 0 ? (size_t)n : 1, size);
    if (p == NULL) exit(2);
    return p;
}

/* Where B[k, n] stands in panels. */
static int64_t place(int64_t K, int64_t k, int64_t n) {
    return (n / 16 * K + k) * 16 + n % 8 * 2 + n % 16 / 8;
}

static void check(int64_t N, int64_t K, int64_t cs_a, int64_t cut) {
    float *A = array(K * cs_a, 4), *wide = array(K * N, 4), *expected = array(N, 4);
    fnc_bf16 *B = array(K * fnc_round_up(N, FNC_GEMV_NR), 2);
    const store s = {array(N, 4), array(N, sizeof(int))};
    for (int64_t i = 0; i < K * cs_a; ++i) A[i] = (float)random_real();
    for (int64_t i = 0; i < K * N; ++i) {
        wide[i] = fnc_round_bf16((float)random_real());
        B[place(K, i / N, i % N)] = fnc_store_bf16(wide[i]);
    }
    fnc_ref_gemm_f32(1, N, K, A, 0, cs_a, wide, N, 1, expected);
    fnc_gemv_bf16(N, K, A, cs_a, B, 0, 1, 0, cut, keep, &s);
    fnc_gemv_bf16(N, K, A, cs_a, B, 0, 1, cut, N, keep, &s);
    fnc_gemv_bf16(N, K, A, cs_a, B, 1, 1, 0, N, keep, &s); /* a worker without a row */
    for (int64_t j = 0; j < N; ++j)
        CHECK(s.seen[j] == 1 && s.C[j] == expected[j], "N %d K %d at %d: %a, expected %a", (int)N,
              (int)K, (int)j, (double)s.C[j], (double)expected[j]);
    free(A), free(wide), free(expected), free(B), free(s.C), free(s.seen);
}

int main(void) {
    const int64_t columns[] = {1, 7, 8, 31, 33, 64, 100, 2048, 2049}, rows[] = {0, 1, 7, 8, 9, 40};
    for (int i = 0; i < 9; ++i)
        for (int j = 0; j < 6; ++j) {
            check(columns[i], rows[j], 1, columns[i] / 2);
            check(columns[i], rows[j], 3, columns[i]);
        }
    return finish();
}
