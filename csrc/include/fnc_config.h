/* fnc_config.h - numbers that the compiler in Python and csrc must agree on. Printed by
 * python -m fncompile.plan.machine, where each has its reason. */
#ifndef FNC_CONFIG_H
#define FNC_CONFIG_H

enum {
    FNC_FEW_ROWS = 64,
    FNC_ROW_GRAIN = 16,
    FNC_COLUMN_GRAIN = 32,
    FNC_KC_WHOLE = 1024,
    FNC_KC_PACKED = 4096,
    FNC_KC = 256,
    FNC_GROUP_ROWS = 48,
    FNC_COPY_FROM = 4,
    FNC_COPY_AHEAD = 16,
    FNC_STRIP_ROWS = 64,
    FNC_STRIP_BYTES = 1024,
    FNC_ROW_PANEL_BYTES = 8192,
    FNC_ROW_PANEL_SPLIT_BYTES = 1024,
    FNC_PREFETCH_FROM = 4194304,
    FNC_PREFETCH_ROWS = 96,
    FNC_BESIDE_PACE = 128,
    FNC_GEMV_PANELS = 4
};

#ifndef FNC_LEAST_WORK
enum {
    FNC_LEAST_WORK = 4194304,
    FNC_LEAST_STEP = 524288
};
#endif

#endif
