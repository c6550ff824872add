/* Drives csrc/io for test_io.py, built with sanitizers.
 *
 *   io_driver read FILE PATH...              print each dataset: status, type, shape, bytes in hex
 *   io_driver verify FILE                    print the status of the digest
 *   io_driver attribute FILE PATH NAME       print one attribute like a dataset
 *   io_driver sign HEAD DATA OUT             write HEAD signed for DATA, then DATA, to OUT
 *   io_driver fuzz FILE SEED COUNT PATH...   look everything up in COUNT mutations of FILE
 */
#include <stdio.h>
#include <stdlib.h>

#include "../../csrc/io/fnc_blake2b.h"
#include "../../csrc/io/fnc_h5_bytes.h"

enum { MAX_HEADERS = 4096 };

static uint64_t random_state;
static unsigned checksum_of_everything; /* keeps the reading of the data from being optimized out */

static uint64_t random_below(uint64_t limit) {
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (random_state >> 33) % limit;
}

/* A buffer of exactly the file's size, so that one byte too far is seen. */
static unsigned char *load(const char *path, uint64_t *size) {
    FILE *stream = fopen(path, "rb");
    if (!stream || fseek(stream, 0, SEEK_END) != 0)
        exit(2);
    *size = (uint64_t)ftell(stream);
    rewind(stream);
    unsigned char *bytes = aligned_alloc(64, (*size + 63) / 64 * 64);
    if (!bytes || fread(bytes, 1, *size, stream) != *size)
        exit(2);
    fclose(stream);
    return bytes;
}

static void print_array(int32_t status, const fnc_h5_array *array) {
    printf("%d", (int)status);
    if (status == FNC_OK) {
        printf(" %d:%u (", (int)array->type, (unsigned)array->item_bytes);
        for (int32_t i = 0; i < array->rank; i++)
            printf("%llu,", (unsigned long long)array->dims[i]);
        printf(") ");
        for (uint64_t i = 0; i < array->bytes; i++)
            printf("%02x", ((const unsigned char *)array->data)[i]);
    }
    printf("\n");
}

static int read_all(const char *path, int count, char **names) {
    fnc_h5 file;
    int32_t status = fnc_h5_read(&file, path, UINT64_MAX);
    for (int i = 0; i < count; i++) {
        fnc_h5_array array;
        print_array(status ? status : fnc_h5_dataset(&file, names[i], &array), &array);
    }
    if (status == FNC_OK)
        fnc_h5_free(&file);
    return 0;
}

static int read_attribute(const char *path, const char *where, const char *name) {
    fnc_h5 file;
    fnc_h5_array array;
    int32_t status = fnc_h5_read(&file, path, UINT64_MAX);
    print_array(status ? status : fnc_h5_attribute(&file, where, name, &array), &array);
    if (status == FNC_OK)
        fnc_h5_free(&file);
    return 0;
}

static int verify(const char *path) {
    fnc_h5 file;
    int32_t status = fnc_h5_read(&file, path, UINT64_MAX);
    printf("%d\n", (int)(status ? status : fnc_h5_verify(&file)));
    if (status == FNC_OK)
        fnc_h5_free(&file);
    return 0;
}

static int sign(const char *head_path, const char *data_path, const char *out_path) {
    uint64_t head_size, data_size;
    unsigned char *head = load(head_path, &head_size), *data = load(data_path, &data_size);
    unsigned char digest[FNC_BLAKE2B_BYTES];
    fnc_blake2b hash;
    fnc_blake2b_init(&hash);
    fnc_blake2b_update(&hash, data, data_size / 3); /* in parts that are no whole blocks */
    fnc_blake2b_update(&hash, data + data_size / 3, data_size - data_size / 3);
    fnc_blake2b_final(&hash, digest);
    printf("%d\n", (int)fnc_h5_sign(head, head_size, digest));
    FILE *out = fopen(out_path, "wb");
    fwrite(head, 1, head_size, out);
    fwrite(data, 1, data_size, out);
    fclose(out);
    free(head);
    free(data);
    return 0;
}

typedef struct header {
    uint64_t start, size;
} header;

/* Where the sound file has its headers, to mend their checksums after a mutation. */
static int find_headers(const unsigned char *bytes, uint64_t size, header found[MAX_HEADERS]) {
    int count = 0;
    for (uint64_t at = 48; at + 16 < size && count < MAX_HEADERS; at++) {
        if (memcmp(bytes + at, "OHDR\2", 5) != 0)
            continue;
        int width = 1 << (bytes[at + 5] & 3);
        found[count].start = at;
        found[count++].size = 6 + (uint64_t)width + h5_number(bytes + at + 6, width);
    }
    return count;
}

