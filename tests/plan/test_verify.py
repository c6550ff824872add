"""A Plan that is broken in one way is refused, and the words say what and where."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import fncompile
from fncompile import layers
from fncompile.ir import build
from fncompile.ir.dims import symbol
from fncompile.ir.types import TensorType
from fncompile.ir.verify import VerifyError
from fncompile.passes import manager
from fncompile.passes.memory import live_ranges
from fncompile.passes.pipeline import LOWER
from fncompile.plan.schedule import ALONE, Partition, Schedule
from fncompile.plan.types import (
    Apply,
    Buffer,
    Const,
    Guarded,
    Kernel,
    Load,
    Loop,
    Operand,
    Plan,
    Repeat,
    Stage,
    Store,
    Value,
    axis_index,
    mapped,
)
from fncompile.plan.verify import verify_plan
from tests.plan.test_repeat import recurrence
from tests.programs.generator import random_program

B = symbol("B")


def network():
    x = fncompile.Input((40,), name="x")
    h = layers.Dense(96, activation="relu", name="first")(x)
    h = layers.LayerNormalization(name="norm")(h)
    return fncompile.Model(x, layers.Dense(5, activation="softmax", name="last")(h))


@pytest.fixture(scope="module")
def plans() -> dict[str, Plan]:
    fncompile.utils.clear_session()
    with fncompile.flags(cflags="-O0"):
        model = network()
        model.compile("adam", "sparse_categorical_crossentropy")
        x = np.zeros((3, 40), "float32")
        model.train_on_batch(x, np.zeros(3, "int32"))
        model.predict_on_batch(x)
    return {e.name: e.plan for e in model.steps().compiled_entries()}


@pytest.fixture
def step(plans) -> Plan:
    return plans["train_step"]


def with_kernel(plan: Plan, number: int, kernel: Kernel) -> Plan:
    return replace(plan, steps=[*plan.steps[:number], kernel, *plan.steps[number + 1 :]])


def with_stage(plan: Plan, number: int, which: int, **changes) -> Plan:
    """The plan with other fields of one stage of one kernel."""
    kernel, seen, loops = plan.kernels[number], 0, []
    for loop in kernel.loops:
        stages = list(loop.stages)
        if seen <= which < seen + len(stages):
            stages[which - seen] = replace(stages[which - seen], **changes)
        seen += len(stages)
        loops.append(Loop(tuple(stages)))
    return with_kernel(plan, number, replace(kernel, loops=tuple(loops)))


def find(plan: Plan, wanted) -> tuple[int, int, Stage]:
    """The first stage for which `wanted(stage, kernel)`, with its numbers."""
    return next(
        (i, j, stage)
        for i, kernel in enumerate(plan.kernels)
        for j, stage in enumerate(kernel.stages)
        if wanted(stage, kernel)
    )


def refused(plan: Plan, *words: str) -> None:
    with pytest.raises(VerifyError) as error:
        verify_plan(plan, "here")
    assert str(error.value).startswith("here: ")
    for word in words:
        assert word in str(error.value), str(error.value)


def test_sound_plans_pass(plans):
    for plan in plans.values():
        verify_plan(plan)


def test_it_runs_after_each_pass_that_makes_a_plan(monkeypatch):
    asked = []
    monkeypatch.setattr(manager, "verify_plan", lambda plan, name: asked.append(name))
    manager.lower(random_program(3), "infer")
    names = [step.name for step in LOWER["infer"]]
    assert asked == names[names.index("fuse") :]


# one kernel ---------------------------------------------------------------------------------------


def test_axis_beyond_the_domain(step):
    i, j, stage = find(step, lambda s, k: s.stores and s.kind == "map" and s.domain)
    store = Store(stage.stores[0].buffer, stage.stores[0].at + axis_index(7))
    refused(with_stage(step, i, j, stores=(store,)), step.kernels[i].name, "axis beyond")


def test_reduction_of_no_axis(step):
    i, j, _ = find(step, lambda s, k: s.kind == "sum")
    refused(with_stage(step, i, j, reduced=0), step.kernels[i].name, "reduces 0 axes")


def test_unknown_kind(step):
    refused(with_stage(step, 0, 0, kind="fold"), "no kind of stage: 'fold'")


def test_loops_of_two_domains(step):
    i, j, stage = find(
        step, lambda s, k: len(k.loops) > 1 and k.outer and k.loops[0].stages[0] is s
    )
    domain = (stage.domain[0] * 2, *stage.domain[1:])
    refused(with_stage(step, i, j, domain=domain), step.kernels[i].name)


def test_value_of_a_later_stage(step):
    i, j, stage = find(step, lambda s, k: s.kind == "map" and s.dtype == "float32")
    later = len(step.kernels[i].stages)
    refused(with_stage(step, i, j, expr=Value(later, stage.dtype)), f"v{later}, not before it")


def test_value_of_another_dtype(step):
    i, j, stage = find(step, lambda s, k: isinstance(s.expr, Apply) and _reads_value(s.expr))
    value = _reads_value(stage.expr)
    broken = with_stage(step, i, j, expr=Value(value.stage, "int64"))
    refused(broken, "read as int64")


def test_value_out_of_reach(step):
    """A sum has no value inside the loop that sums."""
    i, j, stage = find(step, lambda s, k: s.reduced and s.kind == "sum")
    kernel = step.kernels[i]
    follower = replace(stage, kind="map", reduced=0, expr=Value(j, stage.dtype), stores=())
    loops = []
    for loop in kernel.loops:
        inside = any(s is stage for s in loop.stages)
        loops.append(Loop((*loop.stages, follower)) if inside else loop)
        if inside:
            break
    broken = with_kernel(step, i, replace(kernel, loops=tuple(loops)))
    refused(broken, kernel.name, "no value there")


def test_product_of_another_shape(step):
    i, j, stage = find(step, lambda s, k: s.product is not None)
    g, m, n, k = stage.product.shape
    product = replace(stage.product, shape=(g, m, n + 1, k))
    refused(with_stage(step, i, j, product=product), step.kernels[i].name, "a product of shape")


def _reads_value(expr):
    if isinstance(expr, Value):
        return expr
    if isinstance(expr, Apply):
        return next((v for a in expr.args if (v := _reads_value(a))), None)
    return None


# memory -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("by", [1, -1])
def test_store_outside_its_buffer(step, by):
    i, j, stage = find(step, lambda s, k: s.stores and s.kind == "map" and s.domain)
    store = Store(stage.stores[0].buffer, stage.stores[0].at.shift(by * 10**6))
    refused(with_stage(step, i, j, stores=(store,)), step.kernels[i].name, "writes elements")


def test_load_outside_its_buffer(step):
    i, j, stage = find(step, lambda s, k: any(isinstance(e, Load) for e in s.loads))
    load = next(e for e in stage.loads if isinstance(e, Load))
    broken = with_stage(step, i, j, expr=replace(load, at=load.at.shift(10**6)), dtype=load.dtype)
    refused(broken, step.kernels[i].name, "reads elements")


def test_operand_outside_its_buffer(step):
    i, _, _ = find(step, lambda s, k: s.product is not None)
    kernel = step.kernels[i]
    first = kernel.schedule.variants[0]
    beyond = Operand(first.a.buffer, first.a.at.shift(10**6))
    schedule = replace(
        kernel.schedule, variants=(replace(first, a=beyond), *kernel.schedule.variants[1:])
    )
    refused(with_kernel(step, i, replace(kernel, schedule=schedule)), kernel.name, "reads elements")


def test_part_outside_of_its_whole(step):
    i, j, stage = find(step, lambda s, k: s.stores and s.stores[0].buffer.base is not None)
    buffer = replace(stage.stores[0].buffer, offset=10**6)
    refused(with_stage(step, i, j, stores=(Store(buffer, stage.stores[0].at),)), "which has")


def test_read_before_it_is_written(step):
    first = next(
        b for b, (begin, end) in live_ranges(step).items() if begin < end and b.kind == "arena"
    )
    begin = live_ranges(step)[first][0]
    kernels = [k for k in step.kernels if k is not step.kernels[begin]]
    barriers = (*step.barriers[:begin], *step.barriers[begin + 1 :])
    refused(replace(step, steps=kernels, barriers=barriers), "is not written before")


def test_output_never_written(step):
    more = Buffer("more", step.outputs[0].type, "output", 1)
    refused(replace(step, outputs=[*step.outputs, more]), "output more is never written")


def test_two_of_one_name(step):
    one, two = step.kernels[:2]
    refused(with_kernel(step, 1, replace(two, name=one.name)), "kernels with one name", one.name)
    broken = replace(step, params=[*step.params, replace(step.params[0], index=7)])
    refused(broken, "param buffers with one name")


def test_undeclared_parameter(step):
    refused(replace(step, params=step.params[1:]), "is not declared")


def test_alive_together_in_one_place(step):
    ranges = live_ranges(step)
    one, other = next(
        (a, b)
        for a, (_, end) in ranges.items()
        for b, (begin, last) in ranges.items()
        if a is not b and ranges[a][0] <= begin <= end and step.offsets[a] != step.offsets[b]
    )
    offsets = {**step.offsets, other: step.offsets[one]}
    refused(replace(step, offsets=offsets), "in whose place")


def test_offsets_outside_or_between_lines(step):
    one = next(iter(live_ranges(step)))
    refused(replace(step, offsets={**step.offsets, one: step.arena + 64}), repr(one), "lies at")
    refused(replace(step, offsets={**step.offsets, one: 4}), "lies at 4 to")
    without = {b: at for b, at in step.offsets.items() if b != one}
    refused(replace(step, offsets=without), f"{one!r} has no offset")


def test_prepared_weights_in_one_place(plans):
    type = TensorType("float32", (16,))
    one, other = Buffer("one", type, "arena"), Buffer("other", type, "arena")
    apart = replace(plans["predict"], prepared_offsets={one: 0, other: 64}, prepared=128)
    verify_plan(apart)
    refused(replace(apart, prepared_offsets={one: 0, other: 0}), "in one place")
    refused(replace(apart, prepared=64), "lies at")


# teams --------------------------------------------------------------------------------------------


def with_partition(plan: Plan, number: int, partition: Partition) -> Plan:
    kernel = plan.kernels[number]
    schedule = replace(kernel.schedule, partition=partition)
    return with_kernel(plan, number, replace(kernel, schedule=schedule))


def test_partition_of_another_extent(step):
    i, _, _ = find(step, lambda s, k: k.schedule.partition.axis == "rows")
    found = step.kernels[i].schedule.partition
    broken = with_partition(step, i, replace(found, extent=found.extent + 1))
    refused(broken, step.kernels[i].name, "cuts an axis")
    refused(with_partition(step, i, replace(found, grain=0)), "grain=0")


def test_partition_of_an_axis_that_is_not_there(step):
    i, _, _ = find(step, lambda s, k: k.product is None and k.schedule.partition == ALONE)
    refused(with_partition(step, i, Partition("rows", 9, 1)), "outer axes")


def test_every_barrier_is_needed_or_says_why(step):
    """Without any barrier the step is refused: products read all of what rows wrote."""
    refused(replace(step, barriers=tuple("" for _ in step.barriers)), "without a barrier")
    refused(replace(step, barriers=step.barriers[1:]), "barriers for")


def test_each_barrier_that_is_taken_away_is_missed(step):
    """Where the barrier keeps apart what only sizes at a call show, the check may be content."""
    missed = 0
    for i, reason in enumerate(step.barriers):
        if reason:
            without = (*step.barriers[:i], "", *step.barriers[i + 1 :])
            try:
                verify_plan(replace(step, barriers=without))
            except VerifyError as error:
                assert "without a barrier" in str(error)
                missed += 1
    assert missed >= sum(map(bool, step.barriers)) * 3 // 4


def two_kernels(further: int) -> Plan:
    """t = x + x row by row, then y[i] = t[i] of four columns, `further` elements on."""
    type = TensorType("float32", (B, 4))
    x, y, t = Buffer("x", type, "input"), Buffer("y", type, "output"), Buffer("t", type, "arena")
    here = axis_index(0).scale(4) + axis_index(1)
    node = build.input("x", type)
    double = Apply("add", (Load(x, here, "float32"),) * 2, "float32")
    moved = Load(t, here.shift(further), "float32")
    inside = Guarded(((here.shift(further), B * 4),), moved, Const(0.0, "float32"), "float32")
    kernels = [
        Kernel(
            name,
            1,
            (Loop((Stage(node, "map", (B, 4), 0, expr, (Store(into, here),), "float32"),)),),
            schedule=Schedule(Partition("rows", B, 16)),
        )
        for name, expr, into in (("double", double, t), ("move", inside, y))
    ]
    offsets = {t: 0}
    return Plan(
        kernels, [x], [y], [], ["B"], offsets=offsets, arena=t.type.nbytes + 64, barriers=("", "")
    )


def test_rows_of_the_same_part_need_no_barrier():
    verify_plan(two_kernels(0))


@pytest.mark.parametrize("further", [1, 4, -4])
def test_rows_of_other_parts_need_one(further):
    plan = two_kernels(further)
    refused(plan, "move reads arena:t, which double writes as arena:t, without a barrier")
    verify_plan(replace(plan, barriers=("", "move reads further rows")))


def test_parts_cut_in_another_way_need_one():
    refused(with_partition(two_kernels(0), 1, Partition("rows", B, 32)), "without a barrier")
    refused(with_partition(two_kernels(0), 1, ALONE), "without a barrier")


def test_repeats_are_run_turn_after_turn():
    plan = recurrence(40)
    verify_plan(plan)
    states, mixed = (next(b for b in plan.offsets if b.name == n) for n in ("states", "mixed"))
    offsets = {**plan.offsets, mixed: plan.offsets[states]}
    refused(replace(plan, offsets=offsets), "reads arena:states, in whose place arena:mixed")
    assert not any(plan.barriers[:3])  # each worker keeps to its rows, turn after turn
    alone = [replace(k, schedule=replace(k.schedule, partition=ALONE)) for k in plan.kernels[1:2]]
    steps = mapped(plan.steps, lambda k: alone[0] if k is plan.kernels[1] else k)
    refused(replace(plan, steps=steps), "arena:states", "without a barrier")
    [repeat] = [s for s in plan.steps if isinstance(s, Repeat)]
    longer = [replace(s, count=s.count + 1) if s is repeat else s for s in plan.steps]
    refused(replace(plan, steps=longer), "writes elements", "of arena:states")
