"""What loops make ahead for a block of points: random bits, rows that are gathered from or added
to. Every length around a block and a vector, at every offset, cut between any number of workers."""

from __future__ import annotations

import numpy as np
import pytest

import fncompile
from fncompile.codegen.nest.build import STREAM, nest_of
from fncompile.ir import build, interp
from fncompile.ir.dims import symbol
from fncompile.ir.node import Program
from fncompile.ir.philox import philox
from fncompile.ir.types import TensorType
from tests.programs.native import compiled, run, stages

B, T = symbol("B"), symbol("T")
LENGTHS = (1, 3, 15, 16, 17, 40, 255, 256, 257, 515)
SEED = np.array([123456789, 4000000000], "uint32")


def seed():
    return build.param("seed", TensorType("uint32", (2,)))


def exact(program: Program, arrays, params=None) -> None:
    params = params or {}
    expected, _ = interp.run(program, arrays, params)
    got, _ = run(compiled(program), arrays, params)
    for (name, value), found in zip(expected.items(), got, strict=True):
        np.testing.assert_array_equal(found, value, err_msg=name)


def test_bits_of_every_length_are_those_of_the_stream():
    key = seed()
    outputs = {f"n{n}": build.bits(key, (n,)) for n in LENGTHS}
    outputs |= {f"rows{n}": build.bits(key, (3, n)) for n in LENGTHS}
    entry = compiled(Program((), (key,), outputs))
    got, _ = run(entry, [], {"seed": SEED})
    for n, found in zip((*LENGTHS, *(3 * n for n in LENGTHS)), got, strict=True):
        np.testing.assert_array_equal(found.reshape(-1), philox(*map(int, SEED), 0, n))


def test_bits_of_open_lengths_and_parts_of_a_stream():
    """A slice begins anywhere in a block of the generator; a flipped one goes backwards."""
    x, key = build.input("x", TensorType("uint32", (B, T))), seed()
    bits = build.bits(key, (B, 600))
    outputs = {
        "open": build.ew("add", x, build.bits(key, (B, T))),
        "spread": build.broadcast_to(build.bits(key, (1, 300)), (B, 300)),
        "flip": build.flip(bits, 1),
        **{f"from{k}": build.slice_axis(bits, 1, k, 599 - k) for k in (0, 1, 2, 3, 5, 300)},
        "every": build.slice_axis(bits, 1, 1, 200, 3),
        "turned": build.permute(bits, (1, 0)),
        "padded": build.pad(bits, (0, 5), (B, 611), value=7),
    }
    program = Program((x,), (key,), outputs)
    for shape in ((1, 1), (3, 17), (2, 256), (5, 1000)):
        x_value = np.arange(np.prod(shape), dtype="uint32").reshape(shape)
        exact(program, [x_value], {"seed": SEED})


def test_reductions_of_random_numbers_keep_their_order():
    """A sum over random numbers is added up as it was, one after the other."""
    key, x = seed(), build.input("x", TensorType("float32", (B, 700)))
    uniform = build.uniform(key, (B, 700), "float32")
    dropped = build.ew("mul", x, build.cast(build.ew("lt", uniform, build.like(x, 0.5)), "float32"))
    outputs = {kind: build.reduce(dropped, kind, (1,)) for kind in ("sum", "max", "min")}
    outputs |= {f"{kind}_over_rows": build.reduce(dropped, kind, (0,)) for kind in ("sum", "max")}
    outputs |= {"largest": build.argmax(dropped, 1)}
    program = Program((x,), (key,), outputs)
    whole = np.random.default_rng(0).integers(-9, 9, (5, 700)).astype("float32")
    exact(program, [whole], {"seed": SEED})  # sums of whole numbers are exact


@pytest.mark.parametrize("n", LENGTHS)
def test_rows_are_gathered_and_added_to(n):
    rng = np.random.default_rng(n)
    table = build.input("table", TensorType("float32", (7, n)))
    index = build.input("index", TensorType("int32", (B,)))
    twice = build.input("twice", TensorType("int64", (B, 2)))
    picked = build.gather(table, index)
    nested = build.gather(
        table, build.gather(build.cast(build.reduce(table, "max", (1,)), "int32"), index)
    )
    outputs = {
        "rows": picked,
        "computed": build.ew("mul", picked, build.like(picked, 2)),
        "both": build.ew(
            "add", build.gather(table, build.ew("add", index, build.like(index, 1))), picked
        ),
        "nested": nested,
        "largest": build.reduce(build.gather(table, twice), "max", (2,)),
        "total": build.reduce(picked, "sum", (1,)),
        "added": build.scatter_add(picked, index, 9),
        "added_in_parts": build.scatter_add(build.gather(table, twice), twice, 4),
        "padded": build.pad(picked, (1, 3), (B + 1, n + 4), value=-1),
    }
    arrays = [
        rng.integers(-8, 8, (7, n)).astype("float32"),
        np.array([3, -1, 6, 7, 0, 3, 2**31 - 1, -(2**31)], "int32"),
        rng.integers(-2, 9, (8, 2)),
    ]
    exact(Program((table, index, twice), (), outputs), arrays)


def test_an_empty_table_is_not_read():
    table = build.input("table", TensorType("float32", (B, 40)))
    index = build.input("index", TensorType("int32", (3,)))
    got, _ = run(
        compiled(Program((table, index), (), {"rows": build.gather(table, index)})),
        [np.zeros((0, 40), "float32"), np.array([0, 1, -1], "int32")],
        {},
    )
    assert np.isnan(got[0]).all()


def test_workers_cut_blocks_at_the_same_bits():
    """One thread and four, also where shares begin within a block."""
    key, x = seed(), build.input("x", TensorType("float32", (B, 333)))
    uniform = build.uniform(key, (B, 333), "float32")
    program = Program((x,), (key,), {"y": build.ew("mul", x, uniform)})
    array = np.random.default_rng(1).normal(size=(4000, 333)).astype("float32")
    results = []
    for threads in (1, 2, 4):
        with fncompile.flags(threads=threads):
            results.append(run(compiled(program), [array], {"seed": SEED})[0][0])
    bits = philox(*map(int, SEED), 0, array.size).reshape(array.shape)
    drawn = (bits >> 8).astype("float32") * np.float32(2.0**-24)
    np.testing.assert_array_equal(results[0], array * drawn)
    for other in results[1:]:
        np.testing.assert_array_equal(other, results[0])


def test_dropout_is_made_a_block_at_a_time():
    """The kernel makes its bits ahead, and its loop is a vector's."""
    key, x = seed(), build.input("x", TensorType("float32", (B, 64)))
    uniform = build.uniform(key, (B, 64), "float32")
    dropped = build.ew("select", build.ew("lt", uniform, build.like(x, 0.5)), x, build.like(x, 0))
    _, plan = stages(Program((x,), (key,), {"y": dropped}))
    [kernel] = plan.kernels
    [part] = nest_of(kernel).parts
    assert len(part.streams) == 1
    assert part.axes[-1].vector and part.axes[-1].block == STREAM
