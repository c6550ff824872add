"""Every row of the table, compiled: values and gradients in float64 against the interpreter.

Rows share a program in groups, so that the C compiler runs some dozens of times and not a thousand;
`FNC_TEST_OPS_GROUP=1` gives each its own. A group that does not compile is tried case by case.
"""

from __future__ import annotations

import functools
import os

import numpy as np
import pytest

from fncompile.ir.interp import run
from fncompile.passes.manager import Context
from fncompile.runtime.entry import build_entry
from tests.op_table import CASES, OpCase, program_of

pytestmark = pytest.mark.usefixtures("float64")
GROUP = int(os.environ.get("FNC_TEST_OPS_GROUP", "30"))
ROWS = [case for case in CASES if case.specs]  # the others are constants


def results_of(cases: list[OpCase]) -> list[dict[str, tuple[np.ndarray, np.ndarray]]]:
    """For each case its results by name: (compiled, interpreted)."""
    program = program_of(cases, symbolic=True, gradients=True)
    arrays = [np.array(a, order="C") for case in cases for a in case.arrays()]
    expected, _ = run(program, arrays, {})
    entry = build_entry(program, "infer", "ops", [], Context())
    entry.prepare(1)
    pairs = dict(zip(expected, zip(entry.run(arrays), expected.values())))
    return [{k: p for k, p in pairs.items() if k.startswith(f"c{i}_")} for i in range(len(cases))]


@functools.cache
def group_results(start: int):
    """None where the group does not compile: then each case is tried alone, to find out which."""
    try:
        return results_of(ROWS[start : start + GROUP])
    except Exception:
        return None


@pytest.mark.parametrize("at", range(len(ROWS)), ids=lambda i: ROWS[i].name)
def test_compiled(at):
    together = group_results(at // GROUP * GROUP)
    found = together[at % GROUP] if together else results_of([ROWS[at]])[0]
    assert found
    for compiled, interpreted in found.values():
        assert (compiled.shape, compiled.dtype) == (interpreted.shape, interpreted.dtype)
        np.testing.assert_allclose(compiled, interpreted, rtol=1e-11, atol=1e-12)
