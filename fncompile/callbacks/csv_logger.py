"""Write the logs of each epoch to a CSV file."""

from __future__ import annotations

import csv
import os
from typing import Any

import numpy as np

from fncompile.callbacks.callback import Callback, Logs


class CSVLogger(Callback):
    """One row per epoch: the epoch, then the logs sorted by name; "NA" where one is missing.

    `append` goes on with an existing file, without a second header.

    `filename`: a path; `separator`: one character. Used in `fit(..., callbacks=[...])`.

    >>> log = callbacks.CSVLogger("log.csv")
    >>> log.on_train_begin(); log.on_epoch_end(0, {"loss": 0.5}); log.on_train_end()
    >>> print(open("log.csv").read().strip())
    epoch,loss,val_loss
    0,0.5,NA
    """

    def __init__(self, filename: str | os.PathLike, separator: str = ",", append: bool = False):
        self.filename = os.fspath(filename)
        self.separator = separator
        self.append = append
        self._file: Any = None
        self._keys: list[str] | None = None
        self._with_header = True

    def on_train_begin(self, logs: Logs | None = None) -> None:
        exists = os.path.exists(self.filename) and os.path.getsize(self.filename) > 0
        self._with_header = not (self.append and exists)
        self._file = open(self.filename, "a" if self.append else "w", newline="")  # noqa: SIM115
        self._keys = None

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        logs = logs or {}
        writer = csv.writer(self._file, delimiter=self.separator, lineterminator="\n")
        if self._keys is None:
            self._keys = _columns(logs)
            if self._with_header:
                writer.writerow(["epoch", *self._keys])
        writer.writerow([epoch, *(_cell(logs.get(key, "NA")) for key in self._keys)])
        self._file.flush()

    def on_train_end(self, logs: Logs | None = None) -> None:
        self._file.close()
        self._file = None


def _columns(logs: Logs) -> list[str]:
    """Sorted; validation columns are foreseen, since it may come in later epochs only."""
    keys = sorted(logs)
    if not any(key.startswith("val_") for key in keys):
        keys += [f"val_{key}" for key in keys]
    return keys


def _cell(value: Any) -> Any:
    return f"[{', '.join(map(str, value))}]" if isinstance(value, np.ndarray) else value
