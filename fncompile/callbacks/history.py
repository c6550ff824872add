"""What `fit` returns."""

from __future__ import annotations

from typing import Any

from fncompile.callbacks.callback import Callback, Logs


class History(Callback):
    """`history`: a list of one float per epoch for each log; `epoch`: the numbers of the epochs.

    >>> history = callbacks.History()
    >>> history.on_train_begin()
    >>> history.on_epoch_end(0, {"loss": 0.5})
    >>> history.history, history.epoch
    ({'loss': [0.5]}, [0])
    """

    def __init__(self) -> None:
        self.history: dict[str, list[Any]] = {}
        self.epoch: list[int] = []

    def __repr__(self) -> str:
        last = "".join(f", {key}={values[-1]:.4g}" for key, values in self.history.items()
                       if values and isinstance(values[-1], (int, float)))  # fmt: skip
        return f"<History of {len(self.epoch)} epoch{'s' * (len(self.epoch) != 1)}{last}>"

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self.epoch = []

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        self.epoch.append(epoch)
        for key, value in (logs or {}).items():
            self.history.setdefault(key, []).append(value)
