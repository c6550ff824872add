"""What a plan makes of windows: operands that lie in memory once, not a copy for each tap."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fncompile import autodiff, ops
from fncompile.graph.trace import Trace, placeholder
from fncompile.ir import build, interp
from fncompile.ir.dims import evaluate, symbol
from fncompile.ir.node import Program
from fncompile.ir.types import TensorType
from fncompile.passes.apart import apart
from fncompile.plan.text import plan_text
from fncompile.plan.types import Affine, Kernel, Loop, mapped, writes
from fncompile.plan.verify import VerifyError, verify_plan
from tests.programs.native import compiled, run, run_planned, stages

B, SIZE, CHANNELS = symbol("B"), 16, 32
ONE = {"B": 1}
PADDED = (SIZE + 2) ** 2 * CHANNELS * 4  # bytes of the largest tensor of the network, with its halo


def network(gradients: bool) -> Program:
    shape = TensorType("float32", (B, SIZE, SIZE, CHANNELS))
    kernel = TensorType("float32", (3, 3, CHANNELS, CHANNELS))
    with Trace().active():
        x, w, v = placeholder("x", shape), placeholder("w", kernel), placeholder("v", kernel)
        hidden = ops.relu(ops.conv(x, w, padding="same"))
        y = ops.max_pool(ops.relu(ops.conv(hidden, v, padding="same")), 2, 2)
    outputs = {"y": y.node}
    if gradients:
        loss = build.reduce(build.ew("mul", y.node, y.node), "sum", range(4))
        outputs.update(zip("xwv", autodiff.gradients(loss, [x.node, w.node, v.node])))
    return Program((x.node, w.node, v.node), (), outputs)


@pytest.mark.parametrize("gradients", [False, True])
def test_no_tensor_of_taps_is_made(gradients):
    """9 times the image would be 294912 bytes of a sample; a halo around it makes 41472."""
    _, plan = stages(network(gradients))
    buffers = {b for k in plan.kernels for b in writes(k) if b.kind == "arena"}
    per_sample = {b: evaluate(b.type.nbytes, {"B": 2}) - evaluate(b.type.nbytes, ONE)
                  for b in buffers}  # fmt: skip
    assert buffers
    assert max(per_sample.values()) <= PADDED


def test_a_product_writes_into_the_halo_that_the_next_one_reads():
    """Three products and reductions, and what fills two borders: nothing is only copied."""
    _, plan = stages(network(gradients=False))
    products = [k for k in plan.kernels if k.product]
    assert len(products) == 2
    first, second = products
    assert second.product.a.buffer in writes(first)
    assert len(plan.kernels) == 5  # two pads' borders, one with the input inside; products; pool


def drivers(program: Program) -> list[str]:
    _, plan = stages(program)
    return [k.schedule.variants[-1].driver for k in plan.kernels if k.product]


def test_products_of_convolutions_take_tiles_at_known_strides():
    """Forward, towards both inputs, and towards the weights, which are summed over images."""
    found = drivers(network(gradients=True))
    assert sorted(found) == ["long_pixels"] * 2 + ["pixels"] * 4, found


def borders(strides: int, dilation: int, padding: str, value: float = 0.0) -> list:
    """Of the products of a convolution and its gradients, over images of 12 x 10."""
    with Trace().active():
        x = placeholder("x", TensorType("float32", (B, 12, 10, CHANNELS)))
        w = placeholder("w", TensorType("float32", (3, 3, CHANNELS, CHANNELS)))
        around = ops.pad(x, ((0, 0), (1, 2), (0, 0), (0, 0)), constant_values=value)
        seen = around if padding == "valid" else x
        y = ops.conv(seen, w, strides=strides, dilation_rate=dilation, padding=padding)
    loss = build.reduce(build.ew("mul", y.node, y.node), "sum", range(4))
    grads = zip("xw", autodiff.gradients(loss, [x.node, w.node]))
    _, plan = stages(Program((x.node, w.node), (), {"y": y.node, **dict(grads)}))
    found = [k.product.border for k in plan.kernels if k.product]
    return [b and (b.axis, b.line, b.tap, b.first, b.last) for b in found]


def test_products_know_the_lines_of_zeros_around_images():
    """Forward line l reads row l + t by tap t; towards the weights, tap t is the line; a padding
    of another value than 0 is none. A stride of two has 12 lines as 0 .. 11, and one behind."""
    same, gap = (0, 1, 1, 1, 13), (1, 1, 1, 1, 13)
    assert sorted(borders(1, 1, "same")) == [same, same, gap]
    assert borders(1, 2, "same")[0] == (0, 1, 2, 2, 14)
    assert borders(2, 1, "same")[0] == (0, 2, 1, 0, 12)
    assert borders(1, 1, "valid")[0] == (0, 1, 1, 1, 13)
    assert borders(1, 1, "valid", 0.5)[0] is None


def test_a_border_is_printed_and_checked():
    _, plan = stages(network(gradients=False))
    assert "where 1 <= h + u < 17: " in plan_text(plan)

    def beside(kernel: Kernel) -> Kernel:
        if not kernel.product:
            return kernel
        wrong = replace(kernel.product, border=replace(kernel.product.border, axis=1))
        [loop] = kernel.loops
        stages = (replace(loop.stages[0], product=wrong), *loop.stages[1:])
        return replace(kernel, loops=(Loop(stages),))

    with pytest.raises(VerifyError, match="is along none of"):
        verify_plan(replace(plan, steps=mapped(plan.steps, beside)))


@pytest.mark.parametrize("size", [(3, 3), (5, 5), (2, 4), (1, 3)])
@pytest.mark.parametrize("strides, dilation", [(1, 1), (2, 1), (3, 1), (1, 3)])
def test_plans_that_leave_zeros_out_say_what_programs_say(size, strides, dilation):
    """Images as high as the window's reach and lower, of lines that see nothing but zeros."""
    with Trace().active():
        x = placeholder("x", TensorType("float64", (B, 4, 7, 3)))
        w = placeholder("w", TensorType("float64", (*size, 3, 16)))
        wide = ops.pad(x, ((0, 0), (4, 3), (1, 1), (0, 0)))
        y = ops.conv(wide, w, strides=strides, dilation_rate=dilation, padding="same")
    grads = autodiff.gradients(build.reduce(y.node, "sum", range(4)), [x.node, w.node])
    program = Program((x.node, w.node), (), {"y": y.node, **dict(zip("xw", grads))})
    rng = np.random.default_rng(3)
    given = [rng.normal(size=(2, 4, 7, 3)), rng.normal(size=(*size, 3, 16))]
    expected, _ = interp.run(program, given, {})
    found, _ = run_planned(program, stages(program)[1], given, {})
    for value, got in zip(expected.values(), found, strict=True):
        np.testing.assert_allclose(got, value, atol=1e-12)


