/* fnc_pool.h: a team (fnc_abi.h) of the threads that the caller's parallel_for has.
 *
 * Kernels wait for each other inside a call, so all parts have to run at once, which parallel_for need
 * not promise: the first task to begin waits for others some microseconds, then the parts are as many
 * as have come. Tasks that come later find nothing to do. So a pool that is busy, or runs tasks one
 * after the other, costs time and never stands still; and the bits are those of any number of parts. */
#ifndef FNC_POOL_H
#define FNC_POOL_H

#include "fnc_options.h"

enum { FNC_POOL_TURNS = 2000 }; /* of waiting for others: 40 to 100 us */

typedef struct fnc_pool {
    fnc_team base;
    void (*parallel_for)(void *user, int64_t parts, fnc_task *task, void *argument);
    void *user;
    fnc_work *work;
    const fnc_env *env;
    int64_t wanted;
    int64_t came;    /* tasks that have begun; FNC_POOL_CLOSED when it is too late */
    int64_t parts;   /* 0 until that is known */
    int64_t arrived; /* at the barrier */
    int64_t met;     /* how often all have */
    int32_t busy;
} fnc_pool;

#if FNC_GNU && !defined(FNC_FREESTANDING)
#include <fenv.h>
#if FNC_POSIX
#include <sched.h>
#endif

#define FNC_POOL_CLOSED ((int64_t)1 << 32)

FNC_LIB void fnc_pool_pause(int64_t turn) {
    fnc_pause();
#if FNC_POSIX
    if (turn > FNC_POOL_TURNS) sched_yield(); /* more threads than processors */
#else
    (void)turn;
#endif
}

FNC_LIB void fnc_pool_meet(fnc_team *base) {
    fnc_pool *pool = (fnc_pool *)base;
    const int64_t met = __atomic_load_n(&pool->met, __ATOMIC_ACQUIRE);
    if (__atomic_add_fetch(&pool->arrived, 1, __ATOMIC_ACQ_REL) == pool->parts) {
        __atomic_store_n(&pool->arrived, 0, __ATOMIC_RELAXED);
        __atomic_store_n(&pool->met, met + 1, __ATOMIC_RELEASE);
        return;
    }
    for (int64_t turn = 0; __atomic_load_n(&pool->met, __ATOMIC_ACQUIRE) == met; ++turn)
        fnc_pool_pause(turn);
}

/* Its number among those that came, or -1 if it is too late. */
FNC_LIB int64_t fnc_pool_join(fnc_pool *pool) {
    int64_t came = __atomic_load_n(&pool->came, __ATOMIC_RELAXED);
    do {
        if (came >= pool->wanted) return -1;
    } while (!__atomic_compare_exchange_n(&pool->came, &came, came + 1, 0, __ATOMIC_ACQ_REL,
                                          __ATOMIC_RELAXED));
    return came;
}

/* Closes the door, when all are there or time is up. */
FNC_LIB void fnc_pool_close(fnc_pool *pool) {
    for (int64_t turn = 0; turn < FNC_POOL_TURNS; ++turn) {
        if (__atomic_load_n(&pool->came, __ATOMIC_RELAXED) == pool->wanted) break;
        fnc_pool_pause(0);
    }
    const int64_t came = __atomic_exchange_n(&pool->came, FNC_POOL_CLOSED, __ATOMIC_ACQ_REL);
    __atomic_store_n(&pool->parts, came, __ATOMIC_RELEASE);
}

typedef struct fnc_pool_call {
    fnc_pool *pool;
    fenv_t arithmetic; /* the caller's rounding and flushing, for all parts */
} fnc_pool_call;

FNC_LIB void fnc_pool_task(void *argument, int64_t part) {
    const fnc_pool_call *call = (const fnc_pool_call *)argument;
    fnc_pool *pool = call->pool;
    const int64_t own = fnc_pool_join(pool);
    fenv_t before;
    (void)part;
    if (own < 0) return;
    if (own == 0) fnc_pool_close(pool);
    for (int64_t turn = 0; __atomic_load_n(&pool->parts, __ATOMIC_ACQUIRE) == 0; ++turn)
        fnc_pool_pause(turn);
    fegetenv(&before);
    fesetenv(&call->arithmetic);
    pool->work(pool->env, own, pool->parts);
    fesetenv(&before);
}

FNC_LIB void fnc_pool_run(fnc_team *base, fnc_work *work, const fnc_env *env, int64_t parts,
                          int64_t woken) {
    fnc_pool *pool = (fnc_pool *)base;
    fnc_pool_call call = {.pool = pool};
    const int64_t wanted = woken < base->workers ? woken : base->workers;
    (void)parts;
    if (wanted < 2 || __atomic_exchange_n(&pool->busy, 1, __ATOMIC_ACQUIRE)) {
        work(env, 0, 1);
        return;
    }
    pool->work = work;
    pool->env = env;
    pool->wanted = wanted;
    pool->parts = 0;
    fegetenv(&call.arithmetic);
    __atomic_store_n(&pool->came, 0, __ATOMIC_RELEASE);
    pool->parallel_for(pool->user, wanted, fnc_pool_task, &call);
    if (pool->parts == 0) work(env, 0, 1); /* no task was run */
    __atomic_store_n(&pool->busy, 0, __ATOMIC_RELEASE);
}

/* A team that asks for at most options->threads parts; or null, where none can be made. */
FNC_LIB fnc_team *fnc_pool_init(fnc_pool *pool, const fnc_options *options) {
    const fnc_team base = {options->threads, fnc_pool_run, fnc_pool_meet};
    pool->base = base;
    pool->parallel_for = options->parallel_for;
    pool->user = options->user;
    return &pool->base;
}
#else
FNC_LIB fnc_team *fnc_pool_init(fnc_pool *pool, const fnc_options *options) {
    (void)pool;
    (void)options;
    return NULL;
}
#endif

#endif
