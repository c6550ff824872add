"""What the loop asks of a compiled model, and how many steps it hands over at a time."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np

from fncompile.training.step_data import Parts
from fncompile.training.trained import TrainedModel

Arrays = Sequence[np.ndarray]

STRETCH_SECONDS = 0.15
_MAX_GROWTH = 8


class CallPlan(Protocol):
    """How one kind of call is done: see `Steps.plan`.

    `arrays` are the model's flat inputs, then the targets of `objective.targets`, then, or not at
    all, one array of sample weights for each of these targets; of a prediction, inputs only. They
    have the same number of rows, are C-contiguous and in the program's dtypes. After "train" and
    "evaluate" the variables of the objective, and after "train" those of the model and its
    optimizer, hold the new state.
    """

    verb: str
    rows: int  # of the arrays that it was made for
    sources: Any  # what `training.call_plan` keeps here
    parts: Parts | None  # the structure of the data of a step that the user wrote

    def holds(self, model: TrainedModel) -> bool:
        """Would a plan made now be the same?"""

    def batch(self, arrays: Arrays) -> list[np.ndarray]:
        """All rows as one batch; flat outputs."""

    def predict(self, arrays: Arrays, batch_size: int) -> list[np.ndarray]:
        """Flat outputs for all rows, in batches."""

    def stretch(self, arrays: Arrays, index: np.ndarray, batch_size: int) -> None:
        """`ceil(len(index) / batch_size)` steps on the rows `index` (int64), in that order, without
        entering Python between them."""


class Steps(Protocol):
    """The compiled steps of a model."""

    trains: bool  # is there a variable to train?
    changes: int | None  # how often weights and state changed; None before there is a step
    plans: dict[tuple, CallPlan]  # those that `training.call_plan` has made

    def plan(
        self, verb: str, arrays: Arrays, sources: Any = None, parts: Parts | None = None
    ) -> CallPlan:
        """How `verb`, which is "train", "evaluate" or "predict", is done for arrays like these; in
        a step that the user wrote they are `parts`."""


class Pace:
    """Chooses how many batches to run before Python is entered again.

    A stretch aims at `STRETCH_SECONDS`, so that the bar is drawn and Ctrl-C heard a few times a
    second; the first is a single batch, and none is more than 8 times as long as the one before it,
    since one fast batch says little about the next thousand. A `fixed` number stays as it is.
    `agree` makes of the number that this process would choose the one of all processes.
    """

    def __init__(self, fixed: int | None = None, agree: Callable[[int], int] = int):
        self.batches = fixed or 1
        self.fixed = fixed
        self._agree = agree
        self._began = 0.0

    def begin(self) -> None:
        self._began = time.perf_counter()

    def end(self, batches: int) -> None:
        """Learn from a stretch of `batches` that took the time since `begin`."""
        if self.fixed:
            return
        seconds = max(time.perf_counter() - self._began, 1e-9)
        wanted = int(STRETCH_SECONDS / seconds * batches)
        self.batches = self._agree(max(1, min(wanted, self.batches * _MAX_GROWTH)))
