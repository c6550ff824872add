"""Sequential: a plain stack of layers, one input, one output."""

import numpy as np

import fncompile
from fncompile import layers

# Without an Input the weights are made when the first data comes.
model = fncompile.Sequential([layers.Dense(4, activation="relu"), layers.Dense(2)])
assert not model.built
model(np.ones((1, 3), "float32"))
assert [w.shape for w in model.weights] == [(3, 4), (4,), (4, 2), (2,)]

# With one, there is something to look at from the beginning; layers can be added and taken away.
model = fncompile.Sequential(name="stack")
model.add(fncompile.Input((20, 20, 3)))
model.add(layers.Conv2D(4, 5, strides=2, activation="relu"))
model.add(layers.Conv2D(4, 3, activation="relu"))
model.add(layers.MaxPooling2D(2))
model.summary()
assert model.output_shape == (None, 3, 3, 4)
model.pop()
model.add(layers.GlobalMaxPooling2D())
model.add(layers.Dense(3, activation="softmax"))

# What lies between: a model of every output of the stack.
features = fncompile.Model(model.inputs, [layer.output for layer in model.layers])
for layer, found in zip(model.layers, features(np.ones((1, 20, 20, 3), "float32"))):
    print(f"{layer.name:25} {found.shape}")

# The lower layers can be frozen while the upper ones learn.
for layer in model.layers[:-1]:
    layer.trainable = False
model.compile("sgd", "sparse_categorical_crossentropy")
before = model.get_weights()
model.fit(np.random.default_rng(0).normal(size=(64, 20, 20, 3)), np.zeros(64), verbose=0)
changed = [not np.array_equal(a, b) for a, b in zip(before, model.get_weights())]
assert changed == [False] * 4 + [True] * 2
