"""Questions about tensors and dtypes."""

from __future__ import annotations

from typing import Any

from fncompile.graph.tensor import KerasTensor
from fncompile.ops.dispatch import standard_dtype as standardize_dtype

__all__ = ["is_keras_tensor", "standardize_dtype"]


def is_keras_tensor(x: Any) -> bool:
    """Whether `x` is a symbolic tensor of the functional API.

    `x`: anything.

    >>> utils.is_keras_tensor(fncompile.Input((3,))), utils.is_keras_tensor(np.ones(3))
    (True, False)
    """
    return isinstance(x, KerasTensor)
