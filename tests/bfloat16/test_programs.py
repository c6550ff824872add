"""Programs of dtype bfloat16, and of float16: every pass keeps each bit, compiled C stays within
its last bits, and all of it near float64."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fncompile.ir import build, interp
from fncompile.ir.dims import symbol
from fncompile.ir.elements import rounded
from fncompile.ir.node import Program
from fncompile.ir.types import TensorType
from fncompile.plan.machine import drawn
from tests.conftest import examples
from tests.programs.generator import random_arrays, random_program
from tests.programs.native import compiled, run, run_planned, stages
from tests.programs.steps import machine_numbers
from tests.programs.test_random_programs import SIZES, size_of, with_gradients
from tests.random_seeds import random_seeds

ULP = 2.0**-8  # half of the distance between neighbours, relative
B = symbol("B")


def half(seed: int) -> str:
    """The dtype of a random program."""
    return "float16" if seed % 4 == 3 else "bfloat16"


def close(expected: np.ndarray, found: np.ndarray, share: float = 1.0) -> None:
    """Equal to a few last bits, in at least `share` of the elements: behind a step such as floor
    the last bit of a float32 may decide."""
    assert expected.shape == found.shape
    near = np.isclose(expected, found, rtol=4 * ULP, atol=4 * ULP, equal_nan=True)
    assert expected.size == 0 or near.mean() >= share


@settings(max_examples=examples(15))
@given(st.integers(0, 10**6))
@example(3)
@example(34)  # carries of a scan are float32 in memory, also where the turn computes them in place
@example(293)
def test_every_pass_keeps_the_numbers(seed):
    program = random_program(seed, half(seed), size_of(seed))
    seen, plan = stages(program)
    for sizes in SIZES:
        inputs, params = random_arrays(program, seed, sizes)
        outputs, updates = interp.run(program, inputs, params)
        for _, result in seen:
            if isinstance(result, Program):
                again, updated = interp.run(result, inputs, params)
                for key, value in {**again, **updated}.items():
                    close({**outputs, **updates}[key], value, 0.98)
        planned, after = run_planned(program, plan, inputs, params)
        for expected, value in zip(again.values(), planned):
            close(expected, value, 0.98)
        for key in updates:
            close(updated[key], after[key], 0.98)


@settings(max_examples=examples(5))
@given(st.integers(0, 10**6))
def test_compiled_programs_agree(seed):
    program = random_program(seed, half(seed), size_of(seed))
    check_compiled(program, seed)


@settings(max_examples=examples(3))
@given(st.integers(0, 10**6))
def test_compiled_gradients_agree(seed):
    check_compiled(with_gradients(random_program(seed, half(seed), 6 + seed % 5)), seed)


@pytest.mark.parametrize("seed", [0, 3, *random_seeds(2)])
def test_compiled_gradients_agree_for_drawn_machines(seed):
    """Products, packed or not, by rows and of weights in two bytes, at every size."""
    with drawn(**machine_numbers(seed)):
        check_compiled(with_gradients(random_program(seed, half(seed), 5 + seed % 4)), seed)


def check_compiled(program: Program, seed: int) -> None:
    entry = compiled(program)
    for sizes in SIZES:
        inputs, params = random_arrays(program, seed, sizes)
        outputs, updates = interp.run(program, inputs, params)
        values, after = run(entry, inputs, params)
        for expected, value in zip(outputs.values(), values):
            close(expected, value, 0.9)
        for key in updates:
            close(updates[key], after[key], 0.9)


def compile_and_compare(program: Program, *arrays, **params):
    """What the compiled program gives, after comparing it with the interpreter."""
    outputs, _ = interp.run(program, arrays, params)
    values, _ = run(compiled(program), arrays, params)
    for expected, value in zip(outputs.values(), values):
        close(expected, value)
    return values


def test_a_long_sum_adds_up_in_float32():
    """Added in bfloat16, 1000 ones are 256."""
    x = build.input("x", TensorType("bfloat16", (B, 1000)))
    w = build.param("w", TensorType("bfloat16", (1000, 3)))
    idx = build.const(np.zeros(1000, np.int32), "int32")
    ones = build.broadcast_to(build.const(1, "bfloat16"), (1000,))
    program = Program((x,), (w,), {
        "sum": build.reduce(x, "sum", (1,)),
        "columns": build.reduce(x, "sum", (0,)),
        "dot": build.matmul2(x, w),
        "scatter": build.scatter_add(ones, idx, 2),
        "mean": build.mean(x, (1,)),
    })  # fmt: skip
    arrays = np.ones((600, 1000), np.float32), np.ones((1000, 3), np.float32)
    total, columns, dot, scatter, mean = compile_and_compare(program, arrays[0], w=arrays[1])
    assert (total == 1000).all() and (columns == 600).all() and (dot == 1000).all()
    assert list(scatter) == [1000, 0] and (mean == 1).all()


def test_each_op_rounds_its_result_even_inside_one_kernel():
    """(x + 2**-9) + 2**-9 is x in bfloat16, for x = 1, though not in float32."""
    x = build.input("x", TensorType("bfloat16", (B,)))
    small = build.const(2.0**-9, "bfloat16")
    twice = build.ew("add", build.ew("add", x, small), small)
    (found,) = compile_and_compare(Program((x,), (), {"y": twice}), np.ones(40, np.float32))
    assert (found == 1).all()


@pytest.mark.parametrize("m", [1, 2, 5, 33, 100])
@pytest.mark.parametrize("k", [1, 7, 64, 300])
def test_products_are_near_float64(m, k):
    """The error is that of rounding the result, and of adding up in float32."""
    rng = np.random.default_rng(m * k)
    a = build.input("a", TensorType("bfloat16", (B, k)))
    w = build.param("w", TensorType("bfloat16", (k, 50)))
    x, y = rounded(rng.normal(size=(m, k))), rounded(rng.normal(size=(k, 50)))
    (found,) = compile_and_compare(Program((a,), (w,), {"y": build.matmul2(a, w)}), x, w=y)
    exact = x.astype(np.float64) @ y.astype(np.float64)
    room = np.abs(x).astype(np.float64) @ np.abs(y).astype(np.float64)
    assert (np.abs(found - exact) <= np.abs(exact) * ULP + room * k * 2.0**-24).all()


def test_memory_in_two_bytes_is_never_an_operand():
    """A parameter read by a product, the product written to it, and that read by another."""
    w = build.param("w", TensorType("bfloat16", (4, 4)))
    x = build.input("x", TensorType("bfloat16", (B, 4)))
    new = build.ew("tanh", build.matmul2(w, build.permute(w, (1, 0))))
    program = Program((x,), (w,), {"y": build.matmul2(x, new), "new": new}, {w: new})
    rng = np.random.default_rng(5)
    arrays = rng.normal(size=(3, 4)).astype(np.float32)
    start = rng.normal(size=(4, 4)).astype(np.float32)
    outputs, updates = interp.run(program, [arrays], {"w": start})
    values, after = run(compiled(program), [arrays], {"w": start})
    close(outputs["y"], values[0])
    close(outputs["new"], values[1])
    np.testing.assert_array_equal(values[1], after["w"])
    close(updates["w"], after["w"])


@pytest.mark.parametrize("columns", [256, 250])
def test_a_single_row_has_the_bits_it_has_among_others(columns):
    """For any number of columns; also after a change of the weights."""
    x = build.input("x", TensorType("bfloat16", (B, 300)))
    w = build.param("w", TensorType("float32", (300, columns)))
    y = build.ew("tanh", build.matmul2(x, build.cast(w, "bfloat16")))
    program = Program((x,), (w,), {"y": y})
    _, plan = stages(program)
    entry = compiled(program)
    rng = np.random.default_rng(columns)
    for _ in range(2):
        weights = rng.normal(size=(300, columns)).astype(np.float32) / 16
        rows = rng.normal(size=(40, 300)).astype(np.float32)
        outputs, _ = interp.run(program, [rows], {"w": weights})
        (whole,), _ = run(entry, [rows], {"w": weights})
        (one,), _ = run(entry, [rows[:1]], {"w": weights})
        close(outputs["y"], whole)
        np.testing.assert_array_equal(whole[:1], one)
        planned, _ = run_planned(program, plan, [rows[:1]], {"w": weights})
        close(outputs["y"][:1], planned[0])


@pytest.mark.parametrize("transposed", [False, True])
def test_what_lies_in_two_bytes_depends_on_weights_alone(transposed):
    """The right operand of a product of two inputs is not prepared; that of a transpose is."""
    x = build.input("x", TensorType("bfloat16", (B, 300)))
    other = build.input("z", TensorType("bfloat16", (300, 256)))
    w = build.param("w", TensorType("bfloat16", (256, 300)))
    right = build.permute(w, (1, 0)) if transposed else other
    program = Program((x, other), (w,), {"y": build.matmul2(x, right)})
    _, plan = stages(program)
    assert any(k.stages[0].kind == "pack" for k in plan.prepare) == transposed
    rng = np.random.default_rng(1)
    arrays = [rng.normal(size=s).astype(np.float32) for s in ((1, 300), (300, 256), (256, 300))]
    compile_and_compare(program, *arrays[:2], w=arrays[2])
