"""Tensors from anything, dtypes, arrays from tensors, and the end of gradients."""

from __future__ import annotations

from typing import Any

import numpy as np

from fncompile.graph.tensor import KerasTensor, Tensor
from fncompile.graph.variable import Variable
from fncompile.ir import build
from fncompile.ops.dispatch import node, op, standard_dtype
from fncompile.ops.types import DTypeLike, Result, TensorLike


@op
def cast(x: TensorLike, dtype: DTypeLike | None) -> Result:
    """`x` in another dtype. Floats to integers truncate and saturate; to bool asks "not zero?".

    `x`: a tensor of any shape; `dtype`: a name, a dtype of NumPy or a type. ValueError for a dtype
    that fncompile does not have.

    >>> ops.cast([1.7, -1.7], "int32")
    array([ 1, -1], dtype=int32)
    """
    return build.cast(node(x), standard_dtype(dtype))


@op
def convert_to_tensor(
    x: TensorLike,
    dtype: DTypeLike | None = None,
    sparse: bool | None = None,
    ragged: bool | None = None,
) -> Result:
    """`x` as a tensor: an array outside of a trace. float64 and Python floats become floatx.

    `x`: a number, an array, a variable, a tensor or nested lists of them; `dtype`: what it becomes,
    None for its own. `sparse` and `ragged` are Keras' arguments and ignored. TypeError for what is
    no tensor.

    >>> ops.convert_to_tensor([[1, 2], [3, 4]])
    array([[1, 2],
           [3, 4]], dtype=int32)
    """
    return node(x, None if dtype is None else standard_dtype(dtype))


def convert_to_numpy(x: Any) -> np.ndarray:
    """The numbers of an array or variable; ValueError on a symbolic tensor.

    `x`: an array, a variable, or numbers. The result is a copy.

    >>> ops.convert_to_numpy(fncompile.Variable([1.0, 2.0]))
    array([1., 2.], dtype=float32)
    """
    return np.array(x)


@op
def stop_gradient(variable: TensorLike) -> Result:
    """The same value, taken as constant by differentiation.

    `variable`: a tensor of any shape; the result has its shape and dtype.

    >>> ops.stop_gradient([1.0, 2.0])
    array([1., 2.], dtype=float32)
    """
    return build.stop_gradient(node(variable))


def is_tensor(x: Any) -> bool:
    """Is it something that ops give: a tensor or an array?

    `x`: anything. Numbers and lists are none.

    >>> ops.is_tensor(np.ones(2)), ops.is_tensor([1.0, 1.0])
    (True, False)
    """
    return isinstance(x, (np.ndarray, np.generic, KerasTensor, Tensor, Variable))


def dtype(x: Any) -> str:
    """The name of the dtype of a tensor.

    `x`: an array, a variable or a tensor.

    >>> ops.dtype(np.ones(2, "int8"))
    'int8'
    """
    return str(getattr(x.dtype, "name", x.dtype))
