"""The results of metrics as they stand: `MetricResults`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fncompile.graph.trace import Trace, to_node
from fncompile.ir.node import Node
from fncompile.ir.tape import Tape


class MetricResults:
    """Names and present values, as Python numbers, of metrics given with their names.

    Callbacks may ask at every batch, so the results of our own metrics are traced once. A user's
    `result` may be plain Python on values, which a trace would take for constants.
    """

    def __init__(self, metrics: Sequence[tuple[str, Any]]):
        self._parts: list[tuple[str, Any]] = []  # name, and place in the tape's answer or metric
        nodes: list[Node] = []
        trace = Trace()
        with trace.active():
            for name, metric in metrics:
                if not _is_ours(metric):
                    self._parts.append((name, metric))
                    continue
                for key, value in _named(name, metric.result()):
                    self._parts.append((key, len(nodes)))
                    nodes.append(to_node(value))
        self._variables = list(trace.params)
        self._tape = Tape(nodes, list(trace.params.values()))

    def __call__(self) -> list[tuple[str, Any]]:
        values = self._tape([v._storage for v in self._variables])
        found: list[tuple[str, Any]] = []
        for name, part in self._parts:
            entries = [(name, values[part])] if type(part) is int else _named(name, part.result())
            found += [(key, _plain(value)) for key, value in entries]
        return found


def _is_ours(metric: Any) -> bool:
    return type(metric).result.__module__.startswith("fncompile.")


def _named(name: str, result: Any) -> list[tuple[str, Any]]:
    return list(result.items()) if isinstance(result, dict) else [(name, result)]


def _plain(value: Any) -> Any:
    array = np.asarray(value)
    return float(array) if array.size == 1 else array
