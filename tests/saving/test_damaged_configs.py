"""A description that lacks a part is refused in words that name the class and the part."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

import fncompile
from fncompile import (
    constraints,
    initializers,
    layers,
    losses,
    metrics,
    optimizers,
    regularizers,
    saving,
)
from fncompile.optimizers import schedules
from tests.saving.test_serialization import Scale

CELL = layers.LSTMCell(2)


def model():
    x = fncompile.Input((3,))
    return fncompile.Model(x, layers.Dense(2)(x), name="whole")


OWN_WAYS = {  # with a `from_config` of their own
    "LossFunctionWrapper": lambda: losses.LossFunctionWrapper(losses.mean_squared_error),
    "MeanMetricWrapper": lambda: metrics.MeanMetricWrapper(losses.mean_squared_error),
    "TimeDistributed": lambda: layers.TimeDistributed(layers.Dense(2)),
    "Bidirectional": lambda: layers.Bidirectional(layers.LSTM(2)),
    "Lambda": lambda: layers.Lambda(fncompile.ops.relu),
    "RNN": lambda: layers.RNN(CELL),
    "StackedRNNCells": lambda: layers.StackedRNNCells([CELL]),
    "Constant": lambda: initializers.Constant(2.0),
    "OptimizerMap": lambda: optimizers.OptimizerMap(optimizers.SGD(), {"a": optimizers.Adam()}),
    "LossScaleOptimizer": lambda: optimizers.LossScaleOptimizer(optimizers.SGD()),
    "PiecewiseConstantDecay": lambda: schedules.PiecewiseConstantDecay([1], [0.1, 0.2]),
    "Pipeline": lambda: layers.Pipeline([layers.Rescaling(2.0)]),
    "Functional": model,
    "Sequential": lambda: fncompile.Sequential([fncompile.Input((2,)), layers.Dense(1)]),
    "DTypePolicy": lambda: fncompile.DTypePolicy("float32"),
    "SeedGenerator": lambda: fncompile.random.SeedGenerator(3),
}


def without_arguments():
    """An object of each public class that can be made of defaults, and has a description."""
    for room in (constraints, initializers, losses, metrics, optimizers, regularizers, layers):
        for name in room.__all__:
            cls = getattr(room, name)
            if not (inspect.isclass(cls) and hasattr(cls, "from_config")):
                continue
            rows = list(inspect.signature(cls.__init__).parameters.values())[1:]
            if all(p.default is not p.empty or p.kind in (2, 4) for p in rows):
                try:
                    cls().get_config()
                except (ValueError, NotImplementedError):  # needs one of two; a base class
                    continue
                yield name, cls


MADE = {**dict(without_arguments()), **OWN_WAYS}


@pytest.mark.parametrize("name", MADE)
def test_what_is_missing_is_named(name):
    whole = MADE[name]()
    config = whole.get_config()
    for key in config:
        damaged = {k: v for k, v in config.items() if k != key}
        try:
            type(whole).from_config(damaged)
        except (ValueError, TypeError) as error:
            told = str(error)
            assert key in told, f"without {key}: {told}"
            assert type(whole).__name__ in told or name in told or "odel" in told, told


def test_the_functional_model_names_its_layers():
    config = model().get_config()
    for key in ("layers", "output_layers"):
        with pytest.raises(ValueError, match=f"functional model has no '{key}'"):
            fncompile.Model.from_config({k: v for k, v in config.items() if k != key})


def test_of_a_users_class_too():
    whole = saving.serialize_keras_object(Scale(2))
    del whole["config"]["by"]
    with pytest.raises(ValueError, match="The configuration of Scale has no 'by'"):
        saving.deserialize_keras_object(whole, custom_objects={"Scale": Scale})


@pytest.mark.parametrize("value", [np.arange(3), slice(1, 2), b"x"], ids=lambda x: type(x).__name__)
def test_of_values_too(value):
    whole = saving.serialize_keras_object(value)
    for key in list(whole["config"]):
        damaged = {**whole, "config": {k: v for k, v in whole["config"].items() if k != key}}
        with pytest.raises(ValueError, match=f"has no '{key}'"):
            saving.deserialize_keras_object(damaged)
