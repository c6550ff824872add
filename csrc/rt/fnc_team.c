/* fnc_team.c: teams for a host that has no C of its own, such as Python; entry points like those of
 * models, with nothing but args[0] and out[0] of the environment in use. */
#define _GNU_SOURCE
#include "fnc_team.h"

/* A team of args[0] workers, to the pointer at out[0]. */
FNC_EXPORT int32_t fnc_team_open(const fnc_env *env) {
    fnc_team *team = fnc_team_create(env->args[0]);
    *(fnc_team **)env->out[0] = team;
    return team != NULL ? FNC_OK : FNC_ERR_MEMORY;
}

/* Ends the team whose address is args[0]. */
FNC_EXPORT int32_t fnc_team_close(const fnc_env *env) {
    fnc_team_destroy((fnc_team *)(uintptr_t)env->args[0]);
    return FNC_OK;
}
