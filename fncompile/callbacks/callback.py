"""The hook protocol of Keras."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from fncompile.callbacks.watched import WatchedModel

Logs = dict[str, Any]


class Callback:
    """Base of callbacks: every hook does nothing until it is overridden.

    `self.model` is the model being run, whose weights may be read and set at any hook, and
    `self.params` a dict with `verbose`, `epochs` and `steps`. `logs` holds the metrics so far.
    Batch hooks of a callback that does not override them cost nothing: the loop then leaves
    compiled code only a few times a second.

    >>> class Count(callbacks.Callback):
    ...     epochs = 0
    ...     def on_epoch_end(self, epoch, logs=None):
    ...         self.epochs += 1
    >>> count = Count()
    >>> model = fncompile.Sequential([fncompile.Input((2,)), layers.Dense(1)])
    >>> model.compile("sgd", "mse")
    >>> x, y = np.ones((4, 2)), np.ones((4, 1))
    >>> history = model.fit(x, y, epochs=3, verbose=0, callbacks=[count])
    >>> count.epochs
    3
    """

    # On the class, so that a subclass need not call `super().__init__()`.
    params: Mapping[str, Any] = MappingProxyType({})
    _model: WatchedModel = None  # type: ignore[assignment]  # until there is a run

    def __repr__(self) -> str:
        watched = getattr(self, "monitor", None)
        return f"<{type(self).__name__}{f' of {watched}' if watched else ''}>"

    @property
    def model(self) -> WatchedModel:
        """The model being run."""
        return self._model

    def set_params(self, params: dict[str, Any]) -> None:
        """Called before a run with `verbose`, `epochs` and `steps`."""
        self.params = params

    def set_model(self, model: WatchedModel) -> None:
        """Called before a run with the model."""
        self._model = model

    def needs_every_batch(self, mode: str) -> bool:
        """Must the hooks of `mode` ("train", "test", "predict") be called around each batch?"""
        names = [f"on_{mode}_batch_begin", f"on_{mode}_batch_end"]
        names += ["on_batch_begin", "on_batch_end"] if mode == "train" else []
        return any(_is_overridden(self, name) for name in names)

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Before epoch number `epoch`, counted from 0, of training."""

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """After an epoch of training, with its metrics in `logs`, those of validation as `val_`."""

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Before training."""

    def on_train_end(self, logs: Logs | None = None) -> None:
        """After training, with the metrics of the last epoch in `logs`."""

    def on_test_begin(self, logs: Logs | None = None) -> None:
        """Before an evaluation, also that of an epoch."""

    def on_test_end(self, logs: Logs | None = None) -> None:
        """After an evaluation, with its metrics in `logs`."""

    def on_predict_begin(self, logs: Logs | None = None) -> None:
        """Before a prediction."""

    def on_predict_end(self, logs: Logs | None = None) -> None:
        """After a prediction."""

    def on_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """An older name of `on_train_batch_begin`."""

    def on_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """An older name of `on_train_batch_end`."""

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Before a batch of training."""
        self.on_batch_begin(batch, logs=logs)

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """After a batch of training, with the metrics of the epoch so far in `logs`."""
        self.on_batch_end(batch, logs=logs)

    def on_test_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Before a batch of an evaluation."""

    def on_test_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """After a batch of an evaluation, with the metrics so far in `logs`."""

    def on_predict_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Before a batch of a prediction."""

    def on_predict_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """After a batch of a prediction, with its outputs in `logs`."""


def _is_overridden(callback: Callback, name: str) -> bool:
    method = getattr(callback, name)
    return getattr(method, "__func__", method) is not getattr(Callback, name)
