/* digits.c: a program that knows handwritten digits, and goes on learning, without Python.
 *
 *     digits images.f32 labels.i32 probabilities.f32 trained.weights.h5
 *
 * reads images of 784 floats and their labels, writes the probabilities of the ten digits for each
 * image, then trains one pass over the images and writes a checkpoint. It links libmnist_model, which
 * examples/mnist_demo.py exports. */
#define _POSIX_C_SOURCE 199309L

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "mnist_model.h"

enum { PIXELS = MNIST_MODEL_IN_IMG_SIZE, CLASSES = MNIST_MODEL_OUT_DIGIT_SIZE, BATCH = 64 };

static void fail(const char *what, const char *why) {
    fprintf(stderr, "digits: %s: %s\n", what, why);
    exit(EXIT_FAILURE);
}

static void check(mnist_model_status status, const char *what) {
    if (status != MNIST_MODEL_OK) fail(what, mnist_model_status_str(status));
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* The whole file at `path`, of elements of `size` bytes; their number in `count`. */
static void *read_all(const char *path, size_t size, int64_t *count) {
    FILE *file = fopen(path, "rb");
    if (!file || fseek(file, 0, SEEK_END) != 0) fail(path, "cannot be read");
    const long bytes = ftell(file);
    rewind(file);
    void *data = bytes > 0 ? malloc((size_t)bytes) : NULL;
    if (!data || fread(data, 1, (size_t)bytes, file) != (size_t)bytes) fail(path, "cannot be read");
    fclose(file);
    *count = bytes / (long)size;
    return data;
}

static void write_all(const char *path, const void *data, size_t bytes) {
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(data, 1, bytes, file) != bytes || fclose(file) != 0) fail(path, "cannot be written");
}

static int64_t likeliest(const float *probability) {
    int64_t best = 0;
    for (int64_t k = 1; k < CLASSES; ++k)
        if (probability[k] > probability[best]) best = k;
    return best;
}

static void predict(mnist_model_ctx *ctx, int64_t n, const float *images, float *probabilities) {
    for (int64_t i = 0; i < n; i += BATCH) {
        const int64_t rows = n - i < BATCH ? n - i : BATCH;
        check(mnist_model_predict(ctx, rows, images + i * PIXELS, probabilities + i * CLASSES), "predict");
    }
}

static void report(int64_t n, const int32_t *labels, const float *probabilities) {
    int64_t right = 0;
    for (int64_t i = 0; i < n; ++i) right += likeliest(probabilities + i * CLASSES) == labels[i];
    printf("  C: %lld of %lld digits right (%.2f %%)\n", (long long)right, (long long)n,
           100.0 * (double)right / (double)n);
}

static void time_one(mnist_model_ctx *ctx, const float *image) {
    enum { CALLS = 20000 };
    float probability[CLASSES];
    const double start = now();
    for (int k = 0; k < CALLS; ++k) check(mnist_model_predict(ctx, 1, image, probability), "predict");
    printf("  C: one digit takes %.2f microseconds\n", (now() - start) / CALLS * 1e6);
}

static void train(mnist_model_ctx *ctx, int64_t n, const float *images, const int32_t *labels) {
    int64_t *index = malloc((size_t)n * sizeof *index);
    if (!index) fail("train", "out of memory");
    for (int64_t i = 0; i < n; ++i) index[i] = i;
    const double start = now();
    check(mnist_model_train_steps(ctx, index, n, BATCH, n, images, labels, NULL), "train_steps");
    printf("  C: %lld training steps of %d digits in %.1f milliseconds\n",
           (long long)((n + BATCH - 1) / BATCH), (int)BATCH, (now() - start) * 1e3);
    free(index);
}

int main(int argc, char **argv) {
    if (argc != 5) fail("usage", "digits images.f32 labels.i32 probabilities.f32 trained.weights.h5");
    int64_t values, n;
    float *images = read_all(argv[1], sizeof *images, &values);
    int32_t *labels = read_all(argv[2], sizeof *labels, &n);
    float *probabilities = malloc((size_t)n * CLASSES * sizeof *probabilities);
    if (values != n * PIXELS || !probabilities) fail(argv[1], "has another number of digits than there are labels");

    mnist_model_ctx *ctx = NULL;
    check(mnist_model_create(MNIST_MODEL_TRAIN, BATCH, &ctx), "create");
    predict(ctx, n, images, probabilities);
    report(n, labels, probabilities);
    write_all(argv[3], probabilities, (size_t)n * CLASSES * sizeof *probabilities);
    time_one(ctx, images);
    train(ctx, n, images, labels);
    check(mnist_model_save(ctx, argv[4]), "save");

    mnist_model_destroy(ctx);
    free(probabilities);
    free(labels);
    free(images);
    return EXIT_SUCCESS;
}
