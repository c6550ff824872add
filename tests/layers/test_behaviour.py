"""Layers against NumPy where the harness does not look: training, masks, odd shapes, state."""

from __future__ import annotations

import json

import numpy as np
import pytest

import fncompile as keras
from fncompile import layers, metrics, ops, saving
from fncompile.graph.eager import run_eagerly

rng = np.random.default_rng(6)
X = rng.normal(size=(6, 4, 3)).astype("float32")


# batch normalization ------------------------------------------------------------------------------


def moving(layer):
    return layer.moving_mean.numpy(), layer.moving_variance.numpy()


def test_batchnorm_in_training_normalises_the_batch_and_moves_its_statistics():
    layer = layers.BatchNormalization(momentum=0.8)
    out = layer(X, training=True)
    mean, variance = X.mean((0, 1)), X.var((0, 1))
    np.testing.assert_allclose(out, (X - mean) / np.sqrt(variance + 1e-3), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(moving(layer)[0], 0.2 * mean, rtol=1e-5)
    np.testing.assert_allclose(moving(layer)[1], 0.8 + 0.2 * variance, rtol=1e-5)


def test_batchnorm_outside_of_training_or_frozen_uses_and_keeps_the_moving_statistics():
    layer = layers.BatchNormalization()
    expected = X / np.sqrt(1 + 1e-3)
    np.testing.assert_allclose(layer(X), expected, rtol=1e-5)
    layer.trainable = False
    np.testing.assert_allclose(layer(X, training=True), expected, rtol=1e-5)
    np.testing.assert_array_equal(moving(layer), [np.zeros(3), np.ones(3)])


def test_batchnorm_of_one_sample_has_variance_zero():
    layer = layers.BatchNormalization(momentum=0.5)
    np.testing.assert_allclose(layer(X[:1, 0], training=True), np.zeros((1, 3)), atol=1e-6)
    np.testing.assert_allclose(moving(layer)[1], [0.5] * 3)


def test_batchnorm_shows_nan():
    bad = X.copy()
    bad[0, 0, 1] = np.nan
    out = layers.BatchNormalization()(bad, training=True)
    assert np.isnan(out[..., 1]).all() and not np.isnan(out[..., [0, 2]]).any()


def test_batchnorm_leaves_masked_positions_out():
    mask = rng.uniform(size=(6, 4)) > 0.4
    layer = layers.BatchNormalization(momentum=0.0)
    layer(X, training=True, mask=mask)
    np.testing.assert_allclose(moving(layer)[0], X[mask].mean(0), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(moving(layer)[1], X[mask].var(0), rtol=1e-4, atol=1e-5)


def test_batchnorm_takes_the_axis_of_tf2_files():
    assert layers.BatchNormalization.from_config({"axis": [2], "name": "bn"}).axis == 2


@pytest.mark.parametrize("axis", [1, -1, (1, 2), [2, 1]])
def test_layernorm(axis):
    axes = axis if isinstance(axis, int) else tuple(axis)
    expected = (X - X.mean(axes, keepdims=True)) / np.sqrt(X.var(axes, keepdims=True) + 1e-3)
    np.testing.assert_allclose(
        layers.LayerNormalization(axis=axis)(X), expected, rtol=1e-4, atol=1e-5
    )


# dropout ------------------------------------------------------------------------------------------


def test_dropout_keeps_the_mean_and_draws_anew():
    layer, ones = layers.Dropout(0.25, seed=1), np.ones((200, 50), "float32")
    first, second = layer(ones, training=True), layer(ones, training=True)
    assert set(np.unique(first)) == {0, np.float32(1 / 0.75)}
    assert (first == 0).mean() == pytest.approx(0.25, abs=0.02)
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(layer(ones), ones)


def test_dropout_with_a_seed_repeats():
    ones = np.ones((5, 5), "float32")
    a, b = (layers.Dropout(0.5, seed=3)(ones, training=True) for _ in range(2))
    np.testing.assert_array_equal(a, b)


def test_dropout_state_is_a_variable_and_not_a_weight():
    layer = layers.Dropout(0.5)
    assert len(layer.variables) == 1 and not layer.weights
    assert not layers.Dropout(0.0).variables


def test_dropout_of_everything():
    np.testing.assert_array_equal(layers.Dropout(1)(X, training=True), np.zeros_like(X))


def test_dropout_noise_shape():
    out = layers.Dropout(0.5, noise_shape=(None, 1, 3), seed=1)(
        np.ones((9, 4, 3), "float32"), training=True
    )
    assert (out == out[:, :1]).all() and 0 < (out == 0).mean() < 1


def test_dropout_goes_by_the_training_flag_of_the_model():
    inputs = keras.Input((8,))
    model = keras.Model(inputs, layers.Dropout(0.5, seed=1)(inputs))
    ones = np.ones((20, 8), "float32")
    assert (model(ones, training=True) == 0).any() and (model(ones) == 1).all()


# embedding ----------------------------------------------------------------------------------------


def test_embedding_of_floats_and_of_nothing():
    layer = layers.Embedding(5, 2)
    np.testing.assert_array_equal(layer(np.array([[1.0, 4.0]])), layer.get_weights()[0][[[1, 4]]])
    assert layer(np.zeros((0, 3), "int32")).shape == (0, 3, 2)


def test_embedding_outside_of_the_table_is_an_error():
    """More in tests/training/test_ranges.py."""
    for index in (5, -1):
        with pytest.raises(ValueError, match=f"from 0 to 4. Received: {index}"):
            layers.Embedding(5, 2)(np.array([[1, index]]))


def test_embedding_mask_goes_on_through_layers_that_support_it():
    inputs = keras.Input((4,), dtype="int32")
    x = layers.Embedding(5, 2, mask_zero=True)(inputs)
    assert x._keras_mask.shape == (None, 4)
    for layer in (
        layers.Dense(3),
        layers.Dropout(0.1),
        layers.BatchNormalization(),
        layers.Activation("relu"),
        layers.Identity(),
    ):
        x = layer(x)
        assert x._keras_mask is not None, layer.name
    with pytest.warns(UserWarning, match="does not support masking"):
        assert layers.Flatten()(x)._keras_mask is None


def test_embedding_with_given_weights():
    table = rng.normal(size=(5, 2)).astype("float32")
    for weights in (table, [table]):
        np.testing.assert_array_equal(
            layers.Embedding(5, 2, weights=weights).get_weights()[0], table
        )


# shapes -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("layer, shape, output", [
    (layers.Flatten(), (None, 3), (None, None)), (layers.Flatten(), (0, 3), (None, 0)),
    (layers.Flatten(), (), (None, 1)),
    (layers.Reshape((-1, 4)), (None, 4), (None, None, 4)),
    (layers.Reshape((2, -1)), (None, 4), (None, 2, None)),
    (layers.Reshape(()), (1,), (None,)), (layers.Reshape((3, -1)), (3, 0), (None, 3, 0)),
    (layers.Permute((2, 1)), (None, 3), (None, 3, None)),
    (layers.RepeatVector(2), (None,), (None, 2, None)),
    (layers.PReLU(shared_axes=[1]), (None, 3), (None, None, 3)),
])  # fmt: skip
def test_inferred_shapes(layer, shape, output):
    assert layer(keras.Input(shape)).shape == output


