"""Variables that their gradient overwrites: no rate, clipping, decay, slots, constraint."""

from __future__ import annotations

import numpy as np
import pytest

import fncompile
from fncompile import layers, ops, optimizers

ONES = np.ones((2, 2), "float32")
PULL = np.float32([2.0, 5.0])


def test_one_step():
    v = fncompile.Variable(0 * ONES)
    v.overwrite_with_gradient = True
    optimizers.SGD(0.01).apply_gradients([(ONES, v)])
    np.testing.assert_array_equal(v.numpy(), ONES)


@pytest.mark.parametrize("clip", [{}, {"clipnorm": 0.1}, {"global_clipnorm": 0.1}])
def test_the_others_step_as_if_alone(clip):
    def optimizer():
        return optimizers.Adam(0.1, weight_decay=0.1, **clip)

    alone, w, v = (fncompile.Variable(3 * ONES) for _ in range(3))
    v.overwrite_with_gradient = True
    first, second = optimizer(), optimizer()
    for k in range(3):
        first.apply_gradients([(k * ONES, alone)])
        second.apply_gradients([(100 * k * ONES, v), (k * ONES, w)])
    np.testing.assert_array_equal(w.numpy(), alone.numpy())
    np.testing.assert_array_equal(v.numpy(), 200 * ONES)
    assert len(second.variables) == len(first.variables)  # no slots for v
    assert int(second.iterations) == 3


def test_only_a_bool():
    v = fncompile.Variable(ONES)
    assert v.overwrite_with_gradient is False
    with pytest.raises(TypeError, match="must be a boolean"):
        v.overwrite_with_gradient = 1


class Pulled(layers.Layer):
    """x @ kernel + bias, and `extra`, whose gradient is PULL times that of the bias."""

    def build(self, shape):
        self.kernel = self.add_weight(shape=(3, 1), initializer="ones", name="kernel")
        self.extra = self.add_weight(
            shape=(2,), initializer="zeros", name="extra", overwrite_with_gradient=True
        )
        self.bias = self.add_weight(shape=(1,), initializer="zeros", name="bias")

    def call(self, x):
        drawn = self.extra - ops.stop_gradient(self.extra)  # 0, with a gradient
        return ops.matmul(x, self.kernel) + self.bias + ops.sum(drawn * PULL)


def test_in_compiled_training():
    """Between other weights, which train as if it were not there."""
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((8, 3)).astype("f4"), rng.standard_normal((8, 1)).astype("f4")
    inputs = fncompile.Input((3,))
    model = fncompile.Model(inputs, Pulled()(inputs))
    plain = fncompile.Model(inputs, layers.Dense(1, kernel_initializer="ones")(inputs))
    for m in (model, plain):
        m.compile(optimizers.Adam(0.1, global_clipnorm=0.5, weight_decay=0.01), "mse")
        m.fit(x[:4], y[:4], batch_size=4, epochs=2, shuffle=False, verbose=0)
    kernel, extra, bias = model.get_weights()
    for mine, wanted in zip((kernel, bias), plain.get_weights(), strict=True):
        np.testing.assert_allclose(mine, wanted, rtol=1e-6)
    before = fncompile.Model(inputs, layers.Dense(1, kernel_initializer="ones")(inputs))
    before.compile(optimizers.Adam(0.1, global_clipnorm=0.5, weight_decay=0.01), "mse")
    before.fit(x[:4], y[:4], batch_size=4, epochs=1, shuffle=False, verbose=0)
    slope = 2 * np.mean(before.predict(x[:4], verbose=0) - y[:4])  # of the last step
    np.testing.assert_allclose(extra, slope * PULL, rtol=1e-5)
