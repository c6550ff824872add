/* digits.c: recognises digits with the exported mnist_model, without Python.
 *
 *     digits IMAGES LABELS OUTPUT
 *
 * IMAGES holds float32 rows of 784 pixels, LABELS one byte a row; the probabilities go to OUTPUT as
 * float32 rows of 10. Build it with pkg-config, or: cc digits.c -I DIR -L DIR -lmnist_model -lm */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "mnist_model.h"

enum { PIXELS = MNIST_MODEL_IN_IMG_SIZE, CLASSES = MNIST_MODEL_OUT_DENSE_2_SIZE };

/* The bytes of a file, and how many; ends the program where it cannot be read. */
static void *read_file(const char *path, long *bytes) {
    FILE *file = fopen(path, "rb");
    void *data = NULL;
    if (file && fseek(file, 0, SEEK_END) == 0 && (*bytes = ftell(file)) >= 0) {
        rewind(file);
        data = malloc((size_t)*bytes + 1);
        if (data && fread(data, 1, (size_t)*bytes, file) != (size_t)*bytes) {
            free(data);
            data = NULL;
        }
    }
    if (file) fclose(file);
    if (!data) {
        fprintf(stderr, "cannot read %s\n", path);
        exit(EXIT_FAILURE);
    }
    return data;
}

static int best(const float *row) {
    int at = 0;
    for (int i = 1; i < CLASSES; ++i)
        if (row[i] > row[at]) at = i;
    return at;
}

int main(int argc, char **argv) {
    if (argc != 4) {
        fprintf(stderr, "usage: digits IMAGES LABELS OUTPUT\n");
        return EXIT_FAILURE;
    }
    long image_bytes, label_bytes;
    float *images = (float *)read_file(argv[1], &image_bytes);
    unsigned char *labels = (unsigned char *)read_file(argv[2], &label_bytes);
    const int64_t n = label_bytes;
    if (image_bytes != (long)(n * PIXELS * (int64_t)sizeof(float))) {
        fprintf(stderr, "%s and %s do not belong together\n", argv[1], argv[2]);
        return EXIT_FAILURE;
    }
    float *probabilities = (float *)malloc(sizeof(float) * CLASSES * (size_t)(n + 1));
    mnist_model_ctx *model = NULL;
    mnist_model_status status = mnist_model_create(MNIST_MODEL_PREDICT, n, &model);
    const clock_t start = clock();
    if (status == MNIST_MODEL_OK && probabilities) status = mnist_model_predict(model, n, images, probabilities);
    const double seconds = (double)(clock() - start) / CLOCKS_PER_SEC;
    if (status != MNIST_MODEL_OK || !probabilities) {
        fprintf(stderr, "mnist_model: %s\n", mnist_model_status_str(status));
        return EXIT_FAILURE;
    }
    int64_t right = 0;
    for (int64_t i = 0; i < n; ++i) right += best(probabilities + i * CLASSES) == labels[i];
    printf("C: %lld of %lld digits right (%.2f %%), %.1f ms\n", (long long)right, (long long)n,
           n ? 100.0 * (double)right / (double)n : 0.0, 1e3 * seconds);
    FILE *out = fopen(argv[3], "wb");
    const size_t count = (size_t)(n * CLASSES);
    const int written = out && fwrite(probabilities, sizeof(float), count, out) == count;
    if (out && fclose(out) != 0) return EXIT_FAILURE;
    mnist_model_destroy(model);
    free(probabilities);
    free(labels);
    free(images);
    return written ? EXIT_SUCCESS : EXIT_FAILURE;
}
