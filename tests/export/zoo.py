"""Models that exercise what a library has to carry, and data for them."""

from __future__ import annotations

import numpy as np

import fncompile
from fncompile import layers, ops
from fncompile.utils import clear_session


def classifier():
    """Dropout's seed, moving statistics and Adam's slots are all state of training."""
    x = fncompile.Input((20,), name="img")
    y = layers.Dense(16, activation="relu", name="hidden")(x)
    y = layers.Dropout(0.3, seed=5, name="drop")(y)
    y = layers.BatchNormalization(name="norm")(y)
    y = layers.Dense(10, activation="softmax", name="digit")(y)
    model = fncompile.Model(x, y, name="Digit Model")
    model.compile(
        fncompile.optimizers.Adam(name="adam"),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    return model


def sequences():
    """Two inputs, an open length, two outputs, and names that C has other uses for."""
    tokens = fncompile.Input((None,), dtype="int32", name="tokens")
    more = fncompile.Input((None, 16), name="n")
    x = layers.Add(name="sum")([layers.Embedding(11, 16, name="words")(tokens), more])
    each = layers.Dense(16, name="ctx")(layers.LayerNormalization(name="norm")(x))
    whole = layers.Dense(8, name="int")(ops.mean(each, axis=1))
    model = fncompile.Model([tokens, more], [each, whole], name="sequences")
    model.compile(
        fncompile.optimizers.SGD(0.1, momentum=0.9), loss=["mse", "mae"], metrics=[[], ["mae"]]
    )
    return model


def scheduled():
    x = fncompile.Input((6,), name="x")
    y = layers.Dense(8, kernel_regularizer="l2", name="y")(x)
    model = fncompile.Model(x, y, name="scheduled")
    rate = fncompile.optimizers.schedules.ExponentialDecay(0.1, 3, 0.5)
    model.compile(fncompile.optimizers.RMSprop(rate), "huber")
    return model


def fixed_batch():
    x = fncompile.Input(batch_shape=(4, 6), name="x")
    model = fncompile.Model(x, layers.Dense(8, name="y")(x), name="fixed")
    model.compile("sgd", "mse")
    return model


def plain():
    """Not compiled: a library that predicts."""
    x = fncompile.Input((6,), name="x")
    hidden = layers.Dense(16, activation="tanh", name="hidden")(x)
    return fncompile.Model(x, [layers.Dense(8, name="y")(hidden), ops.sum(hidden)], name="plain")


def images():
    """Each kind of window, and images that are changed by chance in training."""
    x = fncompile.Input((9, 8, 1), name="image")
    y = layers.RandomFlip(seed=2, name="flip")(x)
    y = layers.Conv2D(6, 3, padding="same", use_bias=False, name="conv")(y)
    y = layers.ReLU(name="relu")(layers.BatchNormalization(name="norm")(y))
    y = layers.MaxPooling2D(2, padding="same", name="pool")(y)
    y = layers.SeparableConv2D(5, 2, activation="tanh", name="apart")(y)
    y = layers.Conv2DTranspose(4, 3, name="wide")(y)
    y = layers.Conv2D(1, (3, 2), name="last")(layers.UpSampling2D((2, 1), name="up")(y))
    model = fncompile.Model(x, y, name="images")
    model.compile(fncompile.optimizers.Adam(0.01), "mse")
    return model


def tagger():
    """Recurrences over an open length, from both sides, with a mask and dropout."""
    x = fncompile.Input((None,), dtype="int32", name="words")
    y = layers.Embedding(9, 6, mask_zero=True, name="table")(x)
    y = layers.Bidirectional(layers.LSTM(5, return_sequences=True, dropout=0.2, seed=3))(y)
    y = layers.GRU(7, return_sequences=True, name="gru")(y)
    model = fncompile.Model(x, layers.Dense(4, activation="softmax")(y), name="tagger")
    model.compile(fncompile.optimizers.Adam(0.01), "sparse_categorical_crossentropy")
    return model


def data(name: str, rows: int, seed: int = 0) -> list[np.ndarray]:
    """Inputs and targets."""
    rng = np.random.default_rng(seed)
    real = lambda *shape: rng.standard_normal((rows, *shape)).astype("float32")  # noqa: E731
    if name == "classifier":
        return [real(20), rng.integers(0, 10, rows).astype("int32")]
    if name == "sequences":
        return [rng.integers(0, 11, (rows, 5)).astype("int32"), real(5, 16), real(5, 16), real(8)]
    if name == "tagger":
        return [rng.integers(0, n, (rows, 6)).astype("int32") for n in (9, 4)]
    if name == "images":
        return [real(9, 8, 1), real(10, 4, 1)]
    return [real(6), real(8)]


def fresh(maker):
    """`maker` with names that count from the start, so that a model made again gives the same C."""

    def make():
        clear_session()
        return maker()

    return make


_ALL = (classifier, sequences, scheduled, fixed_batch, plain, images, tagger)
MAKERS = {f.__name__: fresh(f) for f in _ALL}
SIZES = {"sequences": 5, "tagger": 6}  # the open size besides the batch
