"""The kernel against the composition in float64, forward and backward; interpreters too."""

from __future__ import annotations

import numpy as np
import pytest

import fncompile
from fncompile import ops
from fncompile.ir import interp
from tests.attention.compositions import CASES, SIZES, arrays, expected, program, rewritten
from tests.programs import native


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", CASES)
def test_result_and_gradients_are_those_of_the_composition(name, size):
    made = program(name, backward=True)
    given = arrays(made, SIZES[size])
    wanted = expected(name, given, backward=True)
    changed = rewritten(made)
    assert [n.op for n in changed.nodes() if n.op == "attention"] == ["attention"]
    found = interp.run(changed, given, {}, float64=True)[0]
    for key, value in wanted.items():
        np.testing.assert_allclose(found[key], value, rtol=1e-7, atol=1e-7, err_msg=key)
    got, _ = native.run(native.compiled(changed), given, {})
    for key, value in zip(changed.outputs, got):
        np.testing.assert_allclose(value, wanted[key], rtol=2e-4, atol=2e-5, err_msg=key)


def test_gradients_of_a_tape_are_those_in_float64():
    """Which has no such kernel: there the composition is differentiated."""
    shapes = (2, 7, 4, 8), (2, 9, 2, 8), (2, 9, 2, 8)
    found = {}
    for dtype in ("float32", "float64"):
        draw = np.random.default_rng(1).standard_normal
        q, k, v = (fncompile.Variable(draw(s).astype(dtype), dtype=dtype) for s in shapes)
        bias, mask = draw((1, 4, 7, 9)), np.tri(7, 9, 2, dtype=bool)
        with fncompile.GradientTape() as tape:
            y = ops.dot_product_attention(q, k, v, bias=bias.astype(dtype), mask=mask[None, None])
            loss = ops.sum(ops.sin(y))
        found[dtype] = tape.gradient(loss, [q, k, v])
    for one, wide in zip(found["float32"], found["float64"], strict=True):
        assert np.abs(wide).max() > 0.1
        np.testing.assert_allclose(one, wide, rtol=1e-4, atol=1e-5)
