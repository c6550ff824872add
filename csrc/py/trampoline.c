#include "trampoline.h"

#include <dlfcn.h>

/* Symbols stay private to each library, so models never see each other's. */
void *fnc_open(const char *path) { return dlopen(path, RTLD_NOW | RTLD_LOCAL); }

void *fnc_symbol(void *lib, const char *name) { return dlsym(lib, name); }

const char *fnc_dlerror(void) { return dlerror(); }

int32_t fnc_call(void *fn, void *env) { return ((fnc_entry *)fn)(env); }

int64_t fnc_call_bytes(void *fn, const fnc_env *env) { return ((fnc_bytes *)fn)(env->dims); }

int32_t fnc_call_one(void *fn, const fnc_env *env, int64_t batch, const void *in, void *out)
{
    fnc_env own = *env;
    own.dims = &batch;
    own.in = &in;
    own.out = &out;
    return ((fnc_entry *)fn)(&own);
}
