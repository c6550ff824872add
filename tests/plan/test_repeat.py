"""A Plan is a tree: a repeat written by hand goes through every pass, the interpreter and C."""

from __future__ import annotations

import numpy as np
import pytest

from fncompile import flags
from fncompile.ir import build
from fncompile.ir.dims import symbol
from fncompile.ir.node import Program
from fncompile.ir.types import TensorType
from fncompile.passes.barriers import barriers
from fncompile.passes.hoist import hoist
from fncompile.passes.memory import live_ranges, memory
from fncompile.passes.order import order
from fncompile.passes.pack import pack
from fncompile.passes.schedule import schedule
from fncompile.plan.cost import amount
from fncompile.plan.text import plan_text
from fncompile.plan.types import (
    Affine,
    Apply,
    Buffer,
    Const,
    Kernel,
    Load,
    Loop,
    Operand,
    Plan,
    Product,
    Repeat,
    Stage,
    Store,
)
from fncompile.runtime import lowered
from tests.programs.native import compiled, run, run_planned

B, T, TURN = symbol("B"), symbol("T"), symbol("turn")
F32 = "float32"
ALWAYS = "-DFNC_LEAST_WORK=1 -DFNC_LEAST_STEP=1"  # teams share even this


def program(units: int) -> Program:
    """Only the borders: inputs x[T, B, units] and h[B, units], the weights, the last state."""
    x = build.input("x", TensorType(F32, (T, B, units)))
    h = build.input("h", TensorType(F32, (B, units)))
    w = build.param("w", TensorType(F32, (units, units)))
    return Program((x, h), (w,), {"last": build.ew("add", h, build.dot(h, w, ((1,), (0,))))})


def recurrence(units: int) -> Plan:
    """state = tanh(state w + x[turn]), T times, from h on: states is of one more than T."""
    shape = (B, units)
    step = B * units
    made = program(units)
    node = made.outputs["last"]
    x, h, w = (
        Buffer("x", made.inputs[0].type, "input", 0),
        Buffer("h", made.inputs[1].type, "input", 1),
        Buffer("w", made.params[0].type, "param"),
    )
    states = Buffer("states", TensorType(F32, (T + 1, B, units)), "arena")
    mixed = Buffer("mixed", TensorType(F32, shape), "arena")
    last = Buffer("last", node.type, "output", 0)

    def copied(source: Load, target: Store) -> Kernel:
        stage = Stage(node, "map", shape, 0, source, (target,), F32)
        return Kernel("", 2, (Loop((stage,)),))

    def rows(offset=0, first=0) -> Affine:
        return Affine(offset, ((first, units), (first + 1, 1)))

    now, then = TURN * step, TURN * step + step
    product = Product(
        (1, B, units, units),
        Operand(states, Affine(now, ((1, units), (2, 1)))),
        Operand(w, Affine(0, ((1, units), (2, 1)))),
    )
    domain = (1, B, units)
    store = Store(mixed, rows(0, 1))
    dot = Stage(node, "dot", domain, 0, Const(0, F32), (store,), F32, product=product)
    total = Apply("add", (Load(mixed, rows(), F32), Load(x, rows(now), F32)), F32)
    state = Store(states, rows(then))
    cell = Stage(node, "map", shape, 0, Apply("tanh", (total,), F32), (state,), F32)
    body = (Kernel("", 3, (Loop((dot,)),)), Kernel("", 2, (Loop((cell,)),)))
    steps = [
        copied(Load(h, rows(), F32), Store(states, rows())),
        Repeat("turn", T, body, (states,)),
        copied(Load(states, rows(T * step), F32), Store(last, rows())),
    ]
    plan = Plan(steps, [x, h], [last], [w], ["B", "T"])
    for take in (schedule, pack, order, hoist, memory, barriers):
        plan = take(plan)
    return plan


def expected(x, h, w):
    for now in x.astype("float64"):
        h = np.tanh(h @ w.astype("float64") + now)
    return h


def arrays(turns: int, batch: int, units: int):
    rng = np.random.default_rng(turns * 100 + batch)
    x = rng.normal(size=(turns, batch, units)).astype(F32)
    h = rng.normal(size=(batch, units)).astype(F32)
    return [x, h], {"w": (rng.normal(size=(units, units)) / units**0.5).astype(F32)}


SIZES = [(0, 3), (1, 1), (5, 0), (7, 33), (12, 5)]


@pytest.mark.parametrize("units", [20, 256])
def test_the_interpreter_runs_it(units):
    made = recurrence(units)
    for turns, batch in SIZES:
        inputs, params = arrays(turns, batch, units)
        (found,), _ = run_planned(program(units), made, inputs, params)
        np.testing.assert_allclose(found, expected(*inputs, params["w"]), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("units", [20, 256])
@pytest.mark.parametrize("switches", [{}, {"threads": 3, "cflags": ALWAYS}, {"check": True}])
def test_it_compiles(units, switches, monkeypatch):
    """Alone, in a team, and kernel by kernel beside the interpreter."""
    made = recurrence(units)
    monkeypatch.setattr(lowered, "plan", lambda *rest: made)
    found = []
    with flags(verify=1, **switches):  # around the store of what was made before
        entry = compiled(program(units))
        for turns, batch in SIZES:
            inputs, params = arrays(turns, batch, units)
            (last,), _ = run(entry, inputs, params)
            np.testing.assert_allclose(last, expected(*inputs, params["w"]), rtol=1e-4, atol=1e-5)
            found.append(last.tobytes())


def test_bits_do_not_depend_on_the_team(monkeypatch):
    made = recurrence(96)
    monkeypatch.setattr(lowered, "plan", lambda *rest: made)
    inputs, params = arrays(9, 70, 96)
    bits = set()
    for threads in (1, 2, 3, 5):
        with flags(verify=1, threads=threads, cflags=ALWAYS):
            (last,), _ = run(compiled(program(96)), inputs, params)
            bits.add(last.tobytes())
    assert len(bits) == 1


def test_weights_are_packed_before_the_first_turn():
    """And once for many calls; nothing in a turn packs."""
    made = recurrence(256)
    assert [k.stages[0].kind for k in made.prepare] == ["pack"]
    [repeat] = [s for s in made.steps if isinstance(s, Repeat)]
    assert [k.stages[0].kind for k in repeat.body] == ["dot", "map"]


def test_what_a_turn_leaves_to_the_next_lives_through_all_of_it():
    made = recurrence(20)
    ranges = {b.name: r for b, r in live_ranges(made).items()}
    assert ranges == {"states": (0, 3), "mixed": (1, 2)}


def test_turns_of_a_recurrence_by_rows_need_no_barrier():
    """Each part of the rows goes through all turns by itself. That the last state is not the first
    one, which it is where there are no turns, is not seen."""
    assert recurrence(20).barriers[:3] == ("", "", "")


def test_a_turn_waits_for_what_others_did_in_the_one_before():
    """By columns, a product needs what all the others made of the state."""
    made = recurrence(256)
    assert made.kernels[1].schedule.partition.axis == "longer"
    assert made.barriers[1].startswith("reads states")


def test_the_text_shows_the_tree():
    text = plan_text(recurrence(20))
    assert "\nrepeat turn < T, carries states\n\n  k01_" in text
    assert "+ 20 * B * turn" in text


def test_work_counts_every_turn():
    made = recurrence(20)
    inside = amount(next(s for s in made.steps if isinstance(s, Repeat)).body)
    assert amount(made.steps) == amount([made.steps[0], made.steps[2]]) + inside * T
