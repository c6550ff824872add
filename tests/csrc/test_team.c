/* test_team.c: threads that share work meet, sleep, end; two callers, a fork, a crowd. */
#define _GNU_SOURCE
#include "../../csrc/rt/fnc_team.h"

#include <sys/wait.h>
#include <time.h>

#include "check.h"

enum { MOST = 8, ROUNDS = 300, MEETINGS = 7 };

/* What one call leaves: who was there, and a sum that only comes out if all waited for all. */
typedef struct {
    fnc_env env;
    int64_t seen[MOST], values[MOST], parts, late;
} call_log;

static void count(const fnc_env *env, int64_t part, int64_t parts) {
    call_log *log = (call_log *)env;
    __atomic_add_fetch(&log->seen[part], 1, __ATOMIC_RELAXED);
    if (part == 0) log->parts = parts;
}

/* Each worker writes its own value, and after meeting reads those of all others. */
static void chain(const fnc_env *env, int64_t part, int64_t parts) {
    call_log *log = (call_log *)env;
    fnc_team *team = (fnc_team *)env->team;
    for (int64_t step = 1; step <= MEETINGS; ++step) {
        log->values[part] = step * (part + 1);
        if (parts > 1) team->meet(team);
        for (int64_t i = 0; i < parts; ++i)
            if (log->values[i] != step * (i + 1)) __atomic_add_fetch(&log->late, 1, __ATOMIC_RELAXED);
        if (parts > 1) team->meet(team);
    }
    count(env, part, parts);
}

static call_log run_small(fnc_team *team, fnc_work *work, int64_t parts, int64_t woken) {
    call_log log;
    memset(&log, 0, sizeof log);
    log.env.team = team;
    team->run(team, work, &log.env, parts, woken);
    return log;
}

static call_log run(fnc_team *team, fnc_work *work, int64_t parts) {
    return run_small(team, work, parts, parts);
}

/* Every part once, and no other. */
static void check_call(const call_log *log, int64_t least, int64_t most) {
    CHECK(log->parts >= least && log->parts <= most, "%d parts", (int)log->parts);
    for (int64_t i = 0; i < MOST; ++i)
        CHECK(log->seen[i] == (i < log->parts), "part %d ran %d times", (int)i, (int)log->seen[i]);
    CHECK(log->late == 0, "%d values read too early", (int)log->late);
}

static void test_rounds(void) {
    for (int64_t workers = 1; workers <= MOST; ++workers) {
        fnc_team *team = fnc_team_create(workers);
        CHECK(team != NULL && team->workers == workers, "no team of %d", (int)workers);
        for (int round = 0; round < ROUNDS / (int)workers; ++round) {
            const int64_t parts = 1 + (int64_t)(random_bits() % (MOST + 2));
            const call_log log = run(team, chain, parts);
            const int64_t expected = parts < workers ? parts : workers;
            check_call(&log, expected, expected);
        }
        fnc_team_destroy(team);
    }
    fnc_team_destroy(NULL);
}

static void test_create_and_destroy(void) {
    for (int i = 0; i < 50; ++i) {
        fnc_team *team = fnc_team_create(1 + i % 5);
        if (i % 2) {
            const call_log log = run(team, count, MOST);
            check_call(&log, team->workers, team->workers);
        }
        fnc_team_destroy(team);
    }
}

static void *call_often(void *team) {
    for (int i = 0; i < ROUNDS; ++i) {
        const call_log log = run((fnc_team *)team, chain, 3);
        check_call(&log, 1, 3);
        CHECK(log.parts != 2, "neither shared nor alone");
    }
    return NULL;
}

static void test_two_callers(void) {
    fnc_team *team = fnc_team_create(3);
    pthread_t other;
    CHECK(pthread_create(&other, NULL, call_often, team) == 0, "no thread");
    call_often(team);
    pthread_join(other, NULL);
    const call_log log = run(team, chain, 3);
    check_call(&log, 3, 3); /* nobody left the team busy */
    fnc_team_destroy(team);
}

static void call_again(const fnc_env *env, int64_t part, int64_t parts) {
    if (part == 0) {
        const call_log log = run((fnc_team *)env->team, chain, 3);
        check_call(&log, 1, 1);
    }
    count(env, part, parts);
}

static void test_a_call_within_a_call_runs_alone(void) {
    fnc_team *team = fnc_team_create(3);
    const call_log log = run(team, call_again, 3);
    check_call(&log, 3, 3);
    fnc_team_destroy(team);
}

