"""A `train_step` of your own inside `fit`: traced once, compiled as a whole."""

import numpy as np

import fncompile
from fncompile import layers, ops

rng = np.random.default_rng(0)
x = rng.normal(size=(512, 8)).astype("float32")
y = x @ rng.normal(size=(8, 1)).astype("float32")


def graph():
    inputs = fncompile.Input((8,))
    return inputs, layers.Dense(1)(layers.Dense(16, activation="relu")(inputs))


class Plain(fncompile.Model):
    """What `fit` does anyway, written out."""

    def train_step(self, data):
        x, y = data
        with fncompile.GradientTape() as tape:
            y_pred = self(x, training=True)
            loss = self.compute_loss(y=y, y_pred=y_pred)
        weights = self.trainable_variables
        self.optimizer.apply(tape.gradient(loss, weights), weights)
        for metric in self.metrics:
            if metric.name == "loss":
                metric.update_state(loss, sample_weight=ops.shape(y)[0])
            else:
                metric.update_state(y, y_pred)
        return {metric.name: metric.result() for metric in self.metrics}


fncompile.utils.set_random_seed(1)
plain = Plain(*graph())
plain.compile("adam", "mse", metrics=["mae"])
fncompile.utils.set_random_seed(1)
usual = fncompile.Model(*graph())
usual.compile("adam", "mse", metrics=["mae"])
mine, theirs = (m.fit(x, y, epochs=3, shuffle=False, verbose=0).history for m in (plain, usual))
assert mine == theirs
print("the same bits as without it:", mine["loss"])


class Adversaries(fncompile.Model):
    """Two networks with an optimizer each (a GAN): one step trains both."""

    def __init__(self, discriminator, generator, width):
        super().__init__()
        self.discriminator, self.generator, self.width = discriminator, generator, width
        self.seed = fncompile.random.SeedGenerator(7)
        self.d_loss = fncompile.metrics.Mean(name="d_loss")
        self.g_loss = fncompile.metrics.Mean(name="g_loss")

    def compile(self, d_optimizer, g_optimizer, loss):
        super().compile()
        self.d_optimizer, self.g_optimizer, self.loss_fn = d_optimizer, g_optimizer, loss

    @property
    def metrics(self):
        return [self.d_loss, self.g_loss]

    def train_step(self, real):
        count = ops.shape(real)[0]
        noise = fncompile.random.normal((count, self.width), seed=self.seed)
        both = ops.concatenate([self.generator(noise), real], axis=0)
        labels = ops.concatenate([ops.ones((count, 1)), ops.zeros((count, 1))], axis=0)
        with fncompile.GradientTape() as tape:
            d_loss = self.loss_fn(labels, self.discriminator(both))
        weights = self.discriminator.trainable_weights
        self.d_optimizer.apply(tape.gradient(d_loss, weights), weights)

        noise = fncompile.random.normal((count, self.width), seed=self.seed)
        with fncompile.GradientTape() as tape:
            g_loss = self.loss_fn(ops.zeros((count, 1)), self.discriminator(self.generator(noise)))
        weights = self.generator.trainable_weights
        self.g_optimizer.apply(tape.gradient(g_loss, weights), weights)

        self.d_loss.update_state(d_loss)
        self.g_loss.update_state(g_loss)
        return {"d_loss": self.d_loss.result(), "g_loss": self.g_loss.result()}


discriminator = fncompile.Sequential(
    [fncompile.Input((8,)), layers.Dense(16, activation="leaky_relu"), layers.Dense(1)]
)
generator = fncompile.Sequential(
    [fncompile.Input((4,)), layers.Dense(16, activation="relu"), layers.Dense(8)]
)
gan = Adversaries(discriminator, generator, 4)
loss = fncompile.losses.BinaryCrossentropy(from_logits=True)
gan.compile(fncompile.optimizers.Adam(1e-3), fncompile.optimizers.Adam(1e-3), loss)
history = gan.fit(x, epochs=2, batch_size=64, verbose=0).history
print({name: [round(v, 3) for v in values] for name, values in history.items()})
assert np.isfinite(history["d_loss"] + history["g_loss"]).all()
