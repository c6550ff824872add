"""The number of elements of an axis is an op, not a sum of ones over it."""

from __future__ import annotations

import numpy as np
import pytest

from fncompile.ir import build, interp
from fncompile.ir.dims import symbol
from fncompile.ir.node import Program
from fncompile.ir.text import parse, print_program
from fncompile.ir.types import DTYPES, TensorType
from fncompile.passes.manager import Context, transform
from tests.programs.native import compiled, run, run_planned, stages

B, T = symbol("B"), symbol("T")


def mean_program(dtype: str = "float32") -> Program:
    x = build.input("x", TensorType(dtype, (B, T, 3)))
    return Program((x,), (), {"mean": build.mean(x, (0, 1, 2)), "rows": build.mean(x, (1,))})


@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16"])
def test_a_mean_over_open_sizes(dtype):
    entry = compiled(mean_program(dtype))
    rng = np.random.default_rng(0)
    for shape in ((2, 5, 3), (1, 1, 3), (4, 33, 3)):
        x = rng.normal(size=shape).astype(DTYPES[dtype].numpy)
        (mean, rows), _ = run(entry, [x], {})
        tolerance = 2**-7 if dtype == "bfloat16" else 1e-6
        np.testing.assert_allclose(mean, x.mean(dtype="float64"), rtol=tolerance, atol=tolerance)
        np.testing.assert_allclose(rows, x.mean(1), rtol=tolerance, atol=tolerance)
    (mean, rows), _ = run(entry, [np.zeros((0, 2, 3), DTYPES[dtype].numpy)], {})
    assert np.isnan(mean) and rows.shape == (0, 3)


def test_nothing_is_counted():
    nodes = mean_program().nodes()
    assert [n["dim"] for n in nodes if n.op == "size"] == [B * T * 3, T]
    assert [n.op for n in nodes].count("reduce") == 2


@pytest.mark.parametrize("dtype", ["int16", "int32", "uint64", "float32", "float64", "bfloat16"])
def test_a_size_in_every_dtype_at_every_stage(dtype):
    x = build.input("x", TensorType("float32", (B, T)))
    size = build.extent(B * T + 2, dtype)
    spread = build.broadcast_to(size, (B, T))
    program = Program((x,), (), {"one": size, "spread": spread, "x": x})
    arrays = [np.ones((5, 27), "float32")]
    expected = np.array(137).astype(DTYPES[dtype].numpy)
    for stage in (program, parse(print_program(program))):
        outputs, _ = interp.run(stage, arrays, {})
        np.testing.assert_array_equal(outputs["one"], expected)
        np.testing.assert_array_equal(outputs["spread"], np.full((5, 27), expected))
    _, plan = stages(program)
    for got in (run_planned(program, plan, arrays, {})[0], run(compiled(program), arrays, {})[0]):
        np.testing.assert_array_equal(got[0], expected)
        np.testing.assert_array_equal(got[1], np.full((5, 27), expected))


def test_a_size_that_turns_out_to_be_a_number_is_a_constant():
    x = build.input("x", TensorType("float32", (B, T)))
    y = build.input("y", TensorType("float32", (B, 4)))
    program = Program((x, y), (), {"z": build.mean(build.ew("add", x, y), (1,))})
    done = transform(program, "infer", Context())
    assert not [n for n in done.nodes() if n.op == "size"]
