/* train.c: train a model on several machines, by MPI.
 *
 *     mpirun -n 4 train samples count learned.weights.h5
 *
 * The file of samples has FEATURES numbers and a target each, float32. Every rank computes its rows of
 * each batch; gradients, weighted by rows, are added up in one MPI_Allreduce together with the number
 * of rows, so that ranks need not have as many. The first rank saves what was learnt. */
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>

#include "surface.h"

enum { FEATURES = SURFACE_IN_FEATURES_SIZE, ROW = FEATURES + 1, BATCH = 48, EPOCHS = 4 };
enum { PARAMS = SURFACE_NUM_PARAMS };

static int rank, ranks;

static void stop(const char *what, const char *why) {
    fprintf(stderr, "train: rank %d of %d: %s: %s\n", rank, ranks, what, why);
    MPI_Abort(MPI_COMM_WORLD, EXIT_FAILURE);
}

static void check(surface_status status, const char *what) {
    if (status != SURFACE_OK) stop(what, surface_status_str(status));
}

static void read_samples(const char *path, long count, float *features, float *targets) {
    FILE *file = fopen(path, "rb");
    if (file == NULL) stop(path, "cannot be opened");
    for (long i = 0; i < count; ++i)
        if (fread(features + i * FEATURES, sizeof(float), FEATURES, file) != FEATURES ||
            fread(targets + i, sizeof(float), 1, file) != 1)
            stop(path, "is too short");
    fclose(file);
}

/* One step on this rank's n rows of a batch, which may be none. */
static void step(surface_ctx *ctx, long n, const float *features, const float *targets) {
    static float values[BATCH], sum[PARAMS + 1]; /* the last is the number of rows */
    float loss = 0;
    check(surface_zero_grad(ctx), "zero_grad");
    if (n > 0) {
        check(surface_forward(ctx, n, features, targets, values, &loss), "forward");
        check(surface_backward(ctx), "backward");
    }
    check(surface_get_gradients(ctx, sum, PARAMS), "get_gradients");
    for (int i = 0; i < PARAMS; ++i) sum[i] *= (float)n;
    sum[PARAMS] = (float)n;
    MPI_Allreduce(MPI_IN_PLACE, sum, PARAMS + 1, MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD);
    for (int i = 0; i < PARAMS; ++i) sum[i] /= sum[PARAMS];
    check(surface_set_gradients(ctx, sum, PARAMS), "set_gradients");
    check(surface_optimizer_step(ctx), "optimizer_step");
}

int main(int argc, char **argv) {
    surface_ctx *ctx = NULL;
    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &ranks);
    if (argc != 4) stop("usage", "train samples count learned.weights.h5");
    const long count = atol(argv[2]);
    float *features = malloc((size_t)count * FEATURES * sizeof(float));
    float *targets = malloc((size_t)count * sizeof(float));
    if (features == NULL || targets == NULL) stop(argv[1], "no memory for the samples");
    read_samples(argv[1], count, features, targets);
    check(surface_create(SURFACE_SPLIT, BATCH, &ctx), "create");
    for (int epoch = 0; epoch < EPOCHS; ++epoch)
        for (long first = 0; first < count; first += BATCH) {
            const long n = count - first < BATCH ? count - first : BATCH;
            const long part = n / ranks, more = n % ranks;
            const long mine = part + (rank < more);
            const long at = first + rank * part + (rank < more ? rank : more);
            step(ctx, mine, features + at * FEATURES, targets + at);
        }
    if (rank == 0) {
        check(surface_save(ctx, argv[3]), "save");
        printf("%d ranks, %d epochs of %ld samples\n", ranks, (int)EPOCHS, count);
    }
    surface_destroy(ctx);
    free(features);
    free(targets);
    MPI_Finalize();
    return EXIT_SUCCESS;
}
