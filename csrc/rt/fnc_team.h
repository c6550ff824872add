/* fnc_team.h: POSIX threads that share the work of a call.
 *
 *     fnc_team *team = fnc_team_create(4);   the caller and three threads, asleep until needed
 *     env.team = team;                       from now on calls with this env are shared
 *     fnc_team_destroy(team);
 *
 * Inside a call the threads meet after kernels, where each waits by turning for some microseconds
 * at most, then asleep. As long they stay awake after a call, for a caller that comes back at once;
 * then they sleep until the next. Those of a team larger than the machine never wait awake.
 * Any number of callers may use one team: while it is busy, further callers work alone, and so does
 * the child of a fork, which has none of the threads. */
#ifndef FNC_TEAM_H
#define FNC_TEAM_H

#include "fnc_port.h"

enum {
    FNC_TEAM_MOST = 1024, /* workers; more are not made */
    FNC_TEAM_TURNS = 1000, /* of waiting awake: 20 to 50 us */
    FNC_TEAM_STACK = 1 << 20 /* bytes: 230 KB for kernels, and what is local to threads */
};

#if !FNC_HAS_THREADS
#include "../include/fnc_abi.h"

FNC_LIB int64_t fnc_processors(void) { return 1; }
FNC_LIB fnc_team *fnc_team_create(int64_t workers) {
    (void)workers;
    return NULL;
}
FNC_LIB void fnc_team_destroy(fnc_team *team) { (void)team; }
#else
#include <fenv.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#if defined(__linux__) && defined(_GNU_SOURCE)
#include <sched.h>
#endif

#include "../include/fnc_abi.h"

/* Nanoseconds: after a call, in which the next one finds workers awake; without sharing small calls
 * after one that had to wait for a processor, at first; and at most, when many had to. */
enum { FNC_TEAM_SOON = 30000, FNC_TEAM_REST = 250000, FNC_TEAM_LONG = 64 * FNC_TEAM_REST };

/* What threads wait for: that `word` changes. */
typedef struct fnc_gate {
    uint64_t word;
    uint32_t asleep; /* how many threads wait asleep, or are about to */
    uint32_t slept;  /* how often one did, since this was cleared */
    pthread_cond_t changed;
} fnc_gate;

struct fnc_threads;

typedef struct fnc_worker {
    struct fnc_threads *team;
    pthread_t thread;
    int64_t part;
} fnc_worker;

typedef struct fnc_threads {
    fnc_team base;
    pthread_mutex_t lock; /* for falling asleep */
    fnc_gate start;       /* its word: the number of the call, and in the low bits its parts */
    fnc_gate met;         /* its word: how often all have met */
    int64_t arrived;      /* how many wait to meet */
    int32_t busy, ending;
    int turns;
    int64_t ended; /* when the last call did */
    int64_t awake; /* when the last shared call did: since then its workers have been awake */
    int64_t rest;  /* until when small calls are not shared */
    int64_t pause; /* how long that will be the next time */
    pid_t process; /* the threads' own: they do not follow into a fork */
    /* The call at hand; written while no thread works. */
    fnc_work *work;
    const fnc_env *env;
    int64_t parts;
    fenv_t arithmetic; /* the caller's rounding and flushing, which all workers take over */
    fnc_worker workers[];
} fnc_threads;

/* Returns when the gate's word is no longer `seen`, and gives the new one. */
FNC_LIB uint64_t fnc_gate_wait(fnc_threads *team, fnc_gate *gate, uint64_t seen, int turns) {
    uint64_t word = __atomic_load_n(&gate->word, __ATOMIC_ACQUIRE);
    for (; word == seen && turns > 0; --turns) {
        fnc_pause();
        word = __atomic_load_n(&gate->word, __ATOMIC_ACQUIRE);
    }
    if (word != seen) return word;
    __atomic_fetch_add(&gate->slept, 1, __ATOMIC_RELAXED);
    pthread_mutex_lock(&team->lock);
    __atomic_fetch_add(&gate->asleep, 1, __ATOMIC_SEQ_CST);
    while ((word = __atomic_load_n(&gate->word, __ATOMIC_SEQ_CST)) == seen)
        pthread_cond_wait(&gate->changed, &team->lock);
    __atomic_fetch_sub(&gate->asleep, 1, __ATOMIC_SEQ_CST);
    pthread_mutex_unlock(&team->lock);
    return word;
}

