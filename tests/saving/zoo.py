"""Models to save and load, written once for both: `k` is Keras or fncompile.

Each builder returns (model, inputs); `compiled` says with what it is compiled.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np


def rows(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


SHARDED = "digits"  # this one is written in several files, too


def save_in_parts(model: Any, directory: Any) -> None:
    """Weights in files of at most 600 bytes, and a model as a directory."""
    model.save_weights(directory / f"{SHARDED}.weights.json", max_shard_size=600 / 1024**3)
    model.save(directory / f"{SHARDED}.directory", zipped=False)


def digits(k: Any) -> tuple[Any, Any]:
    x = k.Input(shape=(12,), name="img")
    h = k.layers.Dense(8, activation="relu")(x)
    h = k.layers.Dense(8, activation="relu", kernel_regularizer=k.regularizers.L2(1e-3))(h)
    outputs = k.layers.Dense(5, activation="softmax")(h)
    return k.Model(x, outputs, name="mnist_model"), rows(6, 12)


def sequential(k: Any) -> tuple[Any, Any]:
    model = k.Sequential([
        k.Input((4, 3)),
        k.layers.Flatten(),
        k.layers.Dense(7, use_bias=False, name="wide"),
        k.layers.BatchNormalization(),
        k.layers.LeakyReLU(negative_slope=0.1),
        k.layers.Dropout(0.4, seed=3),
        k.layers.Dense(2),
    ])  # fmt: skip
    return model, rows(5, 4, 3)


def branches(k: Any) -> tuple[Any, Any]:
    """Two inputs, a shared layer, merging layers, two outputs, dicts."""
    a, b = k.Input((3,), name="a"), k.Input((3,), name="b")
    shared = k.layers.Dense(4, activation="tanh", name="shared")
    left, right = shared(a), shared(b)
    both = k.layers.Concatenate()([left, k.layers.Add()([left, right])])
    outputs = {
        "y": k.layers.Dense(1, name="y")(both),
        "z": k.layers.Multiply(name="z")([left, right]),
    }
    return k.Model({"a": a, "b": b}, outputs), {"a": rows(4, 3), "b": rows(4, 3, seed=1)}


def recurrent(k: Any) -> tuple[Any, Any]:
    """Recurrent layers, cells and what wraps them, behind an Embedding that masks."""
    layers = k.layers
    x = k.Input((5,), dtype="int32", name="words")
    h = layers.Embedding(7, 4, mask_zero=True)(x)
    h = layers.Bidirectional(layers.LSTM(3, return_sequences=True), merge_mode="sum")(h)
    h = layers.TimeDistributed(layers.Dense(4))(layers.GRU(3, return_sequences=True)(h))
    h = layers.RNN([layers.GRUCell(3, reset_after=False), layers.LSTMCell(2)])(h)
    words = np.random.default_rng(3).integers(0, 7, (4, 5)).astype("int32")
    return k.Model(x, layers.Dense(2)(h), name="recurrent"), words


def nested(k: Any) -> tuple[Any, Any]:
    """A model inside a model, called twice, and a Sequential inside."""
    inner_in = k.Input((4,))
    inner = k.Model(inner_in, k.layers.Dense(4, name="in_inner")(inner_in), name="inner")
    stack = k.Sequential([k.layers.Dense(4), k.layers.LayerNormalization()], name="stack")
    x = k.Input((4,), name="x")
    h = inner(inner(x))
    return k.Model(x, k.layers.Dense(2)(stack(h)), name="outer"), rows(3, 4)


def operators(k: Any) -> tuple[Any, Any]:
    """Functions of `ops` and operators as nodes of the graph."""
    x = k.Input((4, 6), name="x")
    h = k.ops.expand_dims(k.ops.mean(x * 2.0 - 1.0, axis=1), axis=-1)
    h = k.ops.concatenate([h, k.ops.square(h)], axis=-1)[:, 1:, :]
    h = k.layers.Flatten()(h + 0.5)
    return k.Model(x, k.ops.softmax(k.layers.Dense(3)(h))), rows(5, 4, 6)


def words(k: Any) -> tuple[Any, Any]:
    x = k.Input((7,), dtype="int32", name="words")
    h = k.layers.Embedding(11, 5)(x)
    h = k.layers.Reshape((35,))(h)
    h = k.layers.Rescaling(0.5, offset=0.1)(h)
    return k.Model(x, k.layers.Dense(1, activation="sigmoid")(h)), np.arange(28).reshape(4, 7) % 11


@functools.cache
def block_class(k: Any) -> type:
    """A layer of layers: attributes, a list, a dict, a list in a list; one of them used twice."""

    class Block(k.layers.Layer):
        def __init__(self, units=3, **kwargs):
            super().__init__(**kwargs)
            self.units = units
            self.zeta = k.layers.Dense(units)
            self.alpha = k.layers.Dense(units, activation="tanh")
            self.stack = [k.layers.Dense(units), k.layers.LayerNormalization(), self.alpha]
            self.named = {"b": k.layers.Dense(units), "a": k.layers.Dense(units, use_bias=False)}
            self.deep = [[k.layers.Dense(units)], [k.layers.Dense(units)]]

        def build(self, input_shape):
            self.scale = self.add_weight(shape=(self.units,), initializer="ones", name="scale")
            inner = (*input_shape[:-1], self.units)
            self.alpha.build(input_shape)
            rest = [*self.stack[:2], *self.named.values(), self.deep[0][0], self.deep[1][0]]
            for layer in (self.zeta, *rest):
                layer.build(inner)

        def call(self, x):
            x = self.zeta(self.alpha(x)) * self.scale
            rest = [*self.stack[:2], *self.named.values(), self.deep[0][0], self.deep[1][0]]
            for layer in rest:
                x = layer(x)
            return x

        def get_config(self):
            return {**super().get_config(), "units": self.units}

    return Block


def composite(k: Any) -> tuple[Any, Any]:
    x = k.Input((5,), name="x")
    h = block_class(k)(4, name="first")(x)
    return k.Model(x, block_class(k)(2)(h)), rows(3, 5)


def halves(k: Any) -> tuple[Any, Any]:
    """Layers of three dtype policies."""
    x = k.Input((4,), name="x")
    h = k.layers.Dense(6, activation="relu", dtype="mixed_bfloat16")(x)
    h = k.layers.BatchNormalization(dtype=k.DTypePolicy("mixed_bfloat16"))(h)
    h = k.layers.Dense(5, dtype="bfloat16")(h)
    return k.Model(x, k.layers.Dense(2, dtype="float32")(h)), rows(3, 4)


def images(k: Any) -> tuple[Any, Any]:
    """Layers of images, with layers whose configurations are unlike others in between."""
    x = k.Input((8, 9, 2), name="x")
    h = k.layers.ZeroPadding2D(((1, 0), (0, 1)))(k.layers.Rescaling(0.5)(x))
    h = k.layers.Conv2D(4, (3, 2), strides=2, padding="same", groups=2, activation="relu")(h)
    h = k.layers.GroupNormalization(2)(k.layers.SpatialDropout2D(0.2, seed=3)(h))
    h = k.layers.DepthwiseConv2D(3, padding="same", depth_multiplier=2)(h)
    h = k.layers.AveragePooling2D((2, 1), padding="same")(k.layers.UnitNormalization()(h))
    h = k.layers.SeparableConv2D(3, 2, padding="same")(k.layers.Cropping2D(((0, 1), (0, 0)))(h))
    h = k.layers.Conv2DTranspose(2, 3, strides=2)(k.layers.GaussianNoise(0.1, seed=4)(h))
    h = k.layers.MaxPooling2D(2)(k.layers.RMSNormalization()(k.layers.UpSampling2D((1, 2))(h)))
    h = k.layers.Resizing(3, 4, interpolation="nearest")(k.layers.RandomFlip(seed=1)(h))
    h = k.layers.ActivityRegularization(l2=0.1)(h)
    h = k.layers.GlobalAveragePooling2D(keepdims=True)(k.layers.RandomZoom(0.1, 0.2, seed=2)(h))
    return k.Model(x, k.layers.Dense(2)(k.layers.Flatten()(h))), rows(3, 8, 9, 2)


def sounds(k: Any) -> tuple[Any, Any]:
    x = k.Input((16, 2), name="x")
    h = k.layers.Conv1D(4, 3, padding="causal", dilation_rate=2, kernel_regularizer="l2")(x)
    h = k.layers.AlphaDropout(0.1, seed=5)(k.layers.UpSampling1D(2)(k.layers.Cropping1D(1)(h)))
    h = k.layers.SeparableConv1D(3, 2)(k.layers.DepthwiseConv1D(3, strides=2)(h))
    h = k.layers.MaxPooling1D(2)(k.layers.Conv1DTranspose(2, 2, output_padding=0)(h))
    h = k.layers.AveragePooling1D(2, strides=1)(k.layers.ZeroPadding1D((0, 2))(h))
    h = k.layers.GlobalMaxPooling1D()(k.layers.GaussianDropout(0.2, seed=6)(h))
    return k.Model(x, k.layers.Dense(2)(h)), rows(3, 16, 2)


def custom_objects(k: Any) -> dict[str, Any]:
    return {"Block": block_class(k)}


_ALL = (
    digits, sequential, branches, nested, operators, words, composite, halves, images, sounds,
    recurrent,
)  # fmt: skip
BUILDERS = {f.__name__: f for f in _ALL}


def optimizers(k: Any) -> dict[str, Any]:
    schedule = k.optimizers.schedules.ExponentialDecay(0.1, 10, 0.9)
    return {
        "sgd": k.optimizers.SGD(0.01, momentum=0.9, nesterov=True),
        "rmsprop": k.optimizers.RMSprop(0.002, rho=0.8, centered=True),
        "adam": k.optimizers.Adam(0.003, clipnorm=1.0),
        "adamw": k.optimizers.AdamW(schedule, weight_decay=0.01),
    }


def fill(model: Any) -> None:
    """Give every variable of a built model and its optimizer values that tell them apart."""
    optimizer = model.optimizer
    optimizer.build(model.trainable_variables)
    for index, variable in enumerate([*model.weights, *optimizer.variables]):
        shape = tuple(variable.shape)
        if "int" in str(variable.dtype):
            variable.assign(np.full(shape, 41))
        else:
            values = np.random.default_rng(index).random(shape)  # positive, as variances are
            variable.assign((values + 0.1).astype("float32"))


def flat(outputs: Any) -> list[np.ndarray]:
    items = [outputs[key] for key in sorted(outputs)] if isinstance(outputs, dict) else [outputs]
    return [np.asarray(item) for item in items]


def tolerance(name: str) -> float:
    """Of outputs: Keras' NumPy backend adds up bfloat16 in another order."""
    return 0.02 if name == "halves" else 3e-6
