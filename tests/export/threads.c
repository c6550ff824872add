/* threads.c: many contexts over one set of weights, each in a thread of its own, and some with more
 * threads to share their calls; for -fsanitize=thread. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "digit_model.h"

enum { THREADS = 8, CALLS = 20, BATCH = 64, OUT = BATCH * DIGIT_MODEL_OUT_DIGIT_SIZE };

static float images[BATCH * DIGIT_MODEL_IN_IMG_SIZE];
static float outputs[THREADS][OUT];

typedef struct job {
    digit_model_ctx *ctx;
    float *out;
    int32_t status;
} job;

static void *run(void *argument) {
    job *j = (job *)argument;
    for (int i = 0; i < CALLS && j->status == DIGIT_MODEL_OK; ++i)
        j->status = digit_model_predict(j->ctx, BATCH, images, j->out);
    return NULL;
}

int main(void) {
    digit_model_ctx *source = NULL;
    pthread_t threads[THREADS];
    job jobs[THREADS];
    for (int i = 0; i < (int)(sizeof images / sizeof *images); ++i) images[i] = (float)(i % 9) / 9.0f;
    if (digit_model_create(DIGIT_MODEL_PRIVATE, BATCH, &source)) return 1;
    for (int i = 0; i < THREADS; ++i) {
        jobs[i] = (job){NULL, outputs[i], DIGIT_MODEL_OK};
        if (digit_model_clone_shared(source, &jobs[i].ctx)) return 2;
        if (digit_model_set_threads(jobs[i].ctx, 1 + i % 2)) return 5;
        if (pthread_create(&threads[i], NULL, run, &jobs[i])) return 3;
    }
    for (int i = 0; i < THREADS; ++i) {
        pthread_join(threads[i], NULL);
        if (jobs[i].status || memcmp(outputs[i], outputs[0], sizeof outputs[0])) return 4;
        digit_model_destroy(jobs[i].ctx);
    }
    digit_model_destroy(source);
    puts("done");
    return EXIT_SUCCESS;
}
