"""Products of one row with a small matrix, which are sums in the loops of their readers."""

from __future__ import annotations

import numpy as np
import pytest

from fncompile.ir import build, interp
from fncompile.ir.build import ew
from fncompile.ir.node import Program
from fncompile.ir.types import TensorType
from fncompile.passes.few_products import LEAST_PART, MOST_PRODUCTS, few_products
from fncompile.passes.unroll import MOST_UNROLLED
from fncompile.plan.machine import drawn
from fncompile.plan.schedule import ALONE
from tests.programs.native import compiled, run, stages


def _product(rows, depth, columns, dtype="float32"):
    shapes = (rows, depth), (depth, columns)
    a, b = (build.input(n, TensorType(dtype, s)) for n, s in zip("ab", shapes))
    return a, b, build.dot(a, b, ((1,), (0,)))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_products_of_one_row_of_any_size(dtype):
    rng, inputs, arrays, outputs = np.random.default_rng(0), [], [], {}
    for depth in (1, 2, 7, MOST_UNROLLED, MOST_UNROLLED + 1):
        for columns in (1, 3, 16, 65):
            a, b = (
                build.input(f"{n}{depth}_{columns}", TensorType(dtype, s))
                for n, s in (("a", (1, depth)), ("b", (depth, columns)))
            )
            inputs += [a, b]
            arrays += [rng.normal(size=x.shape).astype(dtype) for x in (a, b)]
            y = build.dot(a, b, ((1,), (0,)))
            outputs[f"y{depth}_{columns}"] = y
            outputs[f"tanh{depth}_{columns}"] = build.ew("tanh", build.flip(y, 1))
    program = Program(tuple(inputs), (), outputs)
    expected, _ = interp.run(program, [a.astype("float64") for a in arrays], {})
    got, _ = run(compiled(program), arrays, {})
    tolerance = 1e-5 if dtype == "float32" else 1e-13
    for (name, value), found in zip(expected.items(), got):
        np.testing.assert_allclose(found, value, rtol=tolerance, atol=tolerance, err_msg=name)


@pytest.mark.parametrize(
    "rows, depth, columns, dtype, left",
    [
        (1, 16, 64, "float32", False),
        (1, MOST_UNROLLED + 1, 4, "float32", True),
        (1, 16, MOST_PRODUCTS // 16 + 1, "float32", True),
        (2, 16, 64, "float32", True),
        (1, 16, 64, "bfloat16", True),
        (1, 0, 64, "float32", True),
    ],
)
def test_which_products_are_left(rows, depth, columns, dtype, left):
    a, b, y = _product(rows, depth, columns, dtype)
    made = few_products(Program((a, b), (), {"y": y}))
    assert any(n.op == "dot" for n in made.nodes()) == left


def test_parts_of_sums_are_sums_of_parts():
    """The gates of a cell are computed in one loop: none of their sums waits in memory."""
    rng, u = np.random.default_rng(2), 16
    shapes = {"x": (1, 3), "h": (1, u), "w": (3, 4 * u), "v": (u, 4 * u), "b": (4 * u,)}
    given = [build.input(name, TensorType("float32", s)) for name, s in shapes.items()]
    x, h, w, v, b = given
    total = ew("add", build.dot(x, w, ((1,), (0,))), build.dot(h, v, ((1,), (0,))))
    total = ew("add", total, build.broadcast_to(b, (1, 4 * u)))
    gates = [build.slice_axis(total, 1, i * u, u) for i in range(4)]
    y = ew("mul", ew("add", gates[0], ew("tanh", gates[1])), ew("mul", gates[3], gates[2]))
    few = build.slice_axis(total, 1, 5, LEAST_PART - 1)  # of a part that is short
    for outputs, kernels in (({"y": y}, 1), ({"y": y, "few": few, "total": total}, None)):
        program = Program(tuple(given), (), outputs)
        arrays = [rng.normal(size=s).astype("float32") for s in shapes.values()]
        expected, _ = interp.run(program, [a.astype("float64") for a in arrays], {})
        got, _ = run(compiled(program), arrays, {})
        for (name, value), found in zip(expected.items(), got):
            np.testing.assert_allclose(found, value, rtol=1e-5, atol=1e-5, err_msg=name)
        _, plan = stages(program)
        assert kernels is None or len(plan.kernels) == kernels


def test_what_is_never_shared_has_loops_of_known_ends():
    """A program whose sizes are all known, and small, is computed by its caller alone."""
    a, b, y = _product(1, 16, 64)
    _, plan = stages(Program((a, b), (), {"y": build.ew("tanh", y)}))
    assert [k.schedule.partition for k in plan.kernels] == [ALONE]
    with drawn(least_work=1):
        _, plan = stages(Program((a, b), (), {"y": build.ew("tanh", y)}))
    assert [k.schedule.partition.axis for k in plan.kernels] == ["rows"]
