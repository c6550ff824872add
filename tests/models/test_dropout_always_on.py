"""A layer called with training=True in the graph is random, or learns, in predict too."""

from __future__ import annotations

import numpy as np

import fncompile
from fncompile import layers


def test_dropout_that_is_always_on_draws_anew_each_time():
    """Its seed is not a weight: predict failed with a KeyError."""
    x = fncompile.Input((64,))
    model = fncompile.Model(x, layers.Dropout(0.5, seed=3)(x, training=True))
    ones = np.ones((4, 64), "float32")
    first, second = model.predict(ones, verbose=0), model.predict(ones, verbose=0)
    assert set(np.unique(first)) == {0.0, 2.0}
    assert (first != second).any()
    model.compile("sgd", "mse")
    model.fit(ones, ones, verbose=0)
    third = model.predict(ones, verbose=0)
    assert (third != second).any() and (third != first).any()


def test_moving_statistics_follow_a_forced_training_flag():
    x = fncompile.Input((3,))
    norm = layers.BatchNormalization(momentum=0.5)
    model = fncompile.Model(x, norm(x, training=True))
    model.predict(np.full((8, 3), 2.0, "float32"), verbose=0)
    np.testing.assert_allclose(norm.moving_mean.numpy(), 1.0)
