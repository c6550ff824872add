"""Left operands whose rows, or whose contracted axes, are several axes in memory: walked where they
lie by loops and by segments of the sum, without copies where that costs less."""

from __future__ import annotations

import numpy as np
import pytest

from fncompile import flags
from fncompile.ir import build
from fncompile.ir.dims import symbol
from fncompile.ir.node import Node, Program
from fncompile.ir.types import TensorType
from fncompile.plan.machine import drawn
from fncompile.plan.schedule import schedule_text
from tests.plan.test_contractions import copies, einsum
from tests.programs.native import compiled, run, run_planned, stages

B = symbol("B")


def inside(x: Node, start: int, size: tuple, step: tuple = (1, 1, 1, 1)) -> Node:
    """Part of an image with a border: every other axis than the first and last begins later."""
    return build.slice(x, (0, start, start, 0), size, step)


def rows(x: Node, w: Node) -> tuple[str, Node, Node]:
    """A convolution of one tap: rows are images, lines and pixels."""
    return "nhwi,io->nhwo", inside(x, 1, (x.shape[0], 6, 5, x.shape[3])), w


def strided_rows(x: Node, w: Node) -> tuple[str, Node, Node]:
    size = (x.shape[0], 4, 3, x.shape[3])
    return "nhwi,io->nhwo", inside(x, 0, size, (1, 2, 2, 1)), w


def gradient(x: Node, dy: Node) -> tuple[str, Node, Node]:
    """Of its weights: what is contracted are images, lines and pixels."""
    return "nhwi,nhwo->io", inside(x, 1, (x.shape[0], 6, 5, x.shape[3])), dy


def strided_gradient(x: Node, dy: Node) -> tuple[str, Node, Node]:
    """Pixels two apart: segments of single steps are walked as well."""
    size = (x.shape[0], 4, 3, x.shape[3])
    return "nhwi,nhwo->io", inside(x, 0, size, (1, 2, 2, 1)), dy


def lines(x: Node, w: Node) -> tuple[str, Node, Node]:
    """Sums over a line and its channels, of every image alone."""
    return "nhwi,hwio->no", inside(x, 1, (x.shape[0], 6, 5, x.shape[3])), w


CASES = [
    # what is multiplied, the shape of the right operand but for the images, are images first there?
    (rows, (3, 40), False),
    (strided_rows, (3, 40), False),
    (gradient, (6, 5, 40), True),
    (strided_gradient, (4, 3, 40), True),
    (lines, (6, 5, 3, 40), False),
]
IDS = [case[0].__name__ for case in CASES]


def program_of(case, images, dtype: str) -> Program:
    made, shape, with_images = case
    x = build.input("x", TensorType(dtype, (images, 8, 7, 3)))
    y = build.input("y", TensorType(dtype, (images, *shape) if with_images else shape))
    dot = einsum(*made(x, y))
    return Program((x, y), (), {"z": dot, "twice": build.ew("mul", dot, build.like(dot, 2))})


def arrays_of(case, images: int, dtype: str) -> tuple[list[np.ndarray], np.ndarray]:
    made, shape, with_images = case
    rng = np.random.default_rng(images)
    shapes = (images, 8, 7, 3), ((images, *shape) if with_images else shape)
    arrays = [(rng.normal(size=s) * 4).astype(dtype) for s in shapes]
    step = 2 if "strided" in made.__name__ else 1
    start, high, wide = (0, 7, 5) if step == 2 else (1, 7, 6)
    part = arrays[0][:, start:high:step, start:wide:step]
    subscripts = made(*(build.input(n, TensorType(dtype, s)) for n, s in zip("xy", shapes)))[0]
    return arrays, np.einsum(subscripts, part.astype(np.float64), arrays[1].astype(np.float64))


