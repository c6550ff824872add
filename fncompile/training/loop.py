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
from fncompile.training import data
from fncompile.training.compile import check_compiled, reset_metrics, warn_if_nothing_trains
from fncompile.training.feed import ArrayFeed, checked_batch_size, checked_steps
from fncompile.training.results import logs_of, result_list
from fncompile.training.sources import (
    Feed,
    check_splittable,
    is_arrays,
    prediction_feed,
    training_feed,
)
from fncompile.training.steps import Arrays, Pace


def fit(
    model: Any,
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
    warn_if_nothing_trains(model)
    validation_feed = None
    weights = (sample_weight, class_weight)
    if validation_split and validation_data is None:
        check_splittable(x)
        arrays, held_out = data.split(data.flat_data(model, x, y, *weights), validation_split)
        feed: Feed = ArrayFeed(arrays, batch_size, shuffle, steps_per_epoch)
        if class_weight is not None:
            held_out = held_out[:-1]  # class weights, the last array, are for training only
        validation_feed = ArrayFeed(
            held_out, validation_batch_size or batch_size, steps=validation_steps
        )
    else:
        feed = training_feed(model, "train", x, y, *weights, batch_size, shuffle, steps_per_epoch)
    if validation_data is not None:
        validation_feed = _validation_feed(
            model, validation_data, validation_batch_size or batch_size, validation_steps
        )
    verbose = _verbosity(verbose)
    calls = CallbackList(
        callbacks, add_history=True, add_progbar=verbose != 0, model=model,
        verbose=verbose, epochs=epochs, steps=feed.steps,
    )  # fmt: skip
    model.stop_training, model._initial_epoch = False, initial_epoch
    run = _Training(model, calls, feed, validation_feed, validation_freq)
    calls.on_train_begin()
    logs = run.epochs(model._initial_epoch, epochs)
    calls.on_train_end(logs)
    return calls.history


class _Training:
    """A run of `fit`."""

    def __init__(self, model: Any, calls: CallbackList, feed: Feed, validation: Feed, freq: Any):
        self.model = model
        self.calls = calls
        self.feed = feed
        self.validation = validation
        self.freq = freq
        self.pace = Pace(single=calls.needs_every_batch("train"))
        self.test_pace = Pace(single=calls.needs_every_batch("test"))

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
        steps, done, logs = model.steps(), 0, {}
        reset_metrics(model)
        self.feed.begin(epoch, int(model.optimizer.iterations), model.training_seed)
        while not model.stop_training and (stretch := self.feed.take(pace.batches)) is not None:
            calls.on_train_batch_begin(done)
            pace.begin()
            stretch.run(steps, "train")
            pace.end(stretch.batches)
            done += stretch.batches
            logs = logs_of(model)
            calls.on_train_batch_end(done - 1, logs)
        return logs

    def _validates(self, epoch: int) -> bool:
        if self.validation is None:
            return False
        if isinstance(self.freq, int):
            return (epoch + 1) % self.freq == 0
        return epoch + 1 in self.freq

    def _validate(self) -> dict[str, Any]:
        logs = _evaluate(self.model, self.validation, self.calls, self.test_pace)
        return {f"val_{name}": value for name, value in logs.items()}


def _validation_feed(model: Any, given: Any, batch_size: int | None, steps: int | None) -> Feed:
    if not isinstance(given, (tuple, list)) and not is_arrays(given):
        return training_feed(model, "evaluate", given, steps=steps)
    x, y, sample_weight = data.unpack(given)
    return training_feed(
        model, "evaluate", x, y, sample_weight, batch_size=batch_size, steps=steps
    )


def evaluate(
    model: Any,
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
    calls = _calls(model, callbacks, verbose, feed.steps)
    logs = _evaluate(model, feed, calls, Pace(single=calls.needs_every_batch("test")))
    return logs if return_dict else result_list(model)


def _evaluate(model: Any, feed: Feed, calls: CallbackList, pace: Pace) -> dict[str, Any]:
    steps, done = model.steps(), 0
    logs: dict[str, Any] = {}
    reset_metrics(model)
    calls.on_test_begin()
    feed.begin()
    while (stretch := feed.take(pace.batches)) is not None:
        calls.on_test_batch_begin(done)
        pace.begin()
        stretch.run(steps, "evaluate")
        pace.end(stretch.batches)
        done += stretch.batches
        logs = logs_of(model)
        calls.on_test_batch_end(done - 1, logs)
    calls.on_test_end(logs)
    return logs


def predict(
    model: Any,
    x: Any,
    batch_size: int | None = None,
    verbose: str | int = "auto",
    steps: int | None = None,
    callbacks: Any = None,
) -> Any:
    """The outputs for all rows of `x`, as arrays in the structure of the model's outputs."""
    batch_size = checked_batch_size(batch_size)
    pace = Pace()
    if is_arrays(x):
        arrays = data.flat_inputs(model, x)
        data.check_cardinality({"x": arrays})
        batches = -(-len(arrays[0]) // batch_size)
        batches = batches if steps is None else min(batches, checked_steps(steps))
        source = _slices(model, arrays, batch_size, batches, pace)
    else:
        feed = prediction_feed(model, x, batch_size, steps)
        batches, source = feed.steps, _items(feed)
    calls = _calls(model, callbacks, verbose, batches)
    pace.single = calls.needs_every_batch("predict")
    flat = _predict(source, calls, pace)
    return model.pack_outputs(flat)


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
    if len(parts) == 1:
        return parts[0]
    return [np.concatenate(column) for column in zip(*parts, strict=True)]


def _slices(model: Any, arrays: Arrays, batch_size: int, batches: int, pace: Pace) -> Source:
    """Stretches of consecutive rows; one empty stretch when there are none."""
    done, steps = 0, model.steps()
    if batches == 0:
        yield partial(steps.predict, arrays, batch_size), 0
    while done < batches:
        count = min(pace.batches, batches - done)
        rows = slice(done * batch_size, (done + count) * batch_size)
        yield partial(steps.predict, [a[rows] for a in arrays], batch_size), count
        done += count


def _items(feed: Feed) -> Source:
    feed.begin()
    while (batch := feed.take(1)) is not None:
        yield partial(batch.step, batch.arrays), 1


def _calls(model: Any, callbacks: Any, verbose: str | int, steps: int | None) -> CallbackList:
    verbose = _verbosity(verbose)
    return CallbackList(
        callbacks, add_progbar=verbose != 0, model=model, verbose=verbose, epochs=1, steps=steps
    )


def _verbosity(verbose: str | int) -> int:
    return 1 if verbose == "auto" else int(verbose)
