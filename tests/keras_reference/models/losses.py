"""Every loss, as string, object and function, on one small network."""

from __future__ import annotations

from tests.keras_reference.data import case, floats, ints, one_hot


def mlp(keras, outputs, activation=None, features=6):
    """features-8-7-outputs with relu and tanh."""
    layers = keras.layers
    inputs = keras.Input(shape=(features,), name="img")
    x = layers.Dense(8, activation="relu", name="first")(inputs)
    x = layers.Dense(7, activation="tanh", name="second")(x)
    outputs = layers.Dense(outputs, activation=activation, name="head")(x)
    return keras.Model(inputs, outputs, name="mlp")


@case
def softmax_sparse(keras):
    compiled = dict(
        optimizer="rmsprop", loss="sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    return mlp(keras, 4, "softmax"), compiled, floats(6), ints(4), {}


@case
def logits_sparse(keras):
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    compiled = dict(optimizer=keras.optimizers.SGD(0.2), loss=loss, metrics=["acc"])
    return mlp(keras, 4), compiled, floats(6), ints(4, 1), {}


@case
def softmax_categorical(keras):
    compiled = dict(optimizer=keras.optimizers.SGD(0.2), loss="categorical_crossentropy",
                    metrics=["accuracy", "mse"])
    return mlp(keras, 3, "softmax"), compiled, floats(6), one_hot(3), {}


@case
def label_smoothing(keras):
    loss = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1)
    metrics = [keras.metrics.CategoricalAccuracy(name="right"),
               keras.metrics.CategoricalCrossentropy(from_logits=True)]
    compiled = dict(optimizer=keras.optimizers.Adam(0.01), loss=loss, metrics=metrics)
    return mlp(keras, 3), compiled, floats(6), one_hot(3), {}


@case
def binary_sigmoid(keras):
    compiled = dict(optimizer=keras.optimizers.Adam(0.01), loss="binary_crossentropy",
                    metrics=["accuracy"])
    return mlp(keras, 1, "sigmoid"), compiled, floats(6), ints(2), {}


@case
def binary_logits(keras):
    loss = keras.losses.BinaryCrossentropy(from_logits=True, label_smoothing=0.2)
    compiled = dict(optimizer=keras.optimizers.SGD(0.1, momentum=0.9), loss=loss,
                    metrics=[keras.metrics.BinaryAccuracy(threshold=0.0)])
    return mlp(keras, 3), compiled, floats(6), ints(2, 3), {}


@case
def regression_mse(keras):
    compiled = dict(optimizer=keras.optimizers.SGD(0.05), loss="mse", metrics=["mae"])
    return mlp(keras, 2), compiled, floats(6), floats(2, seed=2), {}


@case
def regression_mae(keras):
    compiled = dict(optimizer=keras.optimizers.SGD(0.05), loss="mean_absolute_error",
                    metrics=[keras.metrics.MeanSquaredError(name="squares")])
    return mlp(keras, 2), compiled, floats(6), floats(2, seed=2), {}


@case
def regression_huber(keras):
    compiled = dict(optimizer=keras.optimizers.Adam(0.02), loss=keras.losses.Huber(delta=0.5))
    return mlp(keras, 1), compiled, floats(6), 2 * floats(seed=2), {}


@case
def sum_reduction(keras):
    loss = keras.losses.MeanSquaredError(reduction="sum", name="total")
    compiled = dict(optimizer=keras.optimizers.SGD(0.005), loss=loss)
    return mlp(keras, 2), compiled, floats(6), floats(2, seed=2), {}


@case
def user_loss_and_metric(keras):
    ops = keras.ops

    def quartic(y_true, y_pred):
        return ops.mean((y_true - y_pred) ** 4, axis=-1)

    def largest_error(y_true, y_pred):
        return ops.max(ops.abs(ops.cast(y_true, y_pred.dtype) - y_pred), axis=-1)

    compiled = dict(optimizer=keras.optimizers.SGD(0.01), loss=quartic, metrics=[largest_error])
    return mlp(keras, 2), compiled, floats(6), floats(2, seed=2), {}
