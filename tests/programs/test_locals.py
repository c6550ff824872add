"""What lives within one row of a kernel is local to it, and has no place in the arena."""

from __future__ import annotations

import re

import numpy as np
import pytest

from fncompile import flags
from fncompile.ir import build, interp
from fncompile.ir.dims import symbol
from fncompile.ir.node import Node, Program
from fncompile.ir.types import TensorType
from fncompile.passes.memory import live_ranges
from fncompile.plan.machine import drawn
from fncompile.plan.types import Plan
from tests.programs.generator import random_program
from tests.programs.native import compiled, run, run_planned, stages

B, T = symbol("B"), symbol("T")


def softmax(x: Node) -> Node:
    last = (x.ndim - 1,)
    e = build.ew("exp", build.ew("sub", x, build.reduce(x, "max", last, keepdims=True)))
    return build.ew("div", e, build.reduce(e, "sum", last, keepdims=True))


def normalized(x: Node) -> Node:
    last = (x.ndim - 1,)
    centred = build.ew("sub", x, build.mean(x, last, keepdims=True))
    variance = build.mean(build.ew("mul", centred, centred), last, keepdims=True)
    scale = build.ew("rsqrt", build.ew("add", variance, build.like(x, 1e-3)))
    return build.ew("mul", centred, scale)


def program(rows: tuple, fn=softmax, dtype: str = "float32") -> Program:
    x = build.input("x", TensorType(dtype, (B, *rows)))
    return Program((x,), (), {"y": fn(x), "twice": fn(fn(x))})


def locals_of(plan: Plan) -> dict[str, int]:
    """Elements of each local buffer."""
    stores = [s for k in plan.kernels for stage in k.stages for s in stage.stores]
    return {s.buffer.name: s.buffer.type.size for s in stores if s.buffer.kind == "local"}


@pytest.mark.parametrize("fn", [softmax, normalized])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_rows_that_are_local_give_the_same_numbers(fn, dtype):
    """Row lengths around a vector and the blocks of a maximum, one or two outer axes, no rows."""
    for rows in ((1,), (10,), (33,), (4, 40), (3, 5, 100)):
        made = program(rows, fn, dtype)
        entry, (_, plan) = compiled(made), stages(made)
        assert rows == (1,) or set(locals_of(plan).values()) <= {1, rows[-1]} != set()
        for batch in (0, 1, 3, 33):
            x = np.random.default_rng(batch).normal(size=(batch, *rows)).astype(dtype)
            expected, _ = interp.run(made, [x], {})
            for got in (run(entry, [x], {})[0], run_planned(made, plan, [x], {})[0]):
                for value, found in zip(expected.values(), got, strict=True):
                    np.testing.assert_allclose(found, value, rtol=1e-4, atol=1e-5)


def test_the_bits_do_not_depend_on_where_rows_lie():
    made, x = program((7, 50)), np.random.default_rng(0).normal(size=(9, 7, 50)).astype("float32")
    local = run(compiled(made), [x], {})[0]
    with drawn(local_bytes=0), flags(skip="localize"):
        in_arena = run(compiled(made), [x], {})[0]
    for a, b in zip(local, in_arena, strict=True):
        np.testing.assert_array_equal(a, b)


def test_workers_have_rows_of_their_own():
    x = np.random.default_rng(1).normal(size=(4000, 7, 60)).astype("float32")
    results = []
    for threads in (1, 2, 4):
        with flags(threads=threads):
            results.append(run(compiled(program((7, 60))), [x], {})[0])
    for other in results[1:]:
        for a, b in zip(results[0], other, strict=True):
            np.testing.assert_array_equal(a, b)


def test_the_arena_holds_nothing_of_a_softmax():
    """A whole tensor lay there for each step of it."""
    x = build.input("x", TensorType("float32", (B, 1000)))
    _, plan = stages(Program((x,), (), {"y": softmax(x)}))
    assert list(locals_of(plan).values()) == [1000]
    assert plan.arena == 0


def test_rows_of_open_length_stay_in_the_arena():
    _, plan = stages(program((T,)))
    assert locals_of(plan) == {} and plan.arena != 0


def test_what_others_read_stays_in_memory():
    x = build.input("x", TensorType("float32", (B, 20)))
    y = softmax(x)
    w = build.input("w", TensorType("float32", (20, 3)))
    made = Program((x, w), (), {"y": build.matmul2(y, w), "z": build.reduce(y, "sum", (0,))})
    _, plan = stages(made)
    assert len(locals_of(plan)) == 1  # exp, and not the quotient
    arrays = [np.random.default_rng(0).normal(size=s).astype("float32") for s in ((9, 20), (20, 3))]
    expected, _ = interp.run(made, arrays, {})
    for value, found in zip(expected.values(), run(compiled(made), arrays, {})[0], strict=True):
        np.testing.assert_allclose(found, value, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("room", [0, 16, 40, 80, 1 << 15])
def test_locals_stay_within_their_room(room):
    with drawn(local_bytes=room):
        _, plan = stages(program((10,)))
    for kernel in plan.kernels:
        found = {s.buffer for stage in kernel.stages for s in stage.stores}
        assert sum(b.type.nbytes for b in found if b.kind == "local") <= room


@pytest.mark.parametrize("seed", range(40))
def test_no_row_that_could_be_local_lies_in_the_arena(seed):
    """Of random programs: what one kernel alone touches by rows of known length."""
    _, plan = stages(random_program(seed))
    for buffer, (first, last) in live_ranges(plan).items():
        kernel = plan.kernels[first]
        assert kernel.schedule is not None
        if first != last or kernel.schedule.lanes != 1:
            continue
        if any(s.kind in ("dot", "pack", "scatter") for s in kernel.stages):
            continue
        plain = all(isinstance(d, int) for d in buffer.type.shape[kernel.outer :])
        small = plain and np.prod(buffer.type.shape[kernel.outer :]) * 8 <= 1 << 12
        gathers = any(type(e).__name__ != "Load" for s in kernel.stages for e in s.loads)
        parts = any(s.buffer.base is not None for stage in kernel.stages for s in stage.stores)
        assert not small or gathers or parts or kernel.outer == 0, (buffer, kernel.name)


def test_local_arrays_ask_for_an_aligned_frame():
    """gcc up to 14 may store to a small local array of a leaf function as if its frame were
    aligned, which it is not (PR 109780): inverses of 3 x 3 matrices of doubles crashed."""
    x = build.input("x", TensorType("float64", (B, 6, 33)))
    seed = build.param("seed", TensorType("uint32", (2,)))
    outputs = {"y": softmax(x), "of_lanes": build.reduce(x, "max", (1,))}
    outputs["bits"] = build.bits(seed, (B, 33))
    source = compiled(Program((x,), (seed,), outputs)).source
    arrays = re.findall(r"^ +(.*)\b(double|float|u?int\w*) \w+\[(\w+)\];$", source, re.M)
    assert {(type, count) for _, type, count in arrays} >= {
        ("double", "33"), ("double", "BLOCK"), ("uint32_t", "BLOCK")
    }  # fmt: skip
    assert {prefix for prefix, *_ in arrays} == {"FNC_ALIGNED "}
