"""`Shaped`: a compiled entry for arrays of fixed shapes, with all that follows from these decided.

    step = entry.shaped(arrays)     # checks the sizes: ValueError
    outputs = step(arrays)          # these, or others of the same shapes and dtypes

May be called from several threads at once, as far as the entry may. Whether a team shares the work
is what FNC_THREADS said when this was made.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from fncompile.flags import flag
from fncompile.ir import interp
from fncompile.ir.dims import evaluate
from fncompile.ir.types import DTYPES

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
        outputs = [np.empty(shape, dtype) for shape, dtype in self._outputs]
        env.set_arrays(inputs, outputs)
        status = entry.step(env)
        if status:
            entry.refuse(status, self._sizes, inputs)
        return outputs


def output_kinds(
    entry: CompiledEntry, sizes: dict[str, int]
) -> list[tuple[tuple[int, ...], np.dtype]]:
    """Shape of each output, and dtype of its elements in memory."""
    return [
        (tuple(evaluate(d, sizes) for d in t.shape), DTYPES[t.dtype].storage)
        for t in entry.lowered.outputs
    ]
