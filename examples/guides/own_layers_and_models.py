"""Layers and models of your own: state in `build`, computation in `call`."""

import numpy as np

import fncompile
from fncompile import layers, ops


class Linear(layers.Layer):
    """y = x w + b. `build` is called once, when the shape of the input is known."""

    def __init__(self, units=8, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, input_shape):
        self.w = self.add_weight(
            shape=(input_shape[-1], self.units), initializer="random_normal", name="w"
        )
        self.b = self.add_weight(shape=(self.units,), initializer="zeros", name="b")

    def call(self, inputs):
        return ops.matmul(inputs, self.w) + self.b

    def get_config(self):
        return {**super().get_config(), "units": self.units}


class Sum(layers.Layer):
    """State that is no weight: what it has seen so far."""

    def __init__(self, width):
        super().__init__()
        self.total = self.add_weight(shape=(width,), initializer="zeros", trainable=False)

    def call(self, inputs):
        self.total.assign_add(ops.sum(inputs, axis=0))
        return self.total


seen = Sum(2)
assert seen(np.ones((3, 2))).numpy().tolist() == [3, 3]
assert seen(np.ones((3, 2))).numpy().tolist() == [6, 6]


class Block(layers.Layer):
    """Layers inside a layer belong to it. `training` tells which mode it is called in."""

    def __init__(self, units, rate=0.1, **kwargs):
        super().__init__(**kwargs)
        self.first, self.second = Linear(units), Linear(units)
        self.dropout = layers.Dropout(rate, seed=1)

    def call(self, inputs, training=None):
        x = ops.relu(self.first(inputs))
        self.add_loss(1e-3 * ops.mean(ops.square(x)))
        return self.second(self.dropout(x, training=training))


class Sampling(layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.seed = fncompile.random.SeedGenerator(1)

    def call(self, inputs):
        mean, log_variance = inputs
        noise = fncompile.random.normal(ops.shape(mean), seed=self.seed)
        return mean + ops.exp(0.5 * log_variance) * noise


class Autoencoder(fncompile.Model):
    """A variational one, as a model of layers. What it adds to the loss comes from `call`."""

    def __init__(self, width, latent=4, **kwargs):
        super().__init__(**kwargs)
        self.inner = Block(16)
        self.mean, self.log_variance = layers.Dense(latent), layers.Dense(latent)
        self.sampling = Sampling()
        self.decoder = layers.Dense(width, activation="sigmoid")

    def call(self, inputs):
        x = self.inner(inputs)
        mean, log_variance = self.mean(x), self.log_variance(x)
        divergence = log_variance - ops.square(mean) - ops.exp(log_variance) + 1
        self.add_loss(-0.0005 * ops.mean(divergence))
        return self.decoder(self.sampling((mean, log_variance)))


x = np.random.default_rng(0).random((128, 24)).astype("float32")
model = Autoencoder(24)
model.compile(fncompile.optimizers.Adam(0.01), "mse")
losses = model.fit(x, x, epochs=8, batch_size=32, verbose=0).history["loss"]
print("loss:", [round(loss, 4) for loss in losses])
assert losses[-1] < losses[0]

# A layer with get_config is saved by name and made again.
inputs = fncompile.Input((3,))
small = fncompile.Model(inputs, Linear(2)(inputs))
small.save("small.keras")
again = fncompile.models.load_model("small.keras", custom_objects={"Linear": Linear})
assert np.array_equal(small(np.ones((1, 3))), again(np.ones((1, 3))))
