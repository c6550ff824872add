/* anomaly.c: how unusual are these frames, and how much less after learning them?
 *
 *     anomaly frames.f32 adapted.weights.h5
 *
 * The file has frames of 640 floats. Prints their mean squared error before and after forty passes
 * of training, and keeps what was learnt. */
#include <stdio.h>
#include <stdlib.h>

#include "anomaly.h"

enum { SIZE = FRAME, BATCH = 32, MOST = 4096, PASSES = 40 };

static float frames[MOST * SIZE], restored[BATCH * SIZE];
static int64_t order[MOST];

static void check(anomaly_status status, const char *what) {
    if (status == ANOMALY_OK) return;
    fprintf(stderr, "anomaly: %s: %s\n", what, anomaly_status_str(status));
    exit(EXIT_FAILURE);
}

static double error_of(anomaly_ctx *ctx, int64_t count) {
    double sum = 0;
    for (int64_t at = 0; at < count; at += BATCH) {
        const int64_t n = count - at < BATCH ? count - at : BATCH;
        check(anomaly_predict(ctx, n, frames + at * SIZE, restored), "predict");
        for (int64_t i = 0; i < n * SIZE; ++i) {
            const double off = (double)restored[i] - (double)frames[at * SIZE + i];
            sum += off * off;
        }
    }
    return sum / (double)(count * SIZE);
}

int main(int argc, char **argv) {
    anomaly_ctx *ctx = NULL;
    FILE *file = argc == 3 ? fopen(argv[1], "rb") : NULL;
    if (!file) return EXIT_FAILURE;
    const int64_t count = (int64_t)fread(frames, sizeof(float) * SIZE, MOST, file);
    fclose(file);
    check(anomaly_create(ANOMALY_TRAIN, BATCH, &ctx), "create");
    printf("before %.6f\n", error_of(ctx, count));
    for (int64_t i = 0; i < count; ++i) order[i] = i;
    for (int pass = 0; pass < PASSES; ++pass)
        check(anomaly_train_steps(ctx, order, count, BATCH, count, frames, frames, NULL), "train");
    printf("after %.6f\n", error_of(ctx, count));
    check(anomaly_save(ctx, argv[2]), "save");
    anomaly_destroy(ctx);
    return EXIT_SUCCESS;
}
