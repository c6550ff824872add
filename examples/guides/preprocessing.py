"""Preprocessing inside the model: learnt statistics, vocabularies, random changes of images."""

import numpy as np

import fncompile
from fncompile import layers

rng = np.random.default_rng(0)

# Statistics are learnt once by `adapt` and saved with the model.
numbers = (5 + 3 * rng.normal(size=(256, 4))).astype("float32")
normalize = layers.Normalization()
normalize.adapt(numbers)
inputs = fncompile.Input((4,))
model = fncompile.Model(inputs, layers.Dense(1)(normalize(inputs)))
model.compile("adam", "mse")
model.fit(numbers, numbers[:, :1], epochs=1, verbose=0)
centred = fncompile.Model(inputs, normalize(inputs)).predict(numbers, verbose=0)
assert abs(centred.mean()) < 1e-3 and abs(centred.std() - 1) < 1e-3

# Words become numbers on the way in; unknown ones share a number.
words = layers.StringLookup()
words.adapt(np.array([["red"], ["green"], ["red"], ["blue"]]))
print("vocabulary:", words.get_vocabulary())
colour = fncompile.Input((1,), dtype="string")
tall = layers.Flatten()(layers.Embedding(words.vocabulary_size(), 4)(words(colour)))
painter = fncompile.Model(colour, layers.Dense(1)(tall))
painter.save("painter.keras")
again = fncompile.models.load_model("painter.keras")
some = np.array([["red"], ["mauve"]])
assert np.allclose(painter.predict(some, verbose=0), again.predict(some, verbose=0))

# Ranges become classes, and classes become vectors.
age = layers.Discretization(bin_boundaries=[18.0, 40.0, 65.0])
encode = layers.CategoryEncoding(num_tokens=4, output_mode="one_hot")
assert np.argmax(encode(age(np.array([[7.0], [30.0], [80.0]]))), -1).tolist() == [0, 1, 3]

# Images are changed at random while training, and pass unchanged otherwise.
change = fncompile.Sequential(
    [
        fncompile.Input((8, 8, 1)),
        layers.RandomFlip("horizontal", seed=1),
        layers.RandomTranslation(0.2, 0.2, seed=2),
        layers.Rescaling(1 / 255),
    ]
)
images = (255 * rng.random((4, 8, 8, 1))).astype("float32")
assert np.allclose(change.predict(images, verbose=0), images / 255, atol=1e-6)
assert not np.allclose(change(images, training=True), images / 255, atol=1e-3)
