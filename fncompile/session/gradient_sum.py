"""The sum over all ranks of what the first half of a step in parts leaves: `GradientSum`.

Gradients, and the moving statistics that the step has changed, are means over the rows of a rank.
They are weighted by the number of these, added up together with it, and divided by all rows: so the
ranks need not have the same number of rows, and one that has none adds nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fncompile.distribution.processes import Processes
from fncompile.ir.elements import decode, encode
from fncompile.ir.types import DTYPES

if TYPE_CHECKING:
    from fncompile.session.compiled import CompiledSteps


class GradientSum:
    """The arrays that `entry`, a gradient entry of `steps`, adds to or changes, in one vector."""

    def __init__(self, steps: CompiledSteps, entry: Any):
        memory = steps.train_memory
        assert memory is not None  # it is prepared with the entry
        runs = [(run.gradient["name"], run.dtype) for run in steps.runs]
        gradients = [(memory.block.view(name), dtype) for name, dtype in runs]
        state = [(steps.weights.block.view(n), d) for n, d in _changed(steps, entry)]
        arrays = [(array.reshape(-1), dtype) for array, dtype in (*gradients, *state)]
        self._gradients = [array for array, _ in gradients]
        wide = {DTYPES[dtype].in_register for _, dtype in arrays}
        ends = np.cumsum([array.size for array, _ in arrays], dtype=int)
        size = sum(array.size for array, _ in arrays) + 1  # the last one is for the rows
        self._vector = np.zeros(size, "float64" if "float64" in wide else "float32")
        parts = np.split(self._vector, ends)
        self._parts = [(array, dtype, part) for (array, dtype), part in zip(arrays, parts)]

    def clear(self) -> None:
        """No gradients."""
        for array in self._gradients:
            array.fill(0)

    def add_up(self, rows: int, processes: Processes) -> None:
        """Put the mean over the rows of all processes, of which this one had `rows`, in place."""
        vector = self._vector
        for array, dtype, part in self._parts:
            if rows:
                np.multiply(decode(array, dtype), vector.dtype.type(rows), out=part)
            else:
                part.fill(0)
        vector[-1] = rows
        processes.add(vector)
        np.divide(vector, vector[-1], out=vector)
        for array, dtype, part in self._parts:
            array[:] = encode(part, dtype)


def _changed(steps: CompiledSteps, entry: Any) -> list[tuple[str, str]]:
    """Names and dtypes of the weights of real numbers that the first half of a step changes."""
    own = {steps.names[v]: v.type for v in steps.weights.variables}
    updated = [p["name"] for p in entry.program.updates]
    return [(n, own[n].dtype) for n in updated if n in own and own[n].kind == "f"]
