"""Where the rows of each step come from.

A feed is asked at the start of each epoch (`begin`) and then for the next stretch (`take`) until it
has none. `steps` is the number of batches in an epoch, None while it is unknown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from fncompile import config
from fncompile.caller import warn_caller
from fncompile.training.steps import CallPlan

Arrays = list[np.ndarray]


@dataclass
class Stretch:
    """Some batches: `batches` of them, the rows `index` of `arrays`, `batch_size` at a time."""

    plan: CallPlan
    arrays: Arrays
    index: np.ndarray
    batch_size: int
    batches: int

    def run(self) -> None:
        """Take the steps."""
        self.plan.stretch(self.arrays, self.index, self.batch_size)


@dataclass
class Batch:
    """One batch, all rows of `arrays`."""

    plan: CallPlan
    arrays: Arrays
    batches: int = 1

    def run(self) -> None:
        """Take the step; nothing, where the batch is empty."""
        if len(self.arrays[0]):
            self.plan.batch(self.arrays)


class ArrayFeed:
    """Batches of arrays that are all there; `plan(arrays)` gives the plan to run an epoch by.

    With `steps` given, an epoch goes on where the one before it stopped, and ends, with a warning,
    where the data does; the next begins a new pass over it. The order of a pass follows from the
    seed given to `begin` and the number of steps that the optimizer had made when the pass began,
    so that training resumed in another process sees the same rows.
    """

    def __init__(
        self,
        plan: Callable[[Arrays], CallPlan],
        arrays: Arrays,
        batch_size: int | None = None,
        shuffle: bool | str = False,
        steps: int | None = None,
    ):
        self._plan_for = plan
        self.arrays = arrays
        self.rows = len(arrays[0])
        self.batch_size = checked_batch_size(batch_size)
        self.shuffle = shuffle
        self.per_pass = -(-self.rows // self.batch_size)
        self.steps: int | None = steps_at_most(steps, self.per_pass) or self.per_pass
        if self.rows == 0:
            raise ValueError("The data has no samples: expected arrays with at least one row.")

    def begin(self, epoch: int = 0, iterations: int = 0, seed: int = 0) -> None:
        assert self.steps is not None
        self._plan = self._plan_for(self.arrays)
        self._seed = seed
        epochs_per_pass = -(-self.per_pass // self.steps)
        self._position = epoch % epochs_per_pass * self.steps
        self._end = min(self._position + self.steps, self.per_pass)
        self._index = self._order(max(iterations - self._position, 0))
        self._short = self._end - self._position < self.steps

    def _order(self, iterations: int) -> np.ndarray:
        if not self.shuffle:
            return np.arange(self.rows)
        generator = np.random.default_rng([self._seed, iterations])
        if self.shuffle != "batch":
            return generator.permutation(self.rows)
        starts = generator.permutation(self.rows // self.batch_size) * self.batch_size
        whole = (starts[:, None] + np.arange(self.batch_size)).ravel()
        return np.concatenate([whole, np.arange(len(whole), self.rows)])

    def take(self, batches: int) -> Stretch | None:
        """At most `batches` batches of the epoch, None at its end."""
        if self._position == self._end:
            if self._short:
                _warn_of_the_end()
            return None
        count = min(batches, self._end - self._position)
        first = self._position * self.batch_size
        index = self._index[first : first + count * self.batch_size]
        self._position += count
        return Stretch(self._plan, self.arrays, index, self.batch_size, count)


def _warn_of_the_end() -> None:
    warn_caller(
        "Your input ran out of data; interrupting training. Make sure that your dataset or "
        "generator can generate at least `steps_per_epoch * epochs` batches."
    )


class BatchFeed:
    """Batches as a generator, a data set or any other iterable gives them.

    `start(seed)` gives the iterator of a pass over the data (a generator can only ever give
    itself); `seed`, a list of numbers, is for those that shuffle. `prepare` makes of an item a plan
    and flat arrays for it, as `call_plan` does. With `steps` given, an epoch goes on where the one
    before it stopped, and ends, with a warning, where the data does; the next begins a new pass.
    `ran_out` says that there can be none.
    """

    def __init__(
        self,
        start: Callable[[list[int]], Iterator],
        prepare: Callable[[Any], tuple[CallPlan, Arrays]],
        steps: int | None = None,
        length: int | None = None,
    ):
        self.ran_out = False
        self._start = start
        self._prepare = prepare
        self._limit = steps_at_most(steps, length)
        self.steps = self._limit or length
        self._iterator: Iterator | None = None

    def begin(self, epoch: int = 0, iterations: int = 0, seed: int = 0) -> None:
        self._taken, self._iterations, self._seed = 0, iterations, seed
        if self._iterator is None or self._limit is None:
            self._iterator = self._start([seed, iterations])

    def take(self, batches: int) -> Batch | None:
        """The next batch of the epoch, None at its end."""
        item = None if self._taken == self._limit else self._next()
        if item is None:
            self._end()
            return None
        self._taken += 1
        return Batch(*self._prepare(item))

    def _next(self) -> Any:
        item = next(self._iterator, None)  # type: ignore[arg-type]
        if item is None and self._limit is not None and self._taken == 0:
            self._iterator = self._start([self._seed, self._iterations])
            item = next(self._iterator, None)
        return item

    def _end(self) -> None:
        short = self._limit is not None and self._taken < self._limit
        self.ran_out = self._taken == 0 or (short and self._is_one_iterator())
        if self.ran_out or short:
            _warn_of_the_end()
            self._iterator = None
        self.steps = self.steps or self._taken

    def _is_one_iterator(self) -> bool:
        """Can the data be gone through but once?"""
        return self._start([self._seed, self._iterations]) is self._iterator


def checked_batch_size(batch_size: int | None) -> int:
    """32 for None; ValueError unless it is a positive integer."""
    batch_size = 32 if batch_size is None else batch_size
    if not isinstance(batch_size, (int, np.integer)) or batch_size < 1:
        raise ValueError(
            f"`batch_size` should be a positive integer. Received: batch_size={batch_size}"
        )
    return int(batch_size)


def steps_at_most(steps: Any, length: int | None) -> int | None:
    """How many batches of `length` an epoch has, as told and as `config.max_steps_per_epoch` says;
    None for as many as there are."""
    told = None if steps is None else checked_steps(steps)
    most = config._max_steps_per_epoch  # warm calls are short: no function for what is rarely set
    wanted = told or length
    return told if most is None or (wanted is not None and wanted <= most) else most


def checked_steps(steps: Any) -> int:
    if not isinstance(steps, (int, np.integer)) or steps < 1:
        raise ValueError(f"The number of steps should be a positive integer. Received: {steps}")
    return int(steps)
