/* fnc_file_stdio.h: fnc_file.h and fnc_map.h for systems without POSIX, with stdio.h alone.
 *
 * A file is written beside its target and then takes its place: at once on Windows and WASI, whose
 * systems can. Nothing is mapped: a file is read into memory instead. */
#ifndef FNC_FILE_STDIO_H
#define FNC_FILE_STDIO_H

#include "fnc_context.h"

#if FNC_HAS_FILES && !FNC_POSIX
#include <stdio.h>
#include <stdlib.h>

#include "../io/fnc_hdf5.h"

typedef struct fnc_file {
    FILE *stream;
    const char *target;
    char *temporary;
} fnc_file;

#if defined(_WIN32)
__declspec(dllimport) int __stdcall MoveFileExA(const char *from, const char *to,
                                                unsigned long flags);
FNC_LIB int fnc_replace(const char *from, const char *to) {
    return MoveFileExA(from, to, 9) ? 0 : -1; /* replaces what is there, and waits for the disk */
}
#else
FNC_LIB int fnc_replace(const char *from, const char *to) { return rename(from, to); }
#endif

FNC_LIB int32_t fnc_file_open(fnc_file *file, const char *path) {
    const size_t length = fnc_text_length(path);
    file->target = path;
    file->temporary = (char *)malloc(length + 5);
    if (file->temporary == NULL) return FNC_ERR_MEMORY;
    memcpy(file->temporary, path, length);
    memcpy(file->temporary + length, ".tmp", 5);
    file->stream = fopen(file->temporary, "wb");
    if (file->stream == NULL) free(file->temporary);
    return file->stream != NULL ? FNC_OK : FNC_ERR_IO;
}

FNC_LIB int32_t fnc_file_write(fnc_file *file, const void *bytes, int64_t size) {
    return fwrite(bytes, 1, (size_t)size, file->stream) == (size_t)size ? FNC_OK : FNC_ERR_IO;
}

FNC_LIB int32_t fnc_file_close(fnc_file *file, int32_t status) {
    if (fclose(file->stream) != 0 && status == FNC_OK) status = FNC_ERR_IO;
    if (status == FNC_OK && fnc_replace(file->temporary, file->target) != 0) status = FNC_ERR_IO;
    if (status != FNC_OK) remove(file->temporary);
    free(file->temporary);
    return status;
}

/* Memory from malloc that starts at a multiple of FNC_ALIGN; before it stands what free takes. */
FNC_LIB void *fnc_aligned_malloc(int64_t bytes) {
    void *memory = malloc((size_t)bytes + FNC_ALIGN + sizeof(void *));
    if (memory == NULL) return NULL;
    unsigned char *start = fnc_aligned((unsigned char *)memory + sizeof(void *));
    memcpy(start - sizeof(void *), &memory, sizeof memory);
    return start;
}

FNC_LIB int32_t fnc_unmap(const void *memory, int64_t bytes) {
    void *start;
    (void)bytes;
    memcpy(&start, (const unsigned char *)memory - sizeof(void *), sizeof start);
    free(start);
    return FNC_OK;
}

/* The file, which has so many bytes exactly. */
FNC_LIB int32_t fnc_map(const char *path, int64_t bytes, const void **result) {
    FILE *stream = fopen(path, "rb");
    if (stream == NULL) return FNC_ERR_IO;
    void *memory = fnc_aligned_malloc(bytes);
    int32_t status = memory != NULL ? FNC_OK : FNC_ERR_MEMORY;
    if (memory != NULL && (fread(memory, 1, (size_t)bytes, stream) != (size_t)bytes || fgetc(stream) != EOF))
        status = FNC_ERR_FORMAT;
    fclose(stream);
    if (status == FNC_OK) *result = memory;
    else if (memory != NULL) fnc_unmap(memory, bytes);
    return status;
}

/* See fnc_hdf5.h. */
FNC_IO_API int32_t fnc_h5_read(fnc_h5 *file, const char *path, uint64_t most) {
    FILE *stream = fopen(path, "rb");
    unsigned char *bytes = NULL;
    size_t size = 0, room = 65536, got = 1;
    int32_t status = stream != NULL ? FNC_OK : FNC_ERR_IO;
    while (status == FNC_OK && got > 0) {
        unsigned char *more = (unsigned char *)realloc(bytes, size + room);
        if (more == NULL) {
            status = FNC_ERR_MEMORY;
            break;
        }
        bytes = more;
        got = fread(bytes + size, 1, room, stream);
        size += got;
        room = size;
        if (size > most) status = FNC_ERR_FORMAT;
    }
    if (stream != NULL) fclose(stream);
    if (status == FNC_OK) status = fnc_h5_open(file, bytes, (uint64_t)size);
    if (status != FNC_OK) free(bytes);
    return status;
}

FNC_IO_API void fnc_h5_free(fnc_h5 *file) {
    free((void *)(uintptr_t)file->bytes);
    file->bytes = NULL;
    file->size = 0;
}
#endif

#endif
