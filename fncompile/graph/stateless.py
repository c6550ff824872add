"""Functions of variables' values instead of variables: what JAX's manner of writing loops needs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from fncompile.graph.eager import wherever
from fncompile.graph.nest import map_structure
from fncompile.graph.tensor import Tensor
from fncompile.graph.trace import current_trace
from fncompile.ir.node import Node


def with_values(
    function: Callable[[], Any], variables: Sequence[Any], values: Sequence[Any]
) -> tuple[Any, list[Any]]:
    """What `function()` gives while `variables` have `values`, and what it leaves in them; they
    have their own values again then. ValueError unless there is a value for each."""
    variables = list(variables)
    if len(variables) != len(values):
        raise ValueError(
            f"There are {len(variables)} variables, and as many values are needed. "
            f"Received: {len(values)} values"
        )

    def traced(values: Sequence[Any]) -> tuple[Any, list[Any]]:
        trace = current_trace()
        assert trace is not None
        before = [trace.read(v) for v in variables]
        for variable, value in zip(variables, values):
            trace.write(variable, value)
        result = map_structure(_tensor, function())
        after = [Tensor(trace.read(v)) for v in variables]
        trace.values.update(zip(variables, before))
        return result, after

    return wherever(traced, list(values))


def _tensor(x: Any) -> Any:
    return Tensor(x) if isinstance(x, Node) else x
