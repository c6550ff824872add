"""A model whose losses are given, so that callbacks can be tested without training."""

from __future__ import annotations

import numpy as np

import fncompile as keras
from fncompile import layers
from fncompile.training.compile import objective_of
from tests.training.interpreted import PlanOf

X = np.zeros((4, 2), "float32")
Y = np.zeros((4, 1), "float32")


class ScriptedSteps:
    """Each epoch, `train` makes the loss what `losses` says, and adds 1 to the only weight."""

    trains = True

    def __init__(self, model, losses, val_losses):
        self.model = model
        self.losses, self.val_losses = iter(losses), iter(val_losses)
        self.calls = []
        self.plans = {}

    def plan(self, verb, arrays, sources=None, parts=None):
        return PlanOf(self, verb, len(arrays[0]))

    def train(self, arrays, index, batch_size):
        self.calls.append(len(index))
        self._tell(next(self.losses))
        weight = self.model.weights[0]
        weight.assign(weight.value + 1)

    def evaluate(self, arrays, index, batch_size):
        self._tell(next(self.val_losses))

    def _tell(self, loss):
        tracker = objective_of(self.model).loss_tracker
        tracker.total.assign(loss)
        tracker.count.assign(1)


def scripted(losses, val_losses=(), optimizer="sgd"):
    """A model of one weight, 0 at first, that runs one batch an epoch with these losses."""
    i = keras.Input((2,))
    model = keras.Model(i, layers.Dense(1, use_bias=False, kernel_initializer="zeros")(i))
    model.compile(optimizer, "mse")
    steps = ScriptedSteps(model, losses, val_losses)
    model.steps = lambda: steps
    return model, steps


def run(model, epochs, callbacks, validate=False, **arguments):
    data = (X, Y) if validate else None
    return model.fit(
        X, Y, epochs=epochs, callbacks=callbacks, verbose=0, validation_data=data, **arguments
    )


def weight(model):
    return float(model.get_weights()[0][0, 0])
