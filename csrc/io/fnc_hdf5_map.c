/* Mapping of model files on POSIX systems; a program without files needs only fnc_hdf5.c. */
#define _POSIX_C_SOURCE 200809L
#include <fcntl.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fnc_hdf5.h"

static int32_t h5_map_descriptor(fnc_h5 *file, int descriptor) {
    struct stat info;
    if (fstat(descriptor, &info) != 0)
        return FNC_ERR_IO;
    if (!S_ISREG(info.st_mode) || info.st_size <= 0 || (uint64_t)info.st_size > SIZE_MAX)
        return FNC_ERR_FORMAT;
    size_t size = (size_t)info.st_size;
    void *bytes = mmap(NULL, size, PROT_READ, MAP_PRIVATE, descriptor, 0);
    if (bytes == MAP_FAILED)
        return FNC_ERR_IO;
    int32_t status = fnc_h5_open(file, bytes, size);
    if (status != FNC_OK)
        munmap(bytes, size);
    return status;
}

int32_t fnc_h5_map(fnc_h5 *file, const char *path) {
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0)
        return FNC_ERR_IO;
    int32_t status = h5_map_descriptor(file, descriptor);
    close(descriptor);
    return status;
}

void fnc_h5_unmap(fnc_h5 *file) {
    munmap((void *)(uintptr_t)file->bytes, (size_t)file->size);
    file->bytes = NULL;
    file->size = 0;
}
