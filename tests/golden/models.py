"""Small models, one feature each; layer names are given, so that the text does not depend on what
ran before."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import fncompile
from fncompile import layers, ops

Build = Callable[[], Any]


def _input(*shape: int | None, name: str = "x", **kwargs: Any) -> Any:
    return fncompile.Input(shape=shape, name=name, **kwargs)


def _model(inputs: Any, outputs: Any) -> Any:
    return fncompile.Model(inputs, outputs, name="golden")


def dense() -> Any:
    x = _input(5)
    return _model(x, layers.Dense(3, name="dense")(x))


def dense_relu_softmax() -> Any:
    x = _input(784, name="img")
    h = layers.Dense(64, activation="relu", name="hidden")(x)
    return _model(x, layers.Dense(10, activation="softmax", name="digit")(h))


def wide_residual() -> Any:
    x = _input(8)
    h = layers.Dense(8, activation="tanh", name="inner")(x)
    return _model(x, layers.Add(name="sum")([x, h]))


def shared_layer() -> Any:
    a, b = _input(4, name="a"), _input(4, name="b")
    shared = layers.Dense(6, activation="sigmoid", name="shared")
    return _model([a, b], layers.Concatenate(name="both")([shared(a), shared(b)]))


def two_outputs() -> Any:
    x = _input(6)
    h = layers.Dense(4, activation="relu", name="trunk")(x)
    return _model(
        x, {"left": layers.Dense(1, name="left")(h), "right": layers.Dense(2, name="right")(h)}
    )


def batch_normalization() -> Any:
    x = _input(7)
    return _model(x, layers.BatchNormalization(name="norm")(x))


def layer_normalization() -> Any:
    x = _input(None, 9, name="sequence")
    return _model(x, layers.LayerNormalization(name="norm")(x))


def embedding() -> Any:
    x = _input(5, name="words", dtype="int32")
    h = layers.Embedding(11, 3, name="embed")(x)
    return _model(x, layers.Dense(2, name="head")(layers.Flatten(name="flat")(h)))


def dropout() -> Any:
    x = _input(6)
    return _model(x, layers.Dense(1, name="out")(layers.Dropout(0.5, seed=1, name="drop")(x)))


def open_lengths() -> Any:
    a, b = _input(None, 4, name="a"), _input(None, 4, name="b")
    return _model([a, b], ops.matmul(a, ops.transpose(b, (0, 2, 1))))


def attention() -> Any:
    q, k = _input(3, 4, name="q"), _input(5, 4, name="k")
    scores = ops.softmax(ops.matmul(q, ops.transpose(k, (0, 2, 1))) * 0.5)
    return _model([q, k], ops.matmul(scores, k))


def reductions() -> Any:
    x = _input(3, 4)
    return _model(x, [ops.sum(x, axis=1), ops.max(x, axis=2), ops.mean(x), ops.argmax(x, axis=-1)])


def slicing() -> Any:
    x = _input(6, 4)
    return _model(x, ops.concatenate([x[:, ::2], x[:, 1:4, ::-1]], axis=1))


def padding() -> Any:
    x = _input(3)
    return _model(x, ops.pad(x, ((0, 0), (1, 2)), constant_values=7.0))


def cumulative() -> Any:
    x = _input(5)
    return _model(x, ops.cumsum(x, axis=1))


def integers() -> Any:
    x = _input(4, dtype="int32")
    return _model(x, ops.where(x % 3 == 0, x // 2, -x))


def fixed_batch() -> Any:
    x = fncompile.Input(batch_shape=(2, 3), name="x")
    return _model(x, layers.Dense(2, name="dense")(x))


def activations() -> Any:
    x = _input(8)
    return _model(x, [ops.gelu(x), ops.elu(x), ops.silu(x), ops.softplus(x), ops.leaky_relu(x)])


def nested() -> Any:
    x = _input(4)
    inner_x = _input(4, name="inner_x")
    inner = fncompile.Model(
        inner_x, layers.Dense(3, activation="relu", name="core")(inner_x), name="inner"
    )
    return _model(x, layers.Dense(1, name="top")(inner(x)))


def merged() -> Any:
    a, b = _input(3, name="a"), _input(3, name="b")
    parts = [
        layers.Multiply(name="times")([a, b]),
        layers.Maximum(name="most")([a, b]),
        layers.Average(name="mean")([a, b]),
    ]
    return _model([a, b], layers.Concatenate(name="all")(parts))


def packed() -> Any:
    x = _input(240)
    return _model(x, layers.Dense(130, name="last")(layers.Dense(260, name="first")(x)))


def wide() -> Any:
    x = _input(130)
    h = layers.Dense(1040, activation="relu", name="first")(x)
    return _model(x, layers.Dense(520, name="last")(h))


PREDICT: tuple[Build, ...] = (
    dense, dense_relu_softmax, wide_residual, shared_layer, two_outputs, batch_normalization,
    layer_normalization, embedding, open_lengths, attention, reductions, slicing, padding,
    cumulative, integers, fixed_batch, activations, nested, merged,
    packed,
)  # fmt: skip
# model, optimizer, loss, row of the targets, their dtype
TRAIN: tuple[tuple[Build, str, str, tuple[int, ...], str], ...] = (
    (dense, "sgd", "mse", (3,), "float32"),
    (dense_relu_softmax, "adam", "sparse_categorical_crossentropy", (), "int32"),
    (batch_normalization, "rmsprop", "mae", (7,), "float32"),
    (embedding, "adamw", "mse", (2,), "float32"),
    (dropout, "sgd", "binary_crossentropy", (1,), "float32"),
    (packed, "sgd", "mse", (130,), "float32"),
    (wide, "sgd", "mse", (520,), "float32"),
)