@pytest.mark.parametrize(
    "layer",
    [
        layers.Flatten(),
        layers.Reshape((12,)),
        layers.Dense(2),
        layers.Permute((2, 1)),
        layers.Softmax(),
    ],
)
def test_no_samples(layer):
    assert layer(X[:0]).shape[0] == 0


@pytest.mark.parametrize("layer", [
    layers.Activation("relu"), layers.ELU(), layers.LeakyReLU(), layers.ReLU(), layers.Softmax(),
    layers.Identity(), layers.Dropout(0.5),
], ids=lambda layer: layer.name)  # fmt: skip
def test_what_never_has_weights_is_built_as_it_is_made(layer):
    assert layer.built

    class Below(type(layer)):
        def build(self, input_shape):
            self.seen = input_shape

    below = Below.from_config(layer.get_config())
    assert not below.built
    assert below(np.ones((2, 3), "float32")).shape == below.seen == (2, 3)


def test_a_mask_is_computed_from_the_inputs_alone():
    index = np.array([2, 1, 0])
    np.testing.assert_array_equal(
        layers.Embedding(3, 2, mask_zero=True).compute_mask(index), [True, True, False])
    for layer in (layers.Embedding(3, 2), layers.Lambda(ops.square), layers.Dense(2)):
        assert layer.compute_mask(index) is None


def test_dense_whose_activation_is_taken_away():
    layer = layers.Dense(2, activation="relu", use_bias=False)
    layer.build((1, 2))
    layer.set_weights([np.array([[1.0, -2.0], [3.0, -4.0]])])
    layer.activation = None
    np.testing.assert_allclose(layer(np.array([[-1.0, 2.0]])), [[5.0, -6.0]])


