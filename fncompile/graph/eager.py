"""Calling traced code on arrays: trace it on placeholders, then evaluate with the interpreter."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from fncompile.graph.nest import flatten, map_structure
from fncompile.graph.tensor import Tensor
from fncompile.graph.trace import Trace, current_trace, default_dtype, placeholder
from fncompile.ir.dims import is_static
from fncompile.ir.elements import result as as_result
from fncompile.ir.interp import evaluate_nodes
from fncompile.ir.node import Node, toposort
from fncompile.ir.types import DTYPES, TensorType


class Masked(np.ndarray):
    """An array of an eager call that has a mask, which the layer that takes it sees. What is
    computed from it has none."""

    _keras_mask: np.ndarray | None = None

    def __array_wrap__(self, array: Any, context: Any = None, return_scalar: bool = False) -> Any:
        return array[()] if return_scalar else np.asarray(array)

    def __repr__(self) -> str:
        return repr(np.asarray(self))


def is_array(x: Any) -> bool:
    return isinstance(x, (np.ndarray, np.generic))


def run_eagerly(fn: Callable, args: tuple, kwargs: dict, training: bool | None = None) -> Any:
    """`fn(*args, **kwargs)` on NumPy arrays and variables; variables assigned inside are
    updated."""
    assert current_trace() is None
    bound: dict[Node, np.ndarray] = {}

    def bind(x: Any) -> Any:
        if isinstance(x, Tensor) and x.recorded is not None:
            x = x.numpy()
        if not isinstance(x, np.ndarray):  # NumPy scalars stay: they may be axes or sizes
            return x
        dtype = default_dtype(np.asarray(x))
        tensor = placeholder(f"arg{len(bound)}", TensorType(dtype, np.shape(x)))
        bound[tensor.node] = np.asarray(x, DTYPES[dtype].numpy)
        tensor._keras_mask = bind(getattr(x, "_keras_mask", None))
        return tensor

    trace = Trace(training)
    trace.bound = bound
    with trace.active():
        args, kwargs = map_structure(bind, (args, kwargs))
        result = fn(*args, **kwargs)
    return evaluate_trace(trace, result)


def wherever(fn: Callable, *args: Any) -> Any:
    """`fn(*args)`, written in ops: as it is inside a trace, else on arrays."""
    return fn(*args) if current_trace() is not None else run_eagerly(fn, args, {})


def in_eager_call() -> bool:
    """Whether what is traced is a call on arrays, whose numbers are at hand."""
    trace = current_trace()
    return trace is not None and trace.bound is not None


def known_value(x: Any) -> np.ndarray | None:
    """The numbers of an array, a variable or a tensor as far as they are at hand, else None.

    Those of a traced tensor are where it depends on constants alone, and in an eager call.
    """
    trace = current_trace()
    if trace is None or not hasattr(x, "type"):
        return None if hasattr(x, "_keras_history") else np.asarray(x)
    if hasattr(x, "_storage"):
        x = Tensor(trace.read(x))
    if not isinstance(x, Tensor):
        return None
    leaves = _leaves(trace) if trace.bound is not None else {}
    below = toposort([x.node])
    if any((n.op in ("input", "param") and n not in leaves) for n in below):
        return None
    return evaluate_nodes([x.node], leaves, {})[x.node] if is_static(_dims(below)) else None


def _dims(nodes: list[Node]) -> list[Any]:
    return [d for n in nodes for d in n.shape]


def _leaves(trace: Trace) -> dict[Node, np.ndarray]:
    """The numbers of the leaves of an eager call: its arrays and variables."""
    return {**(trace.bound or {}), **{p: v._storage for v, p in trace.params.items()}}


def evaluate_trace(trace: Trace, result: Any) -> Any:
    """Numbers for the tensors in `result`; then the trace's updates take place."""
    updates = trace.updates()
    leaves = _leaves(trace)
    tensors = [x for x in flatten(result) if isinstance(x, Tensor)]
    tensors += [x._keras_mask for x in tensors if x._keras_mask is not None]
    roots = [x.node for x in tensors]
    indices = [node for node, _ in trace.ranges]
    values = evaluate_nodes([*roots, *updates.values(), *indices], leaves, {})
    for node, range in trace.ranges:
        range.check(np.asarray(values[node]))
    new = {v: values[updates[p]] for v, p in trace.params.items() if p in updates}
    answer = map_structure(lambda x: _array(x, values) if isinstance(x, Tensor) else x, result)
    for variable, value in new.items():
        variable.assign(value)
    return answer


def _array(x: Tensor, values: dict[Node, np.ndarray]) -> np.ndarray:
    """The numbers of a tensor, with its mask if it has one."""
    array = np.array(as_result(values[x.node], x.dtype))
    mask = None if x._keras_mask is None else np.array(values[x._keras_mask.node])
    return masked([array], [mask])[0]


def masked(arrays: Sequence[np.ndarray], masks: Sequence[np.ndarray | None]) -> list[np.ndarray]:
    """`arrays` with their masks, those that have one; no masks are none."""
    found = list(arrays)
    for k, mask in enumerate(masks):
        if mask is not None:
            view = found[k].view(Masked)
            view._keras_mask = mask
            found[k] = view
    return found
