"""Code on arrays, recorded as it runs: what a tape differentiates outside of a compiled step.

While a `Recording` is active, ops make nodes as in any trace, but their tensors have numbers: those
of arrays are constants, those of variables what these hold, and the rest is evaluated when it is
asked for. Updates of variables take place when the recording ends.
"""

from __future__ import annotations

import numpy as np

from fncompile.graph.trace import Trace, default_dtype
from fncompile.ir import build
from fncompile.ir.interp import evaluate_nodes
from fncompile.ir.node import Node
from fncompile.ir.types import DTYPES, TensorType


class Recording(Trace):
    """A trace whose leaves are arrays and variables at hand."""

    def __init__(self) -> None:
        super().__init__()
        self.bound: dict[Node, np.ndarray] = {}
        self._kept: list[np.ndarray] = []  # arrays that are watched, so that their ids hold
        self._known: dict[Node, np.ndarray] = {}

    def _as_recording(self) -> Trace:
        return self

    def watch(self, array: np.ndarray) -> None:
        """Let `array`, wherever it is used from now on, be a leaf of its own."""
        if id(array) in self.watched:
            return
        dtype = default_dtype(array)
        leaf = build.input(f"watched{len(self.watched)}", TensorType(dtype, array.shape))
        self.bound[leaf] = np.array(array, DTYPES[dtype].numpy)
        self.watched[id(array)] = leaf
        self._kept.append(array)

    def value(self, node: Node) -> np.ndarray:
        """The numbers of `node`, as they are or were in this recording."""
        if node not in self._known:
            self._read_leaves()
            self._known.update(evaluate_nodes([node], self._known, {}))
        return self._known[node]

    def _read_leaves(self) -> None:
        """Copies, since variables are going to be changed in place."""
        self._known.update(self.bound)
        for variable, leaf in self.params.items():
            if leaf not in self._known:
                self._known[leaf] = np.array(variable._storage)

    def finish(self) -> None:
        """End the recording, and update variables."""
        self._read_leaves()
        updates = self.updates()
        changed = {v: self.value(updates[p]) for v, p in self.params.items() if p in updates}
        for variable, value in changed.items():
            variable.assign(value)
