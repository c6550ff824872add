"""Questions about tensors and dtypes."""

from __future__ import annotations

from typing import Any

from fncompile.graph.tensor import KerasTensor
from fncompile.ops.dispatch import result_dtype
from fncompile.ops.dispatch import standard_dtype as standardize_dtype

__all__ = ["is_keras_tensor", "standardize_dtype"]


def is_keras_tensor(x: Any) -> bool:
    """Whether `x` is a symbolic tensor of the functional API.

    `x`: anything.

    >>> utils.is_keras_tensor(fncompile.Input((3,))), utils.is_keras_tensor(np.ones(3))
    (True, False)
    """
    return isinstance(x, KerasTensor)


def result_type(*dtypes: Any) -> str:
    """The dtype of what is computed of tensors of these.

    `dtypes`: names, dtypes of NumPy, or `int`, `float` and `bool` for numbers of Python, which
    follow the others.

    >>> backend.result_type("int32", "bfloat16"), backend.result_type("int8", float)
    ('bfloat16', 'float32')
    """
    weak = {bool, int, float}
    tensors = (d() if d in weak else KerasTensor((), standardize_dtype(d)) for d in dtypes)
    return result_dtype(*tensors)
