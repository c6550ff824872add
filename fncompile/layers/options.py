"""Arguments of layers that come in several spellings."""

from __future__ import annotations

from typing import Any

from fncompile import dtype_policies
from fncompile.config import floatx
from fncompile.ops.dispatch import standard_dtype


def input_dtype(dtype: Any) -> str:
    """The dtype of an Input, which may be given as a policy: floatx where it is not said."""
    if dtype is None:
        return floatx()
    if dtype == "string":
        return "string"
    is_policy = isinstance(dtype, (dict, dtype_policies.DTypePolicy))
    if is_policy or (isinstance(dtype, str) and dtype.startswith("mixed_")):
        return dtype_policies.get(dtype).compute_dtype
    return standard_dtype(dtype)


def input_shape_argument(kwargs: dict[str, Any]) -> tuple | None:
    """The older spellings of a first layer's input shape, batch axis included; taken out of
    `kwargs`."""
    batch = kwargs.pop("batch_size", None)
    full = kwargs.pop("batch_input_shape", None)
    shape = kwargs.pop("input_shape", None)
    dim = kwargs.pop("input_dim", None)
    if full is not None:
        return tuple(full)
    if shape is None and dim is not None:
        shape = (dim,)
    return None if shape is None else (batch, *shape)
