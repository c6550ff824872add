/* fnc_abi.h: the contract between generated C and whoever calls it.
 *
 * A compiled model exports entry points of one type, `fnc_entry`. Everything that an entry point
 * reads or writes is named by its `fnc_env`; it keeps no state of its own, allocates nothing,
 * prints nothing and never ends the process. Two threads may call one entry point at once when
 * the memory that their environments name for writing does not overlap.
 */
#ifndef FNC_ABI_H
#define FNC_ABI_H

#include <stdint.h>

/* Status of an entry point. When it is not FNC_OK, nothing has been written. */
enum {
    FNC_OK = 0,
    FNC_ERR_SHAPE = -1,  /* a symbolic size is negative, or sizes that must agree differ */
    FNC_ERR_ARENA = -2,  /* the arena is smaller than these sizes need */
    FNC_ERR_ARG = -3,    /* a required pointer is null, or an argument is out of its range */
    FNC_ERR_MEMORY = -4, /* memory that the caller asked for could not be had */
    FNC_ERR_IO = -5,     /* a file could not be opened, read or written */
    FNC_ERR_FORMAT = -6, /* a file is not what it should be: truncated, corrupt or of another model */
    FNC_ERR_STATE = -7,  /* called out of turn, as training a context made for prediction */
    FNC_ERR_RANGE = -8,  /* an index or a class number that the model does not have */
    FNC_ERR_CPU = -9,    /* the processor lacks instructions that the code needs */
    FNC_ERR_DATA = -10   /* a library without weights of its own was given none */
};

/* Every block of memory in an environment starts at a multiple of this many bytes. */
#define FNC_ALIGN 64

/* Inputs and outputs need only the alignment of their element type. */
typedef struct fnc_env {
    const int64_t *dims;          /* values of the symbolic sizes, the batch first */
    const void *const *in;        /* one pointer an input, dense row-major */
    void *const *out;             /* one pointer an output, dense row-major */
    const unsigned char *weights; /* parameters, shared and read-only outside training */
    unsigned char *train;         /* training state: gradients, optimizer slots, metrics, seeds */
    unsigned char *prepared;      /* what `prepare` made of the weights: packed and folded copies */
    unsigned char *arena;         /* scratch memory of one call; its contents need not survive */
    int64_t arena_bytes;          /* size of the arena */
    const int64_t *args;          /* further integer arguments of the entry point */
    void *team;                   /* an fnc_team to share the work with; null: the caller alone */
    unsigned char *state;         /* what one prediction leaves to the next, as states of a scan */
} fnc_env;

typedef int32_t fnc_entry(const fnc_env *env);

/* The share of worker `part` of `parts` in a call. */
typedef void fnc_work(const fnc_env *env, int64_t part, int64_t parts);

/* Threads that share the work of one call at a time, as csrc/rt/fnc_team.h makes them. The first
 * member of something larger. */
typedef struct fnc_team {
    int64_t workers; /* the caller among them */
    /* Calls work(env, part, parts) once for every part, all at once, and returns when all are done.
     * There may be fewer parts than asked for: `woken` where workers had to be woken first, and
     * one, the caller's, where the team is busy. */
    void (*run)(struct fnc_team *team, fnc_work *work, const fnc_env *env, int64_t parts,
                int64_t woken);
    /* Called by every part, inside `work`: returns when all have called it. */
    void (*meet)(struct fnc_team *team);
} fnc_team;

/* How many bytes of scratch memory a call with these symbolic sizes needs. */
typedef int64_t fnc_bytes(const int64_t *dims);

/* Generated C is compiled with hidden visibility; these mark what a library exports, and what its
 * units have from each other. In a library of one unit both are defined before. */
#if defined(FNC_EXPORT)
#elif defined(__GNUC__)
#define FNC_EXPORT __attribute__((visibility("default")))
#else
#define FNC_EXPORT
#endif
#if defined(__GNUC__)
#define FNC_HIDDEN __attribute__((visibility("hidden")))
#else
#define FNC_HIDDEN
#endif

#endif
