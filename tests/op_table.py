"""Every op on chosen shapes, with a NumPy reference: the one table that tests of meaning, gradients
and compiled code share. Add a row for each op in `tests/op_rows`; `test_op_table.py` names the ops
that have none."""

from __future__ import annotations

from tests.op_case import Array, OpCase, program_of
from tests.op_rows import (
    alignment,
    arrangement,
    attention,
    convolution,
    elementwise,
    images,
    indexing,
    linalg,
    loops,
    nn,
    numbers,
    reductions,
    shaping,
    signals,
    solving,
    sorting,
    windows,
)

CASES: list[OpCase] = [
    *elementwise.CASES,
    *numbers.CASES,
    *reductions.CASES,
    *shaping.CASES,
    *arrangement.CASES,
    *indexing.CASES,
    *linalg.CASES,
    *solving.CASES,
    *attention.CASES,
    *alignment.CASES,
    *nn.CASES,
    *windows.CASES,
    *loops.CASES,
    *convolution.CASES,
    *sorting.CASES,
    *signals.CASES,
    *images.CASES,
]

__all__ = ["CASES", "Array", "OpCase", "program_of"]
