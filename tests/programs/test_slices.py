"""Programs that are the same for each sample, and what takes some samples at a time."""

from __future__ import annotations

import numpy as np
import pytest

from fncompile.ir import build
from fncompile.ir.by_sample import is_by_sample
from fncompile.ir.dims import symbol
from fncompile.ir.node import Node, Program
from fncompile.ir.region import closed, fresh
from fncompile.ir.types import TensorType
from fncompile.plan.machine import drawn
from tests.programs.native import compiled, run, stages

B, T = symbol("B"), symbol("T")
X = build.input("x", TensorType("float32", (B, 6, 4)))
W = build.param("w", TensorType("float32", (3, 4, 5)))
SQUARE = build.param("s", TensorType("float32", (4, 4)))
MEAN = build.reduce(X, "sum", (0,), keepdims=True)
SEEN = build.window(X, (1,), (3,), (1,), (1,), (1,), (1,))


def convolution(x: Node) -> Node:
    """Padded, of three taps, with a relu."""
    seen = build.window(x, (1,), (3,), (1,), (1,), (1,), (1,))
    y = build.dot(seen, W, ((3, 2), (0, 1)), ((), ()))
    return build.ew("max", y, build.full(y.shape, 0, y.dtype))


def recurrence(x: Node, count: int = 6) -> Node:
    """h = tanh(x + h s), samples first in what goes in and comes out."""
    h, e = (fresh(TensorType("float32", (B, 4))) for _ in "he")
    new = build.ew("tanh", build.ew("add", e, build.matmul2(h, SQUARE)))
    body, outer = closed([h, e], [new, new], 1)
    first = build.full((B, 4), 0, "float32")
    _, every = build.scan(body, [first, build.permute(x, (1, 0, 2)), *outer], count, False)
    return build.permute(every, (1, 0, 2))


def attention(x: Node) -> Node:
    """Of two heads, in the form that the pass makes."""
    q = build.reshape(x, (B, 6, 2, 1, 2))
    k = build.reshape(x, (B, 6, 2, 2))
    seen = build.full((B, 2, 1, 6, 6), True, "bool")
    zeros, ones = (build.full((B, 2, 1, 6, 6), n, "float32") for n in (0, 1))
    row = build.attention([q, k, k, zeros, seen, ones], 0.5, -1e9)
    [out] = build.pieces(row, (B, 6, 2, 1, 2))
    return build.reshape(out, (B, 6, 4))


def recurrence_along_the_batch(x: Node) -> Node:
    h, e = (fresh(TensorType("float32", (6, 4))) for _ in "he")
    new = build.ew("add", e, h)
    body, _ = closed([h, e], [new, new], 1)
    return build.scan(body, [build.full((6, 4), 0, "float32"), x], B, False)[1]


APART = {
    "recurrence": recurrence(X),
    "attention": attention(X),
    "pointwise": build.ew("tanh", X),
    "softmax": build.ew("div", X, build.broadcast_to(build.reduce(X, "max", (2,), True), X.shape)),
    "a product with weights": build.dot(X, SQUARE, ((2,), (0,)), ((), ())),
    "a product of samples with themselves": build.dot(X, X, ((2,), (2,)), ((0,), (0,))),
    "windows": SEEN,
    "convolution": convolution(X),
    "the batch among other axes": build.permute(build.permute(X, (1, 0, 2)), (1, 2, 0)),
    "flat": build.reshape(X, (B, 24)),
    "joined": build.concat([X, X], 2),
    "features": build.slice_axis(X, 2, 1, 2),
}
MIXED = {
    "a sum over the batch": build.ew("sub", X, build.broadcast_to(MEAN, X.shape)),
    "the first sample": build.broadcast_to(build.slice_axis(X, 0, 0, 1), X.shape),
    "the batch backwards": build.slice_axis(X, 0, B - 1, B, -1),
    "samples beside each other": build.reshape(build.reshape(X, (B * 6, 4)), (B, 24)),
    "a product of all samples": build.dot(
        X, build.dot(X, X, ((0, 1), (0, 1)), ((), ())), ((2,), (0,)), ((), ())
    ),
    "numbers of samples": build.ew("add", X, build.iota(X.shape, 0, "float32")),
    "the size of the batch": build.ew(
        "mul", X, build.broadcast_to(build.extent(B, "float32"), X.shape)
    ),
    "a row of an attention by its elements": build.slice_axis(
        build.concat([build.reshape(X, (B * 24,)), attention(X).src[0].src[0]], 0), 0, 0, B
    ),
    "a recurrence along the batch": recurrence_along_the_batch(X),
    "a slice of another batch": build.slice_axis(build.concat([X, X], 0), 0, 1, B),
}


@pytest.mark.parametrize("name", APART)
def test_samples_are_apart(name):
    y = APART[name]
    assert is_by_sample(Program((X,), (W, SQUARE), {"y": y}))


@pytest.mark.parametrize("name", MIXED)
def test_samples_are_not_apart(name):
    assert not is_by_sample(Program((X,), (W, SQUARE), {"y": MIXED[name]}))


def test_an_output_without_the_batch_and_an_update_are_not_apart():
    whole = build.reduce(X, "sum", (1, 2))
    assert is_by_sample(Program((X,), (), {"y": whole}))
    assert not is_by_sample(Program((X,), (), {"y": build.reduce(X, "sum", (0, 1, 2))}))
    assert not is_by_sample(Program((X,), (SQUARE,), {"y": whole}, {SQUARE: SQUARE}))
    fixed = build.input("x", TensorType("float32", (8, 6)))
    assert not is_by_sample(Program((fixed,), (), {"y": build.ew("tanh", fixed)}))


def deep() -> Program:
    """Two convolutions and a pool, in slices of few samples where little is near."""
    other = build.param("v", TensorType("float32", (30, 7)))
    second = build.window(convolution(X), (1,), (2,), (1,), (1,), (0,), (0,))
    flat = build.reshape(build.reduce(second, "max", (3,)), (B, 25))
    y = build.dot(flat, build.slice_axis(other, 0, 0, 25), ((1,), (0,)), ((), ()))
    return Program((X,), (W, other), {"y": y, "z": build.reduce(flat, "sum", (1,))})


def attentive() -> Program:
    """A recurrence over what an attention gives: a slice has as many samples as a low tile rows."""
    return Program((X,), (SQUARE,), {"y": recurrence(attention(recurrence(X)))})


@pytest.mark.parametrize(("samples", "made"), [(1, deep), (3, deep), (8, deep), (8, attentive)])
def test_slices_have_the_bits_of_the_whole_batch(samples, made):
    rng, program = np.random.default_rng(samples), made()
    params = {p["name"]: rng.standard_normal(p.shape).astype("float32") for p in program.params}
    whole = compiled(program)
    _, plan = stages(program)
    assert plan.by_sample and plan.slice == 0  # so little is near at once
    row = plan.arena.terms[-1][1]
    with drawn(slice_least=1, slice_bytes=samples * row):
        _, plan = stages(program)
        assert plan.slice == samples or (made is deep and plan.slice == 0)
        sliced = compiled(program)
    for batch in (0, 1, 2, samples, samples + 1, 3 * samples, 17):
        x = rng.standard_normal((batch, 6, 4)).astype("float32")
        found, want = (run(entry, [x], params)[0] for entry in (sliced, whole))
        for a, b in zip(found, want):
            np.testing.assert_array_equal(a, b)
