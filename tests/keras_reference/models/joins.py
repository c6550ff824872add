"""What joins layers: merging layers, operators and ops on symbolic tensors."""

from __future__ import annotations

from tests.keras_reference.data import case, floats, ints


@case
def merges(keras):
    layers = keras.layers
    a, b = keras.Input((5,), name="a"), keras.Input((4,), name="b")
    u, v = layers.Dense(5)(a), layers.Dense(5, activation="sigmoid")(b)
    parts = [layers.multiply([u, v]), layers.maximum([u, v]), layers.minimum([u, v]),
             layers.subtract([u, v]), layers.average([u, v, a]), layers.dot([u, v], axes=1),
             layers.Dot(axes=-1, normalize=True)([u, v])]
    model = keras.Model([a, b], layers.Dense(2)(layers.concatenate(parts)))
    compiled = dict(optimizer=keras.optimizers.SGD(0.02, momentum=0.8), loss="mse")
    return model, compiled, [floats(5), floats(4, seed=2)], floats(2, seed=3), {}


@case
def operators(keras):
    """Operators, indexing and keras.ops on symbolic tensors: nodes without layers."""
    layers, ops = keras.layers, keras.ops
    x = keras.Input((6,))
    y = layers.Dense(6, name="d")(x)
    z = 1.5 - y * x + y / (1.0 + ops.abs(x)) ** 2 - (-y) * 0.25
    z = ops.concatenate([z[:, :3], ops.tanh(z[:, 3:]), ops.where(z > 0.0, z, 0.1 * z)], axis=-1)
    z = ops.stop_gradient(z) * 0.5 + z * ops.mean(z, axis=-1, keepdims=True)
    model = keras.Model(x, layers.Dense(2, name="e")(z))
    compiled = dict(optimizer=keras.optimizers.SGD(0.02), loss="mse")
    return model, compiled, floats(6), floats(2, seed=3), {}


@case
def attention_by_hand(keras):
    """Rank 3 Dense, batched matmul, softmax over an inner axis: a loss per time step."""
    layers, ops = keras.layers, keras.ops
    x = keras.Input((3, 5))
    q, k, v = (layers.Dense(4, use_bias=False, name=name)(x) for name in "qkv")
    scores = ops.softmax(ops.matmul(q, ops.transpose(k, (0, 2, 1))) / 2.0, axis=-1)
    model = keras.Model(x, layers.Dense(3, activation="softmax", name="head")(scores @ v))
    compiled = dict(optimizer=keras.optimizers.Adam(0.01), loss="sparse_categorical_crossentropy",
                    metrics=["accuracy"])
    return model, compiled, floats(3, 5), ints(3, 3), {}
