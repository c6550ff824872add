/* fnc_file.h: replace a file as a whole. After a crash there is the old file or the new one, never
 * a part; when writing fails the old file stays and nothing else is left behind, and what a killed
 * process left is removed by the next save to the same path. Only regular files are replaced:
 * devices, pipes and directories are refused. POSIX. */
#ifndef FNC_FILE_H
#define FNC_FILE_H

#include "fnc_context.h"

#if FNC_HAS_FILES && FNC_POSIX
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fnc_temporary.h"

typedef struct fnc_file {
    int descriptor;
    char *target;    /* what is replaced: where the path's links lead */
    char *temporary; /* beside it */
    size_t room;     /* bytes of `temporary` */
} fnc_file;

FNC_LIB int32_t fnc_file_write(fnc_file *file, const void *bytes, int64_t size) {
    const char *at = (const char *)bytes;
    while (size > 0) {
        const size_t most = (size_t)1 << 30;
        const ssize_t done = write(file->descriptor, at, (uint64_t)size < most ? (size_t)size : most);
        if (done < 0 && errno == EINTR) continue;
        if (done <= 0) return FNC_ERR_IO;
        at += done;
        size -= done;
    }
    return FNC_OK;
}

/* Where `path` leads, in memory from malloc: itself where nothing is there yet. */
FNC_LIB char *fnc_real_path(const char *path) {
    char *found = realpath(path, NULL);
    return found != NULL || errno != ENOENT ? found : strdup(path);
}

/* A new file beside the target, which is a regular file or not there yet. */
FNC_LIB int32_t fnc_file_begin(fnc_file *file) {
    struct stat old;
    if (stat(file->target, &old) == 0 && !S_ISREG(old.st_mode)) return FNC_ERR_IO;
    fnc_remove_leftovers(file->target, file->temporary);
    file->descriptor = fnc_temporary(file->target, file->temporary, file->room);
    return file->descriptor >= 0 ? FNC_OK : FNC_ERR_IO;
}

FNC_LIB void fnc_file_free(fnc_file *file) {
    free(file->target);
    free(file->temporary);
}

FNC_LIB int32_t fnc_file_open(fnc_file *file, const char *path) {
    file->temporary = NULL;
    file->target = fnc_real_path(path);
    if (file->target == NULL) return errno == ENOMEM ? FNC_ERR_MEMORY : FNC_ERR_IO;
    file->room = strlen(file->target) + 64;
    file->temporary = (char *)malloc(file->room);
    const int32_t status = file->temporary == NULL ? FNC_ERR_MEMORY : fnc_file_begin(file);
    if (status != FNC_OK) fnc_file_free(file);
    return status;
}

FNC_LIB int32_t fnc_sync_directory(char *path) {
    char *slash = strrchr(path, '/');
    if (slash != NULL) slash[slash == path] = '\0';
    const int directory = open(slash != NULL ? path : ".", O_RDONLY | O_CLOEXEC);
    if (directory < 0) return FNC_ERR_IO;
    const int failed = fsync(directory);
    close(directory);
    return failed ? FNC_ERR_IO : FNC_OK;
}

/* Put the new file in its place if all went well so far, else remove it. */
FNC_LIB int32_t fnc_file_close(fnc_file *file, int32_t status) {
    struct stat old;
    if (status == FNC_OK && stat(file->target, &old) == 0
        && fchmod(file->descriptor, old.st_mode & 07777) != 0)
        status = FNC_ERR_IO;
    if (status == FNC_OK && fsync(file->descriptor) != 0) status = FNC_ERR_IO;
    if (close(file->descriptor) != 0 && status == FNC_OK) status = FNC_ERR_IO;
    if (status == FNC_OK && rename(file->temporary, file->target) != 0) status = FNC_ERR_IO;
    if (status != FNC_OK) unlink(file->temporary);
    else status = fnc_sync_directory(file->target);
    fnc_file_free(file);
    return status;
}
#endif

#endif
