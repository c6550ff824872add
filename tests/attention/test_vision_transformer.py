"""A small vision transformer learns digits; exported, it says what Python says."""

from __future__ import annotations

import os

import numpy as np

import fncompile
from fncompile import layers, ops
from fncompile.datasets import mnist
from fncompile.flags import flag


class Positions(layers.Layer):
    def build(self, shape):
        self.table = self.add_weight(shape=shape[1:], initializer="uniform")

    def call(self, x):
        return x + self.table


def _transformer(width: int = 32, heads: int = 2, depth: int = 2) -> fncompile.Model:
    """Patches of 7 by 7, blocks with the normalization first."""
    image = fncompile.Input((28, 28, 1))
    x = layers.Reshape((16, width))(layers.Conv2D(width, 7, 7)(image))
    x = Positions()(x)
    for _ in range(depth):
        y = layers.LayerNormalization()(x)
        x = layers.add([x, layers.MultiHeadAttention(heads, width // heads)(y, y)])
        y = layers.Dense(2 * width, activation="gelu")(layers.LayerNormalization()(x))
        x = layers.add([x, layers.Dense(width)(y)])
    x = layers.GlobalAveragePooling1D()(layers.LayerNormalization()(x))
    return fncompile.Model(image, layers.Dense(10)(x), name="transformer")


FULL = os.environ.get("FNC_TEST_FULL") == "1"
# Images, passes over them, and the loss on others, which guessing has at log(10).
IMAGES, EPOCHS, LOSS = (12_000, 4, 0.35) if FULL else (320, 2, 2.25)


def test_it_learns_digits_and_is_the_same_in_c(quickly_compiled, tmp_path):
    fncompile.utils.set_random_seed(1)
    (x, y), (x_test, y_test) = mnist.load_data()
    x, x_test = (ops.convert_to_numpy(a)[..., None] / np.float32(255) for a in (x, x_test))
    model = _transformer()
    loss = fncompile.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(fncompile.optimizers.Adam(0.003), loss, metrics=["accuracy"])
    model.fit(x[:IMAGES], y[:IMAGES], batch_size=32, epochs=EPOCHS, verbose=0)
    left, accuracy = model.evaluate(x_test[:IMAGES], y_test[:IMAGES], verbose=0)
    assert left < LOSS and (accuracy > 0.9 or not FULL)
    assert "is one kernel by blocks" in model.explain("rewrite")
    model.export(tmp_path, prefix="vit", march=flag("target"), training=False)
    found = fncompile.load_library(tmp_path).predict(x_test[:40])
    np.testing.assert_array_equal(found, model.predict(x_test[:40], batch_size=40, verbose=0))
