/* trampoline.h: call compiled models from Python at the price of one API-mode cffi call. */
#ifndef FNC_TRAMPOLINE_H
#define FNC_TRAMPOLINE_H

#include "fnc_abi.h"

void *fnc_open(const char *path);
void *fnc_symbol(void *lib, const char *name);
const char *fnc_dlerror(void);
int32_t fnc_call(void *fn, void *env);
/* Calls an fnc_bytes with the environment's sizes. */
int64_t fnc_call_bytes(void *fn, const fnc_env *env);
/* As fnc_call, with these in place of the environment's sizes, inputs and outputs. */
int32_t fnc_call_one(void *fn, const fnc_env *env, int64_t batch, const void *in, void *out);

#endif