/* Sets the word. Whoever saw the old one is either awake and will see the new one, or counted among
 * those asleep; taking the lock makes sure that the latter do sleep when they are called. */
FNC_LIB void fnc_gate_set(fnc_threads *team, fnc_gate *gate, uint64_t word) {
    __atomic_store_n(&gate->word, word, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&gate->asleep, __ATOMIC_SEQ_CST) == 0) return;
    pthread_mutex_lock(&team->lock);
    pthread_mutex_unlock(&team->lock);
    pthread_cond_broadcast(&gate->changed);
}

/* The last of the parts to arrive lets all go on. */
FNC_LIB void fnc_team_meet(fnc_team *base) {
    fnc_threads *team = (fnc_threads *)base;
    const int64_t parts = team->parts;
    const uint64_t met = __atomic_load_n(&team->met.word, __ATOMIC_ACQUIRE);
    if (__atomic_add_fetch(&team->arrived, 1, __ATOMIC_ACQ_REL) < parts) {
        fnc_gate_wait(team, &team->met, met, team->turns);
    } else {
        __atomic_store_n(&team->arrived, 0, __ATOMIC_RELAXED);
        fnc_gate_set(team, &team->met, met + 1);
    }
}

FNC_LIB void *fnc_team_thread(void *argument) {
    fnc_worker *self = (fnc_worker *)argument;
    fnc_threads *team = self->team;
    for (uint64_t word = 0;;) {
        word = fnc_gate_wait(team, &team->start, word, team->turns);
        const int64_t parts = (int64_t)(word % (FNC_TEAM_MOST + 1));
        if (self->part >= parts) continue;
        if (team->ending) return NULL;
        fesetenv(&team->arithmetic);
        team->work(team->env, self->part, parts);
        fnc_team_meet(&team->base);
    }
}

/* Starts the next call, on all threads whose part is below `parts`. */
FNC_LIB void fnc_team_start(fnc_threads *team, int64_t parts) {
    const uint64_t number = team->start.word / (FNC_TEAM_MOST + 1) + 1;
    fnc_gate_set(team, &team->start, number * (FNC_TEAM_MOST + 1) + (uint64_t)parts);
}

/* Nanoseconds of a clock that only goes forward. */
FNC_LIB int64_t fnc_team_clock(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Was it a moment ago that *when was set? */
FNC_LIB int fnc_team_soon(const int64_t *when, int64_t now) {
    return now - __atomic_load_n(when, __ATOMIC_RELAXED) < FNC_TEAM_SOON;
}

/* Shares the call, if the team is free; did it? */
FNC_LIB int fnc_team_share(fnc_threads *team, fnc_work *work, const fnc_env *env,
                                int64_t parts) {
    if (parts > team->base.workers) parts = team->base.workers;
    if (parts < 2 || getpid() != team->process ||
        __atomic_exchange_n(&team->busy, 1, __ATOMIC_ACQUIRE)) {
        work(env, 0, 1);
        return 0;
    }
    team->work = work;
    team->env = env;
    team->parts = parts;
    fegetenv(&team->arithmetic);
    fnc_team_start(team, parts);
    work(env, 0, parts);
    fnc_team_meet(&team->base);
    __atomic_store_n(&team->busy, 0, __ATOMIC_RELEASE);
    return 1;
}

/* If workers that were awake had to be waited for, the machine has no processor to spare. */
FNC_LIB void fnc_team_learn(fnc_threads *team, int64_t now) {
    int64_t pause = __atomic_load_n(&team->pause, __ATOMIC_RELAXED);
    if (__atomic_load_n(&team->met.slept, __ATOMIC_RELAXED) > 0) {
        __atomic_store_n(&team->rest, now + pause, __ATOMIC_RELAXED);
        pause = pause < FNC_TEAM_LONG ? 4 * pause : pause;
    } else if (pause > FNC_TEAM_REST) {
        pause -= pause / 8;
    }
    __atomic_store_n(&team->pause, pause, __ATOMIC_RELAXED);
}

/* A small call that comes soon after another is one of many, for which workers are awake or worth
 * waking. */
FNC_LIB void fnc_team_run(fnc_team *base, fnc_work *work, const fnc_env *env, int64_t parts,
                               int64_t woken) {
    fnc_threads *team = (fnc_threads *)base;
    const int64_t start = fnc_team_clock(), rest = __atomic_load_n(&team->rest, __ATOMIC_RELAXED);
    const int many = team->turns > 0 && start >= rest && fnc_team_soon(&team->ended, start);
    const int awake = fnc_team_soon(&team->awake, start);
    __atomic_store_n(&team->met.slept, 0, __ATOMIC_RELAXED);
    const int shared = fnc_team_share(team, work, env, many ? parts : woken);
    const int64_t end = fnc_team_clock();
    __atomic_store_n(&team->ended, end, __ATOMIC_RELAXED);
    if (!shared) return;
    __atomic_store_n(&team->awake, end, __ATOMIC_RELAXED);
    if (awake) fnc_team_learn(team, end);
}

/* Processors that this process may use. */
FNC_LIB int64_t fnc_processors(void) {
#if defined(__linux__) && defined(_GNU_SOURCE)
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0) return CPU_COUNT(&set);
#endif
    return sysconf(_SC_NPROCESSORS_ONLN);
}

