"""The order of kernels: what frees memory comes first."""

from __future__ import annotations

import numpy as np

import fncompile
from fncompile import layers
from fncompile.ir import build
from fncompile.ir.dims import symbol
from fncompile.ir.types import TensorType
from fncompile.passes.order import before
from fncompile.plan.types import Affine, Buffer, Kernel, Load, Loop, Stage, Store

F32 = "float32"
NODE = build.input("x", TensorType(F32, (4,)))
ALONG = Affine(0, ((0, 1),))


def arena(name: str, size, base: Buffer | None = None, offset=0) -> Buffer:
    return Buffer(name, TensorType(F32, (size,)), "arena", base=base, offset=offset)


def copy(source: Buffer, target: Buffer) -> Kernel:
    load = Load(source, ALONG, F32)
    stage = Stage(NODE, "map", target.type.shape, 0, load, (Store(target, ALONG),), F32)
    return Kernel("", 1, (Loop((stage,)),))


def test_parts_of_one_memory_do_not_wait_for_each_other():
    x, whole = arena("x", 8), arena("whole", 8)
    low, high, across = arena("l", 4, whole), arena("h", 4, whole, 4), arena("a", 4, whole, 2)
    steps = [copy(x, low), copy(x, high), copy(whole, x), copy(x, across), copy(low, x)]
    assert before(steps) == [set(), set(), {0, 1}, {0, 1, 2}, {0, 2, 3}]


def test_a_part_of_unknown_place_waits_for_all():
    x, whole = arena("x", 8), arena("whole", 8)
    parts = [arena("l", 4, whole), arena("b", 4, whole, symbol("B"))]
    assert before([copy(x, part) for part in parts]) == [set(), {0}]


def test_gradients_of_weights_run_while_what_they_read_is_near():
    """That of a layer and of its bias, before the gradient towards the layer before: neither of
    them is the last to read, and all of them are parts of one memory."""
    x = inputs = fncompile.Input((24, 16))
    for i in range(4):
        x = layers.Conv1D(16, 3, padding="same", activation="relu", name=f"c{i}")(x)
    model = fncompile.Model(inputs, x)
    model.compile("sgd", "mse")
    with fncompile.flags(cflags="-Og"):
        model.train_on_batch(np.zeros((2, 24, 16), F32), np.zeros((2, 24, 16), F32))
    [entry] = model.steps().compiled_entries()
    names = [k.name for k in entry.plan.kernels]
    of_weights = [i for i, k in enumerate(entry.plan.kernels) if k.product and is_summed(k)]
    dx = [i for i, n in enumerate(names) if n.endswith("_grad_dot") and i not in of_weights]
    assert len(of_weights) == 4
    assert len(dx) == 3
    for own, towards in zip(of_weights, dx):
        assert own < towards, names


def is_summed(kernel: Kernel) -> bool:
    return kernel.schedule.variants[-1].driver == "long_pixels"
