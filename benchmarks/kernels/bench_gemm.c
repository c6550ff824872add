/* GFLOP/s of the register tile against the FMA peak of this machine, shape by shape.
 *
 * The peak is probed before and after every sample, because on a shared machine it moves: the share
 * printed is the median over the rounds of (kernel / probes around it); GFLOP/s is the best round.
 * Build and run: make -C benchmarks/kernels */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "gemm.h"
#include "gemm_pack.h"
#include "gemm_shapes.h"

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Multiply-adds in registers only: 12 chains, more than latency times width on any machine known.
 */
static double peak_gflops(void) {
    enum { TURNS = 2000, CHAINS = 12, LANES = FNC_VEC_BYTES / 4 };
    typedef float vec __attribute__((vector_size(FNC_VEC_BYTES)));
    vec c[CHAINS], a = (vec){0} + 1e-9f, b = (vec){0} + 0.999f;
    FNC_UNROLL(12)
    for (int i = 0; i < CHAINS; ++i) c[i] = (vec){0} + (float)i;
    const double start = now();
    for (int turn = 0; turn < TURNS; ++turn) {
        FNC_UNROLL(12)
        for (int i = 0; i < CHAINS; ++i) {
            c[i] = c[i] * b + a;
            FNC_IN_REGISTER(c[i]);
        }
    }
    const double seconds = now() - start;
    vec sum = c[0];
    FNC_UNROLL(12)
    for (int i = 1; i < CHAINS; ++i) sum += c[i];
    volatile float sink = sum[0];
    (void)sink;
    return TURNS * CHAINS * LANES * 2 / seconds * 1e-9;
}

/* The epilogue of a dense layer: bias and relu. */
typedef struct {
    float *out;
    const float *bias;
    int64_t ld;
} dense;

FNC_INLINE void dense_epilogue(const void *env, int64_t m, int64_t n, int64_t mr, int64_t nr,
                               const float *restrict acc) {
    const dense *d = env;
    float *restrict out = d->out + m * d->ld + n;
    const float *restrict bias = d->bias + n;
    for (int64_t i = 0; i < mr; ++i)
        for (int64_t j = 0; j < nr; ++j) {
            const float v = acc[i * FNC_NR_F32 + j] + bias[j];
            out[i * d->ld + j] = v < 0 ? 0 : v;
        }
}

typedef void kernel(int64_t M, const float *restrict A, const float *restrict B,
                    const float *restrict bias, float *restrict C);

/* The batch is a run-time number, as in generated code: M, or K when A is transposed. */
#define SHAPES(X)                                                                                  \
    X(32, 64, 784, 0)                                                                              \
    X(32, 64, 64, 0)                                                                               \
    X(32, 10, 64, 0) X(784, 64, 32, 1) X(64, 64, 32, 1) X(128, 512, 512, 0) X(256, 256, 256, 0)    \
        X(512, 512, 512, 0) X(512, 512, 256, 1) X(1024, 2048, 256, 1) X(256, 2048, 2048, 0)        \
            X(1024, 2048, 2048, 0) X(1, 64, 784, 0) X(1, 64, 64, 0) X(1, 10, 64, 0)                \
                X(1, 512, 512, 0) X(1, 2048, 2048, 0) X(3, 64, 784, 0)
#define DEFINE(M, N, K, T)                                                                         \
    static __attribute__((noinline)) void rows_##M##_##N##_##K##_##T(                              \
        int64_t batch, const float *restrict A, const float *restrict B,                           \
        const float *restrict bias, float *restrict C) {                                           \
        const dense d = {C, bias, N};                                                              \
        const int64_t m = T ? M : batch, k = T ? batch : K;                                        \
        fnc_gemm_f32(m, N, k, A, T ? 1 : K, T ? M : 1, B, N, 0, m, 0, N, dense_epilogue, &d);      \
    }                                                                                              \
    static __attribute__((noinline)) void packed_##M##_##N##_##K##_##T(                            \
        int64_t batch, const float *restrict A, const float *restrict B,                           \
        const float *restrict bias, float *restrict C) {                                           \
        const dense d = {C, bias, N};                                                              \
        const int64_t m = T ? M : batch, k = T ? batch : K;                                        \
        fnc_gemm_packed_f32(m, N, k, A, T ? 1 : K, T ? M : 1, B, 0, m, 0, N, dense_epilogue, &d);  \
    }
