/* realtime.c: steps of every kind where no system call is allowed: the kernel ends the process at the
 * first one (seccomp's strict mode). Of what the library takes from other libraries watched.h counts the
 * calls. Prints those that there were before, then "done", or what was called; ends with 77 where there
 * is no such mode. */
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "digit_model.h"
#include "watched.h"

enum { BATCH = 6, IN = DIGIT_MODEL_IN_IMG_SIZE, OUT = DIGIT_MODEL_OUT_DIGIT_SIZE };
enum { STRICT = 1 }; /* SECCOMP_MODE_STRICT */

static float images[BATCH * IN], outputs[BATCH * OUT], moved[BATCH * IN];
static float params[DIGIT_MODEL_NUM_PARAMS];
static int32_t labels[BATCH];
static int64_t order[BATCH];

/* The number of the first call that was refused, or 0. */
static int use(digit_model_ctx *ctx, const void *image) {
    float loss = 0, values[DIGIT_MODEL_NUM_METRICS];
    const int64_t n = BATCH, all = DIGIT_MODEL_NUM_PARAMS;
    if (digit_model_predict(ctx, n, images, outputs)) return 1;
    if (digit_model_train_step(ctx, n, images, labels, &loss)) return 2;
    if (digit_model_train_steps(ctx, order, n, 4, n, images, labels, &loss)) return 3;
    if (digit_model_eval_step(ctx, n, images, labels, &loss)) return 4;
    if (digit_model_metrics(ctx, values) || digit_model_reset_metrics(ctx)) return 5;
    if (digit_model_zero_grad(ctx)) return 6;
    if (digit_model_forward(ctx, n, images, labels, outputs, &loss)) return 7;
    if (digit_model_backward(ctx)) return 8;
    if (digit_model_get_gradients(ctx, params, all)) return 9;
    if (digit_model_set_gradients(ctx, params, all)) return 9;
    if (digit_model_add_gradients(ctx, params, all)) return 10;
    if (digit_model_get_gradient(ctx, 0, params, IN * 16)) return 10;
    if (digit_model_add_gradient(ctx, 0, params, IN * 16)) return 10;
    if (digit_model_scale_gradients(ctx, 0.5)) return 11;
    if (digit_model_set_trainable(ctx, "hidden", 0)) return 12;
    if (digit_model_optimizer_step(ctx)) return 13;
    if (digit_model_input_gradients(ctx, n, images, outputs, moved)) return 14;
    if (digit_model_get_params(ctx, params, all)) return 15;
    return image == NULL ? 16 : 0;
}

static int say(const char *text) {
    const size_t bytes = strlen(text);
    return write(1, text, bytes) != (ssize_t)bytes || write(1, "\n", 1) != 1;
}

int main(void) {
    static unsigned char memory[DIGIT_MODEL_IMAGE_BYTES + 64];
    unsigned char *image = memory + (64 - (uintptr_t)memory % 64) % 64;
    digit_model_ctx *ctx = NULL, *reader = NULL;
    for (int i = 0; i < BATCH * IN; ++i) images[i] = (float)(i % 23) / 23.0f - 0.5f;
    for (int i = 0; i < BATCH; ++i) labels[i] = i, order[i] = BATCH - 1 - i;
    if (digit_model_create(DIGIT_MODEL_SPLIT, BATCH, &ctx)) return 1;
    if (digit_model_create(DIGIT_MODEL_PREDICT, BATCH, &reader)) return 2;
    if (digit_model_get_image(ctx, image, DIGIT_MODEL_IMAGE_BYTES)) return 3;
    if (digit_model_set_threads(ctx, 2) || digit_model_set_threads(ctx, 1)) return 4;
    for (int i = 0; i < WATCHED; ++i)
        if (counts[i] > 0) say(watched[i]);
    if (prctl(PR_SET_SECCOMP, STRICT) != 0) return 77;
    forget();
    int wrong = use(ctx, image);
    if (digit_model_swap_weights(reader, image, DIGIT_MODEL_IMAGE_BYTES)) wrong = 17;
    if (digit_model_predict(reader, BATCH, images, outputs)) wrong = 18;
    const char *first = called();
    if (say(first != NULL ? first : "done")) wrong = 19;
    syscall(SYS_exit, wrong); /* exit_group, which exit asks for, is not allowed */
    return wrong;
}
