"""Own steps of guides against JAX, which differentiates the same formulas by itself: of an
autoencoder, adversaries, a student, and sums of several batches, from the same numbers drawn.

The other loops of guides are in `test_loops_of_guides.py`, the physics-informed net in
`test_own_step.py`; `tests/export/test_own_steps.py` trains all of them in C.
"""

from __future__ import annotations

import numpy as np
import pytest

import fncompile
from fncompile import layers, losses, ops, optimizers
from tests.training.test_own_step import Adversaries, Autoencoder, X, Y

jax = pytest.importorskip("jax")
jnp = jax.numpy


def two_layers(weights, x, activation):
    kernel, bias, last, end = weights
    return activation(x @ kernel + bias) @ last + end


def close(model, weights):
    for found, expected in zip(model.get_weights(), weights, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=2e-6)


class Adam:
    """Kingma and Ba, section 2, with the order of the last lines changed for efficiency."""

    def __init__(self, rate):
        self.rate, self.step, self.first, self.second = rate, 0, None, None

    def __call__(self, weights, gradients):
        self.step += 1
        self.first = self.first or [jnp.zeros_like(g) for g in gradients]
        self.second = self.second or [jnp.zeros_like(g) for g in gradients]
        self.first = [0.9 * m + 0.1 * g for m, g in zip(self.first, gradients)]
        self.second = [0.999 * v + 0.001 * g * g for v, g in zip(self.second, gradients)]
        rate = self.rate * (1 - 0.999**self.step) ** 0.5 / (1 - 0.9**self.step)
        moved = zip(weights, self.first, self.second)
        return [w - rate * m / (jnp.sqrt(v) + 1e-7) for w, m, v in moved]


def test_steps_of_a_variational_autoencoder():
    fncompile.utils.set_random_seed(2)
    model, adam = Autoencoder(), Adam(0.02)
    model.compile(optimizers.Adam(0.02))
    weights = [jnp.asarray(w) for w in model.get_weights()]
    drawn = fncompile.random.SeedGenerator(1)  # as its layer has

    def loss(weights, x, noise):
        hidden = jax.nn.relu(x @ weights[0] + weights[1])
        mean, log_variance = (hidden @ weights[k] + weights[k + 1] for k in (2, 4))
        made = two_layers(weights[6:], mean + jnp.exp(log_variance / 2) * noise, jax.nn.relu)
        divergence = 1 + log_variance - mean**2 - jnp.exp(log_variance)
        return ((x - made) ** 2).sum(1).mean() - 0.5 * divergence.sum(1).mean()

    slope = jax.jit(jax.value_and_grad(loss))
    for _ in range(4):
        expected, gradients = slope(weights, X, fncompile.random.normal((50, 2), seed=drawn))
        found = model.train_on_batch(X, return_dict=True)["loss"]
        np.testing.assert_allclose(found, expected, rtol=1e-5)
        weights = adam(weights, gradients)
    close(model, weights)


@pytest.mark.parametrize("penalty", [None, 10.0])
def test_steps_of_two_networks(penalty):
    """A GAN, and one whose critic is held to slopes of one (WGAN-GP), with an optimizer each."""
    fncompile.utils.set_random_seed(1)
    model, adam, moved = Adversaries(penalty), Adam(0.01), [0.0] * 4
    bce = losses.BinaryCrossentropy(from_logits=True)
    model.compile(optimizers.Adam(0.01), optimizers.SGD(0.05, momentum=0.9), bce)
    weights = [jnp.asarray(w) for w in model.get_weights()]
    judge, maker = weights[:4], weights[4:]
    drawn = fncompile.random.SeedGenerator(7)

    def score(judge, x):
        return two_layers(judge, x, jnp.tanh)

    def judged(judge, real, fake, share):
        right, wrong = score(judge, real), score(judge, fake)
        if penalty is None:  # -log of what it is sure of: one is "made", zero is "found"
            return 0.5 * (jnp.logaddexp(0, -wrong).mean() + jnp.logaddexp(0, right).mean())
        slopes = jax.vmap(jax.grad(lambda x: score(judge, x)[0]))(real + share * (fake - real))
        return wrong.mean() - right.mean() + penalty * jnp.mean(
            (jnp.sqrt((slopes**2).sum(1)) - 1) ** 2
        )

    def made(maker, judge, noise):
        return jnp.logaddexp(0, score(judge, two_layers(maker, noise, jax.nn.relu))).mean()

    to_judge, to_make = (jax.jit(jax.value_and_grad(loss)) for loss in (judged, made))
    for start in (0, 16, 32):
        real = X[start : start + 16]
        fake = two_layers(maker, fncompile.random.normal((16, 3), seed=drawn), jax.nn.relu)
        share = penalty and fncompile.random.uniform((16, 1), seed=drawn)
        critic, gradients = to_judge(judge, real, fake, share)
        judge = adam(judge, gradients)
        noise = fncompile.random.normal((16, 3), seed=drawn)
        generator, gradients = to_make(maker, judge, noise)
        moved = [0.9 * m - 0.05 * g for m, g in zip(moved, gradients)]
        maker = [w + m for w, m in zip(maker, moved)]
        found = model.train_on_batch(real, return_dict=True)
        np.testing.assert_allclose(found["critic"], critic, 1e-5, 1e-6)
        np.testing.assert_allclose(found["generator"], generator, 1e-5)
    close(model, [*judge, *maker])


