"""`SharedPlan`: a call that all processes of a distribution do together.

Each takes its rows of every batch, forward and backward; gradients and moving statistics, weighted
by rows, are added up in one sum over the ranks; then each takes the same step of the optimizer. The
step is the one in parts that an exported library has, so its bits are those of C.

Metrics are sums over samples: each rank counts what it sees, all but the first from zero, and after
a stretch the variables have the counts of all. `Variable.aggregation` says otherwise where a metric
wants it. How long a stretch is depends on the clock, and no bit may: so each rank goes on from its
own count, and takes the same rows of each batch wherever a stretch begins.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from fncompile.distribution.parallel import DataParallel, together
from fncompile.graph.variable import Variable
from fncompile.runtime.entry import Entry
from fncompile.session.call_plan import CallPlan
from fncompile.session.gradient_sum import GradientSum
from fncompile.session.signature import step_signature
from fncompile.training.compile import objective_of

if TYPE_CHECKING:
    from fncompile.session.compiled import CompiledSteps

Arrays = Sequence[np.ndarray]
_MEANS = ("sum_over_batch_size", "mean")


class SharedPlan(CallPlan):
    """`CallPlan` for several processes; `verb` is "train" or "evaluate"."""

    def __init__(
        self,
        steps: CompiledSteps,
        verb: str,
        arrays: Arrays,
        sources: Any,
        parallel: DataParallel,
    ):
        super().__init__(steps, verb, arrays, sources)
        self._parallel = parallel
        self._objective = objective_of(steps.model)
        self._signature = step_signature(steps.model, steps.label, arrays)
        # by the number of rows
        self._gradients: dict[int, tuple[Callable[[Arrays], Any], GradientSum]] = {}
        # what a variable had after the last stretch: this rank's own count, and that of all
        self._counts: dict[Variable, tuple[np.ndarray, np.ndarray]] = {}
        _check_losses(self._objective)

    def batch(self, arrays: Arrays) -> list[np.ndarray]:
        """One step, or evaluation, on all rows as one batch. Outputs are not kept."""
        self.stretch(arrays, np.arange(len(arrays[0])), max(len(arrays[0]), 1))
        return []

    def stretch(self, arrays: Arrays, index: np.ndarray, batch_size: int) -> None:
        if not len(index):
            return
        with self._counting_together():
            batches = [index[at : at + batch_size] for at in range(0, len(index), batch_size)]
            if self.verb == "train":
                for batch in batches:
                    self._step(arrays, batch)
                return
            mine = [self._parallel.share(batch) for batch in batches]
            last = mine.pop() if len(mine) > 1 and len(mine[-1]) < len(mine[0]) else index[:0]
            for part in np.concatenate(mine), last:
                super().stretch(arrays, part, max(len(mine[0]), 1))

    def _step(self, arrays: Arrays, index: np.ndarray) -> None:
        rows = self._parallel.share(index)
        batch = [np.ascontiguousarray(a[rows if len(rows) else index[:1]]) for a in arrays]
        compute, gradients = self._gradient_of(batch)
        self._make_ready(self._optimizer)
        gradients.clear()
        if len(rows):
            compute(batch)
        gradients.add_up(len(rows), self._parallel.processes)
        self._take_step(())
        self.steps.weights.version += 1

    def _gradient_of(self, batch: Arrays) -> tuple[Callable[[Arrays], Any], GradientSum]:
        """What computes the gradients of a batch like this, and their sum over the ranks."""
        found = self._gradients.get(len(batch[0]))
        if found is None:
            signature = step_signature(self.steps.model, self.steps.label, batch)
            entry = self.steps.gradient_entry(signature)
            found = entry.shaped(batch), GradientSum(self.steps, entry)
            self._gradients[len(batch[0])] = found
        return found

    @cached_property
    def _optimizer(self) -> Entry:
        return self.steps.optimizer_entry(self._signature)

    @cached_property
    def _take_step(self) -> Callable[[Arrays], Any]:
        return self._optimizer.shaped(())

    @contextmanager
    def _counting_together(self) -> Iterator[None]:
        """Inside, each rank counts what it sees; afterwards all have the counts of all."""
        for variable in self._objective.variables:
            self._count_alone(variable)
        yield
        variables = self._objective.variables  # more than before, if this was the first step
        own = [np.array(v.value) for v in variables]
        for v, count, values in zip(variables, own, zip(*self._parallel.processes.gather(own))):
            v.assign(_together(v, values))
            self._counts[v] = count, np.array(v.value)

    def _count_alone(self, variable: Variable) -> None:
        """Give `variable` this rank's own count."""
        counted = self._counts.get(variable)
        if counted is not None and np.array_equal(variable.value, counted[1]):
            variable.assign(counted[0])
        elif variable.aggregation == "sum" and not self._parallel.processes.is_first:
            variable.clear()  # it was reset, or another plan counted: the first rank has the count


def _together(variable: Variable, values: Sequence[np.ndarray]) -> np.ndarray:
    """One value of a variable for those that it has in the ranks."""
    if variable.aggregation not in ("sum", "mean"):
        return values[0]
    total = np.array(values[0])
    for value in values[1:]:
        total += value
    return total if variable.aggregation == "sum" else total / len(values)


def _check_losses(objective: Any) -> None:
    """The mean over a batch is the mean of the ranks' means by rows; nothing else is."""
    for term in getattr(objective, "terms", ()):
        reduction = getattr(term.loss, "reduction", "sum_over_batch_size")
        if reduction not in _MEANS:
            raise NotImplementedError(
                f"The loss {term.loss.name!r} is reduced by {reduction!r}. Several processes train "
                f"together by losses that are means over the batch: {', '.join(_MEANS)}."
            )


def shared_plan(
    steps: CompiledSteps, verb: str, arrays: Arrays, sources: Any, parts: Any
) -> SharedPlan | None:
    """The plan of all processes, where there are several at this moment and `verb` is theirs."""
    parallel = together() if verb != "predict" else None
    if parallel is None:
        return None
    if parts is not None:
        raise NotImplementedError(
            f"{type(steps.model).__name__} says itself what happens in a step, and only it knows "
            "what its gradients are. Several processes train together by losses given to "
            "`compile`: leave `train_step`, `test_step`, `compute_loss` and `compute_metrics` out."
        )
    return SharedPlan(steps, verb, arrays, sources, parallel)
