"""Training flags that are set where a layer is called, in a graph and inside another `call`.

In a graph Keras' rule: what a call of the model says goes, so `predict` and `evaluate` switch off
what was called with `training=True`; `model(x)` says nothing. One exception for users' sake:
`base(x, training=False)` keeps a base in inference mode in `fit` too, as Keras' guides say.
"""

from __future__ import annotations

import numpy as np
import pytest

import fncompile
from fncompile import layers

ONES = np.ones((4, 64), "float32")


class Always(layers.Layer):
    """Hands its input to a layer with training=True, whatever it is told."""

    def __init__(self, inner, **kwargs):
        super().__init__(**kwargs)
        self.inner = inner

    def call(self, x):
        return self.inner(x, training=True)


def test_dropout_that_is_always_on_draws_anew_each_time():
    """Its seed is not a weight: predict failed with a KeyError."""
    x = fncompile.Input((64,))
    model = fncompile.Model(x, Always(layers.Dropout(0.5, seed=3))(x))
    first, second = model.predict(ONES, verbose=0), model.predict(ONES, verbose=0)
    assert set(np.unique(first)) == {0.0, 2.0}
    assert (first != second).any()
    model.compile("sgd", "mse")
    model.fit(ONES, ONES, verbose=0)
    third = model.predict(ONES, verbose=0)
    assert (third != second).any() and (third != first).any()


def test_moving_statistics_follow_a_forced_training_flag():
    x = fncompile.Input((3,))
    norm = layers.BatchNormalization(momentum=0.5)
    model = fncompile.Model(x, Always(norm)(x))
    model.predict(np.full((8, 3), 2.0, "float32"), verbose=0)
    np.testing.assert_allclose(norm.moving_mean.numpy(), 1.0)


def drops(values) -> bool:
    return bool((np.asarray(values) == 0).any())


def graph(flag):
    """A model of one Dropout that was called with this training flag."""
    x = fncompile.Input((64,))
    kwargs = {} if flag is None else {"training": flag}
    model = fncompile.Model(x, layers.Dropout(0.5, seed=3)(x, **kwargs))
    model.compile("sgd", "mse")
    return model


def nested(flag):
    x = fncompile.Input((64,))
    model = fncompile.Model(x, graph(flag)(x))
    model.compile("sgd", "mse")
    return model


def nested_flag(flag):
    """The flag is given to a model that is called as a layer."""
    x = fncompile.Input((64,))
    kwargs = {} if flag is None else {"training": flag}
    model = fncompile.Model(x, graph(None)(x, **kwargs))
    model.compile("sgd", "mse")
    return model


def sequential(flag):
    model = fncompile.Sequential([fncompile.Input((64,)), graph(flag)])
    model.compile("sgd", "mse")
    return model


@pytest.mark.parametrize("make", [graph, nested, nested_flag, sequential])
@pytest.mark.parametrize("flag", [None, True, False])
def test_flags_in_a_graph(make, flag):
    model = make(flag)
    for _ in range(2):  # a second call may go a shorter way
        assert not drops(model(ONES, training=False))
        assert drops(model(ONES)) == bool(flag)
        assert drops(model(ONES, training=True)) == (flag is not False)
        assert not drops(model.predict(ONES, verbose=0))
        assert model.evaluate(ONES, ONES, verbose=0) == 0
    loss = model.fit(ONES, ONES, verbose=0).history["loss"][0]
    assert (loss > 0) == (flag is not False)


def test_an_ensemble_by_dropout_calls_the_model():
    """Each `model(x)` draws other bits where the flag is set in the graph."""
    model = graph(True)
    first, second = np.asarray(model(ONES)), np.asarray(model(ONES))
    assert (first != second).any()
