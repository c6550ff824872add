/* limits.c: what this machine can do at most.
 *
 *     limits threads name=bytes...        (name=0: FMA peak; amx=-1, bf16=-2: their peaks)
 *
 * prints a line for each: GFLOP/s, or GB/s of reading an array of that many bytes a thread again and
 * again; 0 where the CPU has no such thing. The least time of many rounds, all threads at once, each
 * on a core of its own. Compile for this machine with -O3. */
#define _GNU_SOURCE

#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#ifdef __AMX_BF16__
#include <sys/syscall.h>
#include <unistd.h>
#endif
#if defined(__AMX_BF16__) || defined(__AVX512BF16__)
#include <immintrin.h>
#endif

#if defined(__AVX512F__)
enum { WIDTH = 64, CHAINS = 24 };
#elif defined(__AVX__)
enum { WIDTH = 32, CHAINS = 12 };
#else
enum { WIDTH = 16, CHAINS = 12 };
#endif
typedef float vf __attribute__((vector_size(WIDTH)));
typedef int64_t vi __attribute__((vector_size(WIDTH)));

enum { ROUNDS = 30, MAX_THREADS = 256 };
#define TURN 3e-3 /* seconds of work in a round */

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Multiply and add in CHAINS registers; the number of operations. */
static double fma_peak(int64_t times) {
    vf sums[CHAINS];
    vf a = {0}, b = {0};
    a += 0.999f, b += 0.001f;
    __asm__ volatile("" : "+x"(a), "+x"(b)); /* not known to the compiler */
    for (int i = 0; i < CHAINS; ++i) sums[i] = b;
    for (int64_t t = 0; t < times; ++t) {
#pragma GCC unroll 24
        for (int i = 0; i < CHAINS; ++i) sums[i] = sums[i] * a + b;
    }
    for (int i = 0; i < CHAINS; ++i) __asm__ volatile("" : : "x"(sums[i]));
    return 2.0 * (WIDTH / 4) * CHAINS * (double)times;
}

#ifdef __AVX512BF16__
static double bf16_peak(int64_t times) {
    __m512 sums[CHAINS];
    __m512bh a = (__m512bh)_mm512_setzero_ps(), b = a;
    __asm__ volatile("" : "+v"(a), "+v"(b));
    for (int i = 0; i < CHAINS; ++i) sums[i] = _mm512_setzero_ps();
    for (int64_t t = 0; t < times; ++t) {
#pragma GCC unroll 24
        for (int i = 0; i < CHAINS; ++i) sums[i] = _mm512_dpbf16_ps(sums[i], a, b);
    }
    for (int i = 0; i < CHAINS; ++i) __asm__ volatile("" : : "v"(sums[i]));
    return 2.0 * 32 * CHAINS * (double)times;
}
#else
static double bf16_peak(int64_t times) { return 0 * (double)times; }
#endif

#ifdef __AMX_BF16__
enum { ARCH_REQ_XCOMP_PERM = 0x1023, XFEATURE_XTILEDATA = 18 };

/* Four accumulators, 16 x 16 x 32 products each. The kernel must allow the tiles first. */
static double amx_peak(int64_t times) {
    if (syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA)) return 0;
    struct { uint8_t palette, start, reserved[14]; uint16_t bytes[16]; uint8_t rows[16]; } config;
    memset(&config, 0, sizeof config);
    config.palette = 1;
    for (int i = 0; i < 8; ++i) config.bytes[i] = 64, config.rows[i] = 16;
    _tile_loadconfig(&config);
    for (int64_t t = 0; t < times; ++t) {
        _tile_dpbf16ps(0, 4, 6);
        _tile_dpbf16ps(1, 4, 7);
        _tile_dpbf16ps(2, 5, 6);
        _tile_dpbf16ps(3, 5, 7);
    }
    _tile_release();
    return 4.0 * 2 * 16 * 16 * 32 * (double)times;
}
#else
static double amx_peak(int64_t times) { return 0 * (double)times; }
#endif

