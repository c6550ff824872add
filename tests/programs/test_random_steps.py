"""Random training steps mean the same after every pass, as a plan, and as compiled C, above and
below every threshold of the machine; teams of any size compute the same bits.

Each run tries a few cases of its own besides those that are fixed: FNC_TEST_SEED repeats one.
`python -m tests.programs.hunt A B steps` tries more seeds.
"""

from __future__ import annotations

import numpy as np
import pytest

from fncompile import flags
from fncompile.ir import interp
from fncompile.ir.node import Program
from fncompile.passes.manager import lower, transform
from fncompile.plan.machine import drawn
from fncompile.runtime import team
from fncompile.runtime.block import Block
from fncompile.runtime.entry import build_entry
from tests.programs.generator import random_program
from tests.programs.native import run, run_planned
from tests.programs.steps import RandomStep, machine_numbers
from tests.programs.test_random_programs import check_compiled, same, size_of, with_gradients
from tests.random_seeds import random_seeds

ROWS = (0, 1, 3, 33, 70)
THREADS = (1, 2, 3)
ALWAYS = "-DFNC_LEAST_WORK=1 -DFNC_LEAST_STEP=1"  # teams share even this


@pytest.fixture(autouse=True)
def _more_processors(monkeypatch):
    """Teams larger than this machine."""
    monkeypatch.setattr(team, "processors", lambda: max(THREADS))


def same_all(expected, found) -> None:
    (outputs, updates), (values, after) = expected, found
    for value, got in zip(outputs.values(), values, strict=True):
        same(value, got, 1e-8)
    for name, value in updates.items():
        same(value, after[name], 1e-8)


def check_step(seed: int) -> None:
    step = RandomStep(seed)
    with flags(skip="simplify,simplify_step"):
        written = transform(step.program, "train", step.context())
    seen: list = []
    with drawn(**machine_numbers(seed)), flags(cflags=ALWAYS):
        plan = lower(step.program, "train", step.context(observe=lambda _, made: seen.append(made)))
        block = Block("weights", [(p["name"], p.type) for p in step.params])
        entry = build_entry(step.program, "train", "step", [block], step.context())
    updated = [p for p in seen if isinstance(p, Program) and p.updates]  # by the optimizer
    for rows in ROWS:
        inputs, params = step.arrays(rows)
        expected = interp.run(written, inputs, params)
        for program in updated:
            outputs, updates = interp.run(program, inputs, params)
            same_all(expected, (outputs.values(), updates))
        same_all(expected, run_planned(written, plan, inputs, params))
        check_teams(entry, expected, inputs, params)


def check_teams(entry, expected, inputs, params) -> None:
    """compiled == expected, in the same bits for any number of threads."""
    bits = set()
    for threads in THREADS:
        with flags(threads=threads):
            values, after = run(entry, inputs, params)
        same_all(expected, (values, after))
        bits.add(tuple(np.asarray(a).tobytes() for a in (*values, *after.values())))
    assert len(bits) == 1, "teams differ"


def check_drawn_machine(seed: int) -> None:
    """A program for prediction on a machine of random thresholds."""
    with drawn(**machine_numbers(seed)), flags(cflags=ALWAYS, threads=1 + seed % 3):
        program = random_program(seed, "float64", size_of(seed))
        check_compiled(with_gradients(program) if seed % 3 == 0 else program, seed)


@pytest.mark.parametrize("seed", [*range(4), *random_seeds(6)])
def test_training_steps(seed):
    check_step(seed)


@pytest.mark.parametrize("seed", [*range(2), *random_seeds(4)])
def test_programs_above_thresholds(seed):
    check_drawn_machine(seed)


@pytest.mark.parametrize("seed", [139, 156, 161])
def test_a_left_operand_of_more_rows_than_the_right_one_has_columns(seed):
    """It is packed in place of the right one, and had no more room than that."""
    check_step(seed)


def test_products_narrower_than_a_vector_are_not_made_by_strips():
    """csrc/kern/gemm_large.h takes none; a machine of low thresholds chose it."""
    for seed in range(40):
        step = RandomStep(seed)
        with drawn(**machine_numbers(seed)) as numbers:
            plan = lower(step.program, "train", step.context())
        for kernel in plan.kernels:
            found = {v.driver for v in kernel.schedule.variants} & {"packing", "swapped"}
            assert not found or kernel.product.matrix_shape[1] * 8 >= numbers.align


def test_steps_reach_every_way_to_compute_a_product():
    """So that what is drawn at random is not all below the thresholds."""
    drivers, updating = set(), 0
    for seed in range(60):
        step = RandomStep(seed)
        with drawn(**machine_numbers(seed)):
            plan = lower(step.program, "train", step.context())
        schedules = [k.schedule for k in plan.kernels if k.product]
        drivers |= {v.driver for s in schedules for v in s.variants}
        updating += sum(s.updates for s in schedules)
    assert drivers >= {"tiles", "panels", "packing", "swapped", "row_panels"}
    assert updating > 5
