/* fnc_tiles.c: for Python, whether this process may use tiles: a status, whatever this is compiled for. */
#include "../include/fnc_abi.h"

#if defined(__x86_64__) && defined(__linux__) && defined(__GNUC__)
#define FNC_HAS_AMX 1
#include "fnc_tiles.h"
#else
static int fnc_tiles_work(void) { return 0; }
#endif

FNC_EXPORT int32_t fnc_tiles(const fnc_env *env);

int32_t fnc_tiles(const fnc_env *env) {
    (void)env;
    return fnc_tiles_work() ? FNC_OK : FNC_ERR_CPU;
}
