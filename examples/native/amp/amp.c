/* amp.c: a sound through the amplifier, as a sound card would ask for it.
 *
 *     amp in.wav out.wav [samples in a block]
 *
 * Reads one channel of 16 bits, writes one of 32-bit floats, and prints the real-time factor. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "amp.h"

enum { HEAD = 44, MOST = 1 << 22, LARGEST = 4096 };

static int16_t sound[MOST];
static float in[LARGEST], out[MOST];

static void check(amp_status status, const char *what) {
    if (status == AMP_OK) return;
    fprintf(stderr, "amp: %s: %s\n", what, amp_status_str(status));
    exit(EXIT_FAILURE);
}

static void put(unsigned char *at, uint32_t number, int bytes) {
    for (int i = 0; i < bytes; ++i) at[i] = (unsigned char)(number >> 8 * i);
}

/* The samples of a file as the wave module of Python writes it, and their number a second. */
static int64_t read_wav(const char *path, uint32_t *rate) {
    unsigned char head[HEAD];
    FILE *file = fopen(path, "rb");
    if (!file || fread(head, 1, HEAD, file) != HEAD || memcmp(head + 8, "WAVEfmt ", 8) != 0
        || head[20] != 1 || head[22] != 1 || head[34] != 16) {
        fprintf(stderr, "amp: %s is no WAV file of one channel of 16 bits\n", path);
        exit(EXIT_FAILURE);
    }
    *rate = head[24] | (uint32_t)head[25] << 8 | (uint32_t)head[26] << 16;
    const int64_t count = (int64_t)fread(sound, sizeof *sound, MOST, file);
    fclose(file);
    return count;
}

static int write_wav(const char *path, int64_t count, uint32_t rate) {
    unsigned char head[HEAD] = "RIFF....WAVEfmt ";
    const uint32_t bytes = (uint32_t)count * 4;
    put(head + 4, bytes + HEAD - 8, 4);
    put(head + 16, 16, 4);
    put(head + 20, 3, 2); /* floats */
    put(head + 22, 1, 2);
    put(head + 24, rate, 4);
    put(head + 28, rate * 4, 4);
    put(head + 32, 4, 2);
    put(head + 34, 32, 2);
    memcpy(head + 36, "data", 4);
    put(head + 40, bytes, 4);
    FILE *file = fopen(path, "wb");
    if (!file) return 0;
    const int good = fwrite(head, 1, HEAD, file) == HEAD
                     && fwrite(out, sizeof *out, (size_t)count, file) == (size_t)count;
    return fclose(file) == 0 && good;
}

int main(int argc, char **argv) {
    const int64_t block = argc > 3 ? atoll(argv[3]) : 64;
    if (argc < 3 || block < 1 || block > LARGEST) return EXIT_FAILURE;
    uint32_t rate = 0;
    const int64_t count = read_wav(argv[1], &rate);
    amp_ctx *ctx = NULL;
    check(amp_create(AMP_PREDICT, block, &ctx), "create");
    check(amp_state_reset(ctx), "reset");
    const clock_t start = clock();
    for (int64_t at = 0; at < count; at += block) { /* here a sound card would call */
        const int64_t n = count - at < block ? count - at : block;
        for (int64_t i = 0; i < n; ++i) in[i] = (float)sound[at + i] / 32768.0f;
        check(amp_predict(ctx, 1, n, in, out + at), "predict");
    }
    const double took = (double)(clock() - start) / CLOCKS_PER_SEC;
    const double lasts = (double)count / rate;
    printf("%.0f ns a sample, real-time factor %.1f\n", took / (double)count * 1e9, lasts / took);
    amp_destroy(ctx);
    return write_wav(argv[2], count, rate) ? EXIT_SUCCESS : EXIT_FAILURE;
}
