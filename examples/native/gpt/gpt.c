/* gpt.c: a character GPT goes on with a text, one character a call.
 *
 *     gpt characters.txt logits.f32 "Permission is"
 *
 * The first file has all characters that there are, in order. Prints the text until its positions
 * are used up, each time with the likeliest character, and writes the logits of every position.
 * Keys and values of the characters before are the state of the context, so that each call computes
 * one position alone. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gpt.h"

static void check(gpt_status status, const char *what) {
    if (status == GPT_OK) return;
    fprintf(stderr, "gpt: %s: %s\n", what, gpt_status_str(status));
    exit(EXIT_FAILURE);
}

int main(int argc, char **argv) {
    char characters[256] = {0};
    float logits[COUNT];
    gpt_ctx *ctx = NULL;
    FILE *file = argc == 4 ? fopen(argv[1], "rb") : NULL;
    FILE *out = argc == 4 ? fopen(argv[2], "wb") : NULL;
    if (!file || !out || fread(characters, 1, COUNT, file) != COUNT) return EXIT_FAILURE;
    fclose(file);
    check(gpt_create(GPT_PREDICT, &ctx), "create");
    const int32_t given = (int32_t)strlen(argv[3]);
    char next = argv[3][0];
    for (int32_t position = 0; position < LENGTH; ++position) {
        const char *found = memchr(characters, next, COUNT);
        if (!found) return EXIT_FAILURE;
        const int32_t token = (int32_t)(found - characters);
        check(gpt_predict(ctx, 1, &token, &position, logits), "predict");
        fwrite(logits, sizeof *logits, COUNT, out);
        putchar(next);
        int best = 0;
        for (int i = 1; i < COUNT; ++i) best = logits[i] > logits[best] ? i : best;
        next = position + 1 < given ? argv[3][position + 1] : characters[best];
    }
    putchar('\n');
    fclose(out);
    gpt_destroy(ctx);
    return EXIT_SUCCESS;
}
