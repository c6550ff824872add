/* fnc_config.h - numbers that the compiler in Python and csrc must agree on. Printed by
 * python -m fncompile.plan.machine, where each has its reason. */
#ifndef FNC_CONFIG_H
#define FNC_CONFIG_H

enum {
    FNC_FEW_ROWS = 64,
    FNC_ROW_GRAIN = 16,
    FNC_COLUMN_GRAIN = 32,
    FNC_GEMV_PANEL = 16,
    FNC_GEMV_NR = 64
};

#ifndef FNC_LEAST_WORK
enum {
    FNC_LEAST_WORK = 4194304,
    FNC_LEAST_STEP = 524288
};
#endif

#endif
