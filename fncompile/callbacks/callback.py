"""The hook protocol of Keras."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

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
    _model: Any = None

    @property
    def model(self) -> Any:
        return self._model

    def set_params(self, params: dict[str, Any]) -> None:
        self.params = params

    def set_model(self, model: Any) -> None:
        self._model = model

    def needs_every_batch(self, mode: str) -> bool:
        """Must the hooks of `mode` ("train", "test", "predict") be called around each batch?"""
        names = [f"on_{mode}_batch_begin", f"on_{mode}_batch_end"]
        names += ["on_batch_begin", "on_batch_end"] if mode == "train" else []
        return any(_is_overridden(self, name) for name in names)

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None: ...
    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None: ...

    def on_train_begin(self, logs: Logs | None = None) -> None: ...
    def on_train_end(self, logs: Logs | None = None) -> None: ...
    def on_test_begin(self, logs: Logs | None = None) -> None: ...
    def on_test_end(self, logs: Logs | None = None) -> None: ...
    def on_predict_begin(self, logs: Logs | None = None) -> None: ...
    def on_predict_end(self, logs: Logs | None = None) -> None: ...

    def on_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """An older name of `on_train_batch_begin`."""

    def on_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """An older name of `on_train_batch_end`."""

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        self.on_batch_begin(batch, logs=logs)

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        self.on_batch_end(batch, logs=logs)

    def on_test_batch_begin(self, batch: int, logs: Logs | None = None) -> None: ...
    def on_test_batch_end(self, batch: int, logs: Logs | None = None) -> None: ...
    def on_predict_batch_begin(self, batch: int, logs: Logs | None = None) -> None: ...
    def on_predict_batch_end(self, batch: int, logs: Logs | None = None) -> None: ...


def _is_overridden(callback: Callback, name: str) -> bool:
    method = getattr(callback, name)
    return getattr(method, "__func__", method) is not getattr(Callback, name)
