"""`fit` and `evaluate` in several processes: callbacks run in the first, and all go on as it does.

Around each hook the first tells the others whether to stop, and, where a callback changed weights,
optimizer or learning rate, gives them its numbers. What a callback trains or evaluates is its own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import numpy as np

from fncompile.callbacks import Callback, CallbackList
from fncompile.callbacks.watched import WatchedModel
from fncompile.distribution.parallel import DataParallel, alone, together
from fncompile.training.feed import ArrayFeed, BatchFeed
from fncompile.training.steps import Pace
from fncompile.training.trained import TrainedModel

_STOPS = ("stop_training", "stop_evaluating", "stop_predicting")
_GOLDEN = 0x9E3779B9  # 2**32 by the golden ratio: multiples of it are far apart


def callback_list(callbacks: Any, model: TrainedModel, **params: Any) -> CallbackList:
    """A CallbackList; in several processes one whose callbacks run in the first."""
    parallel = together()
    watched: WatchedModel = model  # type: ignore[assignment]  # more than the loop asks for
    if parallel is None:
        return CallbackList(callbacks, model=watched, **params)
    if not parallel.processes.is_first:
        callbacks, params = None, {**params, "add_progbar": False}
    return CallbacksOfFirst(parallel, callbacks, model=watched, **params)


class CallbacksOfFirst(CallbackList):
    """The callbacks of the first process, and in the others the History alone."""

    def __init__(self, parallel: DataParallel, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self._processes = parallel.processes

    def needs_every_batch(self, mode: str) -> bool:
        return bool(self._processes.from_first(super().needs_every_batch(mode)))

    def _run(self, hook: Callable[..., None], *args: Any) -> None:
        model, processes = cast(TrainedModel, self._model), self._processes
        logs = args[-1] if args and isinstance(args[-1], dict) else {}
        before = _changes(model)
        with alone():
            if processes.is_first:
                hook(self, *args)
            stops = {name: getattr(model, name) for name in _STOPS}
            changed = before is None or before != _changes(model)
            stops, changed, said = processes.from_first((stops, changed, logs))
            logs.update(said)  # callbacks may add to them
            if not processes.is_first:
                hook(self, *args)
        for name, value in stops.items():
            setattr(model, name, value)
        if changed:
            share_state(model, processes)


def _of_first(name: str) -> Callable[..., None]:
    hook = getattr(CallbackList, name)
    return lambda self, *args: self._run(hook, *args)


for _name in [n for n in vars(Callback) if n.startswith("on_")]:
    setattr(CallbacksOfFirst, _name, _of_first(_name))


def _changes(model: TrainedModel) -> int | None:
    return None if model._steps is None else model._steps.changes


def pace(model: TrainedModel, calls: CallbackList, mode: str) -> Pace:
    """As fast as it goes, or where callbacks look at batches, so many as `compile` was told; the
    same for all processes."""
    fixed = getattr(model, "steps_per_execution", 1) if calls.needs_every_batch(mode) else None
    parallel = together() if mode != "predict" else None
    return Pace(fixed) if parallel is None else Pace(fixed, parallel.processes.from_first)


# state ------------------------------------------------------------------------------------------


def begin(model: TrainedModel, feed: ArrayFeed | BatchFeed) -> None:
    """Let all processes start `fit` as the first does. Random layers draw other numbers in each.

    ValueError where processes with data of their own have not as many batches.
    """
    parallel = together()
    if parallel is None:
        return
    check_batches(feed)
    processes = parallel.processes
    noted = model.training_seed, model._initial_epoch
    model.training_seed, model._initial_epoch = processes.from_first(noted)
    share_state(model, processes)
    for seed in _seeds(model):
        state = np.array(seed.value)
        state.flat[0] += np.uint32(processes.rank * _GOLDEN & 0xFFFFFFFF)
        seed.assign(state)


def end(model: TrainedModel) -> None:
    """Give all processes the state of random layers that the first has."""
    parallel = together()
    for seed in _seeds(model) if parallel else ():
        _share(seed, parallel.processes)  # type: ignore[union-attr]


def check_batches(feed: ArrayFeed | BatchFeed) -> None:
    """ValueError unless all processes have as many batches."""
    parallel = together()
    if parallel is None or parallel.auto_shard_dataset:
        return
    counts = parallel.processes.gather(feed.steps)
    if len(set(counts)) > 1:
        raise ValueError(
            "Each process was given data of its own, and they have not as many batches: "
            f"{dict(enumerate(counts))} by rank. Give `steps_per_epoch`, or data of one length."
        )


def share_state(model: TrainedModel, processes: Any) -> None:
    """Give all processes the numbers of the first, but for the seeds of random layers."""
    model.optimizer.build(model.trainable_variables)
    seeds = set(_seeds(model))
    for variable in dict.fromkeys([*model.variables, *model.optimizer.variables]):
        if variable not in seeds:
            _share(variable, processes)


def _share(variable: Any, processes: Any) -> None:
    value = np.array(variable.value)
    processes.fill(value)
    variable.assign(value)


def _seeds(model: TrainedModel) -> list[Any]:
    return [v for v in model.variables if v.name == "seed_generator_state"]
