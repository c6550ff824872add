"""`CallPlan`: all that is decided about one kind of call of a model.

The kind of a call is what is done ("train", "evaluate" or "predict") and the shapes and dtypes of
the arrays. What follows from it, entries and every size, is found when it is first needed, and
serves for as long as the plan `holds`: until the model, what it was compiled with, or a switch
changes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fncompile.config import floatx
from fncompile.distribution.parallel import together
from fncompile.flags import overrides
from fncompile.ir.dims import Poly
from fncompile.runtime.entry import Entry, Run
from fncompile.training.trained import TrainedModel

if TYPE_CHECKING:
    from fncompile.session.compiled import CompiledSteps
    from fncompile.training.step_data import Parts

Arrays = Sequence[np.ndarray]
Stretch = Callable[[Arrays, np.ndarray, int], None]


class CallPlan:
    """`verb` of a model for arrays whose shapes, but for the number of rows, and dtypes are those
    of `arrays`. `sources` is for the caller to keep where they come from, `parts` their structure
    in a step that the user wrote."""

    def __init__(
        self,
        steps: CompiledSteps,
        verb: str,
        arrays: Arrays,
        sources: Any = None,
        parts: Parts | None = None,
    ):
        self.steps, self.verb, self.sources, self.parts = steps, verb, sources, parts
        self.rows = _rows(arrays)
        self._fingerprint = steps.fingerprint
        self._switches, self._floatx = overrides(), floatx()
        self._together = together()
        self._batches: dict[int, tuple[Entry, Run]] = {}  # by the number of rows
        self._stretches: dict[int, tuple[Entry, Stretch]] = {}  # by the rows of a batch
        self._splits = steps.fixed_batch  # is a prediction of many rows made in parts?

    def holds(self, model: TrainedModel) -> bool:
        """Would a plan that is made now be the same?"""
        return (
            self._switches is overrides()
            and self._floatx == floatx()
            and self._together is together()
            and (self._fingerprint.holds(model) or model.steps() is self.steps)
        )

    def batch(self, arrays: Arrays) -> list[np.ndarray]:
        """Outputs for all rows of `arrays` as one batch; "train" is one step."""
        rows = len(arrays[0]) if arrays[0].ndim else 1
        found = self._batches.get(rows)
        entry, run = found if found is not None else self._new_batch(arrays)
        weights = self._make_ready(entry)
        outputs = run(arrays)
        if self.verb == "train":
            weights.version += 1
        return outputs

    def predict(self, arrays: Arrays, batch_size: int) -> list[np.ndarray]:
        """Outputs for all rows, computed in batches."""
        rows = len(arrays[0]) if arrays[0].ndim else 1
        if rows <= batch_size:
            return self.batch(arrays)
        if not self._batches:
            self._new_batch([a[:batch_size] if self._splits else a for a in arrays])
        if not self._splits:
            return self.batch(arrays)
        parts = [
            self.batch([a[i : i + batch_size] for a in arrays]) for i in range(0, rows, batch_size)
        ]
        return [np.concatenate(group) for group in zip(*parts)]

    def stretch(self, arrays: Arrays, index: np.ndarray, batch_size: int) -> None:
        """Steps on the rows `index` (int64) of `arrays`, in that order, without entering Python
        between them."""
        if not len(index):
            return
        whole = len(index) // batch_size * batch_size
        if self.steps.fixed_batch and 0 < whole < len(index):  # the last batch is another entry's
            self.stretch(arrays, index[:whole], batch_size)
            index = index[whole:]
        batch = min(batch_size, len(index))
        found = self._stretches.get(batch)
        entry, run = found if found is not None else self._new_stretch(arrays, batch)
        weights = self._make_ready(entry)
        try:
            run(arrays, np.ascontiguousarray(index, np.int64), batch_size)
        finally:  # an error may come after some batches
            if self.verb == "train":
                weights.version += 1

    def _new_batch(self, arrays: Arrays) -> tuple[Entry, Run]:
        entry = self.steps.entry(self.verb, arrays, self.parts)
        self._splits = self._splits or _is_batched(entry)
        self._batches[_rows(arrays)] = made = entry, entry.shaped(arrays)
        return made

    def _new_stretch(self, arrays: Arrays, batch: int) -> tuple[Entry, Stretch]:
        arrays = [a[:batch] for a in arrays]
        entry = self.steps.entry(self.verb, arrays, self.parts)
        self._stretches[batch] = made = entry, entry.shaped_steps(arrays)
        return made

    def _make_ready(self, entry: Entry) -> Any:
        """Weights in place, and what follows from them alone computed; gives their memory."""
        steps = self.steps
        weights = steps.weights
        usual = None if self.verb == "predict" else steps.train_memory
        own = steps.own_memory.get(entry, usual)
        state = steps.state
        lost = weights.lost or (own is not None and own.lost)
        lost = lost or (state is not None and state.lost)  # written out: each warm call comes here
        if lost or not entry.is_prepared(weights.version):
            steps.make_ready(entry, weights, own, state)
        return weights


def _rows(arrays: Arrays) -> int:
    return len(arrays[0]) if arrays[0].ndim else 1


def _is_batched(entry: Entry) -> bool:
    return any(isinstance(d, Poly) for t in entry.program.inputs for d in t.shape[:1])
