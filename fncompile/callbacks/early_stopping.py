"""Stop training when a metric no longer improves."""

from __future__ import annotations

from typing import Any

from fncompile.callbacks.callback import Logs
from fncompile.callbacks.monitor import Monitor, MonitorCallback


class EarlyStopping(MonitorCallback):
    """Stops after `patience` epochs in which `monitor` did not improve by more than `min_delta`.

    Waiting starts at `start_from_epoch`; with `baseline` only values better than it count.
    `restore_best_weights` gives the model, at the end, the weights of its best epoch.

    `mode`: "min", "max" or "auto", by the name of `monitor`; `verbose`: 1 to say when it stops.
    Used in `fit(..., callbacks=[...])`.

    >>> stopping = callbacks.EarlyStopping(monitor="loss", patience=2)
    >>> model = fncompile.Sequential([fncompile.Input((2,)), layers.Dense(1)])
    >>> model.compile(optimizers.SGD(0.0), "mse")
    >>> x, y = np.ones((4, 2)), np.ones((4, 1))
    >>> history = model.fit(x, y, epochs=9, verbose=0, callbacks=[stopping])
    >>> len(history.epoch)
    3
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        min_delta: float = 0,
        patience: int = 0,
        verbose: int = 0,
        mode: str = "auto",
        baseline: float | None = None,
        restore_best_weights: bool = False,
        start_from_epoch: int = 0,
    ):
        self.monitor = monitor
        self.patience = patience
        self.verbose = verbose
        self.baseline = baseline
        self.restore_best_weights = restore_best_weights
        self.start_from_epoch = start_from_epoch
        self._monitor = Monitor(monitor, mode, min_delta, "EarlyStopping")
        self._reset()

    def _reset(self) -> None:
        self.wait = 0
        self.stopped_epoch = 0
        self.best: float | None = None
        self.best_epoch = 0
        self.best_weights: list[Any] | None = None

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self._reset()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        self._monitor.resolve(self.model)
        current = self._monitor.value(logs, "Early stopping")
        if current is None or epoch < self.start_from_epoch:
            return
        self.wait += 1
        improved = self._monitor.is_better(current, self.best)
        if improved or self.best_weights is None:
            self._keep(epoch, current)
        if improved and self._beats_baseline(current):
            self.wait = 0
        elif self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def _beats_baseline(self, current: float) -> bool:
        return self.baseline is None or self._monitor.is_better(current, self.baseline)

    def _keep(self, epoch: int, current: float) -> None:
        self.best, self.best_epoch = current, epoch
        self.best_weights = self.model.get_weights() if self.restore_best_weights else []

    def on_train_end(self, logs: Logs | None = None) -> None:
        if self.stopped_epoch > 0 and self.verbose:
            print(f"Epoch {self.stopped_epoch + 1}: early stopping")
        if self.restore_best_weights and self.best_weights:
            if self.verbose:
                print(
                    "Restoring model weights from the end of the best epoch: "
                    f"{self.best_epoch + 1}."
                )
            self.model.set_weights(self.best_weights)
