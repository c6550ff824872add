/* native.c: calls an exported model, checks nothing, times it.
 *
 *     native predict|train batch threads seconds inputs outputs
 *
 * `inputs` holds the arrays of one batch one after the other, for train the targets too. With seconds
 * 0 the program writes the predictions, or the losses of the first steps, to `outputs`; otherwise it
 * prints seconds a call, the least of several samples that take that long together.
 *
 * bench_model.h, which native.py writes for each model, says: MODEL(name), MODE_TRAIN, MODE_PREDICT,
 * INPUTS and OUTPUTS (elements of a sample, for each array; the targets follow the inputs), and
 * PREDICT_ARGS and TRAIN_ARGS. */
#define _POSIX_C_SOURCE 200809L

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench_model.h"

enum { SAMPLES = 7, LEAST_SAMPLES = 2, STEPS = 4 };

static const int64_t input_sizes[] = INPUTS, output_sizes[] = OUTPUTS;
enum { INS = sizeof input_sizes / sizeof *input_sizes, OUTS = sizeof output_sizes / sizeof *output_sizes };

static MODEL(ctx) *ctx;
static int64_t batch;
static float *in[INS], *out[OUTS], loss;

static void check(int bad, const char *what) {
    if (!bad) return;
    fprintf(stderr, "native: %s\n", what);
    exit(EXIT_FAILURE);
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void predict(void) { check(MODEL(predict)(ctx, batch, PREDICT_ARGS), "predict failed"); }

static void train(void) { check(MODEL(train_step)(ctx, batch, TRAIN_ARGS, &loss), "train_step failed"); }

static double sample(void (*call)(void), int64_t count) {
    const double start = now();
    for (int64_t i = 0; i < count; ++i) call();
    return now() - start;
}

static double time_calls(void (*call)(void), double seconds) {
    int64_t count = 1;
    call(); /* touches its memory for the first time */
    double took = sample(call, 1);
    while (took < seconds / SAMPLES / 2) took = sample(call, count *= 2);
    for (int i = 1; i < SAMPLES && (i < LEAST_SAMPLES || i * took < seconds); ++i) {
        const double again = sample(call, count);
        if (again < took) took = again;
    }
    return took / (double)count;
}

static float *make(int64_t size) {
    float *array = aligned_alloc(64, ((size_t)(batch * size) * sizeof *array + 63) / 64 * 64);
    check(!array, "out of memory");
    return array;
}

static void read_inputs(const char *path, int count) {
    FILE *file = fopen(path, "rb");
    check(!file, "no inputs");
    for (int i = 0; i < count; ++i) {
        const size_t n = (size_t)(batch * input_sizes[i]);
        in[i] = make(input_sizes[i]);
        check(fread(in[i], sizeof *in[i], n, file) != n, "inputs are too short");
    }
    fclose(file);
}

static void write_results(const char *path, int training) {
    FILE *file = fopen(path, "wb");
    check(!file, "outputs cannot be written");
    for (int i = 0; training && i < STEPS; ++i) {
        train();
        fwrite(&loss, sizeof loss, 1, file);
    }
    if (!training) predict();
    for (int i = 0; !training && i < OUTS; ++i) fwrite(out[i], sizeof *out[i], (size_t)(batch * output_sizes[i]), file);
    check(fclose(file), "outputs cannot be written");
}

int main(int argc, char **argv) {
    check(argc != 7, "native predict|train batch threads seconds inputs outputs");
    const int training = !strcmp(argv[1], "train");
    const double seconds = atof(argv[4]);
    batch = atoll(argv[2]);
    check(MODEL(create)(training ? MODE_TRAIN : MODE_PREDICT, batch, &ctx), "no context");
    check(MODEL(set_threads)(ctx, atoi(argv[3])), "no threads");
    for (int i = 0; i < OUTS; ++i) out[i] = make(output_sizes[i]);
    read_inputs(argv[5], training ? INS : NUM_INPUTS);
    if (seconds > 0) {
        check(training && MODEL(set_lr)(ctx, TIMED_RATE), "set_lr failed");
        printf("%.9g\n", time_calls(training ? train : predict, seconds));
    } else {
        write_results(argv[6], training);
    }
    MODEL(destroy)(ctx);
    return EXIT_SUCCESS;
}
