/* Model files in memory, on POSIX systems; a program without files needs only fnc_hdf5.c. */
#if !defined(_POSIX_C_SOURCE) && !defined(__APPLE__)
#define _POSIX_C_SOURCE 200809L
#endif
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fnc_hdf5.h"

/* FNC_ERR_FORMAT where the file ends before. */
static int32_t h5_read_all(int descriptor, unsigned char *bytes, size_t size) {
    while (size > 0) {
        const size_t most = (size_t)1 << 30;
        const ssize_t done = read(descriptor, bytes, size < most ? size : most);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return FNC_ERR_IO;
        if (done == 0)
            return FNC_ERR_FORMAT;
        bytes += done;
        size -= (size_t)done;
    }
    return FNC_OK;
}

static int32_t h5_read_descriptor(fnc_h5 *file, int descriptor, uint64_t most) {
    struct stat info;
    if (fstat(descriptor, &info) != 0 || (!S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode)))
        return FNC_ERR_IO;
    if (S_ISDIR(info.st_mode) || info.st_size <= 0)
        return FNC_ERR_FORMAT;
    if ((uint64_t)info.st_size > most || (uint64_t)info.st_size > SIZE_MAX)
        return FNC_ERR_FORMAT;
    const size_t size = (size_t)info.st_size;
    unsigned char *bytes = malloc(size);
    if (bytes == NULL)
        return FNC_ERR_MEMORY;
    int32_t status = h5_read_all(descriptor, bytes, size);
    if (status == FNC_OK)
        status = fnc_h5_open(file, bytes, size);
    if (status != FNC_OK)
        free(bytes);
    return status;
}

int32_t fnc_h5_read(fnc_h5 *file, const char *path, uint64_t most) {
    /* O_NONBLOCK: a pipe that nobody writes would be waited for. */
    int descriptor = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (descriptor < 0)
        return FNC_ERR_IO;
    int32_t status = h5_read_descriptor(file, descriptor, most);
    close(descriptor);
    return status;
}

void fnc_h5_free(fnc_h5 *file) {
    free((void *)(uintptr_t)file->bytes);
    file->bytes = NULL;
    file->size = 0;
}
