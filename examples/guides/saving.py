"""Saving: whole models, weights alone, configurations, classes of your own."""

import json

import numpy as np

import fncompile
from fncompile import layers

x, y = np.random.default_rng(0).normal(size=(64, 8)), np.zeros((64, 1))
inputs = fncompile.Input((8,), name="features")
hidden = layers.Dense(4, activation="relu", name="hidden")(inputs)
model = fncompile.Model(inputs, layers.Dense(1, name="out")(hidden), name="saved")
model.compile("adam", "mse")
model.fit(x, y, epochs=1, verbose=0)

# Everything: architecture, weights, state of the optimizer.
model.save("model.keras")
again = fncompile.models.load_model("model.keras")
assert np.array_equal(model.predict(x, verbose=0), again.predict(x, verbose=0))
one, two = (m.train_on_batch(x, y) for m in (model, again))
assert one == two  # training goes on as if nothing had happened

# Weights alone, into a model of the same architecture.
model.save_weights("model.weights.h5")
copy = fncompile.models.clone_model(model)
copy.load_weights("model.weights.h5")
assert np.array_equal(copy.predict(x, verbose=0), model.predict(x, verbose=0))

# The architecture alone.
text = model.to_json()
print("layers:", [layer["config"]["name"] for layer in json.loads(text)["config"]["layers"]])
blank = fncompile.models.model_from_json(text)
assert [w.shape for w in blank.weights] == [w.shape for w in model.weights]


# Classes of your own are found by the name that they were registered with.
@fncompile.saving.register_keras_serializable(package="guide")
class Scaled(layers.Layer):
    def __init__(self, factor, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def call(self, inputs):
        return inputs * self.factor

    def get_config(self):
        return {**super().get_config(), "factor": self.factor}


scaled = fncompile.Model(inputs, Scaled(2.0)(inputs))
scaled.save("scaled.keras")
assert fncompile.models.load_model("scaled.keras").layers[-1].factor == 2.0

# Weights of some layers, by their name, for another architecture.
model.save("whole.h5")
bigger = fncompile.Model(inputs, layers.Dense(3, name="other")(hidden))
bigger.load_weights("whole.h5", by_name=True, skip_mismatch=True)
assert np.array_equal(bigger.get_layer("hidden").get_weights()[0], model.get_weights()[0])