def line(taps: int = 3, dilation: int = 4) -> Program:
    """A causal convolution along time, and its gradients."""
    with Trace().active():
        x = placeholder("x", TensorType("float32", (B, 40, CHANNELS)))
        w = placeholder("w", TensorType("float32", (taps, CHANNELS, CHANNELS)))
        wide = ops.pad(x, ((0, 0), ((taps - 1) * dilation, 0), (0, 0)))
        y = ops.conv(wide, w, dilation_rate=dilation)
    loss = build.reduce(build.ew("mul", y.node, y.node), "sum", range(3))
    grads = zip("xw", autodiff.gradients(loss, [x.node, w.node]))
    return Program((x.node, w.node), (), {"y": y.node, **dict(grads)})


def test_convolutions_along_one_axis_take_tiles_at_known_strides():
    assert sorted(drivers(line())) == ["long_pixels", "pixels", "pixels"]


def test_sums_of_convolutions_end_with_channels_which_lie_side_by_side():
    """Towards the input as well, whose taps are the kernel's turned around: sums of single steps,
    taps apart, take a third longer."""
    for program in (line(), network(gradients=True)):
        _, plan = stages(program)
        for kernel in plan.kernels:
            if kernel.product and kernel.schedule.variants[-1].driver == "pixels":
                assert kernel.product.a.strides[1] == 1, kernel


