"""Masks: which steps of a sequence are there, and which are only padding."""

import numpy as np

import fncompile
from fncompile import layers, ops

texts = [[711, 632, 71], [73, 8, 3215, 55, 927], [83, 91, 1, 645, 1253, 927]]
longest = max(map(len, texts))
padded = np.array([text + [0] * (longest - len(text)) for text in texts], "int32")

# Embedding makes a mask of what is not 0; Masking of what is not all the same value.
embedding = layers.Embedding(5000, 8, mask_zero=True)
vectors = embedding(padded)
print(embedding.compute_mask(padded))
assert vectors.shape == (3, 6, 8)

# It travels with the tensor to the layers that know what to do with it.
tokens = fncompile.Input((None,), dtype="int32")
states = layers.LSTM(4)(embedding(tokens))
model = fncompile.Model(tokens, states)
short, long = model.predict(padded[:1, :3], verbose=0), model.predict(padded[:1], verbose=0)
assert np.allclose(short, long, atol=1e-6)  # padding does not count


# A layer of your own that changes the number of steps says what becomes of the mask,
class EverySecond(layers.Layer):
    def call(self, inputs):
        return inputs[:, ::2]

    def compute_mask(self, inputs, mask=None):
        return None if mask is None else mask[:, ::2]


# ... one that keeps it lets it pass,
class Doubled(layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, inputs):
        return inputs * 2


# ... and one that needs it takes it as an argument.
class MeanOfSteps(layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True

    def compute_mask(self, inputs, mask=None):
        return None  # the steps are gone

    def call(self, inputs, mask=None):
        there = ops.expand_dims(ops.cast(mask, "float32"), -1)
        return ops.sum(inputs * there, axis=1) / ops.sum(there, axis=1)


outputs = MeanOfSteps()(Doubled()(EverySecond()(embedding(tokens))))
model = fncompile.Model(tokens, outputs)
expected = 2 * vectors[0, [0, 2]].mean(0)
assert np.allclose(model.predict(padded, verbose=0)[0], expected, atol=1e-6)
