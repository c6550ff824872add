"""Averages in the place of weights where a model is evaluated."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fncompile.callbacks.callback import Callback, Logs

_AVERAGE = "average"  # the slot of an optimizer with `use_ema`


class SwapEMAWeights(Callback):
    """Puts the averages that an optimizer with `use_ema=True` keeps in the place of the weights
    while a model is evaluated or predicts.

    With `swap_on_epoch` they are there from the end of each epoch to the beginning of the next, so
    that a `ModelCheckpoint` behind this callback saves them. ValueError for an optimizer without
    averages.

    >>> model = fncompile.Sequential([fncompile.Input((2,)), layers.Dense(1)])
    >>> model.compile(optimizers.SGD(0.1, use_ema=True), "mse")
    >>> x, y = np.ones((4, 2)), np.ones((4, 1))
    >>> history = model.fit(x, y, verbose=0, callbacks=[callbacks.SwapEMAWeights()])
    """

    def __init__(self, swap_on_epoch: bool = False):
        self.swap_on_epoch = swap_on_epoch
        self._swapped = False

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        if self.swap_on_epoch:
            self._swap(False)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        if self.swap_on_epoch:
            self._swap(True)
            if epoch == self.params["epochs"] - 1:  # `fit` is about to take averages as weights
                for variable, average in self._pairs():
                    average.assign(variable.numpy())

    def on_test_begin(self, logs: Logs | None = None) -> None:
        self._swap(True)

    def on_test_end(self, logs: Logs | None = None) -> None:
        self._swap(False)

    def on_predict_begin(self, logs: Logs | None = None) -> None:
        self._swap(True)

    def on_predict_end(self, logs: Logs | None = None) -> None:
        self._swap(False)

    def _swap(self, swapped: bool) -> None:
        """Have averages in the weights, or not."""
        if swapped == self._swapped:
            return
        for variable, average in self._pairs():
            value = variable.numpy()
            variable.assign(average.numpy())
            average.assign(value)
        self._swapped = swapped

    def _pairs(self) -> Iterator[tuple[Any, Any]]:
        """Weights and their averages, of the model's optimizer or those inside it."""
        outer = self.model.optimizer
        outer = getattr(outer, "inner_optimizer", outer)
        found = [o for o in getattr(outer, "optimizers", [outer]) if getattr(o, "use_ema", False)]
        if not found:
            raise ValueError(
                "SwapEMAWeights must be used when `use_ema=True` is set on the optimizer. "
                f"Received: use_ema={getattr(outer, 'use_ema', None)}"
            )
        for optimizer in found:
            for variable in optimizer._trainable_variables if optimizer.built else ():
                if not variable.overwrite_with_gradient:
                    yield variable, optimizer.slot(_AVERAGE, variable)
