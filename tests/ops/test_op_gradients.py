"""Gradients of every row of the table, interpreted in float64, against central differences."""

from __future__ import annotations

import functools

import numpy as np
import pytest

from fncompile.autodiff import gradients
from fncompile.ir import build
from fncompile.ir.interp import run
from fncompile.ir.node import Node, Program
from fncompile.ir.types import is_float
from fncompile.ir.verify import verify
from tests.op_table import CASES, OpCase, program_of

pytestmark = pytest.mark.usefixtures("float64")
STEP = 1e-6


def gradient_program(case: OpCase) -> Program:
    """Outputs: "y", all floating-point results summed in different weights; its gradients."""
    forward = program_of([case], symbolic=bool(case.batch))
    terms = [
        build.reduce(build.ew("mul", x, weights(x)), "sum", range(x.ndim))
        for x in forward.outputs.values()
        if is_float(x.dtype)
    ]
    y = functools.reduce(lambda a, b: build.ew("add", a, b), terms)
    grads = gradients(y, [forward.inputs[i] for i in case.differentiable])
    outputs = {"y": y, **{f"g{i}": g for i, g in zip(case.differentiable, grads)}}
    return Program(forward.inputs, (), outputs)


def weights(x: Node) -> Node:
    """The product over the axes of 1.5 + sin(index + axis)."""
    out = build.full(x.shape, 1, x.dtype)
    for axis in range(x.ndim):
        angle = build.ew("add", build.cast(build.iota(x.shape, axis), x.dtype), build.like(x, axis))
        out = build.ew("mul", out, build.ew("add", build.ew("sin", angle), build.like(x, 1.5)))
    return out


@pytest.mark.parametrize("case", [c for c in CASES if c.differentiable], ids=lambda c: c.name)
def test_gradient(case):
    rng = np.random.default_rng(0)
    arrays, program = case.arrays(), gradient_program(case)
    verify(program)
    outputs, _ = run(program, arrays, {})
    directions = {i: rng.standard_normal(arrays[i].shape) for i in case.differentiable}
    want = (
        _value(program, arrays, directions, STEP) - _value(program, arrays, directions, -STEP)
    ) / (2 * STEP)
    got = sum(np.sum(outputs[f"g{i}"] * d) for i, d in directions.items())
    scale = 1 + sum(np.sum(np.abs(outputs[f"g{i}"] * d)) for i, d in directions.items())
    np.testing.assert_allclose(got, want, rtol=0, atol=1e-7 * scale)


def _value(program, arrays, directions, step):
    moved = [a + step * directions[i] if i in directions else a for i, a in enumerate(arrays)]
    return run(Program(program.inputs, (), {"y": program.outputs["y"]}), moved, {})[0]["y"]