/* Read the array as so many streams side by side: a near cache likes one, memory several. The number
 * of bytes. */
static inline __attribute__((always_inline)) double read_all(const vi *array, int64_t bytes,
                                                             int64_t times, int streams) {
    vi sums[8] = {{0}};
    const int64_t count = bytes / WIDTH / 8 * 8, stride = count / streams, step = 8 / streams;
    for (int64_t t = 0; t < times; ++t) {
        for (int64_t i = 0; i < stride; i += step)
#pragma GCC unroll 8
            for (int k = 0; k < 8; ++k) sums[k] ^= array[k / step * stride + i + k % step];
        __asm__ volatile("" : : : "memory"); /* read it again */
    }
    for (int k = 0; k < 8; ++k) __asm__ volatile("" : : "x"(sums[k]));
    return (double)(count * WIDTH) * (double)times;
}

static int64_t bytes;
static int many;
static pthread_barrier_t barrier;
static double rates[MAX_THREADS][ROUNDS];

static double work(const vi *array, int64_t times) {
    if (bytes > 0) return many ? read_all(array, bytes, times, 4) : read_all(array, bytes, times, 1);
    return bytes == 0 ? fma_peak(times) : bytes == -1 ? amx_peak(times) : bf16_peak(times);
}

static void pin(int thread) {
    cpu_set_t allowed, mine;
    sched_getaffinity(0, sizeof allowed, &allowed);
    CPU_ZERO(&mine);
    for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu)
        if (CPU_ISSET(cpu, &allowed) && thread-- == 0) CPU_SET(cpu, &mine);
    if (CPU_COUNT(&mine)) pthread_setaffinity_np(pthread_self(), sizeof mine, &mine);
}

static void *run(void *argument) {
    const int thread = *(int *)argument;
    pin(thread);
    vi *array = NULL;
    if (bytes > 0) {
        array = aligned_alloc(4096, (size_t)(bytes + 4095) / 4096 * 4096);
        if (!array) exit(EXIT_FAILURE);
        memset(array, 1, (size_t)bytes);
    }
    int64_t times = 1;
    for (double start = now(); work(array, times) > 0 && now() - start < TURN; start = now()) times *= 2;
    for (int i = 0; i < ROUNDS; ++i) {
        pthread_barrier_wait(&barrier);
        const double start = now();
        const double done = work(array, times);
        rates[thread][i] = done / (now() - start) * 1e-9;
    }
    free(array);
    return NULL;
}

/* The best round of all threads together. */
static double measure(int threads) {
    pthread_t ids[MAX_THREADS];
    int numbers[MAX_THREADS];
    pthread_barrier_init(&barrier, NULL, (unsigned)threads);
    for (int i = 0; i < threads; ++i) {
        numbers[i] = i;
        if (pthread_create(&ids[i], NULL, run, &numbers[i])) exit(EXIT_FAILURE);
    }
    for (int i = 0; i < threads; ++i) pthread_join(ids[i], NULL);
    double best = 0;
    for (int round = 0; round < ROUNDS; ++round) {
        double sum = 0;
        for (int i = 0; i < threads; ++i) sum += rates[i][round];
        if (sum > best) best = sum;
    }
    return best;
}

int main(int argc, char **argv) {
    const int threads = argc > 1 ? atoi(argv[1]) : 0;
    if (threads < 1 || threads > MAX_THREADS) return EXIT_FAILURE;
    for (int i = 2; i < argc; ++i) {
        const char *equals = strchr(argv[i], '=');
        if (!equals) return EXIT_FAILURE;
        bytes = atoll(equals + 1);
        double best = 0;
        for (many = 0; many <= (bytes > 0); ++many) {
            const double rate = measure(threads);
            if (rate > best) best = rate;
        }
        printf("%.*s %.6g\n", (int)(equals - argv[i]), argv[i], best);
    }
    return EXIT_SUCCESS;
}