def pooled(size: int) -> Program:
    """A convolution of what a pooling of disjoint windows gave, a ReLU before it; the gradient."""
    with Trace().active():
        x = placeholder("x", TensorType("float32", (B, size, size, CHANNELS)))
        w = placeholder("w", TensorType("float32", (3, 3, CHANNELS, CHANNELS)))
        y = ops.conv(ops.max_pool(ops.relu(x), 2, 2), w)
    loss = build.reduce(build.ew("mul", y.node, y.node), "sum", range(4))
    [dx] = autodiff.gradients(loss, [x.node])
    return Program((x.node, w.node), (), {"dx": dx})


def test_the_gradient_of_a_pooling_and_a_relu_is_the_epilogue_of_the_product_behind_them():
    """All four elements that a window saw, of which one has what came back and three have zero."""
    _, plan = stages(pooled(16))
    [last] = [k for k in plan.kernels if any(b.kind == "output" for b in writes(k))]
    assert last.product is not None
    stores = [s for stage in last.stages for s in stage.stores]
    assert len(stores) == 4, last
    assert {b.name for b in writes(last)} == {"dx"}


@pytest.mark.parametrize("size", [6, 7, 9, 16])
@pytest.mark.parametrize("images", [1, 3])
def test_gradients_of_poolings_through_a_relu_are_right(size, images):
    program = pooled(size)
    rng = np.random.default_rng(size)
    shapes = [[images if d == B else d for d in n.shape] for n in program.inputs]
    x, w = (rng.integers(-2, 3, shape).astype("float32") for shape in shapes)
    want = interp.run(program, [x, w], {})[0]["dx"]
    np.testing.assert_array_equal(run(compiled(program), [x, w], {})[0][0], want)


def test_stores_are_apart_only_where_no_element_is_in_both():
    """Drawn strides, extents and offsets, against all elements counted out."""
    rng = np.random.default_rng(3)
    found = []
    for _ in range(2000):
        strides = rng.choice([1, 2, 3, 4, 6, 8, 12, 24], (2, 3))
        strides[1] = np.where(rng.random() < 0.7, strides[0], strides[1])
        extents = rng.integers(1, 5, (2, 3))
        offsets = rng.integers(0, 30, 2)
        sets = [
            {o + int(np.dot(s, p)) for p in np.ndindex(*e)}
            for o, s, e in zip(offsets.tolist(), strides, extents)
        ]
        a, b = (
            Affine(int(o), tuple((i, int(c)) for i, c in enumerate(s)))
            for o, s in zip(offsets, strides)
        )
        said = apart(a, extents[0].tolist(), b, extents[1].tolist())
        assert not said or not sets[0] & sets[1], (a, b, extents)
        found.append((said, not sets[0] & sets[1]))
    assert sum(said for said, _ in found) > sum(so for _, so in found) / 3


@pytest.mark.parametrize("columns, written", [(64, True), (256, False)])
def test_a_product_of_pixels_alone_writes_into_the_halo_as_well(columns, written):
    """Its rows are lines of images then, but where its right operand is packed: one matrix."""
    with Trace().active():
        x = placeholder("x", TensorType("float32", (B, 6, 16, 128)))
        w = placeholder("w", TensorType("float32", (1, 1, 128, columns)))
        hidden = ops.relu(ops.conv(x, w, padding="same") - 0.5)
        y = ops.max_pool(hidden, 3, 1, padding="same")
    program = Program((x.node, w.node), (), {"y": y.node})
    _, plan = stages(program)
    [product] = [kernel for kernel in plan.kernels if kernel.product is not None]
    assert any("pad" in b.name for b in writes(product)) == written
    rng = np.random.default_rng(columns)
    entry = compiled(program)
    for batch in (0, 1, 3):
        a, b = (rng.normal(size=s).astype("float32")
                for s in ((batch, 6, 16, 128), (1, 1, 128, columns)))  # fmt: skip
        hidden = np.maximum(a.astype("float64") @ b[0, 0] - 0.5, 0)
        wide = np.pad(hidden, ((0, 0), (1, 1), (1, 1), (0, 0)), constant_values=-np.inf)
        windows = np.lib.stride_tricks.sliding_window_view(wide, (3, 3), (1, 2))
        found = run(entry, [a, b], {})[0][0]
        np.testing.assert_allclose(found, windows.max((4, 5)), rtol=1e-5, atol=1e-4)
