"""A callback from functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fncompile.callbacks.callback import Callback


class LambdaCallback(Callback):
    """Calls the functions it is given at the hooks of the same names.

    Those of epochs and batches are called with (index, logs), the others with (logs).

    The hooks are `on_epoch_begin`, `on_epoch_end`, `on_train_begin`, `on_train_end`,
    `on_train_batch_begin` and `on_train_batch_end`.

    >>> hello = callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: print("epoch", epoch))
    >>> hello.on_epoch_begin(0, {})
    epoch 0
    """

    def __init__(
        self,
        on_epoch_begin: Callable | None = None,
        on_epoch_end: Callable | None = None,
        on_train_begin: Callable | None = None,
        on_train_end: Callable | None = None,
        on_train_batch_begin: Callable | None = None,
        on_train_batch_end: Callable | None = None,
        **kwargs: Any,
    ):
        given = dict(
            kwargs,
            on_epoch_begin=on_epoch_begin,
            on_epoch_end=on_epoch_end,
            on_train_begin=on_train_begin,
            on_train_end=on_train_end,
            on_train_batch_begin=on_train_batch_begin,
            on_train_batch_end=on_train_batch_end,
        )
        for name, function in given.items():
            if function is not None:
                setattr(self, name, function)
