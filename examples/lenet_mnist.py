"""LeNet on handwritten digits: at least 98.5 % of the package's 2,000 test images after five epochs
on its 12,000 others, which layers in front shift and turn a little in training; then as C.

    python examples/lenet_mnist.py [directory for the library]
"""

from __future__ import annotations

import sys

import numpy as np

import fncompile
from fncompile import layers, optimizers

EPOCHS, BATCH = 5, 32


def images():
    """((x, y), (x_test, y_test)) with pixels from 0 to 1."""
    parts = fncompile.datasets.mnist.load_data()
    return [(x[..., None].astype("float32") / 255, y) for x, y in parts]


def lenet(steps: int) -> fncompile.Model:
    """The network, compiled; the learning rate falls to 0 over that many steps."""
    inputs = fncompile.Input((28, 28, 1), name="image")
    x = layers.RandomTranslation(0.1, 0.1, "constant", seed=1)(inputs)
    x = layers.RandomRotation(0.03, "constant", seed=2)(x)
    x = layers.Conv2D(32, 5, padding="same", activation="relu")(x)
    x = layers.MaxPooling2D()(x)
    x = layers.Conv2D(64, 5, activation="relu")(x)
    x = layers.Flatten()(layers.MaxPooling2D()(x))
    x = layers.Dense(120, activation="relu")(x)
    x = layers.Dense(84, activation="relu")(x)
    outputs = layers.Dense(10, activation="softmax", name="digit")(x)
    model = fncompile.Model(inputs, outputs, name="lenet")
    rate = optimizers.schedules.CosineDecay(2e-3, steps)
    model.compile(
        optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    return model


def main(directory: str = "build/lenet") -> float:
    """Train, export, compare; gives the share of test images that were told right."""
    fncompile.utils.set_random_seed(3)
    (x, y), test = images()
    model = lenet(EPOCHS * len(x) // BATCH)
    model.fit(x, y, batch_size=BATCH, epochs=EPOCHS, validation_data=test, verbose=2)
    accuracy = model.evaluate(*test, verbose=0)[1]
    bundle = model.export(directory, training=False)
    found = fncompile.load_library(bundle.directory).predict(test[0][:100])
    same = np.array_equal(found, model.predict(test[0][:100], verbose=0))
    print(f"{accuracy:.2%} told right; C gives {'the same' if same else 'other'} numbers")
    assert same
    return accuracy


if __name__ == "__main__":
    main(*sys.argv[1:])
