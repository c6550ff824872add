"""The functional API: a model is a graph of calls, and any part of that graph is a model too.

An autoencoder is built from two models; the encoder is a part of it and needs no code of its own. A
model with two inputs and two outputs ranks support tickets. A small residual network shows layers
that are shared and skipped.
"""

import numpy as np

import fncompile
from fncompile import layers

rng = np.random.default_rng(0)

# Calling a layer on a tensor gives a tensor; `Model` is what lies between two of them.
image = fncompile.Input((12, 12, 1), name="image")
x = layers.Conv2D(4, 3, activation="relu")(image)
x = layers.MaxPooling2D(2)(x)
code = layers.Conv2D(2, 3, activation="relu", name="code")(x)
encoder = fncompile.Model(image, code, name="encoder")

x = layers.Conv2DTranspose(4, 3, activation="relu")(code)
x = layers.UpSampling2D(2)(x)
decoded = layers.Conv2DTranspose(1, 3)(x)
autoencoder = fncompile.Model(image, decoded, name="autoencoder")
autoencoder.summary()

# Both have the same weights: training one trains the other.
autoencoder.compile("adam", "mse")
pictures = rng.random((64, 12, 12, 1)).astype("float32")
before = encoder.predict(pictures, verbose=0)
autoencoder.fit(pictures, pictures, epochs=2, verbose=0)
assert not np.array_equal(before, encoder.predict(pictures, verbose=0))

# A model can be called like a layer.
again = fncompile.Model(image, layers.GlobalAveragePooling2D()(encoder(image)))
print("code of a picture:", again.predict(pictures[:1], verbose=0))

# Several inputs and outputs, each by its name.
title = fncompile.Input((10,), dtype="int32", name="title")
tags = fncompile.Input((6,), name="tags")
words = layers.GlobalAveragePooling1D()(layers.Embedding(50, 8)(title))
seen = layers.Concatenate()([words, tags])
priority = layers.Dense(1, name="priority")(seen)
department = layers.Dense(3, name="department")(seen)
tickets = fncompile.Model({"title": title, "tags": tags}, [priority, department])
tickets.compile(
    "adam",
    loss={
        "priority": fncompile.losses.BinaryCrossentropy(from_logits=True),
        "department": fncompile.losses.SparseCategoricalCrossentropy(from_logits=True),
    },
    loss_weights={"priority": 1.0, "department": 0.2},
)
data = {
    "title": rng.integers(0, 50, (64, 10)),
    "tags": rng.integers(0, 2, (64, 6)).astype("float32"),
}
wanted = {"priority": rng.random((64, 1)), "department": rng.integers(0, 3, 64)}
history = tickets.fit(data, wanted, epochs=3, verbose=0).history
print("loss of the tickets:", [round(loss, 3) for loss in history["loss"]])

# A path around a block, and one layer used twice.
inputs = fncompile.Input((16,))
shared = layers.Dense(16, activation="relu")
outputs = layers.Dense(1)(layers.Add()([inputs, shared(shared(inputs))]))
residual = fncompile.Model(inputs, outputs)
assert len(residual.weights) == 4
