"""Values that windows see with a border around them lie in memory once."""

from __future__ import annotations

import numpy as np
import pytest

from fncompile.ir import build, interp
from fncompile.ir.dims import symbol
from fncompile.ir.node import Node, Program
from fncompile.ir.types import TensorType
from fncompile.passes.borders import borders
from tests.programs.native import compiled, run

B = symbol("B")
X = build.input("x", TensorType("float32", (B, 6, 5, 4)))
COMPUTED = build.ew("max", X, build.like(X, 0))


def padded(x: Node, low: tuple[int, int], high: tuple[int, int], value: float = 0) -> Node:
    size = (x.shape[0], x.shape[1] + low[0] + high[0], x.shape[2] + low[1] + high[1], x.shape[3])
    return build.pad(x, (0, *low, 0), size, value=value)


def pooled(x: Node, kind: str = "sum") -> Node:
    seen = build.window(x, (1, 2), (2, 3), (1, 1), (1, 1), (0, 0), (0, 0))
    return build.reduce(seen, kind, (4, 5))


def pads(program: Program) -> list[Node]:
    return [node for node in program.nodes() if node.op == "pad"]


SHARED = {
    "read again by element": {
        "pool": pooled(padded(COMPUTED, (1, 1), (0, 2))), "sign": build.ew("lt", X, COMPUTED),
    },
    "several borders": {
        "low": pooled(padded(COMPUTED, (1, 0), (0, 1))),
        "high": pooled(padded(COMPUTED, (0, 2), (3, 0))),
        "none": pooled(COMPUTED),
    },
    "summed up": {
        "pool": pooled(padded(COMPUTED, (0, 1), (1, 1), -7), "max"),
        "sum": build.reduce(COMPUTED, "sum", (0, 1, 2)),
    },
    "through axes of one": {
        "pool": pooled(build.reshape(padded(COMPUTED, (1, 1), (1, 1)), (B, 8, 7, 4))),
        "square": build.ew("mul", *[build.reshape(COMPUTED, (B, 6, 1, 5, 4))] * 2),
    },
}  # fmt: skip


@pytest.mark.parametrize("name", SHARED)
def test_what_has_a_border_is_written_once(name):
    """The results are those of the program as it was, in all bits but of sums' order."""
    program = Program((X,), (), SHARED[name])
    assert len(pads(borders(program))) == 1
    entry = compiled(program)
    rng = np.random.default_rng(0)
    given = [rng.normal(size=(3, 6, 5, 4)).astype(np.float32)]
    results, _ = run(entry, given, {})
    wanted = interp.run(program, given, {})[0].values()  # of what no pass has seen
    for found, expected in zip(results, wanted):
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)
    stores = [s for k in entry.plan.kernels for stage in k.stages for s in stage.stores]
    assert len({s.buffer for s in stores if s.buffer.kind != "output"}) == 1


UNSHARED = {
    "nobody else reads it": {"pool": pooled(padded(COMPUTED, (1, 1), (1, 1)))},
    "an input lies in memory anyway": {
        "pool": pooled(padded(X, (1, 1), (1, 1))), "sign": build.ew("neg", X),
    },
    "other numbers around it": {
        "zeros": pooled(padded(COMPUTED, (1, 1), (1, 1))),
        "ones": pooled(padded(COMPUTED, (1, 1), (1, 1), 1)),
    },
    "it is a result": {"pool": pooled(padded(COMPUTED, (1, 1), (1, 1))), "itself": COMPUTED},
    "a product reads its rows": {
        "pool": pooled(padded(COMPUTED, (1, 1), (1, 1))),
        "dot": build.dot(COMPUTED, COMPUTED, ((1, 2, 3), (1, 2, 3)), ((0,), (0,))),
    },
    "its axes are merged": {
        "pool": pooled(padded(COMPUTED, (1, 1), (1, 1))),
        "square": build.ew("mul", *[build.reshape(COMPUTED, (B, 30, 4))] * 2),
    },
    "no window sees the border": {
        "pad": padded(COMPUTED, (1, 1), (1, 1)), "sign": build.ew("neg", COMPUTED),
    },
}  # fmt: skip


@pytest.mark.parametrize("name", UNSHARED)
def test_what_gains_nothing_stays(name):
    program = Program((X,), (), UNSHARED[name])
    assert borders(program) is program
