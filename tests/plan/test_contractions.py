"""Contractions of many axes: NumPy's numbers, without copies where strides allow it."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from fncompile import flags
from fncompile.ir import build
from fncompile.ir.dims import symbol
from fncompile.ir.node import Node, Program
from fncompile.ir.types import TensorType
from tests.programs.native import compiled, run, run_planned, stages

B, T = symbol("B"), symbol("T")
SIZES = [{"B": 0, "T": 3}, {"B": 1, "T": 1}, {"B": 3, "T": 5}, {"B": 2, "T": 33}]


def einsum(subscripts: str, a: Node, b: Node) -> Node:
    """A dot and the permute of its result that `subscripts` ask for."""
    (left, right), result = subscripts.split("->")[0].split(","), subscripts.split("->")[1]
    batch = [c for c in left if c in right and c in result]
    contracted = [c for c in left if c in right and c not in result]
    free = [c for c in left if c not in right] + [c for c in right if c not in left]
    axes = [tuple(s.index(c) for c in cs) for cs in (batch, contracted) for s in (left, right)]
    made = build.dot(a, b, axes[2:], axes[:2])
    order = [*batch, *free]
    return build.permute(made, [order.index(c) for c in result])


def copies(plan) -> int:
    """Kernels that compute nothing."""
    kernels = [k for k in (*plan.prepare, *plan.kernels) if not k.product]
    return sum(k.stages[0].node.op == "permute" for k in kernels)


CASES = [
    # subscripts, extents of the left and of the right operand, copies
    ("bqhd,bkhd->bhqk", (B, T, 4, 8), (B, T, 4, 8), 1),  # the keys alone, read along d
    ("bhqk,bkhd->bqhd", (B, 4, T, T), (B, T, 4, 8), 0),
    ("bqhd,hdo->bqo", (B, T, 4, 8), (4, 8, 6), 0),
    ("bto,hdo->bthd", (B, T, 6), (4, 8, 6), 1),  # the weights lie by columns
    ("bti,bto->io", (B, T, 5), (B, T, 7), 0),
    ("abcd,dcba->", (2, 3, 4, 5), (5, 4, 3, 2), 1),
    ("gbi,gij->bgj", (3, B, 4), (3, 4, 5), 0),
    ("bgi,gij->bgj", (B, 3, 4), (3, 4, 5), 0),
    ("xyzi,xyzj->zxyij", (2, B, 3, 4), (2, B, 3, 5), 0),
    ("bui,buj->bij", (B, 1, 4), (B, 1, 4), 0),
]


@pytest.mark.parametrize("dtype", ["float64", "int32"])
@pytest.mark.parametrize(("subscripts", "left", "right", "most"), CASES, ids=lambda c: str(c))
def test_any_axes(subscripts, left, right, most, dtype):
    a, b = (build.input(n, TensorType(dtype, s)) for n, s in (("a", left), ("b", right)))
    made = einsum(subscripts, a, b)
    outputs = {"y": made, "z": build.ew("mul", made, build.like(made, 3))}
    program = Program((a, b), (), outputs)
    _, plan = stages(program)
    entry = compiled(program)
    for sizes in SIZES:
        rng = np.random.default_rng(sizes["T"])
        shapes = [[sizes.get(str(d), d) for d in s] for s in (left, right)]
        arrays = [(rng.normal(size=s) * 4).astype(dtype) for s in shapes]
        expected = np.einsum(subscripts, *arrays)
        for found, _ in (run(entry, arrays, {}), run_planned(program, plan, arrays, {})):
            np.testing.assert_allclose(found[0], expected, rtol=1e-12, atol=1e-12)
            np.testing.assert_allclose(found[1], expected * 3, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("subscripts", "left", "right", "most"), CASES, ids=lambda c: str(c))
def test_only_what_strides_cannot_say_is_copied(subscripts, left, right, most):
    """The result is read by a product behind it, as heads are by their projection."""
    a, b = (build.input(n, TensorType("float32", s)) for n, s in (("a", left), ("b", right)))
    made = einsum(subscripts, a, b)
    flat = build.reshape(made, (made.type.size,))
    _, plan = stages(Program((a, b), (), {"y": build.dot(flat, flat, ((0,), (0,)))}))
    assert copies(plan) <= most


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_a_contraction_behind_any_permute(order):
    """Rows or columns that the permute tears apart were stored as if they were one axis."""
    a, b, c = (
        build.input(name, TensorType("float64", shape))
        for name, shape in (("a", (2, 3, 4)), ("b", (4, 5, 6)), ("c", (7, 5)))
    )
    made = build.permute(build.dot(a, b, ((2,), (0,))), order)
    flat = build.reshape(made, (made.type.size // 5, 5))
    program = Program((a, b, c), (), {"y": build.dot(flat, c, ((1,), (1,)))})
    arrays = [np.random.default_rng(i).normal(size=x.shape) for i, x in enumerate((a, b, c))]
    product = np.tensordot(arrays[0], arrays[1], 1).transpose(order).reshape(-1, 5)
    _, plan = stages(program)
    for found, _ in (run(compiled(program), arrays, {}), run_planned(program, plan, arrays, {})):
        np.testing.assert_allclose(found[0], product @ arrays[2].T, rtol=1e-12, atol=1e-12)


def test_rows_with_an_axis_of_one_between_them_are_not_stored_as_one():
    """The rows (B, 4, 1, 2) of a product that is one half of each row of a concatenation."""
    a, w = build.input("a", TensorType("float64", (B, 4, 1, 2, 3))), np.ones((3, 5))
    made = [
        build.dot(build.ew(fn, a), build.const(w, "float64"), ((4,), (0,))) for fn in ("sin", "cos")
    ]
    program = Program((a,), (), {"y": build.concat(made, 2)})
    array = np.random.default_rng(0).normal(size=(2, 4, 1, 2, 3))
    want = np.concatenate([np.sin(array) @ w, np.cos(array) @ w], 2)
    _, plan = stages(program)
    for found, _ in (run(compiled(program), [array], {}), run_planned(program, plan, [array], {})):
        np.testing.assert_allclose(found[0], want, rtol=1e-12)


@pytest.mark.parametrize("threads", [2, 3])
def test_threads_give_the_same_bits(threads):
    a, b = (build.input(n, TensorType("float32", (B, T, 4, 8))) for n in "ab")
    program = Program((a, b), (), {"y": einsum("bqhd,bkhd->bhqk", a, b)})
    rng = np.random.default_rng(0)
    arrays = [rng.normal(size=(9, 33, 4, 8)).astype("float32") for _ in "ab"]
    cflags = "-DFNC_LEAST_WORK=1 -DFNC_LEAST_STEP=1"
    with flags(cflags=cflags):
        (alone,), _ = run(compiled(program), arrays, {})
    with flags(cflags=cflags, threads=threads):
        (shared,), _ = run(compiled(program), arrays, {})
    assert alone.tobytes() == shared.tobytes()
