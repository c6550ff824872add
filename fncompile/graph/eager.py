"""Calling traced code on arrays: trace it on placeholders, then evaluate with the interpreter."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from fncompile.graph.nest import flatten, map_structure
from fncompile.graph.tensor import Tensor
from fncompile.graph.trace import Trace, current_trace, default_dtype, placeholder
from fncompile.ir.interp import evaluate_nodes
from fncompile.ir.node import Node
from fncompile.ir.types import DTYPES, TensorType


def is_array(x: Any) -> bool:
    return isinstance(x, (np.ndarray, np.generic))


def run_eagerly(fn: Callable, args: tuple, kwargs: dict, training: bool | None = None) -> Any:
    """`fn(*args, **kwargs)` on NumPy arrays and variables; variables assigned inside are
    updated."""
    assert current_trace() is None
    bound: dict[Node, np.ndarray] = {}

    def bind(x: Any) -> Any:
        if not isinstance(x, np.ndarray):  # NumPy scalars stay: they may be axes or sizes
            return x
        dtype = default_dtype(np.asarray(x))
        tensor = placeholder(f"arg{len(bound)}", TensorType(dtype, np.shape(x)))
        bound[tensor.node] = np.asarray(x, DTYPES[dtype].numpy)
        return tensor

    trace = Trace(training)
    with trace.active():
        args, kwargs = map_structure(bind, (args, kwargs))
        result = fn(*args, **kwargs)
    return evaluate_trace(trace, result, bound)


def evaluate_trace(trace: Trace, result: Any, bound: dict[Node, np.ndarray]) -> Any:
    """Numbers for the tensors in `result`; then the trace's updates take place."""
    updates = trace.updates()
    leaves = {**bound, **{p: v._storage for v, p in trace.params.items()}}
    roots = [x.node for x in flatten(result) if isinstance(x, Tensor)]
    values = evaluate_nodes([*roots, *updates.values()], leaves, {})
    new = {v: values[updates[p]] for v, p in trace.params.items() if p in updates}
    answer = map_structure(
        lambda x: np.array(values[x.node]) if isinstance(x, Tensor) else x, result
    )
    for variable, value in new.items():
        variable.assign(value)
    return answer
