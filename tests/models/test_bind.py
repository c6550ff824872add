"""`bind` answers what it cannot write to."""

from __future__ import annotations

import numpy as np
import pytest

import fncompile
from fncompile import layers


def test_out_of_another_kind_is_refused():
    """A list's or a word's missing `shape` was an AttributeError."""
    inputs = layers.Input((2,))
    model = fncompile.Model(inputs, layers.Dense(3)(inputs))
    x = np.ones((4, 2), "float32")
    for out in ("x", 1.0, np.zeros((4, 3)), np.zeros((3, 4), "float32").T):
        with pytest.raises(ValueError, match="`out` 0 must be a writeable C-contiguous array"):
            model.bind(x, out=out)
    out = np.zeros((4, 3), "float32")
    assert model.bind(x, out=out)() is out
