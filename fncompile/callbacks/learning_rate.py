"""Callbacks that set the learning rate between epochs."""

from __future__ import annotations

import inspect
from collections.abc import Callable

import numpy as np

from fncompile.callbacks.callback import Callback, Logs
from fncompile.callbacks.monitor import Monitor


class LearningRateScheduler(Callback):
    """Sets the learning rate to `schedule(epoch)` or `schedule(epoch, rate)` before each epoch.

    Adds "learning_rate" to the logs. ValueError when the schedule does not return a float.

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
        rate = self._call(epoch)
        if not isinstance(rate, (float, np.floating)):
            raise ValueError(
                f"The output of the `schedule` function should be a float. Got: {rate}"
            )
        self.model.optimizer.learning_rate = float(rate)
        if self.verbose:
            print(f"\nEpoch {epoch + 1}: LearningRateScheduler setting learning rate to {rate}.")

    def _call(self, epoch: int) -> float:
        if _takes_two(self.schedule):
            return self.schedule(epoch, float(self.model.optimizer.learning_rate))
        return self.schedule(epoch)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        if logs is not None:
            logs["learning_rate"] = float(self.model.optimizer.learning_rate)


def _takes_two(function: Callable) -> bool:
    try:
        inspect.signature(function).bind(0, 0.0)
    except TypeError:
        return False
    except ValueError:  # a builtin without a signature
        return True
    return True


class ReduceLROnPlateau(Callback):
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
        if logs is not None:
            logs["learning_rate"] = float(self.model.optimizer.learning_rate)
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
        rate = float(self.model.optimizer.learning_rate)
        if self.wait < self.patience or rate <= self.min_lr:
            return
        rate = max(rate * self.factor, self.min_lr)
        self.model.optimizer.learning_rate = rate
        if self.verbose:
            print(f"\nEpoch {epoch + 1}: ReduceLROnPlateau reducing learning rate to {rate}.")
        self.cooldown_counter, self.wait = self.cooldown, 0