def test_steps_of_a_student():
    class Student(fncompile.Model):
        def __init__(self):
            super().__init__()
            self.student, self.teacher = (
                fncompile.Sequential([fncompile.Input((4,)), layers.Dense(n, "relu"),
                                      layers.Dense(3)])
                for n in (4, 16)
            )  # fmt: skip
            self.teacher.trainable = False

        def call(self, x):
            return self.student(x)

        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
            soft = ops.softmax(self.teacher(x, training=False) / 3)
            far = losses.KLDivergence()(soft, ops.softmax(y_pred / 3))
            return 0.5 * super().compute_loss(x, y, y_pred) + 4.5 * far

    fncompile.utils.set_random_seed(3)
    model, adam = Student(), Adam(0.01)
    model.compile(optimizers.Adam(0.01), losses.SparseCategoricalCrossentropy(from_logits=True))
    model.predict(X[:2], verbose=0)
    weights = [jnp.asarray(w) for w in model.student.get_weights()]
    teacher, classes = model.teacher.get_weights(), (X.sum(1) > 0).astype("int32")

    def loss(weights):
        logits = two_layers(weights, X, jax.nn.relu)
        hard = -jax.nn.log_softmax(logits)[jnp.arange(50), classes].mean()
        soft = jax.nn.softmax(two_layers(teacher, X, jax.nn.relu) / 3)
        far = (soft * (jnp.log(soft) - jax.nn.log_softmax(logits / 3))).sum(1).mean()
        return 0.5 * hard + 4.5 * far

    for _ in range(4):
        expected, gradients = jax.value_and_grad(loss)(weights)
        found = model.train_on_batch(X, classes, return_dict=True)["loss"]
        np.testing.assert_allclose(found, expected, rtol=1e-5)
        weights = adam(weights, gradients)
    close(model.student, weights)
    for mine, before in zip(model.teacher.get_weights(), teacher, strict=True):
        np.testing.assert_array_equal(mine, before)


class Gathering(fncompile.Model):
    """One step of the optimizer for the sum of two batches, which the step keeps by itself."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.sums = [
            self.add_weight(shape=w.shape, initializer="zeros", trainable=False)
            for w in self.trainable_variables
        ]
        self.seen = self.add_weight(shape=(), initializer="zeros", trainable=False, dtype="int32")

    def train_step(self, data):
        x, y = data
        with fncompile.GradientTape() as tape:
            loss = ops.mean(ops.square(self(x, training=True) - y))
        weights = self.trainable_variables
        gradients = tape.gradient(loss, weights)
        due = ops.equal(self.seen, 1)
        for w, g, total in zip(weights, gradients, self.sums, strict=True):
            total.assign_add(g)
            w.assign(ops.where(due, w - 0.1 * total / 2, w))
            total.assign(ops.where(due, ops.zeros_like(total), total))
        self.seen.assign(1 - self.seen)
        return {"loss": loss}


def gathering(by_hand):
    """A model that steps once in two batches: by `Gathering`, or by what optimizers have for it."""
    fncompile.utils.set_random_seed(4)
    x = fncompile.Input((4,))
    graph = x, layers.Dense(1)(layers.Dense(8, activation="tanh")(x))
    model = Gathering(*graph) if by_hand else fncompile.Model(*graph)
    model.compile(optimizers.SGD(0.1, gradient_accumulation_steps=None if by_hand else 2), "mse")
    return model


@pytest.mark.parametrize("by_hand", [True, False], ids=["own", "optimizer"])
def test_steps_on_the_sum_of_two_batches(by_hand):
    model = gathering(by_hand)
    weights = [jnp.asarray(w.numpy()) for w in model.trainable_variables]
    sums = [jnp.zeros_like(w) for w in weights]

    def loss(weights, x, y):
        return ((two_layers(weights, x, jnp.tanh) - y) ** 2).mean()

    for step in range(5):
        x, y = X[10 * step :][:10], Y[10 * step :][:10]
        expected, gradients = jax.value_and_grad(loss)(weights, x, y)
        found = model.train_on_batch(x, y, return_dict=True)["loss"]
        np.testing.assert_allclose(found, expected, rtol=1e-5)
        sums = [s + g for s, g in zip(sums, gradients)]
        if step % 2:
            weights = [w - 0.1 * s / 2 for w, s in zip(weights, sums)]
            sums = [jnp.zeros_like(w) for w in weights]
    for mine, expected in zip(model.trainable_variables, weights, strict=True):
        np.testing.assert_allclose(mine.numpy(), expected, rtol=1e-4, atol=2e-6)
