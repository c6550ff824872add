"""How the loops of a kernel are taken, as its line of text says."""

from __future__ import annotations

import numpy as np
import pytest

from fncompile import flags
from fncompile.codegen.nest.build import nest_of
from fncompile.codegen.nest.text import nest_text
from fncompile.ir import build
from fncompile.ir.dims import symbol
from fncompile.ir.node import Node, Program
from fncompile.ir.types import TensorType
from fncompile.plan.machine import drawn
from tests.programs.native import compiled, run, stages

ALWAYS = "-DFNC_LEAST_WORK=1 -DFNC_LEAST_STEP=1"  # teams share even this
B, T = symbol("B"), symbol("T")
X = build.input("x", TensorType("float32", (B, 96)))
SHORT = build.input("x", TensorType("float32", (B, 5, 3)))
INDEX = build.input("index", TensorType("int32", (B,)))
TABLE = build.input("table", TensorType("float32", (50, 64)))
SEED = build.param("seed", TensorType("uint32", (2,)))


WIDE = build.input("x", TensorType("float32", (B, 768)))
ODD = build.input("x", TensorType("float32", (B, 70)))
PIXELS = build.input("x", TensorType("float32", (B, 7, 64)))
SEEN = build.window(PIXELS, (1,), (3,), (1,), (1,), (0,), (0,))
CORNER = build.slice_axis(build.expand_dims(PIXELS, (3,)), 1, 0, 5)
GRADIENT = build.broadcast_to(CORNER, SEEN.shape)
DEPTHWISE = build.permute(build.reduce(build.ew("mul", SEEN, GRADIENT), "sum", (0, 1)), (1, 0))
INPUTS = {"short rows": SHORT, "sum of many columns": WIDE, "sum of a few more columns": ODD,
          "gradient of a depthwise kernel": PIXELS}  # fmt: skip


def depthwise(x: Node, kernel: Node) -> Node:
    """Each channel times its own kernel, whose sum is written out."""
    taps = kernel.shape[:2]
    seen = build.window(x, (1, 2), taps, (1, 1), (1, 1), (0, 0), (0, 0))
    own = build.reshape(build.permute(kernel, (2, 0, 1)), (1, 1, 1, x.shape[3], *taps))
    return build.reduce(build.ew("mul", seen, build.broadcast_to(own, seen.shape)), "sum", (4, 5))


def reduced(kind: str, *axes: int) -> Node:
    return build.reduce(X, kind, axes)


NESTS = {
    "pointwise": (build.ew("tanh", X), "i<96*B vector"),
    "sum of a row": (reduced("sum", 1), "i<B: reduced j<96 vector"),
    "maximum of a row": (reduced("max", 1), "i<B: reduced j<96 by 16 vector"),
    "sum over the batch": (reduced("sum", 0), "i<96 by 96 vector: reduced j<B"),
    "sum of many columns": (build.reduce(WIDE, "sum", (0,)), "i<768 by 256 vector: reduced j<B"),
    "sum of a few more columns": (build.reduce(ODD, "sum", (0,)), "i<70 by 32 vector: reduced j<B"),
    "gradient of a depthwise kernel": (
        DEPTHWISE, "i<64 by 32 vector: reduced j<B reduced k<5; i<3: j<64 vector",
    ),
    "short rows": (build.reduce(SHORT, "sum", (2,)), "i<5*B: reduced j<3"),
    "argmax": (build.argmax(X, 1), "i<B: reduced j<96"),
    "random": (build.bits(SEED, (B, 7)), "i<7*B by 256 vector (bits ahead)"),
    "gather": (build.gather(TABLE, INDEX), "i<B: j<64 vector (rows ahead)"),
    "scatter": (build.scatter_add(X, INDEX, 9), "in turn i<B j<96 vector"),
}


@pytest.mark.parametrize("name", NESTS)
def test_the_loops_are_those_that_are_meant(name):
    node, expected = NESTS[name]
    inputs = (INPUTS[name],) if name in INPUTS else (X, INDEX, TABLE)
    _, plan = stages(Program(inputs, (SEED,), {"y": node}))
    assert "; ".join(nest_text(nest_of(kernel)) for kernel in plan.kernels) == expected


