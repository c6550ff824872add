/* driver.c: everything that the library of the `classifier` of zoo.py offers, used rightly and
 * wrongly. Run plain, under valgrind, and built with sanitizers. Prints "done" when all is well.
 *
 *     driver checkpoint.weights.h5
 *
 * Built with -DTRAP, and as watched.h says, it also counts what is asked of the system by the calls that
 * promise to ask nothing. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "digit_model.h"

enum { BATCH = 6, ROWS = 16, IN = DIGIT_MODEL_IN_IMG_SIZE, OUT = DIGIT_MODEL_OUT_DIGIT_SIZE };

static float images[ROWS * IN], outputs[ROWS * OUT], again[ROWS * OUT];
static int32_t labels[ROWS];
static int64_t index_of[ROWS];

#define CHECK(truth)                                                 \
    do {                                                             \
        if (!(truth)) {                                              \
            fprintf(stderr, "line %d: %s\n", __LINE__, #truth);      \
            exit(EXIT_FAILURE);                                      \
        }                                                            \
    } while (0)
#define OK(call) CHECK((call) == DIGIT_MODEL_OK)

#ifdef TRAP
#include "watched.h"
#else
static const char *called(void) { return NULL; }
static void forget(void) {}
#endif

static void fill(void) {
    for (int i = 0; i < ROWS * IN; ++i) images[i] = (float)((i * 37) % 23) / 23.0f - 0.5f;
    for (int i = 0; i < ROWS; ++i) labels[i] = (i * 7) % OUT, index_of[i] = ROWS - 1 - i;
}

/* The calls that a real-time program makes: no allocation, lock or system call in any of them. */
static void use(digit_model_ctx *ctx) {
    float loss = -1, values[DIGIT_MODEL_NUM_METRICS], rate = 0;
    int64_t steps = -1;
    static float params[DIGIT_MODEL_NUM_PARAMS];
    static unsigned char file[DIGIT_MODEL_CHECKPOINT_BYTES];
    forget();
    OK(digit_model_predict(ctx, BATCH, images, outputs));
    OK(digit_model_train_step(ctx, BATCH, images, labels, &loss));
    CHECK(loss > 0);
    OK(digit_model_train_step(ctx, 1, images, labels, NULL));
    OK(digit_model_train_steps(ctx, index_of, ROWS, BATCH, ROWS, images, labels, &loss));
    OK(digit_model_reset_metrics(ctx));
    OK(digit_model_eval_steps(ctx, index_of, ROWS, BATCH, ROWS, images, labels, &loss));
    OK(digit_model_metrics(ctx, values));
    CHECK(values[DIGIT_MODEL_METRIC_LOSS] > 0);
    OK(digit_model_get_lr(ctx, &rate));
    OK(digit_model_set_lr(ctx, rate / 2));
    OK(digit_model_iterations(ctx, &steps));
    CHECK(steps == 5);
    OK(digit_model_get_params(ctx, params, DIGIT_MODEL_NUM_PARAMS));
    OK(digit_model_set_params(ctx, params, DIGIT_MODEL_NUM_PARAMS));
    OK(digit_model_save_mem(ctx, file, sizeof file));
    OK(digit_model_load_mem(ctx, file, sizeof file));
    OK(digit_model_predict(ctx, BATCH, images, outputs));
    CHECK(called() == NULL);
}

/* The same in parts, which ask for nothing either. */
static void in_parts(void) {
    static float gradients[DIGIT_MODEL_NUM_PARAMS], moved[ROWS * IN];
    digit_model_ctx *ctx = NULL;
    float loss = -1;
    OK(digit_model_create(DIGIT_MODEL_SPLIT, BATCH, &ctx));
    forget();
    OK(digit_model_zero_grad(ctx));
    for (int k = 0; k < 2; ++k) {
        OK(digit_model_forward(ctx, BATCH, images, labels, outputs, &loss));
        OK(digit_model_backward(ctx));
    }
    CHECK(loss > 0);
    OK(digit_model_scale_gradients(ctx, 0.5));
    OK(digit_model_get_gradients(ctx, gradients, DIGIT_MODEL_NUM_PARAMS));
    OK(digit_model_add_gradients(ctx, gradients, DIGIT_MODEL_NUM_PARAMS));
    OK(digit_model_set_gradients(ctx, gradients, DIGIT_MODEL_NUM_PARAMS));
    for (int32_t i = 0; i < DIGIT_MODEL_NUM_TENSORS; ++i) {
        const int64_t count = digit_model_param_info(i)->count;
        OK(digit_model_get_gradient(ctx, i, gradients, count));
        OK(digit_model_add_gradient(ctx, i, gradients, count));
        OK(digit_model_set_gradient(ctx, i, gradients, count));
        OK(digit_model_get_param(ctx, i, gradients, count));
        OK(digit_model_set_param(ctx, i, gradients, count));
    }
    OK(digit_model_set_trainable(ctx, "hidden", 0));
    OK(digit_model_optimizer_step(ctx));
    CHECK(digit_model_train_step(ctx, 1, images, labels, NULL) == DIGIT_MODEL_ERR_STATE);
    OK(digit_model_set_trainable(ctx, "hidden", 1));
    OK(digit_model_input_gradients(ctx, BATCH, images, outputs, moved));
    CHECK(called() == NULL);
    digit_model_destroy(ctx);
}

