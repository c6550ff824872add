/* fnc_temporary.h: the temporary file that a save fills, and those that killed processes left.
 *
 * `.<name>.<process>-<number>.tmp` beside the target, as in fncompile/saving/atomic.py, which removes
 * what this one leaves and the other way round. Its writer holds a lock on it, which the system lets
 * go when the writer dies: what can be locked is a dead writer's, wherever that one ran. POSIX. */
#ifndef FNC_TEMPORARY_H
#define FNC_TEMPORARY_H

#include "fnc_context.h"

#if FNC_HAS_FILES && FNC_POSIX
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>


enum { FNC_NAME_PART = 100 }; /* bytes of the target's name in those of its temporaries */

/* Where the last part of a path begins. */
FNC_LIB const char *fnc_base_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

/* Is it ours to write now? Not if who looks for leftovers was faster. Where the file system has no
 * locks nobody removes anything. */
FNC_LIB int fnc_lock_new(int descriptor) {
    struct stat info;
    if (flock(descriptor, LOCK_EX | LOCK_NB) != 0) return errno != EWOULDBLOCK;
    return fstat(descriptor, &info) == 0 && info.st_nlink > 0;
}

/* A new file for `target`; its path goes to `path`. Gives the descriptor, or -1. */
FNC_LIB int fnc_temporary(const char *target, char *path, size_t room) {
    const char *name = fnc_base_name(target);
    for (int i = 0; i < 1000; ++i) {
        snprintf(path, room, "%.*s.%.*s.%ld-%d.tmp", (int)(name - target), target, FNC_NAME_PART,
                 name, (long)getpid(), i);
        const int descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (descriptor < 0 && errno != EEXIST) return -1;
        if (descriptor < 0) continue;
        if (fnc_lock_new(descriptor)) return descriptor;
        close(descriptor);
    }
    return -1;
}

/* Is `entry` called as the temporaries of `name` are? */
FNC_LIB int fnc_is_temporary(const char *entry, const char *name) {
    const size_t part = strnlen(name, FNC_NAME_PART);
    if (entry[0] != '.' || strncmp(entry + 1, name, part) != 0 || entry[part + 1] != '.') return 0;
    const char *at = entry + part + 2, *digits = "0123456789";
    const size_t process = strspn(at, digits);
    if (process == 0 || at[process] != '-') return 0;
    at += process + 1;
    const size_t number = strspn(at, digits);
    return number > 0 && strcmp(at + number, ".tmp") == 0;
}

/* Removes the file if nobody writes it. */
FNC_LIB void fnc_remove_dead(int directory, const char *entry) {
    const int flags = O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC;
    const int descriptor = openat(directory, entry, flags);
    if (descriptor < 0) return;
    if (flock(descriptor, LOCK_EX | LOCK_NB) == 0) unlinkat(directory, entry, 0);
    close(descriptor);
}

/* Removes what dead processes left of saves to `target`. `path` has room for its directory. */
FNC_LIB void fnc_remove_leftovers(const char *target, char *path) {
    const char *name = fnc_base_name(target);
    const size_t length = (size_t)(name - target);
    memcpy(path, length > 0 ? target : ".", length > 0 ? length : 1);
    path[length > 0 ? length : 1] = '\0';
    DIR *directory = opendir(path);
    if (directory == NULL) return;
    for (const struct dirent *entry; (entry = readdir(directory)) != NULL;)
        if (fnc_is_temporary(entry->d_name, name)) fnc_remove_dead(dirfd(directory), entry->d_name);
    closedir(directory);
}
#endif

#endif
