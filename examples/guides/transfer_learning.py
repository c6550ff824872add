"""Transfer learning: a trained base stays, a new head learns, then both are tuned."""

import numpy as np

import fncompile
from fncompile import layers

(x, y), _ = fncompile.datasets.mnist.load_data()
x = x[:2000, ..., None].astype("float32") / 255
y = y[:2000].astype("int32")

# A base that knows the digits from 0 to 4.
known = y < 5
inputs = fncompile.Input((28, 28, 1))
h = layers.Conv2D(8, 5, strides=2, activation="relu")(inputs)
h = layers.BatchNormalization()(h)
h = layers.Conv2D(16, 3, strides=2, activation="relu")(h)
base = fncompile.Model(inputs, layers.GlobalAveragePooling2D()(h), name="base")
loss = "sparse_categorical_crossentropy"
first = fncompile.Sequential([base, layers.Dense(5, activation="softmax")])
first.compile(fncompile.optimizers.Adam(0.01), loss, metrics=["accuracy"])
first.fit(x[known], y[known], epochs=2, verbose=0)

# Frozen, it only looks: neither weights nor moving statistics change.
base.trainable = False
frozen = base.get_weights()
image = fncompile.Input((28, 28, 1))
outputs = layers.Dense(5, activation="softmax")(base(image, training=False))
second = fncompile.Model(image, outputs)
second.compile(fncompile.optimizers.Adam(0.01), loss, metrics=["accuracy"])
history = second.fit(x[~known], y[~known] - 5, epochs=3, verbose=0).history
assert all(np.array_equal(a, b) for a, b in zip(frozen, base.get_weights()))
print(f"the head alone: {history['accuracy'][-1]:.1%}")

# Now all of it, slowly. `trainable` takes effect with the next compile.
base.trainable = True
second.compile(fncompile.optimizers.Adam(1e-3), loss, metrics=["accuracy"])
tuned = second.fit(x[~known], y[~known] - 5, epochs=2, verbose=0).history
print(f"tuned: {tuned['accuracy'][-1]:.1%}")
assert tuned["accuracy"][-1] > history["accuracy"][0]
