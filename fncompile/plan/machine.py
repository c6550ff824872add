"""The one table of numbers about machines, which the schedule decides by and csrc is built for.

A number stands here once, with the measurement behind it. `python -m fncompile.plan.machine` prints
those that C needs as csrc/include/fnc_config.h; a test compares the two. Costs are in multiply-adds
of a product at the speed of its register tile, for each element of the right operand. Measured on
AMD Zen 3 (AVX2, one core: FMA 103 GFLOP/s) where nothing else is said.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, fields, replace
from typing import Any

from fncompile.ir.dims import Dim, evaluate, symbols_of


@dataclass(frozen=True)
class Machine:
    """Sizes are in elements where no unit is named."""

    align: int = 64  # bytes of a cache line, and of the widest vector of any target
    typical: int = 64  # what a symbol is taken for where two choices are compared

    # A right operand that is read where it lies. The rows of a wide matrix begin whole pages apart:
    # read as panels of columns they fall on few sets of the caches. 512 x 512 x 512: 33 GFLOP/s,
    # 89 packed. Narrower or smaller ones stay in cache as they are.
    wide_columns: int = 128
    large_elements: int = 1 << 15
    read_strided: float = 2.07  # a multiply-add of such a one; with `pack`: from 32 rows on it pays
    # One that is less wide suffers little: gradients of 1x1 convolutions' weights, 64 to 128 and
    # 128 to 128 channels, 32 images of 16 x 16: 1.83 -> 1.65 and 3.40 -> 2.91 ms (AMD Zen 4; by
    # AVX2 1.85 -> 1.74 and 3.60 -> 3.13). Packed for any number of rows, it gains 3 to 5 % there.
    far_columns: int = 512
    read_apart: float = 1.1

    # A left operand walked where it lies: a call for each run of rows, and a jump for each segment
    # of a sum; or copied first. Runs of rows shorter than the low tile go one by one.
    copy: float = 34.0
    walk_call: float = 3000.0
    walk_segment: float = 60.0
    tile_rows: int = 4
    lone_row: float = 2.5

    # Pixels by tiles of several lines, at constant strides: no remainders. 3x3, 16 to 16 channels,
    # 32 x 32 pixels: 90 -> 115 GFLOP/s; 64, 8 x 8: 107 -> 117 (AMD Zen 4, FMA 118).
    pixels: float = 0.9
    pixel_columns: int = 512

    # Packing it first. 32 x 2048 x 2048, from memory: 53 GFLOP/s with the packing.
    pack: float = 34.0
    panel_bytes: int = 128  # the last panel is filled up to it: two of the widest vectors

    # Few rows times a large operand that is not packed beforehand: packed by strips that stay in
    # the second-level cache (32 rows: 71 GFLOP/s, 96 rows: 75, no more than packed), or, of one
    # that lies by columns, as C^T = B^T A^T (93 and 92). Fewer elements are near, quickly packed.
    few_rows: int = 64  # csrc/kern/gemm_large.h has room for as many
    few_elements: int = 1 << 19
    pack_on_the_fly: float = 1.527  # a multiply-add, as strips go: equal to `pack` at few_rows
    swap: float = 1.13

    # A large result whose sums come by rows: arrays are walked in order. 2048 x 2048, 32 steps:
    # stored 4.3 -> 3.5 ms, with Adam's update 7.3 -> 4.9. Below 256 columns it loses (4 % at 64).
    row_panel_columns: int = 256
    row_panel_elements: int = 1 << 16
    by_rows: float = 0.95
    row_panel_steps: int = 4  # a sum of fewer, stored in one array alone, is as fast tile by tile

    # A multiply-add of bfloat16, whose panels have two bytes an element: by instructions for it.
    # Where there are none, one of float, and a left operand copied for it. 784-512-512-10, 32 rows,
    # AVX2: 446 us, float 437; 784-64-64-10: 39.7, float 32.4. A runtime draws `narrow` for its
    # target.
    narrow: float = 0.5
    narrow_emulated: float = 1.15
    # Copying an element of a left operand that does not lie in words, for all columns: long runs,
    # or in ones shorter than `narrow_run`. LeNet: 19 us, 13 with 5x5 of one channel by float.
    narrow_copy: float = 4.0
    narrow_lone: float = 100.0
    narrow_run: int = 16

    # How csrc/kern cuts products. Sums longer than kc_whole, or of panels than kc_packed, are cut
    # into blocks of kc, and tiles grouped by rows: their partial sums wait in memory.
    kc_whole: int = 1024
    kc_packed: int = 4096
    kc: int = 256
    group_rows: int = 48
    # A whose columns are adjacent is copied for so many panels of B, its rows prefetched so many
    # steps ahead.
    copy_from: int = 4
    copy_ahead: int = 16
    # B packed on the fly, by strips of so many rows, and bytes of a row.
    strip_rows: int = 64
    strip_bytes: int = 1024
    # Row-panel output: bytes of a row of results, and of one whose partial sums wait.
    row_panel_bytes: int = 8192
    row_panel_split_bytes: int = 1024
    # Prefetched are the next panels of a packed B of so many bytes, since they come from afar, and
    # for at most so many rows of A: for more, their way counts little, and they take room in the
    # caches; and the arrays beside a row-panel output, if that is at most so many bytes a step of
    # k: two cache lines.
    prefetch_from: int = 4 << 20
    prefetch_rows: int = 96
    beside_pace: int = 128
    gemv_panels: int = 4  # that a single row takes at once: 8 accumulators

    # How a team shares a kernel: where shares are cut, so that no vector is.
    row_grain: int = 16
    # A result of at most so many rows is cut finer, at low tiles of one vector, so that two workers
    # share it evenly: the gradient of weights of 16 channels, 3 taps along a line, is of 48 rows.
    short_rows: int = 128
    short_grain: int = 8
    column_grain: int = 32
    few_rows_to_cut: int = 64  # a result of fewer rows, and more columns, is cut by columns
    batches_to_cut: int = 8  # so many of known number, over one right operand, are cut themselves
    loop_least: int = 9  # turns of a loop that stays one: shorter ones may be unrolled
    lanes: int = 32  # rows that a reduction with strides takes at a time, at least where cut
    most_lanes: int = 256  # and at most: their sums stay in the nearest cache
    sums_kept: int = 3  # so many sums at least are taken by few lanes, and stay in registers

    # So many numbers at least that are the same along an axis are kept in registers: a vector of
    # the innermost axis goes along so many points of that axis. A depthwise 3x3, near: 43 -> 76
    # GFLOP/s, from memory 42 -> 46 to 60 (AMD Zen 4; by AVX2, near, 44 -> 60, by SSE2 18 -> 22).
    kept_loads: int = 8
    column_points: int = 8

    # Bytes of the stack for what lives within one row of a kernel: what a core's own cache has room
    # for, and no more than csrc/kern takes, as headers promise that calls need 256 KB. Those of a
    # softmax over 1,000 classes and its gradient are 20 KB; images under depthwise windows
    # stay near. In 288 KB MobileNet's largest would too: 9.4 ms for 10.4 (bfloat16, 32 rows).
    local_bytes: int = 7 << 15

    # Elements of one piece of an optimizer's sweep from which on it is worth a kernel of its own.
    long_piece: int = 1 << 14

    # Temporaries of so many bytes stay in a core's own cache: samples of a batch for which they are
    # larger go through all kernels some at a time, and one for which they are as small as of a
    # dense network gains nothing. MobileNet-like, batch 32: 16.9 -> 14.6 ms; ResNet-20 26 -> 23.7;
    # LSTM(128) 6.9 -> 6.3; GRU(64) 1.84 -> 1.58; encoder 128 10.5 -> 9.4 (AMD Zen 4, L2 1 MB).
    slice_bytes: int = 1 << 20
    slice_least: int = 1 << 14

    # Work in multiply-adds; a million are about 20 us. Waking a thread takes some 20 us, and a
    # barrier up to one: no worker is woken for less than `least_work`, nor given less than
    # `least_step` each time.
    least_work: int = 4 << 20
    least_step: int = 1 << 19


C_NAMES = {
    "few_rows": "FNC_FEW_ROWS",
    "row_grain": "FNC_ROW_GRAIN",
    "column_grain": "FNC_COLUMN_GRAIN",
} | {
    name: f"FNC_{name.upper()}"
    for name in (
        "kc_whole", "kc_packed", "kc", "group_rows", "copy_from", "copy_ahead", "strip_rows",
        "strip_bytes", "row_panel_bytes", "row_panel_split_bytes", "prefetch_from",
        "prefetch_rows", "beside_pace", "gemv_panels",
    )
}  # fmt: skip
"""The numbers that C must have as well, by the names that it knows them by."""

_current: ContextVar[Machine] = ContextVar("fncompile_machine", default=Machine())  # noqa: B039


def machine() -> Machine:
    """The numbers in force."""
    return _current.get()


def usual(size: Dim) -> int:
    """The number that it is where every symbol is `typical`."""
    return evaluate(size, dict.fromkeys(symbols_of([size]), machine().typical))


def far_apart(rows: Dim, columns: Dim) -> bool:
    """Is a matrix wide and large, so that its rows fall on few sets of the caches?"""
    if not isinstance(columns, int) or columns < machine().wide_columns:
        return False
    return not isinstance(rows, int) or rows * columns >= machine().large_elements


@contextmanager
def drawn(**numbers: Any) -> Iterator[Machine]:
    """Other numbers for a while, as tests draw them; those that C has must stay."""
    fixed = C_NAMES.keys() & numbers.keys()
    if fixed:
        raise ValueError(f"{sorted(fixed)} are compiled into csrc and cannot be drawn.")
    token = _current.set(replace(machine(), **numbers))
    try:
        yield machine()
    finally:
        _current.reset(token)


def header() -> str:
    """The text of csrc/include/fnc_config.h."""
    numbers = {f.name: getattr(Machine(), f.name) for f in fields(Machine)}
    rows = [f"    {C_NAMES[name]} = {numbers[name]}" for name in C_NAMES]
    work = [f"    FNC_{name.upper()} = {numbers[name]}" for name in ("least_work", "least_step")]
    return "\n".join([
        "/* fnc_config.h - numbers that the compiler in Python and csrc must agree on. Printed by",
        " * python -m fncompile.plan.machine, where each has its reason. */",
        "#ifndef FNC_CONFIG_H",
        "#define FNC_CONFIG_H",
        "",
        "enum {",
        ",\n".join(rows),
        "};",
        "",
        "#ifndef FNC_LEAST_WORK",
        "enum {",
        ",\n".join(work),
        "};",
        "#endif",
        "",
        "#endif",
    ]) + "\n"


if __name__ == "__main__":
    print(header(), end="")
