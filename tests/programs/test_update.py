"""Weights that are updated by the product that computes their gradient: the same numbers, and only
where nothing else needs the gradient or other elements of the weights."""

from __future__ import annotations

import numpy as np
import pytest

from fncompile import flags, layers, models, optimizers
from fncompile.ir import build, interp
from fncompile.ir.dims import symbol
from fncompile.ir.node import Node, Program
from fncompile.ir.types import TensorType
from fncompile.plan.types import reads, root_buffer
from tests.programs.native import compiled, run, run_planned, stages

M, N = 250, 263  # the last tile is cut both ways
GAP = 6
SIZE = M * N + GAP + M * N + N
F64 = "float64"
B = symbol("B")


def _matrix(name: str, *shape) -> Node:
    return build.input(name, TensorType(F64, shape))


X, Y = _matrix("x", B, M), _matrix("y", B, N)
RUN, SLOT = (build.param(name, TensorType(F64, (SIZE,))) for name in ("run", "slot"))
RATE = build.param("rate", TensorType(F64, ()))


def _member(vector: Node, start: int) -> Node:
    return build.reshape(build.slice(vector, (start,), (M * N,)), (M, N))


FIRST, SECOND = _member(RUN, 0), _member(RUN, M * N + GAP)


def _transposed(x: Node) -> Node:
    return build.dot(X, x, ((0,), (0,)))


def step(first: Node, second: Node, outputs: dict[str, Node] | None = None) -> Program:
    """Momentum on two matrices and a bias that lie in one run; `first` and `second` are the
    gradients of the matrices. Both have been read by then."""
    parts = [first, build.full((GAP,), 0, F64), second, build.reduce(Y, "sum", (0,))]
    flat = [build.reshape(p, (p.type.size,)) for p in parts]
    slot = build.ew("add", build.ew("mul", SLOT, build.like(SLOT, 0.9)), build.concat(flat, 0))
    rate = build.broadcast_to(RATE, (SIZE,))
    forward = {"a": build.dot(X, FIRST, ((1,), (0,))), "b": build.dot(Y, SECOND, ((1,), (1,)))}
    new = build.ew("sub", RUN, build.ew("mul", rate, slot))
    updates = {RUN: new, SLOT: slot}
    return Program((X, Y), (RUN, SLOT, RATE), {**forward, **(outputs or {})}, updates)


def arrays(rows: int):
    rng = np.random.default_rng(rows)
    params = {"run": rng.normal(size=SIZE), "slot": rng.normal(size=SIZE), "rate": np.array(0.1)}
    return [rng.normal(size=(rows, M)), rng.normal(size=(rows, N))], params


def check(program: Program, rows: int) -> None:
    inputs, params = arrays(rows)
    outputs, updates = interp.run(program, inputs, params)
    _, plan = stages(program)
    for got, after in (
        run(compiled(program), inputs, params),
        run_planned(program, plan, inputs, params),
    ):
        for value, found in zip(outputs.values(), got, strict=True):
            np.testing.assert_allclose(found, value, rtol=1e-10, atol=1e-10)
        for name, value in updates.items():
            np.testing.assert_allclose(after[name], value, rtol=1e-10, atol=1e-10, err_msg=name)


def absorbed(program: Program) -> int:
    """How many products write parameters."""
    _, plan = stages(program)
    return sum(bool(_params_written(k)) for k in plan.kernels if k.product)


GRADIENT = _transposed(Y)
TWICE = _transposed(build.ew("tanh", Y))


@pytest.mark.parametrize("rows", [0, 1, 3, 5, 33, 70, 1100])
def test_the_same_numbers_for_few_rows_and_many(rows):
    check(step(GRADIENT, TWICE), rows)


def test_each_product_takes_its_part_and_the_gradient_is_not_stored():
    program = step(GRADIENT, TWICE)
    with flags(skip=("update",)):
        _, apart = stages(program)
    _, plan = stages(program)
    assert absorbed(program) == 2
    sizes = [b.type.size for b in plan.offsets]
    assert SIZE in [b.type.size for b in apart.offsets] and SIZE not in sizes
    assert M * N not in sizes, "neither the whole gradient nor a part of it"


def test_what_is_left_over_is_one_kernel():
    _, plan = stages(step(GRADIENT, TWICE))
    sweeps = [k for k in plan.kernels if not k.product and "run" in _params_written(k)]
    assert [[loop.domain for loop in k.loops] for k in sweeps] == [[(GAP,), (N,)]]


