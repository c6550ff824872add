"""State that decays from step to step must not end among subnormal numbers, which are slow."""

from __future__ import annotations

import numpy as np
import pytest

import fncompile
from fncompile import layers

SMALLEST = np.finfo(np.float32).tiny


def trained(batch: int, **switches):
    """A model of which half the weights get a gradient in the first step only."""
    inputs = fncompile.Input((96,))
    start = fncompile.initializers.GlorotUniform(seed=1)
    model = fncompile.Model(inputs, layers.Dense(256, kernel_initializer=start)(inputs))
    model.compile(optimizer=fncompile.optimizers.Adam(beta_1=0.5, beta_2=0.5), loss="mse")
    x = np.ones((300 * batch, 96), np.float32)
    x[batch:, 48:] = 0
    with fncompile.flags(**switches):
        y = np.zeros((len(x), 256), np.float32)
        model.fit(x, y, batch_size=batch, shuffle=False, verbose=0)
    return model


def moments(model) -> list[np.ndarray]:
    slots = ("momentum", "velocity")
    return [np.asarray(v) for v in model.optimizer.variables if any(s in v.path for s in slots)]


@pytest.mark.parametrize("switches", ({}, {"profile": True}, {"check": True}))
def test_moments_without_gradient_are_zero_or_normal(switches):
    """With kernels run one by one they were subnormal, and profiles several times too slow."""
    found = moments(trained(4, **switches))
    assert len(found) == 4
    for values in found:
        assert not ((values != 0) & (np.abs(values) < SMALLEST)).any()
    assert all((np.abs(values[48:]) < 4 * SMALLEST).all() for values in found if values.ndim == 2)


def test_the_caller_still_has_subnormal_numbers():
    trained(4)
    tiny = np.full(8, SMALLEST, np.float32)
    assert (tiny / np.float32(4) > 0).all()


@pytest.mark.parametrize("threads", (2, 3))
def test_threads_flush_alike(threads):
    one, many = trained(64), trained(64, threads=threads)
    for a, b in zip(moments(one), moments(many), strict=True):
        assert np.array_equal(a, b)