/* A context in memory of the program's own, as large as the macro says and not a byte more. */
static void own_memory(void) {
    enum { BYTES = DIGIT_MODEL_TRAIN_BYTES(BATCH) };
    unsigned char *memory = (unsigned char *)malloc(BYTES);
    digit_model_ctx *ctx = NULL;
    CHECK(memory && BYTES == digit_model_ctx_size(DIGIT_MODEL_TRAIN, BATCH));
    forget();
    CHECK(digit_model_init(memory, BYTES - 1, DIGIT_MODEL_TRAIN, BATCH, &ctx)
          == DIGIT_MODEL_ERR_MEMORY);
    OK(digit_model_init(memory, BYTES, DIGIT_MODEL_TRAIN, BATCH, &ctx));
    CHECK(called() == NULL);
    use(ctx);
    free(memory);
}

static void shared(digit_model_ctx *source) {
    digit_model_ctx *one = NULL, *two = NULL;
    OK(digit_model_clone_shared(source, &one));
    OK(digit_model_clone_shared(one, &two));
    OK(digit_model_predict(source, BATCH, images, outputs));
    OK(digit_model_predict(two, BATCH, images, again));
    CHECK(memcmp(outputs, again, sizeof(float) * BATCH * OUT) == 0);
    CHECK(digit_model_train_step(one, 1, images, labels, NULL) == DIGIT_MODEL_ERR_STATE);
    digit_model_destroy(two);
    digit_model_destroy(one);
}

static void files(digit_model_ctx *ctx, const char *path) {
    digit_model_ctx *other = NULL;
    OK(digit_model_create(DIGIT_MODEL_PRIVATE, BATCH, &other));
    OK(digit_model_save(ctx, path));
    OK(digit_model_load(other, path));
    OK(digit_model_predict(ctx, BATCH, images, outputs));
    OK(digit_model_predict(other, BATCH, images, again));
    CHECK(memcmp(outputs, again, sizeof(float) * BATCH * OUT) == 0);
    CHECK(digit_model_load(other, "no/such/file") == DIGIT_MODEL_ERR_IO);
    CHECK(digit_model_save(ctx, "no/such/file") == DIGIT_MODEL_ERR_IO);
    digit_model_destroy(other);
}

/* Files that are damaged in a thousand ways: a status each time, and never a crash. */
static void damage(digit_model_ctx *ctx) {
    enum { BYTES = DIGIT_MODEL_CHECKPOINT_BYTES };
    unsigned char *file = (unsigned char *)malloc(BYTES), *wrong = (unsigned char *)malloc(BYTES);
    uint32_t random = 12345;
    CHECK(file && wrong);
    OK(digit_model_save_mem(ctx, file, BYTES));
    for (int k = 0; k < 1000; ++k) {
        int64_t size = BYTES;
        memcpy(wrong, file, BYTES);
        for (int i = 0; i <= k % 5; ++i) {
            random = random * 1664525u + 1013904223u;
            wrong[(random >> 8) % (k % 2 ? BYTES : 4096)] = (unsigned char)(random >> 3);
        }
        if (k % 7 == 0) size = (int64_t)(random >> 4) % BYTES;
        int32_t status = digit_model_load_mem(ctx, wrong, size);
        CHECK(status == DIGIT_MODEL_OK || status == DIGIT_MODEL_ERR_FORMAT);
    }
    OK(digit_model_load_mem(ctx, file, BYTES));
    free(wrong);
    free(file);
}

static void wrongly(digit_model_ctx *ctx) {
    CHECK(digit_model_predict(NULL, 1, images, outputs) == DIGIT_MODEL_ERR_ARG);
    CHECK(digit_model_predict(ctx, BATCH + 1, images, outputs) == DIGIT_MODEL_ERR_ARENA);
    CHECK(digit_model_predict(ctx, INT64_MAX, images, outputs) == DIGIT_MODEL_ERR_ARENA);
    CHECK(digit_model_predict(ctx, INT64_MIN, images, outputs) == DIGIT_MODEL_ERR_SHAPE);
    CHECK(digit_model_predict(ctx, 1, NULL, outputs) == DIGIT_MODEL_ERR_ARG);
    CHECK(digit_model_train_step(ctx, 0, images, labels, NULL) == DIGIT_MODEL_ERR_SHAPE);
    CHECK(digit_model_ctx_size(DIGIT_MODEL_TRAIN, INT64_MAX) == DIGIT_MODEL_ERR_MEMORY);
    CHECK(digit_model_input_info(1) == NULL && digit_model_param_info(-1) == NULL);
    images[3] = NAN;
    OK(digit_model_predict(ctx, 2, images, outputs));
    CHECK(isnan(outputs[0]) && !isnan(outputs[OUT]));
    images[3] = 0;
}

int main(int argc, char **argv) {
    digit_model_ctx *ctx = NULL;
    if (argc != 2) return EXIT_FAILURE;
    fill();
    OK(digit_model_create(DIGIT_MODEL_TRAIN, BATCH, &ctx));
    use(ctx);
    own_memory();
    in_parts();
    shared(ctx);
    files(ctx, argv[1]);
    damage(ctx);
    wrongly(ctx);
    digit_model_destroy(ctx);
    puts("done");
    return EXIT_SUCCESS;
}
