"""Training loops as Keras' guides write them: contrastive learning of images, and deep Q-learning
with a replay buffer and a target network; each step for step as JAX takes it."""

from __future__ import annotations

import numpy as np
import pytest

import fncompile
from fncompile import layers, losses, metrics, ops, optimizers

jax = pytest.importorskip("jax")
jnp = pytest.importorskip("jax.numpy")

# contrastive learning (SimCLR) --------------------------------------------------------------------

SIDE, TEMPERATURE = 6, 0.5


def pictures(count, seed=0):
    """Bars that lie or stand, anywhere, of any brightness, under noise: (images, kinds)."""
    rng = np.random.default_rng(seed)
    images, kinds = rng.normal(0, 0.1, (count, SIDE, SIDE, 1)), rng.integers(0, 2, count)
    for image, kind, at in zip(images, kinds, rng.integers(0, SIDE, count)):
        bar = np.s_[at] if kind else np.s_[:, at]
        image[bar] += rng.uniform(0.5, 1.0)
    return images.astype("float32"), kinds


class Contrastive(fncompile.Model):
    """An encoder that tells views of one picture from those of all others, and a linear probe that
    learns kinds from what the encoder gives, both in one step."""

    def __init__(self, first_view, second_view):
        super().__init__()
        self.first_view, self.second_view = first_view, second_view
        self.encoder = fncompile.Sequential(
            [fncompile.Input((SIDE, SIDE, 1)), layers.Flatten(), layers.Dense(32, "relu"),
             layers.Dense(8, "tanh")], name="encoder"
        )  # fmt: skip
        self.projection = fncompile.Sequential(
            [fncompile.Input((8,)), layers.Dense(8, "tanh"), layers.Dense(8)], name="projection"
        )
        self.probe = fncompile.Sequential([fncompile.Input((8,)), layers.Dense(2)], name="probe")

    def compile(self, contrastive_optimizer, probe_optimizer):
        super().compile()
        self.contrastive_optimizer = contrastive_optimizer
        self.probe_optimizer = probe_optimizer
        self.probe_loss = losses.SparseCategoricalCrossentropy(from_logits=True)
        self.contrastive_tracker = metrics.Mean(name="contrastive")
        self.probe_tracker = metrics.Mean(name="probe")

    @property
    def metrics(self):
        return [self.contrastive_tracker, self.probe_tracker]

    def contrastive_loss(self, first, second):
        first, second = ops.normalize(first, axis=1), ops.normalize(second, axis=1)
        alike = ops.matmul(first, ops.transpose(second)) / TEMPERATURE
        numbers = ops.arange(ops.shape(first)[0])
        one = losses.sparse_categorical_crossentropy(numbers, alike, from_logits=True)
        other = losses.sparse_categorical_crossentropy(
            numbers, ops.transpose(alike), from_logits=True
        )
        return ops.mean(one + other) / 2

    def train_step(self, data):
        images, kinds = data
        with fncompile.GradientTape() as tape:
            views = (
                self.encoder(view(images), training=True)
                for view in (self.first_view, self.second_view)
            )
            loss = self.contrastive_loss(*(self.projection(view, training=True) for view in views))
        weights = self.encoder.trainable_weights + self.projection.trainable_weights
        self.contrastive_optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights))
        self.contrastive_tracker.update_state(loss)
        with fncompile.GradientTape() as tape:
            logits = self.probe(self.encoder(images, training=False), training=True)
            probe_loss = self.probe_loss(kinds, logits)
        weights = self.probe.trainable_weights
        self.probe_optimizer.apply_gradients(zip(tape.gradient(probe_loss, weights), weights))
        self.probe_tracker.update_state(probe_loss)
        return self.get_metrics_result()


def first(x):
    return x * 1.5


def second(x):
    return x[:, :, ::-1] + 0.1