@pytest.mark.parametrize("case", CASES, ids=IDS)
@pytest.mark.parametrize(("images", "dtype"), [(B, "float64"), (9, "float32"), (B, "int32")])
def test_walked_in_c_and_in_the_interpreter(images, dtype, case):
    program = program_of(case, images, dtype)
    _, plan = stages(program)
    assert copies(plan) == 0, [schedule_text(k.schedule) for k in plan.kernels]
    entry = compiled(program)
    tolerance = {"float32": 2e-5, "float64": 1e-12, "int32": 0}[dtype]
    for count in [0, 1, 2, 9, 60] if images is B else [9]:
        arrays, expected = arrays_of(case, count, dtype)
        for found, _ in (run(entry, arrays, {}), run_planned(program, plan, arrays, {})):
            scale = np.abs(expected).max(initial=1)
            np.testing.assert_allclose(found[0], expected, rtol=0, atol=tolerance * scale)
            np.testing.assert_allclose(found[1], expected * 2, rtol=0, atol=2 * tolerance * scale)


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_walked_and_copied_operands_give_the_same_bits(case):
    """A copy costs nothing, or a walk nothing: an element is one chain over k all the same."""
    found = []
    arrays, _ = arrays_of(case, 9, "float32")
    for numbers in ({"copy": -1e9}, {"copy": 1e9}):
        with drawn(**numbers):
            program = program_of(case, B, "float32")
            _, plan = stages(program)
            assert (copies_of_x(plan) > 0) == (numbers["copy"] < 0)
            found.append(run(compiled(program), arrays, {})[0][0].tobytes())
    assert found[0] == found[1]


def copies_of_x(plan) -> int:
    kernels = [k for k in plan.kernels if not k.product]
    return sum(k.stages[0].node.op in ("slice", "permute") for k in kernels)


def test_the_schedule_tells_segments():
    _, plan = stages(program_of(CASES[2], B, "float32"))
    [text] = [schedule_text(k.schedule) for k in plan.kernels if k.product]
    assert text.startswith("long_pixels x{24 1*1 3*2 168*3 21*4} y{0 40*1 1*2} segments B,6 "), text


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_threads_give_the_same_bits(case):
    program = program_of(case, B, "float32")
    arrays, _ = arrays_of(case, 33, "float32")
    cflags = "-DFNC_LEAST_WORK=1 -DFNC_LEAST_STEP=1"
    found = []
    for threads in (1, 3):
        with flags(cflags=cflags, threads=threads):
            found.append(run(compiled(program), arrays, {})[0][0].tobytes())
    assert found[0] == found[1]


# convolutions -------------------------------------------------------------------------------------


def convolution(images, stride: int, dilation: int, padding: int, dtype: str) -> Program:
    """3 x 3 windows of 9 x 8 pixels, and the gradient of their weights."""
    x = build.input("x", TensorType(dtype, (images, 9, 8, 4)))
    pads = ((padding,) * 2,) * 2
    windows = build.window(x, (1, 2), (3, 3), (stride,) * 2, (dilation,) * 2, *pads)
    w = build.input("w", TensorType(dtype, (3, 3, 4, 20)))
    dy = build.input("dy", TensorType(dtype, (*windows.shape[:3], 20)))
    y = build.dot(windows, w, ((4, 5, 3), (0, 1, 2)))
    dw = build.permute(build.dot(windows, dy, ((0, 1, 2), (0, 1, 2))), (1, 2, 0, 3))
    return Program((x, w, dy), (), {"y": y, "dw": dw})


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("stride", "dilation", "padding"), [(1, 1, 1), (1, 1, 0), (2, 1, 1), (1, 2, 2), (2, 2, 3)]
)
@pytest.mark.parametrize("images", [B, 4])
def test_convolutions_are_not_unrolled_in_memory(images, stride, dilation, padding, dtype):
    program = convolution(images, stride, dilation, padding, dtype)
    _, plan = stages(program)
    assert copies(plan) == 0, [schedule_text(k.schedule) for k in plan.kernels]
    rng = np.random.default_rng(1)
    nodes = program.inputs
    arrays = [rng.normal(size=[4 if d == B else d for d in n.shape]).astype(dtype) for n in nodes]
    x, w, dy = (a.astype(np.float64) for a in arrays)
    wide = np.pad(x, ((0, 0), (padding,) * 2, (padding,) * 2, (0, 0)))
    high, across = dy.shape[1:3]
    y, dw = np.zeros(dy.shape), np.zeros(w.shape)
    for i, j in np.ndindex(3, 3):
        rows = slice(i * dilation, i * dilation + (high - 1) * stride + 1, stride)
        columns = slice(j * dilation, j * dilation + (across - 1) * stride + 1, stride)
        seen = wide[:, rows, columns]
        y += seen @ w[i, j]
        dw[i, j] = np.einsum("nhwi,nhwo->io", seen, dy)
    tolerance = {"float32": 1e-4, "float64": 1e-11}[dtype]
    for found, _ in (run(compiled(program), arrays, {}), run_planned(program, plan, arrays, {})):
        np.testing.assert_allclose(found[0], y, rtol=0, atol=tolerance)
        np.testing.assert_allclose(found[1], dw, rtol=0, atol=tolerance)
