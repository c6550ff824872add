"""A character GPT, and the same network for a character a call, which keeps keys and values."""

import numpy as np

import fncompile
from fncompile import layers, ops


class Positions(layers.Layer):
    """Adds what is learnt for each position: that of the row, or the `position` given."""

    def __init__(self, length, **kwargs):
        super().__init__(**kwargs)
        self.length = length

    def build(self, shape, *_):
        self.table = self.add_weight(shape=(self.length, shape[-1]), initializer="uniform")

    def call(self, x, position=None):
        return x + (self.table if position is None else ops.take(self.table, position, axis=0))


class CausalAttention(layers.MultiHeadAttention):
    """Each position sees itself and those before it."""

    def build(self, shape):
        super().build(shape, shape)

    def call(self, x):
        return super().call(x, x, use_causal_mask=True)


class CachedAttention(layers.MultiHeadAttention):
    """The same for one position a call: keys and values of the others are a state of the layer."""

    def __init__(self, length, **kwargs):
        super().__init__(**kwargs)
        self.length = length

    def build(self, shape, *_):
        super().build(shape, shape)
        kept = (shape[0], self.length, self.num_heads, self.key_dim)
        self.keys, self.values = (
            self.add_weight(name=n, shape=kept, initializer="zeros", trainable=False)
            for n in ("keys", "values")
        )

    def call(self, x, position):
        place = ops.reshape(ops.arange(self.length), (1, -1, 1, 1))
        here = ops.equal(place, ops.reshape(position, (-1, 1, 1, 1)))
        self.keys.assign(ops.where(here, self.key_dense(x), self.keys))
        self.values.assign(ops.where(here, self.value_dense(x), self.values))
        seen = ops.reshape(ops.arange(self.length), (1, 1, 1, -1)) <= ops.reshape(
            position, (-1, 1, 1, 1)
        )
        found = ops.dot_product_attention(self.query_dense(x), self.keys, self.values, mask=seen)
        return self.output_dense(found)


def network(length, characters, width, depth, heads, step=False):
    """Logits of the next character, at all positions of a row; with `step` at the one given."""
    tokens = fncompile.Input(batch_shape=(1, 1), dtype="int32", name="token") if step else (
        fncompile.Input((length,), dtype="int32", name="tokens"))  # fmt: skip
    given = [fncompile.Input(batch_shape=(1, 1), dtype="int32", name="position")] * step
    options = {"num_heads": heads, "key_dim": width // heads}
    x = Positions(length)(layers.Embedding(characters, width)(tokens), *given)
    for _ in range(depth):
        y = layers.LayerNormalization()(x)
        y = CachedAttention(length, **options)(y, *given) if step else CausalAttention(**options)(y)
        x = layers.add([x, y])
        y = layers.LayerNormalization()(x)
        y = layers.Dense(width)(layers.Dense(4 * width, activation="gelu")(y))
        x = layers.add([x, y])
    logits = layers.Dense(characters)(layers.LayerNormalization()(x))
    return fncompile.Model([tokens, *given], logits)


def stepwise(model, *sizes):
    """The network of one character at a time with the weights of `model`."""
    found = network(*sizes, step=True)
    for new, old in zip(found.trainable_variables, model.trainable_variables, strict=True):
        new.assign(old.numpy())
    return found


def rows(text, length):
    """All rows of `length` characters by number, those that follow, and the characters."""
    characters = sorted(set(text))
    numbers = np.array([characters.index(c) for c in text], "int32")
    windows = np.lib.stride_tricks.sliding_window_view(numbers, length + 1)
    return windows[:, :-1], windows[:, 1:], characters
