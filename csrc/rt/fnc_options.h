/* fnc_options.h: what a program may ask of a new context, as the public header has it.
 *
 * The struct begins with its size: what a program does not know, because its header is older, is as if
 * it were zero; what the library does not know must be zero. */
#ifndef FNC_OPTIONS_H
#define FNC_OPTIONS_H

#include "../include/fnc_abi.h"
#include "fnc_port.h"

enum { FNC_FLAG_FLUSH = 1, FNC_FLAG_DETERMINISTIC = 2, FNC_FLAGS = 3 };

typedef void fnc_task(void *argument, int64_t part);

typedef struct fnc_options {
    int64_t struct_size;
    int64_t flags;
    const char *level;
    const char *weights_file;
    const void *weights;
    int64_t weights_bytes;
    void *user;
    void *(*allocate)(void *user, int64_t bytes);
    void (*release)(void *user, void *memory);
    void (*parallel_for)(void *user, int64_t parts, fnc_task *task, void *argument);
    int64_t threads;
} fnc_options;

/* A copy of the options at `given`, which are of the caller's type and may be null. */
FNC_LIB int32_t fnc_read_options(const void *given, fnc_options *own) {
    int64_t size = 0;
    fnc_zero(own, (int64_t)sizeof *own);
    if (given == NULL) return FNC_OK;
    memcpy(&size, given, sizeof size);
    if (size < (int64_t)sizeof size || size > 65536) return FNC_ERR_ARG;
    const int64_t known = size < (int64_t)sizeof *own ? size : (int64_t)sizeof *own;
    for (int64_t i = known; i < size; ++i)
        if (((const unsigned char *)given)[i] != 0) return FNC_ERR_ARG;
    memcpy(own, given, (size_t)known);
    if (own->flags & ~(int64_t)FNC_FLAGS) return FNC_ERR_ARG;
    if ((own->allocate == NULL) != (own->release == NULL)) return FNC_ERR_ARG;
    if (own->parallel_for != NULL && own->threads < 1) return FNC_ERR_ARG;
    if (own->weights != NULL && own->weights_file != NULL) return FNC_ERR_ARG;
    return FNC_OK;
}

#endif
