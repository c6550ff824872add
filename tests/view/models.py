"""Models whose summaries are compared with those that real Keras printed.

Each case takes the module `keras` (or fncompile) and gives a model and the arguments of `summary`.
"""

from __future__ import annotations

CASES = {}


def case(function):
    CASES[function.__name__] = function
    return function


def mnist(keras):
    layers = keras.layers
    img = keras.Input((784,), name="img")
    x = layers.Dense(64, activation="relu")(img)
    x = layers.Dense(64, activation="relu")(x)
    return keras.Model(img, layers.Dense(10, activation="softmax")(x), name="mnist_model")


def branching(keras):
    layers = keras.layers
    title, body = keras.Input((None,), name="title"), keras.Input((100,), name="body")
    words = layers.Embedding(1000, 64)
    x, y = words(title)[:, 0], words(body)[:, 0]
    z = layers.concatenate([x, y])
    long = layers.Dense(3, name="a_very_long_name_for_a_layer_that_will_be_wrapped")(z)
    outputs = [long, layers.Dense(1, name="p")(z), keras.ops.exp(long) + 1]
    return keras.Model([title, body], outputs, name="branching")


def nested(keras):
    layers = keras.layers
    inner = keras.Sequential(
        [keras.Input((4,)), layers.Dense(3), layers.BatchNormalization()], name="inner"
    )
    i = keras.Input((3,), name="i")
    fork = keras.Model(i, layers.add([layers.Dense(2)(i), layers.Dense(2)(i)]), name="fork")
    j = keras.Input((4,), name="j")
    return keras.Model(j, layers.Dense(2)(fork(inner(j))), name="outer")


def several_outputs(keras):
    layers = keras.layers
    i = keras.Input((3,), name="i")
    a, b = layers.Dense(2, name="a")(i), layers.Dense(2, name="b")(i)
    c = layers.add([a, b])
    sub = keras.Model(i, [c, a], name="sub")
    named = keras.Model(i, {"z": c, "y": a}, name="named")
    j = keras.Input((3,), name="j")
    (p, q), d = sub(j), named(j)
    return keras.Model(j, layers.concatenate([p, q, d["z"]]), name="several")


@case
def plain(keras):
    return mnist(keras), {}


@case
def with_optimizer(keras):
    model = mnist(keras)
    model.compile("rmsprop", "mse")
    model.optimizer.build(model.trainable_variables)
    return model, {}


@case
def short_lines(keras):
    return mnist(keras), {"line_length": 60}


@case
def other_positions(keras):
    return mnist(keras), {"positions": [0.3, 0.6, 1.0]}


@case
def frozen_layer(keras):
    model = mnist(keras)
    model.layers[1].trainable = False
    return model, {"show_trainable": True}


@case
def layer_range(keras):
    return mnist(keras), {"layer_range": ["dense", "dense_1"]}


@case
def branches(keras):
    return branching(keras), {}


@case
def branches_trainable(keras):
    return branching(keras), {"show_trainable": True}


@case
def branches_narrow(keras):
    return branching(keras), {"line_length": 50}


@case
def nested_closed(keras):
    return nested(keras), {}


@case
def nested_open(keras):
    return nested(keras), {"expand_nested": True, "show_trainable": True}


@case
def nested_frozen(keras):
    model = nested(keras)
    model.get_layer("inner").trainable = False
    return model, {}


@case
def nested_twice(keras):
    k = keras.Input((3,), name="k")
    return keras.Model(k, several_outputs(keras)(k), name="top"), {"expand_nested": True}


@case
def outputs_of_models(keras):
    return several_outputs(keras), {"expand_nested": True}


@case
def stack(keras):
    layers = keras.layers
    return keras.Sequential([keras.Input((3,)), layers.Dense(2), layers.Dropout(0.5)], name="s"), {}


@case
def stack_not_built(keras):
    layers = keras.layers
    return keras.Sequential([layers.Dense(2), layers.Dropout(0.5)], name="s"), {}


@case
def empty_stack(keras):
    return keras.Sequential(name="empty"), {}


@case
def one_tensor_twice(keras):
    i = keras.Input((3,), name="i")
    return keras.Model(i, keras.layers.Add()([i, i]), name="twice"), {}


@case
def long_shape(keras):
    i = keras.Input((6,), name="i")
    x = keras.layers.Reshape((1, 1, 2, 1, 3, 1, 1, 1, 1, 1))(i)
    return keras.Model(i, x, name="long"), {"line_length": 60}


@case
def many_parameters(keras):
    i = keras.Input((3,), name="i")
    return keras.Model(i, keras.layers.Dense(300_000, name="big")(i), name="big"), {}
