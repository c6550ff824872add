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
    """`x` in another dtype. Floats to integers truncate and saturate; to bool asks "not zero?"."""
    return build.cast(node(x), standard_dtype(dtype))


@op
def convert_to_tensor(
    x: TensorLike,
    dtype: DTypeLike | None = None,
    sparse: bool | None = None,
    ragged: bool | None = None,
) -> Result:
    """`x` as a tensor: an array outside of a trace. float64 and Python floats become floatx."""
    return node(x, None if dtype is None else standard_dtype(dtype))


def convert_to_numpy(x: Any) -> np.ndarray:
    """The numbers of an array or variable; ValueError on a symbolic tensor."""
    return np.array(x)


@op
def stop_gradient(variable: TensorLike) -> Result:
    """The same value, taken as constant by differentiation."""
    return build.stop_gradient(node(variable))


def is_tensor(x: Any) -> bool:
    """Is it something that ops give: a tensor or an array?"""
    return isinstance(x, (np.ndarray, np.generic, KerasTensor, Tensor, Variable))


def dtype(x: Any) -> str:
    """The name of the dtype of a tensor."""
    return str(getattr(x.dtype, "name", x.dtype))
