"""Few rows times a large matrix: without packing it, the same bits."""

from __future__ import annotations

import numpy as np
import pytest

from fncompile.ir import build
from fncompile.ir.dims import symbol
from fncompile.ir.node import Program
from fncompile.ir.types import TensorType
from fncompile.passes.manager import Context, plan
from fncompile.plan.machine import drawn
from fncompile.plan.types import Plan
from tests.golden.models import wide


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
    with drawn(few_elements=1 << 60):
        packed = trained(rows)
    assert trained(rows) == packed


def matrix(name: str, *shape, param: bool = True):
    return (build.param if param else build.input)(name, TensorType("float32", shape))


def plan_of(outputs, x, w) -> Plan:
    """Of a step that changes w."""
    program = Program((x,), (w,), outputs, {w: build.ew("add", w, build.like(w, 1.0))})
    return plan(program, "train", Context())


def drivers(made: Plan) -> list[list[str]]:
    """Of each product, in the order in which they are tried."""
    return [[v.driver for v in k.schedule.variants] for k in made.kernels if k.product]


def products(*inputs, w, axis=0):
    return {f"y{i}": build.dot(x, w, ((1,), (axis,))) for i, x in enumerate(inputs)}


@pytest.mark.parametrize("axis", [0, 1])
def test_what_several_products_read_is_packed(axis):
    """In place of one matrix there is room for one left operand."""
    x, w = matrix("x", symbol("B"), 800, param=False), matrix("w", 800, 800)
    few = ["packing", "swapped"][axis]
    assert drivers(plan_of(products(x, w=w, axis=axis), x, w)) == [[few, "panels"]]
    twice = products(x, build.ew("tanh", x), w=w, axis=axis)
    assert drivers(plan_of(twice, x, w)) == [["panels"], ["panels"]]


@pytest.mark.parametrize("shape", [(512, 512), (4800, 120)])
def test_what_is_near_or_narrow_is_packed(shape):
    x, w = matrix("x", symbol("B"), shape[0], param=False), matrix("w", *shape)
    found = drivers(plan_of(products(x, w=w), x, w))
    assert found == [["panels" if shape[1] >= 128 else "tiles"]]


def test_many_rows_that_are_known_are_packed():
    w = matrix("w", 800, 800)
    for rows, expected in ((8, "packing"), (64, "packing"), (65, "panels")):
        x = matrix("x", rows, 800, param=False)
        assert drivers(plan_of(products(x, w=w), x, w)) == [[expected]]


def test_the_update_waits_for_who_reads_the_matrix_where_it_lies():
    x, w = matrix("x", symbol("B"), 800, param=False), matrix("w", 800, 800)
    made = plan_of(products(x, w=w, axis=1), x, w)
    names = [{s.kind for s in k.stages} for k in made.kernels]
    product = next(i for i, kinds in enumerate(names) if "dot" in kinds)
    update = next(i for i, k in enumerate(made.kernels) if "param" in _written(k))
    assert product < update and made.barriers[update]


def _written(kernel) -> set[str]:
    return {s.buffer.kind for stage in kernel.stages for s in stage.stores}
