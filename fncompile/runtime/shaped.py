"""A compiled entry for arrays of fixed shapes, with all that follows from these decided.

    step = entry.shaped(arrays)     # checks the sizes: ValueError
    outputs = step(arrays)          # these, or others of the same shapes and dtypes
    steps = entry.shaped_steps(batch)   # one batch of the rows to come
    steps(arrays, index, batch_size)

May be called from several threads at once, as far as the entry may. Whether a team shares the work
is what FNC_THREADS said when this was made.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import starmap
from typing import TYPE_CHECKING

import numpy as np

from fncompile.flags import flag
from fncompile.ir import interp, ranges
from fncompile.ir.dims import evaluate
from fncompile.ir.types import DTYPES
from fncompile.runtime.binding import ALIGN, RANGE

if TYPE_CHECKING:
    from fncompile.runtime.entry import CompiledEntry


class Shaped:
    """`entry` for arrays of the shapes that `inputs` have."""

    __slots__ = ("_dims", "_outputs", "_scratch", "_shares", "_sizes", "entry")

    def __init__(self, entry: CompiledEntry, inputs: Sequence[np.ndarray]):
        sizes, lowered = interp.bind_symbols(entry.program, inputs), entry.lowered
        self.entry, self._sizes = entry, sizes
        entry.check_sizes(sizes)
        self._dims = tuple(sizes[s] for s in lowered.symbols)
        self._scratch = evaluate(lowered.arena, sizes)
        self._shares = flag("threads") > 1
        self._outputs = output_kinds(entry, sizes)

    def __call__(self, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Outputs for C-contiguous inputs; updates change the blocks of the entry."""
        entry = self.entry
        env = entry.thread_env(self._dims, self._scratch, self._shares)
        outputs = list(starmap(np.empty, self._outputs))
        env.set_arrays(inputs, outputs)
        status = entry.step(env)
        if status:
            entry.refuse(status, self._sizes, inputs)
        return outputs


class ShapedSteps:
    """The steps of `entry` on batches with the shapes of `batch`, taken from rows of arrays.

    The last of them may have fewer rows.
    """

    __slots__ = ("_dims", "_outputs", "_scratch", "_shares", "_sizes", "entry")

    def __init__(self, entry: CompiledEntry, batch: Sequence[np.ndarray]):
        rows, lowered = len(batch[0]), entry.lowered
        sizes = {**interp.bind_symbols(entry.program, batch), "B": rows}
        entry.check_sizes(sizes)
        room = [-(-rows * evaluate(row, sizes) // ALIGN) * ALIGN for row in lowered.row_bytes]
        self.entry, self._sizes = entry, sizes
        self._dims = tuple(sizes[s] for s in lowered.symbols)
        self._scratch = evaluate(lowered.arena, sizes) + ALIGN + sum(room)
        self._shares = flag("threads") > 1
        self._outputs = output_kinds(entry, sizes)

    def __call__(self, arrays: Sequence[np.ndarray], index: np.ndarray, batch_size: int) -> None:
        """The program for each batch of the rows `index` (int64, at least one) of `arrays`."""
        entry = self.entry
        assert entry.steps is not None  # or this would not have been made
        env = entry.thread_env(self._dims, self._scratch, self._shares)
        env.set_arrays((*arrays, index), [np.empty(shape, dtype) for shape, dtype in self._outputs])
        env.set_args(len(index), batch_size, len(arrays[0]))
        status = entry.steps(env)
        if status == RANGE:
            self._run_to_first_outside(arrays, index, batch_size)
        elif status:
            entry.check_sizes({**self._sizes, "B": len(index) % batch_size or batch_size})
            entry.refuse(status, self._sizes, ())

    def _run_to_first_outside(
        self, arrays: Sequence[np.ndarray], index: np.ndarray, batch_size: int
    ) -> None:
        """The batches before the first with an index that the model does not have; then the error
        of that one."""
        entry = self.entry
        known, inputs = entry.program.ranges, entry.program.inputs
        wanted = dict(known)
        rows = [a[index] if node["name"] in wanted else index for a, node in zip(arrays, inputs)]
        at = ranges.first_outside(known, inputs, rows) // batch_size * batch_size
        if at:
            self(arrays, index[:at], batch_size)
        entry.check_indices([row[at : at + batch_size] for row in rows])


def output_kinds(
    entry: CompiledEntry, sizes: dict[str, int]
) -> list[tuple[tuple[int, ...], np.dtype]]:
    """Shape of each output, and dtype of its elements in memory."""
    return [
        (tuple(evaluate(d, sizes) for d in t.shape), DTYPES[t.dtype].storage)
        for t in entry.lowered.outputs
    ]