static void put_sum(unsigned char *bytes, uint64_t start, uint64_t size, uint64_t end) {
    if (start + size + 4 > end)
        return;
    uint32_t sum = h5_checksum(bytes + start, size);
    for (int i = 0; i < 4; i++)
        bytes[start + size + (uint64_t)i] = (unsigned char)(sum >> 8 * i);
}

static void mutate_once(unsigned char *bytes, uint64_t size) {
    static const uint64_t odd[] = {0, 1, 0x7F, 0xFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, UINT64_MAX,
                                   UINT64_MAX - 1, (uint64_t)1 << 62, 48, 64};
    uint64_t at = random_below(size), value = odd[random_below(sizeof odd / sizeof *odd)];
    if (random_below(2))
        value = random_below(size + 64);
    switch (random_below(4)) {
    case 0: bytes[at] ^= (unsigned char)(1u << random_below(8)); break;
    case 1: bytes[at] = (unsigned char)random_below(256); break;
    case 2:
        for (uint64_t i = 0; i < 8 && at + i < size; i++)
            bytes[at + i] = (unsigned char)(value >> 8 * i);
        break;
    default: {
        uint64_t from = random_below(size), length = random_below(24);
        for (uint64_t i = 0; i < length && at + i < size && from + i < size; i++)
            bytes[at + i] = bytes[from + i];
    }
    }
}

static void touch(int32_t status, const fnc_h5_array *array) {
    if (status != FNC_OK)
        return;
    for (uint64_t i = 0; i < array->bytes; i++)
        checksum_of_everything += ((const unsigned char *)array->data)[i];
}

static void look_up(const unsigned char *bytes, uint64_t size, int count, char **names) {
    fnc_h5 file;
    fnc_h5_array array;
    if (fnc_h5_open(&file, bytes, size) != FNC_OK)
        return;
    if (random_below(4) == 0)
        fnc_h5_verify(&file);
    for (int i = 0; i < count; i++) {
        touch(fnc_h5_dataset(&file, names[i], &array), &array);
        touch(fnc_h5_attribute(&file, names[i], "names", &array), &array);
    }
    touch(fnc_h5_attribute(&file, "", "model_config", &array), &array);
}

static int fuzz(const char *path, uint64_t seed, uint64_t rounds, int count, char **names) {
    static header headers[MAX_HEADERS];
    uint64_t size;
    unsigned char *sound = load(path, &size);
    int header_count = find_headers(sound, size, headers);
    random_state = seed;
    for (uint64_t round = 0; round < rounds; round++) {
        uint64_t cut = random_below(8) ? size : random_below(size);
        unsigned char *bytes = malloc(cut ? cut : 1);
        memcpy(bytes, sound, cut);
        for (uint64_t n = 1 + random_below(4); cut && n > 0; n--)
            mutate_once(bytes, random_below(4) && cut > 48 ? cut / 2 + 24 : cut);
        /* Mostly mend the checksums, so that what lies behind them is reached. */
        if (random_below(8)) {
            for (int i = 0; i < header_count; i++)
                put_sum(bytes, headers[i].start, headers[i].size, cut);
            put_sum(bytes, 0, 44, cut);
        }
        look_up(bytes, cut, count, names);
        free(bytes);
    }
    free(sound);
    printf("survived %llu, %u\n", (unsigned long long)rounds, checksum_of_everything);
    return 0;
}

int main(int argc, char **argv) {
    if (argc >= 3 && strcmp(argv[1], "read") == 0)
        return read_all(argv[2], argc - 3, argv + 3);
    if (argc == 5 && strcmp(argv[1], "attribute") == 0)
        return read_attribute(argv[2], argv[3], argv[4]);
    if (argc == 3 && strcmp(argv[1], "verify") == 0)
        return verify(argv[2]);
    if (argc == 5 && strcmp(argv[1], "sign") == 0)
        return sign(argv[2], argv[3], argv[4]);
    if (argc >= 5 && strcmp(argv[1], "fuzz") == 0)
        return fuzz(argv[2], strtoull(argv[3], 0, 10), strtoull(argv[4], 0, 10), argc - 5, argv + 5);
    return 2;
}
