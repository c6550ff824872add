"""What of a model is trained, and how far it may go."""

from __future__ import annotations

from tests.keras_reference.data import case, floats


@case
def frozen(keras):
    """A frozen Dense keeps its weights; a frozen BatchNormalization normalises by its moving
    moments."""
    layers = keras.layers
    inputs = keras.Input((6,))
    x = layers.Dense(5, activation="relu", name="kept", trainable=False)(inputs)
    norm = layers.BatchNormalization(name="norm")
    x = layers.Dense(4, activation="tanh")(norm(x))
    norm.trainable = False
    model = keras.Model(inputs, layers.Dense(2)(x))
    compiled = dict(optimizer=keras.optimizers.Adam(0.01), loss="mse")
    return model, compiled, floats(6), floats(2, seed=3), {}


@case
def constraints(keras):
    layers, con = keras.layers, keras.constraints
    model = keras.Sequential([
        keras.Input((6,)),
        layers.Dense(5, kernel_constraint=con.MaxNorm(0.8), bias_constraint=con.NonNeg()),
        layers.Dense(4, activation="tanh", kernel_constraint=con.UnitNorm(axis=0)),
        layers.Dense(2, kernel_constraint=con.MinMaxNorm(0.5, 0.9, rate=0.7)),
    ])
    compiled = dict(optimizer=keras.optimizers.SGD(0.05), loss="mse")
    return model, compiled, floats(6), floats(2, seed=3), {}


@case
def dropout_of_zero(keras):
    layers = keras.layers
    model = keras.Sequential([keras.Input((6,)), layers.Dense(5, activation="relu"),
                              layers.Dropout(0.0), layers.Identity(), layers.Rescaling(0.5, 0.1),
                              layers.Lambda(lambda x: x * x), layers.RepeatVector(2),
                              layers.Dense(2), layers.Flatten(), layers.Dense(1)])
    compiled = dict(optimizer=keras.optimizers.SGD(0.05), loss="mse")
    return model, compiled, floats(6), floats(1, seed=3), {}
