"""Gradients of every row of the table, interpreted in float64, against central differences."""

from __future__ import annotations

import numpy as np
import pytest

from fncompile.ir.interp import run
from fncompile.ir.node import Program
from fncompile.ir.verify import verify
from tests.op_table import CASES, program_of

pytestmark = pytest.mark.usefixtures("float64")
STEP = 1e-6


@pytest.mark.parametrize("case", [c for c in CASES if c.differentiable], ids=lambda c: c.name)
def test_gradient(case):
    """Along one random direction for all arguments together."""
    rng, arrays = np.random.default_rng(0), case.arrays()
    program = program_of([case], symbolic=bool(case.batch), gradients=True)
    verify(program)
    found = run(program, arrays, {})[0]
    directions = {j: rng.standard_normal(arrays[j].shape) for j in case.differentiable}
    parts = [np.sum(found[f"c0_g{j}"] * d) for j, d in directions.items()]
    ahead, behind = (_value(program, arrays, directions, step) for step in (STEP, -STEP))
    tolerance = 1e-7 * (1 + np.sum(np.abs(parts)))
    np.testing.assert_allclose(np.sum(parts), (ahead - behind) / (2 * STEP), 0, tolerance)


def _value(program, arrays, directions, step):
    moved = [a + step * directions[i] if i in directions else a for i, a in enumerate(arrays)]
    return run(Program(program.inputs, (), {"y": program.outputs["c0_y"]}), moved, {})[0]["y"]
