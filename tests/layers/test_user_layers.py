"""Layers that a user writes go through the same harness as ours."""

from __future__ import annotations

import numpy as np
import pytest

from tests.keras_reference.target import better_than_keras, keras
from tests.layers.harness import run_layer_test

ops = keras.ops
register = keras.saving.register_keras_serializable(package="fncompile_tests")


@register
class Affine(keras.layers.Layer):
    def __init__(self, units=3, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, input_shape):
        self.w = self.add_weight(shape=(input_shape[-1], self.units), initializer="random_normal",
                                 trainable=True)
        self.b = self.add_weight(shape=(self.units,), initializer="random_normal", trainable=True)

    def call(self, inputs):
        return ops.matmul(inputs, self.w) + self.b

    def get_config(self):
        return {**super().get_config(), "units": self.units}


@register
class Antirectifier(keras.layers.Layer):
    """No get_config: Keras makes one of the arguments, as they are all plain values."""

    def __init__(self, scale=2.0, centre=True):
        super().__init__()
        self.scale, self.centre = scale, centre

    def call(self, x):
        if self.centre:
            x = x - ops.mean(x, axis=-1, keepdims=True)
        return self.scale * ops.concatenate([ops.relu(x), ops.relu(-x)], axis=-1)


@register
class Unrolled(keras.layers.Layer):
    """Sublayers, and a loop over static time with slicing and stack, as the guide's CustomRNN."""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.inner = keras.layers.Dense(units, activation="tanh")
        self.outer = keras.layers.Dense(units)

    def call(self, inputs):
        state, states = ops.zeros((ops.shape(inputs)[0], self.units)), []
        for t in range(inputs.shape[1]):
            state = self.inner(inputs[:, t, :]) + self.outer(state)
            states.append(state)
        return ops.stack(states, axis=1)

    def get_config(self):
        return {**super().get_config(), "units": self.units}


@register
class Gated(keras.layers.Layer):
    """A weight that is not trained, a weight of rank 0, a loss of its own, and the training
    flag."""

    def build(self, input_shape):
        self.gate = self.add_weight(shape=(), initializer="ones", name="gate")
        self.shift = self.add_weight(shape=input_shape[1:], initializer="ones", trainable=False)

    def call(self, inputs, training=False):
        self.add_loss(0.01 * ops.sum(ops.square(self.gate)))
        return ops.tanh(inputs * self.gate) + self.shift * (2.0 if training else 1.0)


def test_affine(tmp_path):
    run_layer_test(Affine, dict(units=4), input_shape=(2, 5), output_shape=(2, 4), trainable=2,
                   formula=lambda x, w, b: x @ w + b, tmp_path=tmp_path)


@better_than_keras
def test_no_config_of_its_own(tmp_path):
    """Keras' automatic configuration has arguments that such a class does not take."""
    run_layer_test(
        Antirectifier, dict(scale=0.5), input_shape=(3,), output_shape=(6,), tmp_path=tmp_path
    )


def test_sublayers_and_a_loop(tmp_path):
    run_layer_test(Unrolled, dict(units=3), input_shape=(4, 2), output_shape=(4, 3), trainable=4,
                   tmp_path=tmp_path)


def test_state_loss_and_training_flag(tmp_path):
    run_layer_test(
        Gated,
        {},
        input_shape=(3,),
        output_shape=(3,),
        trainable=1,
        non_trainable=1,
        losses=1,
        formula=lambda x, gate, shift: np.tanh(x * gate) + shift,
        tmp_path=tmp_path,
    )


def test_built_without_a_shape():
    """What makes its weights in the constructor needs none; the first call brings one."""

    class Inner(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.inner = keras.layers.Dense(2)
            self.scale = self.add_weight(shape=(1,), name="scale")

        def call(self, x):
            return self.inner(x) * self.scale

    layer = Inner()
    layer.build(None)
    assert [v.path for v in layer.variables] == ["inner/scale"]
    assert layer(np.ones((3, 4), "float32")).shape == (3, 2) and len(layer.variables) == 3


def test_lambda_in_a_graph():
    """A Python lambda cannot be saved safely, so it does not go through the harness."""
    x = np.random.default_rng(0).normal(size=(3, 4)).astype("float32")
    inputs = keras.Input((4,))
    model = keras.Model(inputs, keras.layers.Lambda(lambda t: ops.exp(t) * 2)(inputs))
    np.testing.assert_allclose(model.predict(x, verbose=0), 2 * np.exp(x), rtol=1e-5)


def test_lambda_is_not_loaded_unless_asked(tmp_path):
    inputs = keras.Input((4,))
    model = keras.Model(inputs, keras.layers.Lambda(lambda t: t * 2)(inputs))
    model.save(tmp_path / "m.keras")
    with pytest.raises(ValueError, match="[Ll]ambda"):
        keras.models.load_model(tmp_path / "m.keras")


class Looks(keras.layers.Layer):
    """Asks for the numbers that it computes with."""

    seen = None

    def call(self, x):
        Looks.seen = np.asarray(ops.square(x)).tolist()
        return x


def test_numbers_are_there_in_a_call_on_arrays():
    Looks()(np.array([1.0, 3.0]))
    assert Looks.seen == [1.0, 9.0]
    with pytest.raises(ValueError, match="use fncompile.ops on it, not NumPy"):
        Looks()(keras.Input((2,)))
