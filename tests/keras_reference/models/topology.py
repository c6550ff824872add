"""Shared, nested, residual and sequential graphs."""

from __future__ import annotations

from tests.keras_reference.data import case, floats, ints


@case
def shared_layers(keras):
    layers = keras.layers
    a, b = keras.Input((5,), name="a"), keras.Input((5,), name="b")
    tower = layers.Dense(6, activation="tanh", name="tower")
    x = layers.subtract([tower(a), tower(b)])
    x = layers.Dense(5, activation="relu")(x)
    x = layers.average([tower(x), tower(a)])
    model = keras.Model([a, b], layers.Dense(1, activation="sigmoid")(x), name="siamese")
    compiled = dict(optimizer=keras.optimizers.Adam(0.01), loss="binary_crossentropy",
                    metrics=["accuracy"])
    return model, compiled, [floats(5), floats(5, seed=2)], ints(2, 1), {}


@case
def nested_models(keras):
    layers = keras.layers
    inner_in = keras.Input((4,), name="inner_in")
    inner = keras.Model(
        inner_in, layers.Dense(4, activation="relu", name="in_a")(inner_in), name="inner"
    )
    middle = keras.Sequential(
        [keras.Input((4,)), inner, layers.Dense(4, name="in_b")], name="middle"
    )
    x = keras.Input((4,), name="outer_in")
    y = layers.average([inner(x), middle(x), inner(middle(x))])
    model = keras.Model(x, layers.Dense(2, name="out")(y), name="outer")
    compiled = dict(optimizer=keras.optimizers.RMSprop(0.01, momentum=0.5), loss="mse")
    return model, compiled, floats(4), floats(2, seed=2), {}


@case
def residual(keras):
    layers = keras.layers
    inputs = keras.Input((6,))
    x = layers.Dense(6, activation="relu")(inputs)
    y = layers.Dense(6, activation="relu")(x)
    block1 = layers.add([x, y])
    y = layers.Dense(6, activation="relu")(block1)
    block2 = layers.add([block1, y, inputs])
    joined = layers.concatenate([block1, block2, inputs])
    model = keras.Model(inputs, layers.Dense(3, activation="softmax")(joined), name="toy_resnet")
    compiled = dict(optimizer=keras.optimizers.Adam(0.01), loss="sparse_categorical_crossentropy",
                    metrics=["accuracy"])
    return model, compiled, floats(6), ints(3), {}


@case
def sequential(keras):
    layers = keras.layers
    model = keras.Sequential([layers.Dense(7, activation="relu"), layers.Dense(1)], name="plain")
    model.build((None, 6))
    compiled = dict(optimizer=keras.optimizers.SGD(0.05, momentum=0.9, nesterov=True), loss="mse",
                    metrics=["mean_absolute_error"])
    return model, compiled, floats(6), floats(1, seed=2), {}
