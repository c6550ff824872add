"""Sums that need not be computed: of deviations from a mean, and of multiples of what is summed."""

from __future__ import annotations

import numpy as np
import pytest

import fncompile
from fncompile import layers, ops
from fncompile.graph.trace import Trace, placeholder
from fncompile.ir.dims import symbol
from fncompile.ir.interp import run
from fncompile.ir.node import Node, Program
from fncompile.ir.types import TensorType
from fncompile.passes.sums import sums
from tests.programs import native
from tests.programs.native import compiled, stages

B = symbol("B")


def program(fn, shape=(B, 4, 3), dtype: str = "float64") -> Program:
    """`fn` of x, and of c, one number for each of the last axis, gives nodes."""
    with Trace().active():
        x = placeholder("x", TensorType(dtype, shape))
        c = placeholder("c", TensorType(dtype, shape[-1:]))
        found = [y.node if not isinstance(y, Node) else y for y in fn(x, c)]
    return Program((x.node, c.node), (), {f"y{i}": y for i, y in enumerate(found)})


def reductions(p: Program) -> int:
    return sum(n.op == "reduce" for n in p.nodes())


def agree(p: Program, rows: int = 5) -> None:
    """The same outputs before and after, within rounding."""
    rng = np.random.default_rng(2)
    arrays = [
        rng.normal(1, 1, [rows if d == B else d for d in n.shape]).astype(n.dtype) for n in p.inputs
    ]
    want, found = (run(q, arrays, {})[0] for q in (p, sums(p)))
    for name in want:
        np.testing.assert_allclose(found[name], want[name], rtol=1e-9, atol=1e-9)


def centred(x, axes=(0, 1)):
    return x - ops.mean(x, axes, keepdims=True)


DEVIATIONS = {
    "of a batch": lambda x, c: [ops.sum(centred(x), (0, 1))],
    "times a channel's number": lambda x, c: [ops.sum(centred(x) * c, (0, 1))],
    "times -2": lambda x, c: [ops.sum(-(centred(x) * c) * -2.0, (0, 1))],
    "of rows": lambda x, c: [ops.sum(centred(x, (2,)), 2)],
}


@pytest.mark.parametrize("name", DEVIATIONS)
@pytest.mark.parametrize("shape", [(B, 4, 3), (5, 4, 3), (3, 3, 3)])
def test_a_sum_of_deviations_from_their_mean_is_not_computed(name, shape):
    p = program(DEVIATIONS[name], shape)
    assert reductions(p) == 2
    assert reductions(sums(p)) == 0
    agree(p)


OTHERS = {
    "squares": lambda x, c: [ops.sum(centred(x) * centred(x), (0, 1))],
    "of the mean along other axes": lambda x, c: [ops.sum(centred(x, (0,)), (0, 1))],
    "of another mean": lambda x, c: [ops.sum(x - ops.mean(x * x, (0, 1), keepdims=True), (0, 1))],
    "of twice the mean": lambda x, c: [
        ops.sum(x - ops.sum(x, (0, 1), keepdims=True) / 7.0, (0, 1))
    ],
    "with weights that vary": lambda x, c: [ops.sum(centred(x) * x, (0, 1))],
    "of a mean that is turned": lambda x, c: [
        ops.sum(x - ops.transpose(ops.mean(x, 2, keepdims=True), (1, 0, 2)), 2)
    ],
}


@pytest.mark.parametrize("name", OTHERS)
def test_other_sums_are_computed(name):
    p = program(OTHERS[name], (3, 3, 3))
    assert reductions(sums(p)) == reductions(p)
    agree(p)


def test_multiples_of_what_is_summed_are_multiples_of_the_sum():
    p = program(lambda x, c: [ops.sum(x, (0, 1)), ops.sum(-(x * c) * 3.0, (0, 1))])
    assert (reductions(p), reductions(sums(p))) == (2, 1)
    agree(p)


def test_multiples_are_summed_where_nothing_else_sums():
    p = program(lambda x, c: [ops.sum(x * c, (0, 1)), ops.sum(x, (0, 2))])
    assert reductions(sums(p)) == 2


def test_narrow_sums_stay():
    """In two bytes the factor may keep a sum from overflowing."""
    p = program(lambda x, c: [ops.sum(x, 0), ops.sum(x * 1e-4, 0)], dtype="bfloat16")
    assert reductions(sums(p)) == reductions(p)


def test_the_gradient_of_a_normalisation_reads_its_input_twice():
    """Once for both sums, and once for what they give."""
    inputs = fncompile.Input((6, 5, 16))
    x = layers.BatchNormalization(name="n")(layers.Conv2D(16, 3, name="c")(inputs))
    model = fncompile.Model(inputs, layers.ReLU()(layers.BatchNormalization(name="m")(x)))
    model.compile("sgd", "mse")
    with fncompile.flags(cflags="-Og"):
        model.train_on_batch(np.ones((2, 6, 5, 16), "f"), np.ones((2, 4, 3, 16), "f"))
    [entry] = model.steps().compiled_entries()
    found = [k for k in entry.plan.kernels if "m_grad" in k.name]
    summing = [k for k in found if any(s.kind == "sum" for s in k.stages)]
    assert len(summing) == 1, [k.name for k in found]
    assert sum(s.kind == "sum" for s in summing[0].stages) == 2
    assert "siblings" in model.explain("fuse")


def test_sums_of_which_one_needs_the_other_are_two_passes():
    """Of x, and of its deviations squared; and of x once more, which is one pass with the first."""
    p = program(
        lambda x, c: [
            ops.sum(x * c, (0, 1)), ops.sum(centred(x) ** 2, (0, 1)), ops.sum(x * x * c, (0, 1))
        ],
        dtype="float32",
    )  # fmt: skip
    _, plan = stages(p)
    kernels = [k for k in plan.kernels if any(s.kind == "sum" for s in k.stages)]
    assert [sum(s.kind == "sum" for s in k.stages) for k in kernels] == [4]
    assert len(kernels[0].loops) > 1
    rng = np.random.default_rng(4)
    x, c = rng.normal(1, 1, (5, 4, 3)).astype("f"), rng.normal(size=3).astype("f")
    found = native.run(compiled(p), [x, c], {})[0]
    deviations = x - x.mean((0, 1), dtype="d")
    want = [(x * c).sum((0, 1)), (deviations**2).sum((0, 1)), (x * x * c).sum((0, 1))]
    for got, right in zip(found, want):
        np.testing.assert_allclose(got, right, rtol=1e-5)