/* The child of a fork has none of the threads: it works alone, and may make its own. */
static void test_fork(void) {
    fnc_team *team = fnc_team_create(3);
    call_log log = run(team, chain, 3);
    fflush(NULL);
    const pid_t child = fork();
    if (child == 0) {
        failures = 0;
        log = run(team, chain, 3);
        check_call(&log, 1, 1);
        fnc_team_destroy(team);
#if !defined(__SANITIZE_THREAD__) /* which bears no new threads after a fork */
        team = fnc_team_create(2);
        log = run(team, chain, 2);
        check_call(&log, 2, 2);
        fnc_team_destroy(team);
#endif
        _exit(failures != 0);
    }
    int status = -1;
    CHECK(waitpid(child, &status, 0) == child && status == 0, "child ended with %d", status);
    log = run(team, chain, 3);
    check_call(&log, 3, 3);
    fnc_team_destroy(team);
}

static void round_up(const fnc_env *env, int64_t part, int64_t parts) {
    call_log *log = (call_log *)env;
    log->values[part] = fegetround();
    count(env, part, parts);
}

/* Otherwise a program that rounds or flushes in its own way would get other bits with threads. */
static void test_workers_compute_as_the_caller_does(void) {
    fnc_team *team = fnc_team_create(2);
    fesetround(FE_UPWARD);
    const call_log log = run(team, round_up, 2);
    fesetround(FE_TONEAREST);
    CHECK(log.values[0] == FE_UPWARD && log.values[1] == FE_UPWARD, "other rounding");
    fnc_team_destroy(team);
}

static double seconds(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* A waiting team takes no processor time, whether or not it has worked. */
static void test_idle_threads_sleep(void) {
    fnc_team *team = fnc_team_create(4);
    run(team, chain, 4);
    const struct timespec settle = {0, 20000000}, pause = {0, 200000000};
    nanosleep(&settle, NULL);
    const double before = seconds(CLOCK_PROCESS_CPUTIME_ID);
    nanosleep(&pause, NULL);
    const double spent = seconds(CLOCK_PROCESS_CPUTIME_ID) - before;
    CHECK(spent < 0.02, "%g s of processor time in 0.2 s of idling", spent);
    fnc_team_destroy(team);
}

/* A small call alone wakes nobody; one of many is shared with workers that are still awake. */
static void test_small_calls(void) {
    fnc_team *team = fnc_team_create(fnc_processors() < 2 ? 1 : 2);
    const struct timespec pause = {0, 1000000};
    int shared = 0;
    for (int i = 0; i < 100; ++i) {
        nanosleep(&pause, NULL);
        const call_log first = run_small(team, chain, 2, 1);
        check_call(&first, 1, 1);
        const call_log next = run_small(team, chain, 2, 1);
        check_call(&next, 1, team->workers);
        shared += next.parts == 2;
    }
    CHECK(team->workers < 2 || shared > 0, "%d of 100 calls were shared", shared);
    fnc_team_destroy(team);
}

#ifdef __GLIBC__
/* As much as csrc/kern takes of the stack at most. */
static void fill_the_stack(const fnc_env *env, int64_t part, int64_t parts) {
    volatile char bytes[230 << 10];
    for (size_t i = 0; i < sizeof bytes; i += 1024) bytes[i] = (char)part;
    count(env, part, parts);
}

/* Where threads get little of it, workers have enough. */
static void test_workers_have_the_stack_that_they_need(void) {
    pthread_attr_t before, little;
    pthread_getattr_default_np(&before);
    pthread_attr_init(&little);
    pthread_attr_setstacksize(&little, 128 << 10);
    pthread_setattr_default_np(&little);
    fnc_team *team = fnc_team_create(3);
    const call_log log = run(team, fill_the_stack, 3);
    check_call(&log, 3, 3);
    fnc_team_destroy(team);
    pthread_setattr_default_np(&before);
    pthread_attr_destroy(&little);
    pthread_attr_destroy(&before);
}
#else
static void test_workers_have_the_stack_that_they_need(void) {}
#endif

int main(void) {
    test_workers_have_the_stack_that_they_need();
    test_rounds();
    test_create_and_destroy();
    test_two_callers();
    test_a_call_within_a_call_runs_alone();
    test_fork();
    test_workers_compute_as_the_caller_does();
    test_idle_threads_sleep();
    test_small_calls();
    return finish();
}
