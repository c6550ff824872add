#include "trampoline.h"

#include <dlfcn.h>

/* Symbols stay private to each library, so models never see each other's. */
void *fnc_open(const char *path) { return dlopen(path, RTLD_NOW | RTLD_LOCAL); }

void *fnc_symbol(void *lib, const char *name) { return dlsym(lib, name); }

const char *fnc_dlerror(void) { return dlerror(); }

int32_t fnc_call(void *fn, void *env) { return ((fnc_entry *)fn)(env); }
