"""Callbacks that set the learning rate between epochs."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from fncompile.callbacks.callback import Callback, Logs
from fncompile.callbacks.monitor import Monitor, MonitorCallback


class LearningRateScheduler(Callback):
    """Sets the learning rate to `schedule(epoch)` or `schedule(epoch, rate)` before each epoch.

    Adds "learning_rate" to the logs. ValueError when the schedule does not return a float. Of a
    MultiOptimizer it sets the rate of each, and the logs have one of each name.

    `verbose`: 1 to print the rate. Used in `fit(..., callbacks=[...])`.

    >>> halve = callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.5)
    >>> model = fncompile.Sequential([fncompile.Input((2,)), layers.Dense(1)])
    >>> model.compile(optimizers.SGD(0.8), "mse")
    >>> x, y = np.ones((4, 2)), np.ones((4, 1))
    >>> history = model.fit(x, y, epochs=2, verbose=0, callbacks=[halve])
    >>> [round(float(rate), 4) for rate in history.history["learning_rate"]]
    [0.4, 0.2]
    """

    def __init__(self, schedule: Callable[..., float], verbose: int = 0):
        self.schedule = schedule
        self.verbose = verbose

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        for name, optimizer in _with_rates(self.model.optimizer):
            rate = self._call(epoch, optimizer)
            if not isinstance(rate, (float, np.floating)):
                raise ValueError(
                    f"The output of the `schedule` function should be a float. Got: {rate}"
                )
            optimizer.learning_rate = float(rate)
            if self.verbose:
                print(
                    f"\nEpoch {epoch + 1}: LearningRateScheduler setting{name and ' ' + name} "
                    f"learning rate to {rate}."
                )

    def _call(self, epoch: int, optimizer: Any) -> float:
        if _takes_two(self.schedule):
            return self.schedule(epoch, float(optimizer.learning_rate))
        return self.schedule(epoch)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        _log_rates(self.model.optimizer, logs)


def _with_rates(optimizer: Any) -> list[tuple[str, Any]]:
    """The optimizers that have a learning rate each, with the names of those of several."""
    several = getattr(optimizer, "optimizers", None)
    return [("", optimizer)] if several is None else [(each.name, each) for each in several]


def _log_rates(optimizer: Any, logs: Logs | None) -> None:
    for name, each in _with_rates(optimizer):
        if logs is not None:
            logs["_".join(filter(None, ("learning_rate", name)))] = float(each.learning_rate)


def _takes_two(function: Callable) -> bool:
    try:
        inspect.signature(function).bind(0, 0.0)
    except TypeError:
        return False
    except ValueError:  # a builtin without a signature
        return True
    return True


class ReduceLROnPlateau(MonitorCallback):
    """Multiplies the learning rate by `factor` after `patience` epochs without improvement.

    It then rests for `cooldown` epochs and never goes below `min_lr`. Adds "learning_rate" to the
    logs. ValueError for a factor that does not reduce.

    `monitor`: the name of a log; `mode`: "min", "max" or "auto", by its name; `min_delta`: what
    counts as an improvement; `verbose`: 1 to print the rate. Used in `fit(..., callbacks=[...])`.

    >>> callbacks.ReduceLROnPlateau(factor=0.5, patience=3).factor
    0.5
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        verbose: int = 0,
        mode: str = "auto",
        min_delta: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0.0,
    ):
        if factor >= 1.0:
            raise ValueError(f"ReduceLROnPlateau does not support a factor >= 1.0. Got {factor}")
        self.monitor = monitor
        self.factor = factor
        self.patience = patience
        self.verbose = verbose
        self.cooldown = cooldown
        self.min_lr = min_lr
        self._monitor = Monitor(monitor, mode, min_delta, "ReduceLROnPlateau")
        self._reset()

    def _reset(self) -> None:
        self.best: float | None = None
        self.wait = 0
        self.cooldown_counter = 0

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self._reset()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        current = self._monitor.value(logs, "Learning rate reduction is")
        _log_rates(self.model.optimizer, logs)
        if current is None:
            return
        self._monitor.resolve(self.model)
        if self.cooldown_counter > 0:
            self.cooldown_counter -= 1
            self.wait = 0
        if self._monitor.is_better(current, self.best):
            self.best, self.wait = current, 0
        elif self.cooldown_counter <= 0:
            self._wait_or_reduce(epoch)

    def _wait_or_reduce(self, epoch: int) -> None:
        self.wait += 1
        if self.wait < self.patience:
            return
        for name, optimizer in _with_rates(self.model.optimizer):
            rate = float(optimizer.learning_rate)
            if rate <= self.min_lr:
                continue
            optimizer.learning_rate = rate = max(rate * self.factor, self.min_lr)
            if self.verbose:
                print(
                    f"\nEpoch {epoch + 1}: ReduceLROnPlateau reducing{name and ' ' + name} "
                    f"learning rate to {rate}."
                )
            self.cooldown_counter, self.wait = self.cooldown, 0
