"""`fit`, `evaluate` and `predict`.

Python is entered a few times a second: whole stretches of steps are handed to the compiled model,
and between them the progress bar is drawn, callbacks run, and Ctrl-C is heard. A callback with
batch hooks makes every stretch a single batch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

import numpy as np

from fncompile.callbacks import CallbackList, History
from fncompile.callbacks.watched import WatchedModel
from fncompile.config import is_interactive_logging_enabled, max_epochs
from fncompile.training import data, together
from fncompile.training.call_plan import call_plan
from fncompile.training.compile import (
    check_compiled,
    check_has_optimizer,
    objective_of,
    reset_metrics,
    warn_if_nothing_trains,
)
from fncompile.training.feed import checked_batch_size, steps_at_most
from fncompile.training.results import result_of
from fncompile.training.sources import (
    Feed,
    array_feed,
    check_splittable,
    is_arrays,
    prediction_feed,
    training_feed,
)
from fncompile.training.step_data import unpack
from fncompile.training.steps import Arrays, CallPlan, Pace
from fncompile.training.trained import TrainedModel


def fit(
    model: TrainedModel,
    x: Any = None,
    y: Any = None,
    batch_size: int | None = None,
    epochs: int = 1,
    verbose: str | int = "auto",
    callbacks: Any = None,
    validation_split: float = 0.0,
    validation_data: Any = None,
    shuffle: bool | str = True,
    class_weight: dict[int, float] | None = None,
    sample_weight: Any = None,
    initial_epoch: int = 0,
    steps_per_epoch: int | None = None,
    validation_steps: int | None = None,
    validation_batch_size: int | None = None,
    validation_freq: int | Iterable[int] = 1,
) -> History:
    """Train for the epochs `initial_epoch` to `epochs - 1`; gives the History of their logs.

    Data are arrays, lists or dicts of them by name, a `PyDataset`, a generator or another iterable
    of (x, y[, sample_weight]). `validation_split` takes the last fraction of the arrays. The rows
    of an epoch are shuffled by the model's training seed and the optimizer's step count, so a model
    that was saved and loaded goes on exactly as if it had not been interrupted. ValueError for data
    that does not fit the model.
    """
    check_compiled(model)
    check_has_optimizer(model)
    warn_if_nothing_trains(model)
    epochs = min(epochs, max_epochs() or epochs)
    validation_feed: Feed | None = None
    weights = (sample_weight, class_weight)
    if validation_split and validation_data is None:
        check_splittable(x)
        plan, arrays = call_plan(model, "train", x, y, *weights)
        arrays, held_out = data.split(arrays, validation_split)
        feed: Feed = array_feed(model, plan, arrays, batch_size, shuffle, steps_per_epoch)
        parts = plan.parts
        if class_weight is not None:
            parts = None if parts is None else parts.without_weights()
            held_out = held_out[:-1]  # class weights, the last array, are for training only
        validation_feed = array_feed(
            model, model.steps().plan("evaluate", held_out, parts=parts), held_out,
            validation_batch_size or batch_size, steps=validation_steps,
        )  # fmt: skip
    else:
        feed = training_feed(model, "train", x, y, *weights, batch_size, shuffle, steps_per_epoch)
    if validation_data is not None:
        validation_feed = _validation_feed(
            model, validation_data, validation_batch_size or batch_size, validation_steps
        )
    verbose = _verbosity(verbose)
    calls = together.callback_list(
        callbacks, model, add_history=True, add_progbar=verbose != 0,
        verbose=verbose, epochs=epochs, steps=feed.steps,
    )  # fmt: skip
    model.stop_training, model._initial_epoch = False, initial_epoch
    run = _Training(model, calls, feed, validation_feed, validation_freq)
    calls.on_train_begin()
    together.begin(model, feed)
    try:
        logs = run.epochs(model._initial_epoch, epochs)
    finally:
        if epochs > 0 and model.optimizer.averages:
            model.optimizer.finalize_variable_values(model.trainable_variables)
    together.end(model)
    calls.on_train_end(logs)
    return calls.history


class _Training:
    """A run of `fit`."""

    def __init__(
        self,
        model: TrainedModel,
        calls: CallbackList,
        feed: Feed,
        validation: Feed | None,
        freq: Any,
    ):
        self.model = model
        self.calls = calls
        self.feed = feed
        self.validation = validation
        self.freq = freq
        self.pace = together.pace(model, calls, "train")
        self.test_pace = together.pace(model, calls, "test")

    def epochs(self, first: int, end: int) -> dict[str, Any]:
        logs: dict[str, Any] = {}
        for epoch in range(first, end):
            self.calls.on_epoch_begin(epoch)
            logs = self._train(epoch)
            if getattr(self.feed, "ran_out", False) and not logs:
                break
            if self._validates(epoch):
                logs = dict(sorted({**logs, **self._validate()}.items()))
            self.calls.on_epoch_end(epoch, logs)
            if self.model.stop_training or getattr(self.feed, "ran_out", False):
                break
        return logs

    def _train(self, epoch: int) -> dict[str, Any]:
        model, calls, pace = self.model, self.calls, self.pace
        done, logs = 0, {}
        reset_metrics(model, "train")
        self.feed.begin(epoch, int(model.optimizer._iterations), model.training_seed)
        for turn in _turns(self.feed, pace, lambda: model.stop_training):
            calls.on_train_batch_begin(done)
            done += _run(turn, pace)
            logs = objective_of(model).logs()
            calls.on_train_batch_end(done - 1, logs)
        return logs

    def _validates(self, epoch: int) -> bool:
        if self.validation is None:
            return False
        if isinstance(self.freq, int):
            return (epoch + 1) % self.freq == 0
        return epoch + 1 in self.freq

    def _validate(self) -> dict[str, Any]:
        assert self.validation is not None
        results = _evaluate(self.model, self.validation, self.calls, self.test_pace)
        return {f"val_{name}": value for name, value in results}


def _validation_feed(
    model: TrainedModel, given: Any, batch_size: int | None, steps: int | None
) -> Feed:
    if not isinstance(given, (tuple, list)) and not is_arrays(given):
        return training_feed(model, "evaluate", given, steps=steps)
    x, y, sample_weight = unpack(given)
    return training_feed(
        model, "evaluate", x, y, sample_weight, batch_size=batch_size, steps=steps
    )


def evaluate(
    model: TrainedModel,
    x: Any = None,
    y: Any = None,
    batch_size: int | None = None,
    verbose: str | int = "auto",
    sample_weight: Any = None,
    steps: int | None = None,
    callbacks: Any = None,
    return_dict: bool = False,
) -> Any:
    """The loss as a float, or a list: loss, losses of outputs, metrics; or a dict by name."""
    check_compiled(model)
    feed = training_feed(model, "evaluate", x, y, sample_weight, batch_size=batch_size, steps=steps)
    together.check_batches(feed)
    verbose = _verbosity(verbose)
    calls = together.callback_list(
        callbacks, model, add_progbar=verbose != 0, verbose=verbose,
        epochs=1, steps=feed.steps,
    )  # fmt: skip
    results = _evaluate(model, feed, calls, together.pace(model, calls, "test"))
    return result_of(results, return_dict)


def _evaluate(
    model: TrainedModel, feed: Feed, calls: CallbackList, pace: Pace
) -> list[tuple[str, Any]]:
    done, results = 0, []
    model.stop_evaluating = False
    reset_metrics(model, "evaluate")
    calls.on_test_begin()
    feed.begin()
    for turn in _turns(feed, pace, lambda: model.stop_evaluating):
        calls.on_test_batch_begin(done)
        done += _run(turn, pace)
        results = objective_of(model).results()
        calls.on_test_batch_end(done - 1, dict(sorted(results)))
    calls.on_test_end(dict(sorted(results)))
    return results or objective_of(model).results()


def predict(
    model: TrainedModel,
    x: Any,
    batch_size: int | None = None,
    verbose: str | int = "auto",
    steps: int | None = None,
    callbacks: Any = None,
) -> Any:
    """The outputs for all rows of `x`, as arrays in the structure of the model's outputs."""
    batch_size = checked_batch_size(batch_size)
    if model.stop_predicting:
        model.stop_predicting = False
    if is_arrays(x):
        plan, arrays = call_plan(model, "predict", x)
        batches = -(-plan.rows // batch_size)
        batches = min(batches, steps_at_most(steps, batches) or batches)
        source = partial(_slices, model, plan, arrays, batch_size, batches)
        calls = _own_calls(model, callbacks, verbose, batches)
    else:
        feed = prediction_feed(model, x, batch_size, steps)
        source = partial(_items, model, feed)
        calls = _own_calls(model, callbacks, verbose, feed.steps)
    pace = together.pace(model, calls, "predict")
    flat = _predict(source(pace), calls, pace)
    return model.pack_predictions(flat) if model._own_predictions else model.pack_outputs(flat)


Source = Iterator[tuple[Callable[[], list[np.ndarray]], int]]  # what gives outputs; of how many


def _predict(source: Source, calls: CallbackList, pace: Pace) -> list[np.ndarray]:
    parts: list[list[np.ndarray]] = []
    done = 0
    calls.on_predict_begin()
    for run, batches in source:
        calls.on_predict_batch_begin(done)
        pace.begin()
        outputs = run()
        pace.end(batches)
        parts.append(outputs)
        done += batches
        calls.on_predict_batch_end(done - 1, {"outputs": outputs})
    calls.on_predict_end()
    if not parts:
        raise ValueError("There is nothing to predict: the data has no batches.")
    return parts[0] if len(parts) == 1 else _joined(parts)


def _joined(parts: list[list[np.ndarray]]) -> list[np.ndarray]:
    if len(parts) == 1:
        return parts[0]
    return [np.concatenate(column) for column in zip(*parts, strict=True)]


def _slices(
    model: TrainedModel, plan: CallPlan, arrays: Arrays, batch_size: int, batches: int, pace: Pace
) -> Source:
    """Stretches of consecutive rows; one empty stretch when there are none."""
    done = 0
    if batches == 0:
        yield partial(plan.batch, arrays), 0
    while done < batches and not model.stop_predicting:
        count = min(pace.batches, batches - done)
        rows = slice(done * batch_size, (done + count) * batch_size)
        part = arrays if count * batch_size >= plan.rows else [a[rows] for a in arrays]
        yield partial(plan.predict, part, batch_size), count
        done += count


def _items(model: TrainedModel, feed: Feed, pace: Pace) -> Source:
    feed.begin()
    for turn in _turns(feed, pace, lambda: model.stop_predicting):
        yield partial(_outputs, turn), len(turn)


def _outputs(turn: list[Any]) -> list[np.ndarray]:
    return _joined([batch.plan.batch(batch.arrays) for batch in turn])


def _turns(feed: Feed, pace: Pace, stopped: Callable[[], bool]) -> Iterator[list[Any]]:
    """What runs between two looks at the callbacks: one stretch, or, of data that comes batch by
    batch, as many as make a fixed number."""
    ended = False
    while not ended and not stopped():
        turn: list[Any] = []
        missing = pace.batches
        while missing and (stretch := feed.take(missing)) is not None:
            turn.append(stretch)
            missing = missing - stretch.batches if pace.fixed else 0
        ended = missing > 0
        if turn:
            yield turn


def _run(turn: list[Any], pace: Pace) -> int:
    """The number of batches that ran."""
    pace.begin()
    batches = 0
    for stretch in turn:
        stretch.run()
        batches += stretch.batches
    pace.end(batches)
    return batches


def _own_calls(
    model: TrainedModel, callbacks: Any, verbose: str | int, steps: int | None
) -> CallbackList:
    """The callbacks of a prediction, which concerns this process alone."""
    verbose = _verbosity(verbose)
    watched: WatchedModel = model  # type: ignore[assignment]  # more than the loop asks for
    return CallbackList(
        callbacks, add_progbar=verbose != 0, model=watched, verbose=verbose, epochs=1, steps=steps
    )


def _verbosity(verbose: str | int) -> int:
    if verbose == "auto":
        return 1 if is_interactive_logging_enabled() else 2
    return int(verbose)