def _params_written(kernel) -> set[str]:
    found = [s.buffer for stage in kernel.stages for s in stage.stores]
    return {b.name.split("_")[0] for b in found if b.kind == "param"}


def test_a_gradient_of_several_contributions_and_a_penalty_is_absorbed():
    both = build.ew("add", GRADIENT, TWICE)
    own = build.ew("mul", SECOND, build.like(SECOND, 0.5))
    penalty = build.ew("add", _transposed(build.ew("abs", Y)), own)
    program = step(both, penalty)
    assert absorbed(program) == 2
    check(program, 33)


def test_a_gradient_that_is_asked_for_is_not_absorbed():
    program = step(GRADIENT, TWICE, {"g": GRADIENT})
    assert absorbed(program) == 1
    check(program, 9)


def test_a_gradient_that_is_measured_first_is_not_absorbed():
    """As clipping by norm does."""
    norm = build.reduce(build.ew("mul", GRADIENT, GRADIENT), "sum", (0, 1))
    scaled = build.ew("div", GRADIENT, build.broadcast_to(norm, (M, N)))
    program = step(scaled, TWICE)
    assert absorbed(program) == 1
    check(program, 9)


def test_a_gradient_made_of_other_weights_of_the_run_is_not_absorbed():
    """The product itself reads weights, or each element needs another one."""
    view = build.reshape(FIRST, (N, M))
    wide = build.dot(view, build.dot(Y, Y, ((0,), (0,))), ((0,), (0,)))
    backwards = build.ew("add", GRADIENT, build.flip(SECOND, 0))
    program = step(wide, backwards)
    assert absorbed(program) == 0
    reasons = [d.reason for d in stages(program)[1].decisions]
    assert sum("depends on other elements" in r for r in reasons) == 2
    check(program, 9)


def test_who_reads_all_of_what_products_updated_waits_for_them():
    """As the new weights do where one of them is constrained."""
    program = step(GRADIENT, TWICE)
    total = build.reduce(program.updates[SLOT], "sum", (0,))
    scaled = build.ew("div", program.updates[RUN], build.broadcast_to(total, (SIZE,)))
    program = Program(
        program.inputs, program.params, program.outputs, {**program.updates, RUN: scaled}
    )
    assert absorbed(program) == 2
    _, plan = stages(program)
    whole = [_reads_all(k, "slot") for k in plan.kernels]
    products = [i for i, k in enumerate(plan.kernels) if k.product and _params_written(k)]
    first = whole.index(True, products[-1])
    assert any(plan.barriers[products[-1] + 1 : first + 1])
    check(program, 9)


def _reads_all(kernel, name: str) -> bool:
    return any(b.type.size == SIZE and root_buffer(b).name == name for b in reads(kernel))


def trained(optimizer, rows: int, threads: int = 1, dtype: str = "float32") -> list[np.ndarray]:
    rng = np.random.default_rng(rows)
    x, y = rng.normal(size=(3 * rows, 300)), rng.normal(size=(3 * rows, 260))
    with flags(threads=threads):
        shared = layers.Dense(300, "tanh", dtype=dtype)
        inputs = layers.Input((300,), dtype=dtype)
        head = layers.Dense(260, kernel_constraint="max_norm", dtype=dtype)
        model = models.Model(inputs, head(shared(shared(inputs))))
        model.compile(optimizer(), "mse")
        model.set_weights([rng.normal(size=w.shape) / 9 for w in model.get_weights()])
        model.fit(x.astype(dtype), y.astype(dtype), batch_size=rows, shuffle=False, verbose=0)
        return model.get_weights()


OPTIMIZERS = [
    lambda: optimizers.Adam(amsgrad=True),
    lambda: optimizers.AdamW(weight_decay=0.1),
    lambda: optimizers.SGD(momentum=0.9, nesterov=True, clipvalue=0.01),
    lambda: optimizers.RMSprop(centered=True),
]


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_training_a_shared_layer_is_as_without(optimizer, quickly_compiled):
    with flags(skip=("update",)):
        apart = trained(optimizer, 33, dtype=F64)
    for found, value in zip(trained(optimizer, 33, dtype=F64), apart, strict=True):
        np.testing.assert_allclose(found, value, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("rows", [1, 33])
def test_threads_give_the_same_bits(rows):
    alone = [w.tobytes() for w in trained(optimizers.Adam, rows)]
    for threads in (2, 3):
        assert [w.tobytes() for w in trained(optimizers.Adam, rows, threads)] == alone
