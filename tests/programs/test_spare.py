"""Few rows times a large matrix: without packing it, the same bits."""

from __future__ import annotations

import numpy as np
import pytest

from fncompile import flags
from fncompile.ir import build
from fncompile.ir.dims import symbol
from fncompile.ir.node import Program
from fncompile.ir.types import TensorType
from fncompile.passes.meet import meet
from fncompile.passes.memory import memory
from fncompile.passes.order import order
from fncompile.passes.spare import spare
from tests.golden.models import wide
from tests.programs.native import stages


def trained(rows: int, dtype: str = "float32") -> list[bytes]:
    """Weights after two steps on as many rows."""
    rng = np.random.default_rng(rows)
    model = wide()
    model.compile("sgd", "mse")
    shapes = [w.shape for w in model.get_weights()]
    model.set_weights([rng.normal(size=s).astype("float32") / 9 for s in shapes])
    x, y = rng.normal(size=(2 * rows, 130)), rng.normal(size=(2 * rows, 520))
    model.fit(x.astype("float32"), y.astype("float32"), batch_size=rows, shuffle=False, verbose=0)
    return [w.tobytes() for w in model.get_weights()]


@pytest.mark.parametrize("rows", [1, 3, 4, 5, 17, 63, 64, 65])
def test_training_gives_the_bits_of_packed_operands(rows):
    with flags(skip=("spare",)):
        packed = trained(rows)
    assert trained(rows) == packed


def matrix(name: str, *shape, param: bool = True):
    return (build.param if param else build.input)(name, TensorType("float32", shape))


def plan_of(outputs, x, w):
    """Of a step that changes w."""
    program = Program((x,), (w,), outputs, {w: build.ew("add", w, build.like(w, 1.0))})
    return meet(memory(order(spare(dict(stages(program)[0])["pack"]))))


def spared(plan) -> list[bool]:
    return [k.stages[0].spared is not None for k in plan.kernels if k.stages[0].kind == "pack"]


def products(*inputs, w, axis=0):
    return {f"y{i}": build.dot(x, w, ((1,), (axis,))) for i, x in enumerate(inputs)}


@pytest.mark.parametrize("axis", [0, 1])
def test_what_several_products_read_is_packed(axis):
    """In place of one matrix there is room for one left operand."""
    x, w = matrix("x", symbol("B"), 800, param=False), matrix("w", 800, 800)
    assert spared(plan_of(products(x, w=w, axis=axis), x, w)) == [True]
    twice = products(x, build.ew("tanh", x), w=w, axis=axis)
    assert spared(plan_of(twice, x, w)) == [False]


@pytest.mark.parametrize("shape", [(512, 512), (4800, 120)])
def test_what_is_near_or_narrow_is_packed(shape):
    x, w = matrix("x", symbol("B"), shape[0], param=False), matrix("w", *shape)
    assert not any(spared(plan_of(products(x, w=w), x, w)))


def test_many_rows_that_are_known_are_packed():
    w = matrix("w", 800, 800)
    for rows, expected in ((64, True), (65, False)):
        x = matrix("x", rows, 800, param=False)
        assert spared(plan_of(products(x, w=w), x, w)) == [expected]


def test_the_update_waits_for_who_reads_the_matrix_where_it_lies():
    x, w = matrix("x", symbol("B"), 800, param=False), matrix("w", 800, 800)
    plan = plan_of(products(x, w=w, axis=1), x, w)
    names = [{s.kind for s in k.stages} for k in plan.kernels]
    product = next(i for i, kinds in enumerate(names) if "dot" in kinds)
    update = next(i for i, k in enumerate(plan.kernels) if "param" in _written(k))
    assert product < update and plan.meetings[update]


def _written(kernel) -> set[str]:
    return {s.buffer.kind for stage in kernel.stages for s in stage.stores}