def jax_contrastive(weights, images, rate, steps):
    """The losses of plain gradient descent, in JAX."""

    def projected(w, x):
        h = jax.nn.relu(x.reshape(len(x), -1) @ w[0] + w[1])
        h = jnp.tanh(h @ w[2] + w[3])
        y = jnp.tanh(h @ w[4] + w[5]) @ w[6] + w[7]
        return y / jnp.linalg.norm(y, axis=1, keepdims=True)

    def loss(w):
        alike = projected(w, first(images)) @ projected(w, second(images)).T / TEMPERATURE
        return -(
            jnp.diag(jax.nn.log_softmax(alike, 1)).mean()
            + jnp.diag(jax.nn.log_softmax(alike, 0)).mean()
        ) / 2

    found = []
    for _ in range(steps):
        value, gradients = jax.value_and_grad(loss)(weights)
        weights = [w - rate * g for w, g in zip(weights, gradients)]
        found.append(float(value))
    return found, weights


def test_contrastive_steps_are_those_of_jax():
    fncompile.utils.set_random_seed(1)
    model = Contrastive(first, second)
    model.compile(optimizers.SGD(0.5), optimizers.SGD(0.5))
    images, kinds = pictures(12)
    trained = [*model.encoder.trainable_weights, *model.projection.trainable_weights]
    expected, weights = jax_contrastive([w.numpy() for w in trained], images, 0.5, 5)
    found = model.fit(images, kinds, batch_size=12, epochs=5, shuffle=False, verbose=0).history
    np.testing.assert_allclose(found["contrastive"], expected, 1e-4)
    for mine, theirs in zip(trained, weights):
        np.testing.assert_allclose(mine.numpy(), theirs, 1e-3, 1e-4)


def test_views_by_chance_teach_what_kinds_there_are():
    """With random views the probe, which trains on a few labels, tells kinds of new pictures."""

    fncompile.utils.set_random_seed(3)
    views = [
        fncompile.Sequential([layers.RandomFlip(seed=s),
                              layers.RandomErasing(0.3, (0.02, 0.1), 0.0, (-1, 2), seed=s),
                              layers.RandomBrightness(0.1, (-1, 2), seed=s)])
        for s in (1, 2)
    ]  # fmt: skip
    model = Contrastive(*views)
    model.compile(optimizers.Adam(0.005), optimizers.Adam(0.05))
    model.training_seed = 1
    images, kinds = pictures(512)
    history = model.fit(images, kinds, batch_size=32, epochs=20, verbose=0).history
    assert history["contrastive"][-1] < history["contrastive"][0] - 0.3, history
    images, kinds = pictures(100, seed=9)

    with fncompile.flags(interp=True):
        logits = model.probe.predict(model.encoder.predict(images, verbose=0), verbose=0)
    assert (logits.argmax(1) == kinds).mean() > 0.8


# deep Q-learning ----------------------------------------------------------------------------------

CELLS, ACTIONS, DISCOUNT = 5, 2, 0.8


def walk(cell, action):
    """One step along a corridor, at whose right end a reward waits: (cell, reward, is it over)."""
    cell = max(cell - 1, 0) if action == 0 else cell + 1
    over = cell == CELLS - 1
    return cell, float(over), over


def exact_values():
    """Bellman's equation, solved by iteration."""
    q = np.zeros((CELLS - 1, ACTIONS))
    for _ in range(100):
        for cell in range(CELLS - 1):
            for action in range(ACTIONS):
                there, reward, over = walk(cell, action)
                q[cell, action] = reward + (0.0 if over else DISCOUNT * q[there].max())
    return q


def q_network(name):
    return fncompile.Sequential(
        [fncompile.Input((CELLS,)), layers.Dense(16, activation="tanh"), layers.Dense(ACTIONS)],
        name=name,
    )


