"""Optional inputs that a call leaves out.

In the flat arrays of a step such an input is an array like any other, with as many rows, so that
what gathers and splits rows need not know; to the model it is None. Its rank, one more than that of
the input, tells.
"""

from __future__ import annotations

from typing import Any

import numpy as np


def absent(tensor: Any, rows: int) -> np.ndarray:
    """What stands for the input `tensor` in a call of that many rows."""
    return np.zeros((rows, *[1] * tensor.ndim), bool)


def is_absent(x: Any, tensor: Any) -> bool:
    """Does an array, or the type of one, stand for an input like `tensor` that is not there?"""
    return x.ndim != tensor.ndim


def is_optional(tensor: Any) -> bool:
    """May this input of a model be left out?"""
    return getattr(tensor._keras_history.operation, "optional", False)
