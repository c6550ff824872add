"""The progress bar of `fit`, `evaluate` and `predict`."""

from __future__ import annotations

import sys

from fncompile.callbacks.callback import Callback, Logs
from fncompile.callbacks.progbar import Progbar


class ProgbarLogger(Callback):
    """Draws each epoch as a `Progbar`; content to hear of the last batch of a stretch only.

    `fit` adds one where `verbose` is not 0.

    >>> isinstance(callbacks.ProgbarLogger(), callbacks.Callback)
    True
    """

    def __init__(self) -> None:
        self.verbose = 1
        self.epochs = 1
        self._bar: Progbar | None = None
        self._target: int | None = None
        self._seen = 0
        self._within_fit = False

    def needs_every_batch(self, mode: str) -> bool:
        return False

    def set_params(self, params) -> None:
        self.params = params
        self.verbose = 1 if params.get("verbose") == "auto" else int(params.get("verbose", 1))
        self.epochs = params.get("epochs", 1)
        self._target = params.get("steps")

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self._within_fit = True

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        self._open()
        if self.verbose and self.epochs > 1:
            sys.stdout.write(f"Epoch {epoch + 1}/{self.epochs}\n")
            sys.stdout.flush()

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        self._show(batch + 1, logs, False)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        self._target = self._target or self._seen
        self._close(logs)

    def on_train_end(self, logs: Logs | None = None) -> None:
        self._within_fit = False

    def on_test_begin(self, logs: Logs | None = None) -> None:
        self._begin_alone()

    def on_test_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        self._show_alone(batch, logs)

    def on_test_end(self, logs: Logs | None = None) -> None:
        self._end_alone(logs)

    def on_predict_begin(self, logs: Logs | None = None) -> None:
        self._begin_alone()

    def on_predict_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        self._show_alone(batch, None)

    def on_predict_end(self, logs: Logs | None = None) -> None:
        self._end_alone(None)

    # Evaluation within `fit` has no bar of its own.

    def _begin_alone(self) -> None:
        if not self._within_fit:
            self._open()

    def _show_alone(self, batch: int, logs: Logs | None) -> None:
        if not self._within_fit:
            self._show(batch + 1, logs, False)

    def _end_alone(self, logs: Logs | None) -> None:
        if not self._within_fit:
            self._close(logs)

    def _open(self) -> None:
        self._bar = Progbar(self._target, verbose=self.verbose)
        self._seen = 0

    def _show(self, seen: int, logs: Logs | None, finalize: bool) -> None:
        self._seen = seen
        if self._bar is None:
            return
        logs = logs or {}
        self._bar.stateful_metrics.update(logs)
        self._bar.update(seen, list(logs.items()), finalize=finalize)

    def _close(self, logs: Logs | None) -> None:
        if self._bar is not None:
            self._bar.target = self._target or self._seen
        self._show(self._seen, logs, True)
        self._bar = None
