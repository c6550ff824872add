"""Weights of samples, classes and outputs."""

from __future__ import annotations

import numpy as np

from tests.keras_reference.data import N, case, floats, ints, one_hot
from tests.keras_reference.models.losses import regression_mse, softmax_sparse


@case
def class_weight(keras):
    model, compiled, x, y, _ = softmax_sparse(keras)
    return model, compiled, x, y, dict(class_weight={0: 1.0, 1: 2.5, 2: 0.0, 3: 0.5})


@case
def sample_weight(keras):
    model, compiled, x, y, _ = regression_mse(keras)
    compiled.update(weighted_metrics=[keras.metrics.MeanAbsoluteError(name="far")])
    weights = np.random.default_rng(3).uniform(0, 2, N).astype("float32")
    return model, compiled, x, y, dict(sample_weight=weights)


@case
def multi_input_output(keras):
    layers = keras.layers
    title = keras.Input((5,), name="title")
    tags = keras.Input((3,), name="tags")
    x = layers.concatenate([layers.Dense(6, activation="relu")(title), layers.Dense(4)(tags)])
    priority = layers.Dense(1, name="priority")(x)
    department = layers.Dense(4, activation="softmax", name="department")(x)
    model = keras.Model([title, tags], {"priority": priority, "department": department})
    compiled = dict(
        optimizer=keras.optimizers.RMSprop(0.01),
        loss={"priority": keras.losses.BinaryCrossentropy(from_logits=True),
              "department": "sparse_categorical_crossentropy"},
        loss_weights={"priority": 1.0, "department": 0.2},
        metrics={"priority": ["mae", "mse"], "department": ["acc"]},
    )
    y = {"priority": ints(2, 1), "department": ints(4, seed=4)}
    return model, compiled, {"title": floats(5), "tags": floats(3, seed=2)}, y, {}


@case
def list_outputs(keras):
    layers = keras.layers
    x = keras.Input((5,))
    hidden = layers.Dense(6, activation="relu")(x)
    zebra = layers.Dense(2, name="zebra")(hidden)
    ant = layers.Dense(3, activation="softmax", name="ant")(hidden)
    compiled = dict(optimizer=keras.optimizers.SGD(0.1), loss=["mse", "categorical_crossentropy"],
                    loss_weights=[0.5, 2.0], metrics=[["mae"], ["accuracy"]])
    return keras.Model(x, [zebra, ant]), compiled, floats(5), [floats(2, seed=2), one_hot(3)], {}


@case
def loss_for_one_output(keras):
    layers = keras.layers
    x = keras.Input((5,))
    hidden = layers.Dense(6, activation="relu")(x)
    model = keras.Model(x, [layers.Dense(2, name="a")(hidden), layers.Dense(3, name="b")(hidden)])
    compiled = dict(optimizer=keras.optimizers.SGD(0.1), loss=["mse", None])
    return model, compiled, floats(5), [floats(2, seed=2), floats(3, seed=3)], {}