class Agent:
    """A network, its twin that tells what the future is worth, and what was seen."""

    def __init__(self, rate):
        self.model, self.target = q_network("model"), q_network("target")
        self.target.set_weights(self.model.get_weights())
        self.optimizer = optimizers.Adam(rate, clipnorm=1.0)
        self.loss = losses.Huber()
        self.seen = []
        self.step = fncompile.function(self._step)

    def _step(self, states, actions, rewards, following, over):
        future = self.target(following)
        updated = rewards + DISCOUNT * (1.0 - over) * ops.max(future, axis=1)
        masks = ops.one_hot(actions, ACTIONS)
        with fncompile.GradientTape() as tape:
            values = self.model(states, training=True)
            loss = self.loss(updated, ops.sum(values * masks, axis=1))
        weights = self.model.trainable_variables
        self.optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights))
        return loss

    def batch(self, rng, count):
        rows = rng.integers(0, len(self.seen), count)
        cells, actions, rewards, there, over = zip(*(self.seen[row] for row in rows))
        hot = np.eye(CELLS, dtype="float32")
        return (hot[list(cells)], np.array(actions, "int32"), np.array(rewards, "float32"),
                hot[list(there)], np.array(over, "float32"))  # fmt: skip


def test_an_agent_learns_what_cells_are_worth():
    fncompile.utils.set_random_seed(5)
    rng, agent, cell = np.random.default_rng(5), Agent(0.02), 0
    frames, chance = 0, 1.0
    while frames < 900:
        if rng.random() < chance or frames < 100:
            action = int(rng.integers(0, ACTIONS))
        else:
            action = int(np.argmax(agent.model(np.eye(CELLS, dtype="float32")[cell : cell + 1])))
        there, reward, over = walk(cell, action)
        agent.seen.append((cell, action, reward, there, over))
        cell = 0 if over else there
        frames, chance = frames + 1, max(chance - 0.002, 0.3)
        if frames > 100:
            agent.step(*agent.batch(rng, 32))
        if frames % 40 == 0:
            agent.target.set_weights(agent.model.get_weights())
    values = agent.model(np.eye(CELLS, dtype="float32")[: CELLS - 1])
    np.testing.assert_allclose(values, exact_values(), atol=0.1)
    assert (np.argmax(values, 1) == 1).all() and agent.step.kinds == 1


def test_a_step_of_the_agent_is_that_of_jax():
    fncompile.utils.set_random_seed(6)
    agent = Agent(0.05)
    agent.seen = [(c, a, *walk(c, a)) for c in range(CELLS - 1) for a in range(ACTIONS)]
    agent.seen = [(c, a, r, there, over) for c, a, there, r, over in agent.seen]
    states, actions, rewards, following, over = batch = agent.batch(np.random.default_rng(1), 16)
    target = agent.target.get_weights()

    def values(w, x):
        return jnp.tanh(x @ w[0] + w[1]) @ w[2] + w[3]

    def loss(w):
        updated = rewards + DISCOUNT * (1 - over) * values(target, following).max(1)
        error = jnp.abs(updated - values(w, states)[jnp.arange(16), actions])
        return jnp.where(error <= 1, 0.5 * error**2, error - 0.5).mean()

    weights = agent.model.get_weights()
    mean = [0.0 * w for w in weights]
    square = [0.0 * w for w in weights]
    for step in range(1, 4):
        value, gradients = jax.value_and_grad(loss)(weights)
        norms = [max(float(jnp.linalg.norm(g)), 1.0) for g in gradients]
        gradients = [g / norm for g, norm in zip(gradients, norms)]
        mean = [0.9 * m + 0.1 * g for m, g in zip(mean, gradients)]
        square = [0.999 * s + 0.001 * g**2 for s, g in zip(square, gradients)]
        rate = 0.05 * np.sqrt(1 - 0.999**step) / (1 - 0.9**step)
        weights = [w - rate * m / (jnp.sqrt(s) + 1e-7) for w, m, s in zip(weights, mean, square)]
        assert float(agent.step(*batch)) == pytest.approx(float(value), 1e-4)
    for mine, theirs in zip(agent.model.get_weights(), weights):
        np.testing.assert_allclose(mine, theirs, 1e-3, 1e-4)
