"""One definition of an op for three worlds.

A function decorated with `op` is written for traced tensors.  Called on symbolic tensors it becomes
a call in the user's graph; inside a trace it runs as it is; on arrays it is traced and evaluated at
once, and gives NumPy arrays.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np

from fncompile.config import floatx
from fncompile.graph.call import FunctionOperation, is_symbolic, symbolic_call
from fncompile.graph.eager import known_value, run_eagerly
from fncompile.graph.nest import flatten, map_structure
from fncompile.graph.tensor import Tensor
from fncompile.graph.trace import current_trace, to_node
from fncompile.ir import build
from fncompile.ir.dims import Poly
from fncompile.ir.node import Node
from fncompile.ir.types import DTYPES
from fncompile.ir.types import is_float as is_float  # these two for all that stands on ops
from fncompile.ir.types import standard_dtype as standard_dtype

F = TypeVar("F", bound=Callable[..., Any])


def op(fn: F) -> F:
    """Make `fn`, from what users pass to nodes or tensors, an op of all three worlds."""

    @functools.wraps(fn)
    def call(*args: Any, **kwargs: Any) -> Any:
        if is_symbolic(args, kwargs):
            return symbolic_call(FunctionOperation(call), args, kwargs)
        if current_trace() is None:
            return run_eagerly(call, args, kwargs)
        args = tuple(_plain(x) if i in places else x for i, x in enumerate(args))
        kwargs = {name: _plain(x) if name in _PLAIN else x for name, x in kwargs.items()}
        return map_structure(lambda x: Tensor(x) if isinstance(x, Node) else x, fn(*args, **kwargs))

    places = {i for i, name in enumerate(inspect.signature(fn).parameters) if name in _PLAIN}
    return call  # type: ignore[return-value]


# Parameters that say which computation it is, rather than what it is of: shapes follow from them.
_PLAIN = frozenset({
    "axis", "axes", "axis1", "axis2", "source", "destination", "shape", "newshape", "noise_shape",
    "N", "M", "n", "k", "offset", "num", "num_classes", "num_segments", "num_samples", "repeats",
    "shift", "indices_or_sections", "pad_width", "decimals", "start_indices", "start", "stop",
    "step", "size", "ord", "order", "constant_values", "epsilon", "alpha", "negative_slope", "rate",
    "strides", "pool_size", "dilation_rate",
})  # fmt: skip


def _plain(x: Any) -> Any:
    """`x` as Python's numbers and lists where it is an array of whole numbers or one number, or a
    tensor whose numbers are known; anything else as it is."""
    if isinstance(x, (tuple, list)):
        return type(x)(map(_plain, x)) if type(x) in (tuple, list) else x
    if not isinstance(x, (np.ndarray, np.generic)) and not hasattr(x, "type"):
        return x
    whole = str(x.dtype).startswith(("int", "uint", "bool"))
    value = known_value(x) if whole or x.ndim == 0 else None
    return x if value is None else value.tolist()


def node(x: Any, dtype: str | None = None) -> Node:
    """`x` as an IR node, converted to `dtype` when given. Lists may hold tensors."""
    if isinstance(x, (list, tuple)) and any(hasattr(item, "type") for item in flatten(x)):
        return _stacked([node(item) for item in x], dtype)
    out = to_node(x, dtype if isinstance(x, (bool, int, float, Poly)) else None)
    return out if dtype is None else build.cast(out, dtype)


def _stacked(rows: list[Node], dtype: str | None) -> Node:
    common = dtype or result_dtype(*rows)
    return build.concat([build.expand_dims(build.cast(row, common), (0,)) for row in rows], 0)


def dtype_of(x: Any) -> str:
    """The dtype that `x` has, or would get as a tensor."""
    return x.dtype if hasattr(x, "type") else node(x).dtype


# What each dtype is promoted to next, as Keras and JAX have it. "int" and "float" are the numbers
# of Python: they ask for a kind, and where nothing else is asked for are int32 and floatx.
_NEXT = {
    "bool": ("int",),
    "int": ("uint8", "int8"),
    "uint8": ("uint16", "int16"),
    "uint16": ("uint32", "int32"),
    "uint32": ("uint64", "int64"),
    "uint64": ("float",),
    "int8": ("int16",),
    "int16": ("int32",),
    "int32": ("int64",),
    "int64": ("float",),
    "float": ("bfloat16", "float16"),
    "bfloat16": ("float32",),
    "float16": ("float32",),
    "float32": ("float64",),
    "float64": (),
}


@functools.cache
def _above(dtype: str) -> frozenset[str]:
    """All that `dtype` can be promoted to, itself among it."""
    return frozenset({dtype}).union(*map(_above, _NEXT[dtype]))


@functools.cache
def _promote(found: frozenset[str]) -> str:
    """The least that all of `found` can be promoted to: the one from which all others follow."""
    return max(frozenset.intersection(*map(_above, found)), key=lambda d: len(_above(d)))


def result_dtype(*xs: Any) -> str:
    """Keras' promotion, but that 64 bits stay: Python numbers only lift bool to int and int to
    float."""
    found = _promote(frozenset(map(_asked, xs))) if xs else "float"
    return {"int": "int32", "float": floatx()}.get(found, found)


def _asked(x: Any) -> str:
    """A key of _NEXT: the dtype of `x`, or the kind of a number of Python."""
    if isinstance(x, bool) or not isinstance(x, (int, float, Poly)) or isinstance(x, np.generic):
        return "bool" if isinstance(x, bool) else dtype_of(x)
    return "float" if isinstance(x, float) else "int"


def promote(*xs: Any) -> list[Node]:
    """All operands as nodes of their common dtype."""
    dtype = result_dtype(*xs)
    return [node(x, dtype) for x in xs]


def promote_float(*xs: Any) -> list[Node]:
    """All operands as nodes of one floating-point dtype: floatx where none of them is floating."""
    return promote(*xs, 1.0)[:-1]


def as_number(x: Any) -> Node:
    """`x` as a node that can be counted with: a bool becomes int32."""
    out = node(x)
    return build.cast(out, "int32") if out.dtype == "bool" else out


def as_index(x: Any) -> Node:
    """`x` as whole numbers that positions are compared with: int32 wherever its dtype fits."""
    out = node(x)
    row = DTYPES[out.dtype]
    wide = row.kind in "iu" and row.size + (row.kind == "u") > 4
    return build.cast(out, "int64" if wide else "int32")


def compute_dtype(policy: Any) -> str:
    """The dtype that a dtype policy, the name of one, or a dtype computes in."""
    name = getattr(policy, "name", policy)
    return standard_dtype(name.removeprefix("mixed_") if isinstance(name, str) else name)


def wide_dtype(dtype: str) -> str:
    """The dtype that statistics of this one are computed in: float32 for those of 16 bits."""
    return DTYPES[dtype].in_register


def widened(x: Node) -> Node:
    """`x` in a dtype that statistics can be computed in."""
    return build.cast(x, wide_dtype(x.dtype))


def as_float(x: Any) -> Node:
    """`x` as a floating-point node: integers and bools become floatx."""
    out = node(x)
    return out if is_float(out.dtype) else build.cast(out, floatx())


def rounded_once(function: F) -> F:
    """`function` of a floating-point node: of 16 bits in float32, rounded at the end alone."""

    @functools.wraps(function)
    def rounded(x: Any, *arguments: Any, **named: Any) -> Node:
        x = as_float(x)
        return build.cast(function(widened(x), *arguments, **named), x.dtype)

    return cast(F, rounded)
