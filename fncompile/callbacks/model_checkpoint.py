"""Save the model while it trains."""

from __future__ import annotations

import os
from typing import Any

from fncompile.callbacks.callback import Logs
from fncompile.callbacks.monitor import Monitor, MonitorCallback
from fncompile.caller import warn_caller


class ModelCheckpoint(MonitorCallback):
    """Saves after each epoch, or every `save_freq` batches, to `filepath`.

    `filepath` may hold fields such as `{epoch:02d}` and `{val_loss:.2f}`. With `save_best_only` it
    is written only when `monitor` improved, from `initial_value_threshold` on if given, or, with a
    warning, is not among the logs: a model too many is better than none. Whole
    models go to `.keras` or `.h5`, with `save_weights_only` to `.weights.h5`; ValueError for
    another ending.

    `mode`: "min", "max" or "auto", by the name of `monitor`; `verbose`: 1 to say what is saved.
    Used in `fit(..., callbacks=[...])`.

    >>> callbacks.ModelCheckpoint("{epoch:02d}.keras", save_best_only=True).filepath
    '{epoch:02d}.keras'
    """

    def __init__(
        self,
        filepath: str | os.PathLike,
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        save_weights_only: bool = False,
        mode: str = "auto",
        save_freq: str | int = "epoch",
        initial_value_threshold: float | None = None,
    ):
        self.filepath = os.fspath(filepath)
        self.monitor = monitor
        self.verbose = verbose
        self.save_best_only = save_best_only
        self.save_weights_only = save_weights_only
        self.save_freq = save_freq
        self.best = initial_value_threshold
        self._monitor = Monitor(monitor, mode, owner="ModelCheckpoint")
        self._batches = 0
        self._epoch = 0
        self._check()

    def _check(self) -> None:
        if self.save_freq != "epoch" and not isinstance(self.save_freq, int):
            raise ValueError(
                f"Unrecognized save_freq: {self.save_freq}. "
                "Expected save_freq are 'epoch' or integer values"
            )
        if self.save_weights_only and not self.filepath.endswith(".weights.h5"):
            raise ValueError(
                "When using `save_weights_only=True` in `ModelCheckpoint`, the filepath provided "
                "must end in `.weights.h5` (Keras weights format). "
                f"Received: filepath={self.filepath}"
            )
        if not self.save_weights_only and not self.filepath.endswith((".keras", ".h5")):
            raise ValueError(
                "The filepath provided must end in `.keras` (Keras model format). "
                f"Received: filepath={self.filepath}"
            )

    def needs_every_batch(self, mode: str) -> bool:
        return mode == "train" and self.save_freq != "epoch"

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        if self.save_freq == "epoch":
            return
        self._batches += 1
        if self._batches % int(self.save_freq) == 0:
            self._save(self._epoch, batch, logs)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        if self.save_freq == "epoch":
            self._save(epoch, None, logs)

    def _save(self, epoch: int, batch: int | None, logs: Logs | None) -> None:
        path = self._path(epoch, batch, logs or {})
        if not self.save_best_only:
            self._say(epoch, f"saving model to {path}")
            self._write(path)
            return
        current = (logs or {}).get(self.monitor)
        if current is None:
            warn_caller(f"Can save best model only with {self.monitor} available.")
            self._write(path)
            return
        self._monitor.resolve(self.model)
        if not self._monitor.is_better(current, self.best):
            self._say(epoch, f"{self.monitor} did not improve from {self.best:.5f}")
            return
        before = self._monitor.worst if self.best is None else self.best
        self._say(
            epoch,
            f"{self.monitor} improved from {before:.5f} to {current:.5f}, saving model to {path}",
        )
        self.best = current
        self._write(path)

    def _path(self, epoch: int, batch: int | None, logs: dict[str, Any]) -> str:
        fields = dict(logs, epoch=epoch + 1)
        if batch is not None:
            fields["batch"] = batch + 1
        try:
            return self.filepath.format(**fields)
        except KeyError as missing:
            raise KeyError(
                f'Failed to format this callback filepath: "{self.filepath}". Reason: {missing}'
            ) from missing

    def _write(self, path: str) -> None:
        directory = os.path.dirname(path)
        if directory:
            os.makedirs(directory, exist_ok=True)
        save = self.model.save_weights if self.save_weights_only else self.model.save
        save(path, overwrite=True)

    def _say(self, epoch: int, what: str) -> None:
        if self.verbose:
            print(f"\nEpoch {epoch + 1}: {what}")
