"""A schedule is one line of text that parses back, and cannot contradict itself."""

from __future__ import annotations

from pathlib import Path

import pytest

import fncompile
from fncompile.ir import build
from fncompile.ir.dims import symbol
from fncompile.ir.node import Program
from fncompile.ir.types import TensorType
from fncompile.passes.manager import Context, plan
from fncompile.passes.schedule import COSTS
from fncompile.plan.machine import Machine, drawn, header, machine
from fncompile.plan.schedule import (
    DRIVERS,
    Guard,
    Partition,
    Schedule,
    Variant,
    parse_schedule,
    schedule_text,
)
from fncompile.plan.types import Plan, buffer_of, operands
from tests.programs.generator import random_program
from tests.programs.test_random_programs import with_gradients

B = symbol("B")


def step(rows, inner: int, columns: int) -> Plan:
    """x W and its gradient, W and a bias being trained by momentum in one run with a slot."""
    x = build.input("x", TensorType("float32", (rows, inner)))
    dy = build.input("dy", TensorType("float32", (rows, columns)))
    size = inner * columns
    run, slot = (build.param(n, TensorType("float32", (size + columns,))) for n in ("run", "slot"))
    w = build.reshape(build.slice(run, (0,), (size,)), (inner, columns))
    gradient = build.reshape(build.dot(x, dy, ((0,), (0,))), (size,))
    new = build.ew("add", slot, build.concat([gradient, build.reduce(dy, "sum", (0,))], 0))
    outputs = {"y": build.dot(x, w, ((1,), (0,)))}
    updates = {run: build.ew("sub", run, new), slot: new}
    return plan(Program((x, dy), (run, slot), outputs, updates), "train", Context())


def check_texts(made: Plan) -> None:
    kernels = [*made.prepare, *made.kernels]
    buffers = {buffer_of(e) for k in kernels for s in k.stages for e in s.loads}
    buffers |= {o.buffer for k in kernels for o in operands(k)}
    by_name = {b.name: b for b in buffers}
    for kernel in kernels:
        assert kernel.schedule is not None, f"{kernel.name} has no schedule"
        text = schedule_text(kernel.schedule)
        found = [o.buffer for o in operands(kernel)]
        names = {**by_name, **{b.name: b for b in found}}
        assert parse_schedule(text, names) == kernel.schedule, text
        assert "\n" not in text


@pytest.mark.parametrize("seed", range(6))
def test_the_text_of_any_schedule_parses_back(seed):
    with drawn(wide_columns=1, large_elements=1 + seed * 4, pack=seed / 3):
        program = with_gradients(random_program(seed, "float64", 8))
        check_texts(plan(program, "infer", Context()))


@pytest.mark.parametrize("rows", [B, 1, 8, 64, 512])
def test_the_text_of_a_training_step_parses_back(rows):
    check_texts(step(rows, 800, 700))


def test_damaged_text_is_refused():
    with pytest.raises(ValueError, match="No variant of a schedule: 'magic'"):
        parse_schedule("magic | alone", {})


def test_an_update_by_tiles_cannot_be_expressed():
    """Nor a product that is at once unpacked, row-wise and updating."""
    row_panels, packing = Variant("row_panels"), Variant("packing", guard=Guard(B, 64))
    assert Schedule(variants=(row_panels,), updates=True).unit == "row"
    for variants in ((packing, row_panels), (Variant("panels"),), (Variant("tiles"),)):
        with pytest.raises(ValueError, match="needs rows, but"):
            Schedule(variants=variants, updates=True)


def test_the_variant_that_always_serves_is_the_last():
    packing, panels = Variant("packing", guard=Guard(B, 64)), Variant("panels")
    with pytest.raises(ValueError, match="is guarded"):
        Schedule(variants=(panels, packing))
    with pytest.raises(ValueError, match="is idle"):
        Schedule(variants=(panels, panels))


def test_a_large_gradient_of_a_known_batch_updates_by_rows():
    """Batch 512, 64 x 2048 weights: once unpacked, in row panels and updating at the same time."""
    made = step(512, 64, 2048)
    [gradient] = [k for k in made.kernels if k.product and k.schedule.updates]
    assert [v.driver for v in gradient.schedule.variants] == ["row_panels"]


def test_every_driver_has_a_cost_or_serves_alone():
    assert DRIVERS.keys() - COSTS.keys() == {"loops"}


def test_numbers_are_drawn_for_a_while():
    with drawn(wide_columns=3):
        assert machine().wide_columns == 3
    assert machine() == Machine()
    with pytest.raises(ValueError, match="few_rows"), drawn(few_rows=3):
        pass


def test_a_partition_prints_as_it_was():
    for partition in (Partition("alone"), Partition("rows", B * 3 + 1, 16), Partition("longer")):
        made = Schedule(partition, lanes=32)
        assert parse_schedule(schedule_text(made), {}) == made


def test_the_header_of_csrc_has_the_numbers_of_the_table():
    path = Path(fncompile.__file__).parent.parent / "csrc" / "include" / "fnc_config.h"
    assert path.read_text() == header(), f"python -m fncompile.plan.machine > {path}"
    assert f"#define FNC_ALIGN {machine().align}\n" in path.with_name("fnc_abi.h").read_text()