def test_reshape_of_an_unknown_extent():
    x = keras.Input(batch_shape=(2, None))
    y = layers.Reshape((3, 5))(x)
    assert y.shape == (2, 3, 5)
    numbers = np.arange(30, dtype="float32").reshape(2, 15)
    model = keras.Model(x, y)
    np.testing.assert_array_equal(model.predict(numbers, verbose=0), numbers.reshape(2, 3, 5))
    with pytest.raises(ValueError, match=r"expected shape \(2, 15\), received \(2, 14\)"):
        model.predict(numbers[:, :14], verbose=0)


def test_flatten_moves_channels_last_first():
    np.testing.assert_array_equal(
        layers.Flatten("channels_first")(X), X.transpose(0, 2, 1).reshape(6, 12)
    )


def test_rescaling_of_integers_is_in_floats():
    out = layers.Rescaling(1 / 255, offset=[0.0, 1.0])(np.array([[255, 0]], "uint8"))
    np.testing.assert_allclose(out, [[1, 1]])
    assert out.dtype == "float32"


def test_double_precision():
    layer = layers.Dense(3, dtype="float64")
    x = rng.normal(size=(2, 4)).astype("float32").astype("float64")
    kernel, bias = (layer(x), layer.get_weights())[1]
    np.testing.assert_allclose(layer(x), x @ kernel + bias, rtol=1e-14)


# activation layers --------------------------------------------------------------------------------


def test_softmax_of_masked_scores():
    mask = np.array([[True, False, True]])
    out = layers.Softmax()(np.zeros((1, 3), "float32"), mask=mask)
    np.testing.assert_allclose(out, [[0.5, 0, 0.5]])
    np.testing.assert_allclose(layers.Softmax([1, 2])(X).sum((1, 2)), np.ones(6), rtol=1e-5)


def test_prelu_slopes():
    layer = layers.PReLU(alpha_initializer="ones")
    layer(X)
    slopes = rng.normal(size=(4, 3)).astype("float32")
    layer.set_weights([slopes])
    np.testing.assert_allclose(layer(X), np.where(X > 0, X, slopes * X), rtol=1e-6)
    assert [layers.PReLU(shared_axes=axes).build((None, 4, 3)) for axes in ([1], 2)] == [None, None]


# lambda -------------------------------------------------------------------------------------------


def test_lambda_gets_its_arguments_mask_and_training():
    def scaled(x, factor, training=None):
        return x * (factor if training else 1.0)

    layer = layers.Lambda(scaled, arguments={"factor": 3.0})
    np.testing.assert_allclose(layer(X, training=True), 3 * X)
    np.testing.assert_allclose(layer(X), X)


def test_lambda_of_an_op_comes_back():
    layer = layers.Lambda(ops.tanh)
    again = layers.deserialize(json.loads(json.dumps(layers.serialize(layer))))
    np.testing.assert_allclose(again(X), np.tanh(X), rtol=1e-5)


def first_positive(inputs, mask):
    return ops.greater(inputs[..., 0], 0.0)


@pytest.mark.parametrize("mask", [
    first_positive, lambda inputs, mask: ops.greater(inputs[..., 0], 0.0),
    np.array([[True, False, True], [False, True, True]]),
], ids=["function", "lambda", "array"])  # fmt: skip
def test_the_mask_of_a_lambda_goes_on_and_is_kept(mask):
    x = np.array([[[1.0], [-1], [2]], [[-1], [2], [3]]], "float32")
    config = json.loads(json.dumps(layers.Lambda(ops.square, mask=mask).get_config()))
    known = saving.custom_object_scope({"first_positive": first_positive})
    with known, saving.serialization.safe_mode_scope(False):
        layer = layers.Lambda.from_config(config)
    np.testing.assert_array_equal(layer.compute_mask(x), x[..., 0] > 0)
    i = keras.Input(batch_shape=(2, 3, 1))
    assert layer(i)._keras_mask.shape == (2, 3)
    assert layer.supports_masking and not layers.Lambda(ops.square).supports_masking


def test_lambda_of_a_python_lambda_is_only_loaded_when_trusted():
    config = json.loads(json.dumps(layers.serialize(layers.Lambda(lambda x: x * 2.0))))
    with pytest.raises((ValueError, TypeError), match="whose `function` is a Python lambda"):
        layers.deserialize(config)
    again = saving.deserialize_keras_object(config, safe_mode=False)
    np.testing.assert_allclose(again(X), 2 * X)