SHAPES(DEFINE)

static float *numbers(int64_t n) {
    float *x = aligned_alloc(64, ((size_t)n * sizeof *x + 127) / 64 * 64);
    if (x == NULL) exit(1);
    for (int64_t i = 0; i < n; ++i) x[i] = (float)rand() / (float)RAND_MAX - 0.5f;
    return x;
}

static int ascending(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

typedef struct {
    double gflops, share;
} result;

static result measure(kernel *run, double flops, int64_t batch, const float *A, const float *B,
                      const float *bias, float *C) {
    enum { MOST = 400 };
    static double shares[MOST];
    const int64_t repeats = (int64_t)(4e6 / flops) + 1;
    const int rounds = flops > 1e9 ? 12 : flops > 1e8 ? 60 : MOST;
    double best = 0;
    for (int r = 0; r < rounds; ++r) {
        const double before = peak_gflops(), start = now();
        for (int64_t i = 0; i < repeats; ++i) run(batch, A, B, bias, C);
        const double rate = flops * (double)repeats / (now() - start) * 1e-9;
        shares[r] = rate / (0.5 * (before + peak_gflops()));
        best = fmax(best, rate);
    }
    qsort(shares, (size_t)rounds, sizeof *shares, ascending);
    return (result){best, shares[rounds / 2]};
}

static void shape(int64_t M, int64_t N, int64_t K, int t, kernel *rows, kernel *packed) {
    const double flops = 2.0 * (double)(M * N * K);
    float *A = numbers(M * K), *B = numbers(N * K), *bias = numbers(N), *C = numbers(M * N);
    float *P = numbers(fnc_pack_size_f32(N, K)), *D = numbers(M * N);
    fnc_pack_b_f32(N, K, B, N, P, 0, fnc_pack_parts_f32(N, K));
    const result a = measure(rows, flops, t ? K : M, A, B, bias, C);
    const result b = measure(packed, flops, t ? K : M, A, P, bias, D);
    printf("%4d x %4d x %4d %s  rows %6.1f GFLOP/s %3.0f%%   packed %6.1f GFLOP/s %3.0f%%  "
           "%9.2f us %6.1f GB/s of B %s\n",
           (int)M, (int)N, (int)K, t ? "T" : " ", a.gflops, 100 * a.share, b.gflops, 100 * b.share,
           flops / b.gflops * 1e-3, (double)(N * K) * 4 * b.gflops / flops,
           memcmp(C, D, (size_t)(M * N) * sizeof *C) ? "DIFFERENT" : "");
    free(A), free(B), free(bias), free(C), free(P), free(D);
}

/* A 3x3 convolution of an image with a halo, as one product over three segments a row of pixels, by
 * the tile of so many vectors. */
typedef struct {
    int height, width, in, out, vectors;
} convolution;

static const convolution convolutions[] = {
    {32, 32, 16, 16, 1}, {32, 32, 16, 16, 2}, {16, 16, 32, 32, 2}, {32, 32, 64, 64, 2},
    {32, 32, 64, 64, 4}, {24, 24, 48, 48, 3}, {8, 8, 128, 128, 2}, {8, 8, 128, 128, 4},
};

#if FNC_VEC_BYTES == 64
#define TILES_OF_2 fnc_tiles_f32_v64
#elif FNC_VEC_BYTES == 32
#define TILES_OF_2 fnc_tiles_f32_v32
#else
#define TILES_OF_2 fnc_tiles_f32_v16
#endif

static void convolve(const convolution *c, const float *x, const float *panels, const float *bias,
                     float *y) {
    static const fnc_tiles_f32 *const tiles[] = {&fnc_tiles_f32_1, &TILES_OF_2, &fnc_tiles_f32_3,
                                                 &fnc_tiles_f32_4};
    const int64_t line = (c->width + 2) * c->in;
    const fnc_axis rows[] = {{3, line}};
    for (int h = 0; h < c->height; ++h) {
        const dense d = {y + h * c->width * c->out, bias, c->out};
        const fnc_gemm_args_f32 p = {.M = c->width,
                                     .N = c->out,
                                     .K = 9 * c->in,
                                     .A = x + h * line,
                                     .rs_a = c->in,
                                     .cs_a = 1,
                                     .axes = 1,
                                     .outer = rows,
                                     .B = panels,
                                     .packed = 1,
                                     .m1 = c->width,
                                     .n1 = c->out,
                                     .epilogue = dense_epilogue,
                                     .env = &d,
                                     .tiles = tiles[c->vectors - 1]};
        fnc_gemm_segments_f32(&p);
    }
}

static void measure_convolution(const convolution *c) {
    enum { MOST = 200 };
    const int64_t K = 9 * c->in, pixels = (c->height + 2) * (c->width + 2);
    const double flops = 2.0 * c->height * c->width * c->out * (double)K;
    float *x = numbers(pixels * c->in), *w = numbers(K * c->out), *bias = numbers(c->out);
    float *P = numbers(K * fnc_round_up(c->out, 2 * FNC_NR_F32));
    float *y = numbers(c->height * c->width * c->out);
    if (c->vectors == 1)
        fnc_pack_b_f32_1(c->out, K, w, c->out, P, 0, fnc_pack_parts_f32_1(c->out, K));
    if (c->vectors == 2) fnc_pack_b_f32(c->out, K, w, c->out, P, 0, fnc_pack_parts_f32(c->out, K));
    if (c->vectors == 3)
        fnc_pack_b_f32_3(c->out, K, w, c->out, P, 0, fnc_pack_parts_f32_3(c->out, K));
    if (c->vectors == 4)
        fnc_pack_b_f32_4(c->out, K, w, c->out, P, 0, fnc_pack_parts_f32_4(c->out, K));
    double best = 0, shares[MOST];
    for (int r = 0; r < MOST; ++r) {
        const double before = peak_gflops(), start = now();
        convolve(c, x, P, bias, y);
        const double rate = flops / (now() - start) * 1e-9;
        shares[r] = rate / (0.5 * (before + peak_gflops()));
        best = fmax(best, rate);
    }
    qsort(shares, MOST, sizeof *shares, ascending);
    printf("conv 3x3 %2d x %2d, %3d to %3d channels, tile of %d vectors %6.1f GFLOP/s %3.0f%%\n",
           c->height, c->width, c->in, c->out, c->vectors, best, 100 * shares[MOST / 2]);
    free(x), free(w), free(bias), free(P), free(y);
}

/* With an argument: only the shapes of that K, as "784". */
int main(int argc, char **argv) {
    const int only = argc > 1 ? atoi(argv[1]) : 0;
    double peak = 0;
    for (int i = 0; i < 2000; ++i) peak = fmax(peak, peak_gflops());
    printf("FMA peak %.1f GFLOP/s, vectors of %d bytes, tile %d x %d\n", peak, FNC_VEC_BYTES,
           FNC_MR, FNC_NR_F32);
#define RUN(M, N, K, T)                                                                            \
    if (only == 0 || only == K)                                                                    \
        shape(M, N, K, T, rows_##M##_##N##_##K##_##T, packed_##M##_##N##_##K##_##T);
    SHAPES(RUN)
    for (size_t i = 0; only == 0 && i < sizeof convolutions / sizeof *convolutions; ++i)
        measure_convolution(&convolutions[i]);
    return 0;
}
