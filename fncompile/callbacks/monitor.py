"""Which of two values of a metric is better."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from fncompile import ops
from fncompile.callbacks.callback import Callback
from fncompile.callbacks.watched import WatchedModel
from fncompile.caller import warn_caller

_LOWER = (
    "loss",
    "error",
    "mse",
    "mae",
    "rmse",
    "mape",
    "msle",
    "crossentropy",
    "divergence",
    "hinge",
    "poisson",
)
_HIGHER = ("acc", "auc", "precision", "recall", "f1", "iou", "r2", "fmeasure")


class Monitor:
    """Compares values of the log called `name`; `mode` is "min", "max" or "auto".

    "auto" asks the metric's `_direction`, then its name; ValueError when neither tells.
    """

    def __init__(self, name: str, mode: str, min_delta: float = 0.0, owner: str = "Callback"):
        if mode not in ("auto", "min", "max"):
            warn_caller(f"{owner} mode '{mode}' is unknown, fallback to auto mode.")
            mode = "auto"
        self.name = name
        self.mode = mode
        self.min_delta = abs(min_delta)
        self.owner = owner

    def resolve(self, model: WatchedModel) -> None:
        """Settle "auto" for the metrics of `model`."""
        if self.mode == "auto":
            self.mode = direction(self.name, model) or self._fail()

    def _fail(self) -> str:
        raise ValueError(
            f"{self.owner} callback received monitor={self.name}, but it cannot be determined "
            "whether that metric should be maximized or minimized. Pass `mode='max'` to follow the "
            "highest metric value, or `mode='min'` to follow the lowest."
        )

    @property
    def worst(self) -> float:
        return np.inf if self.mode == "min" else -np.inf

    def is_better(self, value: float, best: float | None) -> bool:
        """Better by more than `min_delta`; every number is better than None and NaN."""
        if best is None or math.isnan(best):
            return not math.isnan(value)
        if self.mode == "min":
            return bool(value + self.min_delta < best)
        return bool(value - self.min_delta > best)

    def value(self, logs: dict[str, Any] | None, consequence: str) -> Any:
        """The monitored log, or None with a warning that says `consequence` depends on it."""
        logs = logs or {}
        if self.name not in logs:
            warn_caller(
                f"{consequence} conditioned on metric `{self.name}` which is not available. "
                f"Available metrics are: {','.join(logs)}",
            )
        return logs.get(self.name)


class MonitorCallback(Callback):
    """A callback that compares values of one log."""

    _monitor: Monitor

    @property
    def monitor_op(self) -> Callable[[Any, Any], Any] | None:
        """`ops.less` or `ops.greater`, by which a value is better than another; None while it is
        not known which."""
        return {"min": ops.less, "max": ops.greater}.get(self._monitor.mode)


def direction(name: str, model: WatchedModel) -> str | None:
    """ "min" or "max" for the log called `name`, None when nothing tells."""
    plain = name.removeprefix("val_")
    for metric_name, metric in _named_metrics(model):
        found = getattr(metric, "_direction", None)
        if metric_name == plain and found:
            return {"up": "max", "down": "min"}[found]
    return _by_words(plain.lower(), _LOWER, "min") or _by_words(plain.lower(), _HIGHER, "max")


def _named_metrics(model: WatchedModel) -> list[tuple[str, Any]]:
    objective = model._objective
    return objective.named_metrics if objective is not None else []


def _by_words(name: str, words: tuple[str, ...], answer: str) -> str | None:
    return answer if any(word in name for word in words) else None
