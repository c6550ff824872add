/* pool.c: calls shared by the threads of a program's own pool, which now and then is busy. Prints
 * "done" if each result is that of one thread. For -fsanitize=thread. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "digit_model.h"

enum { MOST = 4, CALLS = 40, BATCH = 64, OUT = BATCH * DIGIT_MODEL_OUT_DIGIT_SIZE };

static float images[BATCH * DIGIT_MODEL_IN_IMG_SIZE], outputs[2][OUT];
static float params[2][DIGIT_MODEL_NUM_PARAMS];
static int32_t labels[BATCH];
static int turn, most;

typedef struct job {
    digit_model_task *task;
    void *argument;
    int64_t part;
} job;

static void *run(void *argument) {
    const job *j = (const job *)argument;
    j->task(j->argument, j->part);
    return NULL;
}

static void parallel_for(void *user, int64_t parts, digit_model_task *task, void *argument) {
    pthread_t threads[MOST];
    job jobs[MOST];
    if (parts > most) most = (int)parts;
    for (int64_t i = 1; i < parts; ++i) {
        jobs[i].task = task;
        jobs[i].argument = argument;
        jobs[i].part = i;
        if (turn % 3 != 2) pthread_create(&threads[i], NULL, run, &jobs[i]);
    }
    task(argument, 0);
    for (int64_t i = 1; i < parts; ++i) {
        if (turn % 3 != 2) pthread_join(threads[i], NULL);
        else task(argument, i); /* all on this thread */
    }
    ++*(int *)user;
    ++turn;
}

static int work(digit_model_options *options, int which) {
    digit_model_ctx *ctx = NULL;
    if (digit_model_create_with(DIGIT_MODEL_TRAIN, BATCH, options, &ctx)) return 1;
    for (int i = 0; i < CALLS; ++i)
        if (digit_model_train_step(ctx, BATCH, images, labels, NULL)) return 2;
    if (digit_model_predict(ctx, BATCH, images, outputs[which])) return 3;
    if (digit_model_get_params(ctx, params[which], DIGIT_MODEL_NUM_PARAMS)) return 4;
    digit_model_destroy(ctx);
    return 0;
}

int main(void) {
    digit_model_options options;
    int calls = 0, wrong;
    for (int i = 0; i < (int)(sizeof images / sizeof *images); ++i) images[i] = (float)(i % 9) / 9.0f;
    for (int i = 0; i < BATCH; ++i) labels[i] = i % DIGIT_MODEL_OUT_DIGIT_SIZE;
    memset(&options, 0, sizeof options);
    options.struct_size = sizeof options;
    options.user = &calls;
    options.parallel_for = parallel_for;
    options.threads = MOST;
    if ((wrong = work(NULL, 0)) || (wrong = work(&options, 1))) return wrong;
    if (calls < CALLS || most != MOST) return 5;
    if (memcmp(outputs[0], outputs[1], sizeof outputs[0])) return 6;
    if (memcmp(params[0], params[1], sizeof params[0])) return 7;
    puts("done");
    return 0;
}
