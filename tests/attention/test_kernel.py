"""The kernel against the composition in float64, forward and backward; interpreters too."""

from __future__ import annotations

import numpy as np
import pytest

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
