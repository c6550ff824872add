/* online.c: learn from a stream, one sample at a time.
 *
 *     online learned.weights.h5 < samples
 *
 * A sample is a line of three features and the value that came to pass. The value is predicted before
 * it is learnt; the mean error of every 500 predictions is printed. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "forecast.h"

enum { FEATURES = FORECAST_IN_FEATURES_SIZE, REPORT = 500 };

static void check(forecast_status status, const char *what) {
    if (status == FORECAST_OK) return;
    fprintf(stderr, "online: %s: %s\n", what, forecast_status_str(status));
    exit(EXIT_FAILURE);
}

static int read_sample(float *features, float *value) {
    for (int i = 0; i < FEATURES; ++i)
        if (scanf("%f", &features[i]) != 1) return 0;
    return scanf("%f", value) == 1;
}

int main(int argc, char **argv) {
    forecast_ctx *ctx = NULL;
    float features[FEATURES], value = 0, predicted = 0;
    double error = 0;
    int count = 0;
    if (argc != 2) return EXIT_FAILURE;
    check(forecast_create(FORECAST_TRAIN, 1, &ctx), "create");
    while (read_sample(features, &value)) {
        check(forecast_predict(ctx, 1, features, &predicted), "predict");
        check(forecast_train_step(ctx, 1, features, &value, NULL), "train");
        error += fabs((double)(predicted - value));
        if (++count % REPORT == 0) {
            printf("%d samples, mean error %.4f\n", count, error / REPORT);
            error = 0;
        }
    }
    check(forecast_save(ctx, argv[1]), "save");
    forecast_destroy(ctx);
    return EXIT_SUCCESS;
}