/* Ends the threads and frees the team, which nobody uses. Null is allowed. */
FNC_LIB void fnc_team_destroy(fnc_team *base) {
    fnc_threads *team = (fnc_threads *)base;
    if (team == NULL) return;
    if (getpid() == team->process) {
        team->ending = 1;
        fnc_team_start(team, base->workers);
        for (int64_t i = 1; i < base->workers; ++i) pthread_join(team->workers[i].thread, NULL);
        pthread_cond_destroy(&team->start.changed);
        pthread_cond_destroy(&team->met.changed);
        pthread_mutex_destroy(&team->lock);
    }
    free(team);
}

/* Enough stack, where the system gives threads less: musl 128 KB, others what the user set. */
FNC_LIB void fnc_team_stack(pthread_attr_t *how) {
    size_t size = 0;
    pthread_attr_getstacksize(how, &size);
    if (size < FNC_TEAM_STACK) pthread_attr_setstacksize(how, FNC_TEAM_STACK);
}

/* Threads until there are `workers` workers, or the system gives no more. Signals are for the
 * threads that the program itself has. */
FNC_LIB void fnc_team_hire(fnc_threads *team, int64_t workers) {
    sigset_t all, old;
    pthread_attr_t how;
    if (pthread_attr_init(&how)) return;
    fnc_team_stack(&how);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    for (int64_t i = 1; i < workers; ++i) {
        team->workers[i].team = team;
        team->workers[i].part = i;
        if (pthread_create(&team->workers[i].thread, &how, fnc_team_thread, &team->workers[i])) break;
        team->base.workers = i + 1;
    }
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    pthread_attr_destroy(&how);
}

/* A team of `workers`, the caller among them, or of as many as can be had. Null without memory. */
FNC_LIB fnc_team *fnc_team_create(int64_t workers) {
    if (workers < 1) workers = 1;
    if (workers > FNC_TEAM_MOST) workers = FNC_TEAM_MOST;
    const size_t bytes = sizeof(fnc_threads) + (size_t)workers * sizeof(fnc_worker);
    fnc_threads *team = (fnc_threads *)calloc(1, bytes);
    if (team == NULL) return NULL;
    team->base = (fnc_team){1, fnc_team_run, fnc_team_meet};
    team->process = getpid();
    team->pause = FNC_TEAM_REST;
    team->turns = workers > fnc_processors() ? 0 : FNC_TEAM_TURNS;
    pthread_mutex_init(&team->lock, NULL);
    pthread_cond_init(&team->start.changed, NULL);
    pthread_cond_init(&team->met.changed, NULL);
    fnc_team_hire(team, workers);
    return &team->base;
}

#endif
#endif
