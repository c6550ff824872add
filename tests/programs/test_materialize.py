"""Which values are stored because they cannot be inlined."""

from __future__ import annotations

import numpy as np

from fncompile.ir import build, interp
from fncompile.ir.node import Program
from fncompile.ir.types import TensorType
from tests.programs.native import run_planned, stages


def test_hundreds_of_values_of_which_each_needs_the_one_before():
    """Each was asked for while the next one was being asked for: a RecursionError."""
    x = y = build.input("x", TensorType("float32", (7, 11)))
    for _ in range(400):
        y = build.ew("sin", build.reshape(build.permute(y, (1, 0)), (7, 11)))
    program = Program((x,), (), {"y": y})
    _, plan = stages(program)
    assert len(plan.kernels) >= 400
    a = np.random.default_rng(0).normal(size=(7, 11)).astype("float32")
    expected, _ = interp.run(program, [a], {})
    (found,), _ = run_planned(program, plan, [a], {})
    np.testing.assert_allclose(found, expected["y"], rtol=1e-5)