def test_metrics_of_a_layer_are_no_part_of_its_weights():
    class Measuring(layers.Layer):
        def __init__(self, inner=None):
            super().__init__()
            self.inner, self.dense = inner, layers.Dense(2)
            self.seen = metrics.Mean(name="seen")

        def build(self, input_shape):
            self.dense.build(input_shape)

        def call(self, x):
            self.seen.update_state(ops.mean(x))
            return self.dense(x)

    layer = Measuring(Measuring())
    layer.build((None, 3))
    assert layer.metrics == [layer.seen, layer.inner.seen]
    assert layer.metrics_variables == [v for m in layer.metrics for v in m.variables]
    assert layer.variables == layer.weights and layer.non_trainable_variables == []
    layer(np.float32([[1, 2, 6]]))
    assert layer.seen.result() == 3.0


# configuration ------------------------------------------------------------------------------------

KEYS = {
    "Dense": "units activation use_bias kernel_initializer bias_initializer kernel_regularizer "
    "bias_regularizer kernel_constraint bias_constraint",
    "Dropout": "rate seed noise_shape",
    "Flatten": "data_format",
    "Reshape": "target_shape",
    "Permute": "dims",
    "Embedding": "input_dim output_dim embeddings_initializer embeddings_regularizer "
    "embeddings_constraint mask_zero",
    "BatchNormalization": "axis momentum epsilon center scale beta_initializer gamma_initializer "
    "moving_mean_initializer moving_variance_initializer beta_regularizer gamma_regularizer "
    "beta_constraint gamma_constraint",
    "LayerNormalization": "axis epsilon center scale beta_initializer gamma_initializer "
    "beta_regularizer gamma_regularizer beta_constraint gamma_constraint",
    "PReLU": "alpha_initializer alpha_regularizer alpha_constraint shared_axes",
    "ReLU": "max_value negative_slope threshold",
    "Concatenate": "axis",
    "Dot": "axes normalize",
}
ARGUMENTS = {"Dense": {"units": 3, "kernel_regularizer": "l2", "activation": "relu",
                       "activity_regularizer": "l1"},
             "Dropout": {"rate": 0.5}, "Reshape": {"target_shape": (2, 3)},
             "Permute": {"dims": (2, 1)},
             "Embedding": {"input_dim": 3, "output_dim": 2}, "Dot": {"axes": (1, 2)}}  # fmt: skip


@pytest.mark.parametrize("name", KEYS)
def test_configuration_has_keras_keys_and_comes_back(name):
    layer = getattr(layers, name)(**ARGUMENTS.get(name, {}))
    config = json.loads(json.dumps(layers.serialize(layer)))["config"]
    activity = ["activity_regularizer"] if name == "Dense" else []
    assert list(config) == ["name", "trainable", "dtype", *activity, *KEYS[name].split()]
    again = type(layer).from_config(config)
    assert json.loads(json.dumps(layers.serialize(again)))["config"] == config


def test_configurations_of_newer_keras():
    newer = {"name": "d", "units": 2, "quantization_config": None, "dtype":
             {"module": "keras", "class_name": "DTypePolicy", "config": {"name": "float32"},
              "registered_name": None}}  # fmt: skip
    assert layers.Dense.from_config(newer).units == 2
    with pytest.raises(NotImplementedError, match="lora_rank=4: LoRA is not part of fncompile"):
        layers.Dense.from_config({"units": 2, "lora_rank": 4})


@pytest.mark.parametrize(
    "layer", [layers.Dense(2), layers.EinsumDense("ab,bc->ac", 2), layers.Embedding(3, 2),
              layers.Conv1D(2, 1)])
def test_lora_is_refused_in_words(layer):
    with pytest.raises(NotImplementedError, match="the product of two narrow Dense layers"):
        layer.enable_lora(4)


def test_quantization_is_refused_in_words():
    model = keras.Sequential([keras.Input((2,)), layers.Dense(2)])
    for asked in (model, model.layers[0]):
        with pytest.raises(NotImplementedError, match="weights are not quantised"):
            asked.quantize("int8")


def test_regularization_of_weights_and_outputs():
    layer = layers.Dense(
        2,
        kernel_regularizer=keras.regularizers.L2(0.5),
        activity_regularizer=keras.regularizers.L1(0.1),
    )
    out = layer(X[:, 0])
    expected = [0.1 * abs(out).sum() / 6, 0.5 * (layer.kernel.numpy() ** 2).sum()]
    np.testing.assert_allclose(sorted(map(float, layer.losses)), sorted(expected), rtol=1e-5)


def test_traced_and_eager_calls_agree():
    layer = layers.Dense(2, activation="tanh")
    np.testing.assert_array_equal(run_eagerly(lambda x: layer(x), (X,), {}), layer(X))
