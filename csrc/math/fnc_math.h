/* fnc_math.h - the scalar functions that generated C is written in, fnc_<name>_<f32|f64|i32|i64>.
 *
 * Each is branch-free, so a loop that calls it vectorises. NaN and infinities propagate as IEEE
 * 754 and C say. The sign of zero is not promised (-fno-signed-zeros). */
#ifndef FNC_MATH_H
#define FNC_MATH_H

#include "fnc_base.h"
#include "fnc_bf16.h"
#include "fnc_exp_f32.h"
#include "fnc_int.h"
#include "fnc_log_f32.h"
#include "fnc_math_f64.h"
#include "fnc_pow_f32.h"
#include "fnc_round.h"
#include "fnc_trig_f32.h"

#endif
