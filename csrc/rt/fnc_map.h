/* fnc_map.h: files as read-only memory, which any number of processes share. POSIX. */
#ifndef FNC_MAP_H
#define FNC_MAP_H

#include "fnc_context.h"

#if FNC_HAS_FILES && FNC_POSIX
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>


FNC_LIB int32_t fnc_map_open(int descriptor, int64_t bytes, const void **result) {
    struct stat found;
    if (fstat(descriptor, &found) != 0 || !S_ISREG(found.st_mode)) return FNC_ERR_IO;
    if (found.st_size != bytes) return FNC_ERR_FORMAT;
    void *memory = mmap(NULL, (size_t)bytes, PROT_READ, MAP_SHARED, descriptor, 0);
    if (memory == MAP_FAILED) return FNC_ERR_MEMORY;
    *result = memory;
    return FNC_OK;
}

/* The file, which has so many bytes exactly. */
FNC_LIB int32_t fnc_map(const char *path, int64_t bytes, const void **result) {
    const int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0) return FNC_ERR_IO;
    const int32_t status = fnc_map_open(descriptor, bytes, result);
    close(descriptor);
    return status;
}

FNC_LIB int32_t fnc_unmap(const void *memory, int64_t bytes) {
    return munmap((void *)(uintptr_t)memory, (size_t)bytes) == 0 ? FNC_OK : FNC_ERR_ARG;
}
#endif

#endif