COLUMNS = {
    "two vectors": (32, 3, "float32", True),
    "one vector": (16, 3, "float32", False),
    "a vector and a half": (24, 3, "float32", False),
    "few taps": (64, 2, "float32", False),
    "wide numbers": (16, 3, "float64", True),
}


@pytest.mark.parametrize("name", COLUMNS)
def test_kernels_of_depthwise_convolutions_are_read_once_for_several_pixels(name):
    """A vector of channels goes along the pixels, whose kernel stays in registers; bits as before,
    for any number of workers, and where the pixels are no whole number of blocks."""
    channels, taps, dtype, by_columns = COLUMNS[name]
    x, kernel = (build.input(name, TensorType(dtype, shape)) for name, shape in
                 (("x", (B, 6, 13, channels)), ("kernel", (taps, taps, channels))))
    program = Program((x, kernel), (), {"y": depthwise(x, kernel)})
    rng = np.random.default_rng(channels)
    arrays = [rng.normal(size=s).astype(dtype) for s in ((3, 6, 13, channels), kernel.shape)]
    wanted = np.lib.stride_tricks.sliding_window_view(arrays[0], (taps, taps), (1, 2))
    wanted = np.einsum("bijcst,stc->bijc", wanted.astype(np.float64), arrays[1])
    with flags(cflags=ALWAYS):
        entry = compiled(program)
        found = []
        for threads in (1, 2):
            with flags(threads=threads):
                found.append(run(entry, arrays, {})[0][0])
    with drawn(kept_loads=1000):
        plain = run(compiled(program), arrays, {})[0][0]
    texts = [nest_text(nest_of(kernel)) for kernel in entry.plan.kernels]
    assert any("in columns" in text for text in texts) == by_columns, texts
    np.testing.assert_allclose(found[0], wanted, rtol=0, atol=1e-5)
    assert found[0].tobytes() == found[1].tobytes() == plain.tobytes()


@pytest.mark.parametrize("channels", [5, 32, 70])
def test_gradients_of_depthwise_kernels_read_once_what_all_taps_need(channels):
    """Nine sums, one kernel, one pass: there was one for each tap, which read everything again."""
    x, dy = (build.input(name, TensorType("float32", (B, n, n, channels)))
             for name, n in (("x", 6), ("dy", 4)))
    seen = build.window(x, (1, 2), (3, 3), (1, 1), (1, 1), (0, 0), (0, 0))
    spread = build.broadcast_to(build.expand_dims(dy, (4, 5)), seen.shape)
    sums = build.reduce(build.ew("mul", seen, spread), "sum", (0, 1, 2))
    program = Program((x, dy), (), {"y": sums})
    rng = np.random.default_rng(channels)
    a, b = (rng.normal(size=(3, n, n, channels)).astype(np.float32) for n in (6, 4))
    wanted = np.lib.stride_tricks.sliding_window_view(a.astype(np.float64), (3, 3), (1, 2))
    wanted = np.einsum("bijcst,bijc->cst", wanted, b.astype(np.float64))
    with flags(cflags=ALWAYS):
        entry = compiled(program)
        results = []
        for threads in (1, 2, 3):
            with flags(threads=threads):
                results.append(run(entry, [a, b], {})[0][0])
    [kernel] = entry.plan.kernels
    assert [stage.kind for stage in kernel.stages] == ["sum"] * 9
    np.testing.assert_allclose(results[0], wanted, rtol=0, atol=1e-5)
    assert results[0].tobytes() == results[1].tobytes() == results[2].tobytes()


def test_each_loop_body_is_printed_once():
    """Blocks of 32 rows and the rest, blocks of 16 points and the rest, are calls of one body."""
    x = build.input("x", TensorType("float32", (B, 70)))
    outputs = {
        "columns": build.reduce(build.ew("exp", x), "sum", (0,)),
        "rows": build.reduce(build.ew("tanh", x), "max", (1,)),
    }
    source = compiled(Program((x,), (), outputs)).source
    assert source.count("fnc_exp_f32") == source.count("fnc_tanh_f32") == 1
    assert "_rows(" in source and "_lanes(" in source
