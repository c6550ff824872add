"""What a plan makes of windows: operands that lie in memory once, not a copy for each tap."""

from __future__ import annotations

import pytest

from fncompile import autodiff, ops
from fncompile.graph.trace import Trace, placeholder
from fncompile.ir import build
from fncompile.ir.dims import evaluate, symbol
from fncompile.ir.node import Program
from fncompile.ir.types import TensorType
from fncompile.plan.types import writes
from tests.programs.native import stages

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
