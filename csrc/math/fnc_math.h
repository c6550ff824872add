/* fnc_math.h - the scalar functions that generated C is written in, fnc_<name>_<f32|f64|i32|i64>.
 *
 * Each is branch-free, so a loop that calls it vectorises. NaN and infinities propagate as IEEE
 * 754 and C say; a zero that comes in counts with its sign (3 // -0 and pow(-0, -1) are -infinity).
 * The sign of a zero that comes out is not promised (-fno-signed-zeros).
 *
 * Largest errors of f32 in units of the last place, with FMA (tests/csrc/test_math_f32.c measures):
 *     exp 1.1   expm1 1.6   tanh 3.3   sigmoid 3.5   erf 3.3   log 0.8   log1p 1.4   pow 0.6
 *     sin 1.6   cos 1.6     tan 3.0    rsqrt 1.5     sqrt 0.5; floor, ceil, rint, abs, sign exact
 * and of what ops make of them: sinh 3.3, cosh 3.8, exp2 1.0, log2 4.1, log10 4.5. */
#ifndef FNC_MATH_H
#define FNC_MATH_H

#include "fnc_base.h"
#include "fnc_bf16.h"
#include "fnc_exp_f32.h"
#include "fnc_f16.h"
#include "fnc_int.h"
#include "fnc_log_f32.h"
#include "fnc_math_f64.h"
#include "fnc_pow_f32.h"
#include "fnc_round.h"
#include "fnc_trig_f32.h"

#endif
