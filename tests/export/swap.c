/* swap.c: threads that predict with shared weights while another exchanges these; each prediction
 * is that of the one or of the other, whole. For -fsanitize=thread. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "digit_model.h"

enum { THREADS = 8, CALLS = 200, BATCH = 4, OUT = BATCH * DIGIT_MODEL_OUT_DIGIT_SIZE };

static float images[BATCH * DIGIT_MODEL_IN_IMG_SIZE], wanted[2][OUT];
static int running = THREADS;

static void *run(void *argument) {
    digit_model_ctx *ctx = (digit_model_ctx *)argument;
    float out[OUT];
    long wrong = 0;
    for (int i = 0; i < CALLS; ++i) {
        wrong += digit_model_predict(ctx, BATCH, images, out) != DIGIT_MODEL_OK;
        wrong += memcmp(out, wanted[0], sizeof out) && memcmp(out, wanted[1], sizeof out);
    }
    __atomic_sub_fetch(&running, 1, __ATOMIC_ACQ_REL);
    return wrong ? argument : NULL;
}

/* An image of weights that are twice those of the library, and what they predict. */
static unsigned char *other_weights(unsigned char *memory) {
    static float all[DIGIT_MODEL_NUM_PARAMS];
    unsigned char *image = memory + (64 - (uintptr_t)memory % 64) % 64;
    digit_model_ctx *ctx = NULL;
    if (digit_model_create(DIGIT_MODEL_PRIVATE, BATCH, &ctx)) exit(1);
    if (digit_model_predict(ctx, BATCH, images, wanted[0])) exit(2);
    if (digit_model_get_params(ctx, all, DIGIT_MODEL_NUM_PARAMS)) exit(3);
    for (int i = 0; i < DIGIT_MODEL_NUM_PARAMS; ++i) all[i] *= 2;
    if (digit_model_set_params(ctx, all, DIGIT_MODEL_NUM_PARAMS)) exit(4);
    if (digit_model_predict(ctx, BATCH, images, wanted[1])) exit(5);
    if (digit_model_get_image(ctx, image, DIGIT_MODEL_IMAGE_BYTES)) exit(6);
    digit_model_destroy(ctx);
    return image;
}

int main(void) {
    static unsigned char memory[DIGIT_MODEL_IMAGE_BYTES + 64];
    digit_model_ctx *source = NULL, *clones[THREADS];
    pthread_t threads[THREADS];
    for (int i = 0; i < (int)(sizeof images / sizeof *images); ++i) images[i] = (float)(i % 9) / 9.0f;
    unsigned char *image = other_weights(memory);
    if (digit_model_create(DIGIT_MODEL_PREDICT, BATCH, &source)) return 1;
    for (int i = 0; i < THREADS; ++i) {
        if (digit_model_clone_shared(source, &clones[i])) return 2;
        if (pthread_create(&threads[i], NULL, run, clones[i])) return 3;
    }
    for (int i = 0; __atomic_load_n(&running, __ATOMIC_ACQUIRE) > 0; ++i)
        if (digit_model_swap_weights(source, i % 2 ? NULL : image, DIGIT_MODEL_IMAGE_BYTES)) return 4;
    for (int i = 0; i < THREADS; ++i) {
        void *wrong = NULL;
        pthread_join(threads[i], &wrong);
        if (wrong) return 5;
        digit_model_destroy(clones[i]);
    }
    digit_model_destroy(source);
    puts("done");
    return EXIT_SUCCESS;
}
