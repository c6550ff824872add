"""Packed operands: the same numbers, packed once, and never from a source that has changed."""

from __future__ import annotations

import numpy as np
import pytest

from fncompile.ir import build, interp
from fncompile.ir.dims import symbol
from fncompile.ir.node import Program
from fncompile.ir.types import TensorType
from fncompile.plan.machine import drawn
from tests.programs.generator import random_program
from tests.programs.native import compiled, run, run_planned, stages
from tests.programs.test_random_programs import check_compiled, check_passes, with_gradients


@pytest.fixture
def pack_everything():
    with drawn(wide_columns=1, large_elements=1, pack=0.0):
        yield


@pytest.mark.parametrize("seed", range(12))
def test_random_programs_mean_the_same_when_all_is_packed(pack_everything, seed):
    check_passes(random_program(seed, "float64", 12), seed)
    check_passes(with_gradients(random_program(seed, "float64", 7)), seed)


@pytest.mark.parametrize("seed", range(4))
def test_compiled_programs_mean_the_same_when_all_is_packed(pack_everything, seed):
    check_compiled(with_gradients(random_program(100 + seed, "float64", 7)), seed)


def packers(plan):
    return [k for k in (*plan.prepare, *plan.kernels) if k.stages[0].kind == "pack"]


def matrix(name: str, *shape, param: bool = True):
    return (build.param if param else build.input)(name, TensorType("float32", shape))


@pytest.mark.parametrize("rows", [0, 1, 5, 48, 130])
@pytest.mark.parametrize("inner", [257, 1500])
def test_weights_as_they_are_and_transposed(rows, inner):
    x, w, v = (
        matrix("x", symbol("B"), inner, param=False),
        matrix("w", inner, 131),
        matrix("v", 131, inner),
    )
    outputs = {
        "plain": build.dot(x, w, ((1,), (0,))),
        "again": build.dot(build.ew("tanh", x), w, ((1,), (0,))),
        "transposed": build.dot(x, v, ((1,), (1,))),
    }
    program = Program((x,), (w, v), outputs)
    _, plan = stages(program)
    assert [len(plan.prepare), len(packers(plan))] == [2, 2], "each once, no transpose beside it"
    rng = np.random.default_rng(0)
    params = {
        p["name"]: rng.normal(size=p.type.shape).astype("float32") for p in program.params
    }
    array = rng.normal(size=(rows, inner)).astype("float32")
    exact, _ = interp.run(
        program, [array.astype("float64")], {k: v.astype("float64") for k, v in params.items()}
    )
    got, _ = run(compiled(program), [array], params)
    planned, _ = run_planned(program, plan, [array], params)
    for (name, value), found, plan_value in zip(exact.items(), got, planned):
        np.testing.assert_allclose(found, value, rtol=1e-5, atol=2e-5 * inner**0.5, err_msg=name)
        np.testing.assert_allclose(plan_value, value, rtol=1e-5, atol=2e-5 * inner**0.5)


def test_a_product_after_the_update_sees_the_new_weights_only_where_it_should():
    """x w' with w' = w + 1: the product of the old w and that of the new one differ."""
    x, w = matrix("x", symbol("B"), 64, param=False), matrix("w", 64, 128)
    new = build.ew("add", w, build.like(w, 1.0))
    program = Program(
        (x,),
        (w,),
        {"old": build.dot(x, w, ((1,), (0,))), "new": build.dot(x, new, ((1,), (0,)))},
        {w: new},
    )
    rng = np.random.default_rng(0)
    array, params = (
        rng.normal(size=(70, 64)).astype("float32"),
        {"w": rng.normal(size=(64, 128)).astype("float32")},
    )
    (old, shifted), after = run(compiled(program), [array], params)
    np.testing.assert_allclose(old, array @ params["w"], rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(shifted, array @ (params["w"] + 1), rtol=1e-4, atol=1e-4)
    np.testing.assert_array_equal(after["w"], params["w"] + 1)


def test_what_is_small_stays_as_it_is():
    x, w = matrix("x", symbol("B"), 64, param=False), matrix("w", 64, 96)
    _, plan = stages(Program((x,), (w,), {"y": build.dot(x, w, ((1,), (0,)))}))
    assert not packers(plan)
