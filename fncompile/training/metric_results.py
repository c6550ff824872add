"""The results of metrics as they stand: `MetricResults`."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import Any

import numpy as np

from fncompile.graph.trace import Trace, to_node
from fncompile.graph.variable import clear_all
from fncompile.ir.node import Node
from fncompile.ir.tape import Tape

_STORAGE = attrgetter("_storage")


class MetricResults:
    """Names and present values, as Python numbers, of metrics given with their names; and their
    reset.

    Callbacks may ask at every batch, so the results of our own metrics are traced once. A user's
    `result` may be plain Python on values, which a trace would take for constants. Requires that
    the metrics have all the variables that they will have.
    """

    def __init__(self, metrics: Sequence[tuple[str, Any]]):
        self._parts: list[tuple[str, Any]] = []  # name, and place in the tape's answer or metric
        nodes: list[Node] = []
        trace = Trace()
        with trace.active():
            for name, metric in metrics:
                if not _is_ours(type(metric).result):
                    self._parts.append((name, metric))
                    continue
                for key, value in _named(name, metric.result()):
                    self._parts.append((key, len(nodes)))
                    nodes.append(to_node(value))
        self._variables = list(trace.params)
        self._tape = Tape(nodes, list(trace.params.values()))
        ours = [m for _, m in metrics if _is_ours(type(m)) and _is_ours(type(m).reset_state)]
        self._resets = [metric.reset_state for _, metric in metrics if metric not in ours]
        self._cleared = list(dict.fromkeys(v for metric in ours for v in metric.variables))

    def __call__(self) -> list[tuple[str, Any]]:
        values = self._tape(map(_STORAGE, self._variables))
        found: list[tuple[str, Any]] = []
        for name, part in self._parts:
            if type(part) is int:
                value = values[part]
                found.append((name, float(value.item()) if value.size == 1 else value))
            else:
                found += [(key, _plain(value)) for key, value in _named(name, part.result())]
        return found

    def reset(self) -> None:
        """`reset_state` of all."""
        clear_all(self._cleared)
        for reset in self._resets:
            reset()


def _is_ours(code: Any) -> bool:
    return code.__module__.startswith("fncompile.")


def _named(name: str, result: Any) -> list[tuple[str, Any]]:
    return list(result.items()) if isinstance(result, dict) else [(name, result)]


def _plain(value: Any) -> Any:
    array = np.asarray(value)
    return float(array) if array.size == 1 else array
