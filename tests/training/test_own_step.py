"""Steps that a user's model says itself: traced, differentiated and compiled as a whole.

Oracles: the step that `compile` makes (the same bits), the same step taken by hand on arrays, and
NumPy.
"""

from __future__ import annotations

import numpy as np
import pytest

import fncompile
from fncompile import layers, losses, metrics, ops, optimizers

rng = np.random.default_rng(0)
X = rng.normal(size=(50, 4)).astype("float32")
Y = (2 * X[:, :1] - X[:, 1:2]).astype("float32")


def network():
    x = fncompile.Input((4,))
    h = layers.Dense(8, activation="relu", kernel_regularizer="l2")(x)
    h = layers.Dropout(0.3, seed=3)(layers.BatchNormalization()(h))
    return x, layers.Dense(1)(h)


class ByHand(fncompile.Model):
    """Keras' guide: the whole of `train_step` and `test_step` written out."""

    def train_step(self, data):
        x, y = data
        with fncompile.GradientTape() as tape:
            y_pred = self(x, training=True)
            loss = self.compute_loss(y=y, y_pred=y_pred)
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables))
        return self.tell(loss, y, y_pred)

    def test_step(self, data):
        x, y = data
        y_pred = self(x, training=False)
        return self.tell(self.compute_loss(y=y, y_pred=y_pred, training=False), y, y_pred)

    def tell(self, loss, y, y_pred):
        for metric in self.metrics:
            if metric.name == "loss":
                metric.update_state(loss, sample_weight=ops.shape(y)[0])
            else:
                metric.update_state(y, y_pred)
        return {metric.name: metric.result() for metric in self.metrics}


class OwnLoss(fncompile.Model):
    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        return super().compute_loss(x, y, y_pred, sample_weight, training)


class OlderLoss(fncompile.Model):
    """Written before Keras gave `training`."""

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None):
        return super().compute_loss(x, y, y_pred, sample_weight)


def made(cls, **options):
    fncompile.utils.set_random_seed(0)
    model = cls(*network())
    model.compile(optimizers.Adam(0.01, **options), "mse", metrics=["mae"])
    model.training_seed = 5
    return model


def trained(model, **options):
    history = model.fit(X, Y, epochs=2, batch_size=16, verbose=0, **options).history
    return history, model.evaluate(X, Y, verbose=0, return_dict=True), model.get_weights()


@pytest.mark.parametrize("cls", [ByHand, OwnLoss, OlderLoss])
def test_it_has_the_bits_of_the_step_that_compile_makes(cls):
    usual, own = (trained(made(c), validation_split=0.2) for c in (fncompile.Model, cls))
    assert own[0] == usual[0]
    assert own[1] == usual[1]
    for a, b in zip(usual[2], own[2], strict=True):
        np.testing.assert_array_equal(a, b)


def test_clipping_and_weight_decay_are_those_of_the_optimizer():
    options = dict(global_clipnorm=0.5, weight_decay=0.01)
    usual, own = (trained(made(c, **options)) for c in (fncompile.Model, ByHand))
    for a, b in zip(usual[2], own[2], strict=True):
        np.testing.assert_allclose(a, b, 1e-6, 1e-6)


def test_one_step_by_hand_on_arrays():
    """A loop over batches in Python takes the same steps, by the interpreter."""
    model, other = made(ByHand), made(fncompile.Model)
    for rows in range(0, 48, 16):
        x, y = X[rows : rows + 16], Y[rows : rows + 16]
        model.train_on_batch(x, y)
        with fncompile.GradientTape() as tape:
            loss = other.compute_loss(y=y, y_pred=other(x, training=True))
        weights = other.trainable_variables
        other.optimizer.apply(tape.gradient(loss, weights), weights)
    for v, a, b in zip(model.weights, model.get_weights(), other.get_weights(), strict=True):
        if v.path != "dense/bias":  # in front of a normalization its gradient is rounding alone
            np.testing.assert_allclose(a, b, 1e-4, 1e-5, err_msg=v.path)


def test_sample_and_class_weights_reach_it():
    class Weighted(fncompile.Model):
        def train_step(self, data):
            weights = data[2]
            return {"total": ops.sum(weights), "largest": ops.max(weights)}

    model = Weighted(*network())
    model.compile("sgd", "mse")
    weights = np.arange(50, dtype="float32")
    got = model.train_on_batch(X, Y, sample_weight=weights, return_dict=True)
    assert got == {"total": 1225.0, "largest": 49.0}
    classes = (np.arange(50) % 2).astype("int32")
    got = model.train_on_batch(X, classes, class_weight={0: 1.0, 1: 3.0}, return_dict=True)
    assert got == {"total": 100.0, "largest": 3.0}


class Counts(fncompile.Model):
    """Says how much data a step was given."""

    def train_step(self, data):
        return {"given": float(len(data))}

    def test_step(self, data):
        return {"given": float(len(data))}


def test_training_and_validation_may_have_different_parts():
    model = Counts(*network())
    model.compile("sgd", "mse")
    weights = np.ones(50, "float32")
    history = model.fit(X, Y, validation_data=(X, Y, weights), epochs=2, verbose=0).history
    assert history == {"given": [2.0, 2.0], "val_given": [3.0, 3.0]}


def test_class_weights_are_for_training_alone():
    model = Counts(*network())
    model.compile("sgd", "mse")
    classes = (np.arange(50) % 2).astype("int32")
    history = model.fit(
        X, classes, class_weight={0: 1.0, 1: 2.0}, validation_split=0.2, verbose=0
    ).history
    assert history == {"given": [3.0], "val_given": [2.0]}


class Sampling(layers.Layer):
    def __init__(self):
        super().__init__()
        self.seed = fncompile.random.SeedGenerator(1)

    def call(self, inputs):
        mean, log_variance = inputs
        noise = fncompile.random.normal(ops.shape(mean), seed=self.seed)
        return mean + ops.exp(0.5 * log_variance) * noise


class Autoencoder(fncompile.Model):
    """A variational one: data without targets, metrics of its own."""

    def __init__(self):
        super().__init__()
        x = fncompile.Input((4,))
        h = layers.Dense(8, activation="relu")(x)
        mean, log_variance = layers.Dense(2)(h), layers.Dense(2)(h)
        z = Sampling()([mean, log_variance])
        self.encoder = fncompile.Model(x, [mean, log_variance, z], name="encoder")
        z = fncompile.Input((2,))
        self.decoder = fncompile.Model(z, layers.Dense(4)(layers.Dense(8, activation="relu")(z)))
        self.total = metrics.Mean(name="total")

    @property
    def metrics(self):
        return [self.total]

    def train_step(self, data):
        with fncompile.GradientTape() as tape:
            mean, log_variance, z = self.encoder(data)
            error = ops.mean(ops.sum(ops.square(data - self.decoder(z)), axis=1))
            divergence = 1 + log_variance - ops.square(mean) - ops.exp(log_variance)
            loss = error - 0.5 * ops.mean(ops.sum(divergence, axis=1))
        weights = self.trainable_weights
        self.optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights))
        self.total.update_state(loss)
        return {"loss": self.total.result()}


def test_a_variational_autoencoder():
    def run():
        fncompile.utils.set_random_seed(2)
        model = Autoencoder()
        model.compile(optimizer=optimizers.Adam(0.02))
        model.training_seed = 1
        return model.fit(X, epochs=8, batch_size=16, verbose=0).history["loss"], model

    (compiled, model), (again, _) = run(), run()
    assert compiled == again
    with fncompile.flags(interp=True):
        interpreted, _ = run()
    np.testing.assert_allclose(compiled, interpreted, 1e-4)
    assert compiled[-1] < compiled[0]
    assert model.decoder.predict(np.zeros((3, 2)), verbose=0).shape == (3, 4)


class Adversaries(fncompile.Model):
    """Two networks, two optimizers, one step; with `penalty`, on gradients (WGAN-GP)."""

    def __init__(self, penalty=None):
        super().__init__()
        self.critic = fncompile.Sequential(
            [fncompile.Input((4,)), layers.Dense(8, activation="tanh"), layers.Dense(1)]
        )
        self.generator = fncompile.Sequential(
            [fncompile.Input((3,)), layers.Dense(8, activation="relu"), layers.Dense(4)]
        )
        self.penalty = penalty
        self.seed = fncompile.random.SeedGenerator(7)

    def compile(self, critic_optimizer, generator_optimizer, loss_fn):
        super().compile()
        self.critic_optimizer, self.generator_optimizer = critic_optimizer, generator_optimizer
        self.loss_fn = loss_fn

    def noise(self, like):
        return fncompile.random.normal((ops.shape(like)[0], 3), seed=self.seed)

    def critic_loss(self, real, fake):
        right, wrong = self.critic(real), self.critic(fake)
        if self.penalty is None:
            both = ops.concatenate([wrong, right], axis=0)
            labels = ops.concatenate([ops.ones_like(wrong), ops.zeros_like(right)], axis=0)
            return self.loss_fn(labels, both)
        share = fncompile.random.uniform((ops.shape(real)[0], 1), seed=self.seed)
        between = real + share * (fake - real)
        with fncompile.GradientTape() as tape:
            tape.watch(between)
            score = self.critic(between)
        slope = ops.sqrt(ops.sum(ops.square(tape.gradient(score, between)), axis=1))
        return ops.mean(wrong) - ops.mean(right) + self.penalty * ops.mean((slope - 1) ** 2)

    def train_step(self, data):
        with fncompile.GradientTape() as tape:
            critic_loss = self.critic_loss(data, self.generator(self.noise(data)))
        weights = self.critic.trainable_weights
        self.critic_optimizer.apply_gradients(zip(tape.gradient(critic_loss, weights), weights))
        with fncompile.GradientTape() as tape:
            score = self.critic(self.generator(self.noise(data)))
            loss = self.loss_fn(ops.zeros_like(score), score)
        weights = self.generator.trainable_weights
        self.generator_optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights))
        return {"critic": critic_loss, "generator": loss}


@pytest.mark.parametrize("penalty", [None, 10.0])
def test_two_networks_with_an_optimizer_each(penalty):
    """The compiled step against the same code run on arrays, step for step."""

    def make():
        fncompile.utils.set_random_seed(1)
        model = Adversaries(penalty)
        loss = losses.BinaryCrossentropy(from_logits=True)
        model.compile(optimizers.Adam(0.01), optimizers.SGD(0.05, momentum=0.9), loss)
        return model

    compiled, by_hand = make(), make()
    for rows in range(0, 48, 16):
        got = compiled.train_on_batch(X[rows : rows + 16], return_dict=True)
        expected = by_hand.train_step(X[rows : rows + 16])
        for name, value in expected.items():
            np.testing.assert_allclose(got[name], float(value), 1e-5, 1e-5, err_msg=name)
    for a, b in zip(compiled.get_weights(), by_hand.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, 1e-4, 1e-5)


def test_distillation_leaves_the_teacher_alone():
    class Distiller(fncompile.Model):
        def __init__(self, student, teacher):
            super().__init__()
            self.student, self.teacher = student, teacher

        def call(self, x):
            return self.student(x)

        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
            soft = ops.softmax(self.teacher(x, training=False) / 3)
            far = ops.categorical_crossentropy(soft, ops.softmax(y_pred / 3))
            return 0.5 * super().compute_loss(x, y, y_pred) + 4.5 * ops.mean(far)

    def net(width):
        return fncompile.Sequential(
            [fncompile.Input((4,)), layers.Dense(width, activation="relu"), layers.Dense(3)]
        )

    student, teacher = net(4), net(16)
    teacher.trainable = False
    before = teacher.get_weights()
    model = Distiller(student, teacher)
    loss = losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizers.Adam(0.01), loss, metrics=["accuracy"])
    classes = (X.sum(1) > 0).astype("int32")
    history = model.fit(X, classes, epochs=10, verbose=0).history
    assert history["loss"][-1] < history["loss"][0]
    for a, b in zip(before, teacher.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


class Decay(fncompile.Model):
    """A physics-informed net: u'(t) = -u with u(0) = 1."""

    def __init__(self):
        super().__init__()
        self.inner = fncompile.Sequential(
            [fncompile.Input((1,)), layers.Dense(16, activation="tanh"), layers.Dense(1)]
        )

    def call(self, t):
        return 1 + t * self.inner(t)

    def train_step(self, t):
        with fncompile.GradientTape() as tape:
            with fncompile.GradientTape() as inner:
                inner.watch(t)
                u = self(t)
            loss = ops.mean(ops.square(inner.gradient(u, t) + u))
        weights = self.trainable_variables
        self.optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights))
        return {"loss": loss}


def test_gradients_of_inputs_inside_the_loss():
    fncompile.utils.set_random_seed(4)
    model = Decay()
    model.compile(optimizers.Adam(0.02))
    t = np.linspace(0, 1, 32, dtype="float32")[:, None]
    model.fit(t, epochs=300, batch_size=32, verbose=0)
    np.testing.assert_allclose(model.predict(t, verbose=0), np.exp(-t), atol=0.02)


def test_results_of_validation_are_those_of_test_step():
    class Tells(fncompile.Model):
        def train_step(self, data):
            return {"rows": ops.cast(ops.shape(data[0])[0], "float32"), "mode": 1.0}

        def test_step(self, data):
            return {"mode": 2.0}

    model = Tells(*network())
    model.compile("sgd", "mse")
    history = model.fit(X, Y, validation_data=(X, Y), verbose=0, batch_size=50).history
    assert history == {"mode": [1.0], "rows": [50.0], "val_mode": [2.0]}


@pytest.mark.parametrize(
    "logs, message",
    [
        (lambda x: None, "must return a dict of scalars by name"),
        (lambda x: {"a": [ops.sum(x)]}, "must return a dict of scalars by name"),
        (lambda x: {"rows": ops.sum(x, axis=1)}, "'rows' of shape .*depends on the batch"),
    ],
)
def test_what_a_step_may_not_return(logs, message):
    class Says(fncompile.Model):
        def train_step(self, data):
            return logs(data[0])

    model = Says(*network())
    model.compile("sgd", "mse")
    with pytest.raises(ValueError, match=message):
        model.train_on_batch(X, Y)


@pytest.mark.parametrize("hook", ["make_train_function", "make_predict_function"])
def test_hooks_that_nobody_would_call_are_refused(hook):
    cls = type("Hooked", (fncompile.Model,), {hook: lambda self, *_: None})
    with pytest.raises(NotImplementedError, match=f"Hooked defines `{hook}`"):
        cls(*network()).compile("sgd", "mse")


class Sampled(fncompile.Model):
    """`predict` gives more than the model does."""

    def predict_step(self, data):
        x = data[0] if isinstance(data, tuple) else data
        y = self(x, training=False)
        return {"y": y, "sure": ops.max(ops.softmax(y), axis=-1), "x": x[:, :2]}


def test_predictions_of_ones_own():
    x = fncompile.Input((4,))
    model = Sampled(x, layers.Dense(3)(layers.Dropout(0.5)(x)))
    got = model.predict(X, batch_size=16, verbose=0)
    y = model(X)  # calling it is not concerned
    np.testing.assert_array_equal(got["y"], y)
    e = np.exp(y - y.max(1, keepdims=True))
    np.testing.assert_allclose(got["sure"], (e / e.sum(1, keepdims=True)).max(1), 1e-5)
    np.testing.assert_array_equal(got["x"], X[:, :2])
    one = model.predict_on_batch(X[:5])
    np.testing.assert_array_equal(one["sure"], got["sure"][:5])
    model.set_weights([2 * w for w in model.get_weights()])
    np.testing.assert_array_equal(model.predict(X, verbose=0)["y"], model(X))


def test_predictions_of_ones_own_may_draw_numbers_and_take_several_inputs():
    class Noisy(fncompile.Model):
        def __init__(self):
            super().__init__()
            self.dense, self.seed = layers.Dense(2), fncompile.random.SeedGenerator(3)

        def call(self, inputs):
            return self.dense(inputs["a"]) + inputs["b"]

        def predict_step(self, data):
            y = self(data)
            return y + fncompile.random.normal(ops.shape(y), seed=self.seed)

    model = Noisy()
    inputs = {"a": X, "b": np.zeros((50, 2), "float32")}
    first, second = (model.predict(inputs, verbose=0) for _ in range(2))
    assert first.shape == (50, 2) and not np.array_equal(first, second)
    assert abs((first - model(inputs)).mean()) < 0.5


def test_gradients_of_inputs_step_for_step_as_jax_takes_them():
    jax = pytest.importorskip("jax")
    jnp = jax.numpy
    t = np.linspace(0, 1, 12, dtype="float32")[:, None]
    model = Decay()
    model.compile(optimizers.SGD(0.05))
    model.predict(t, verbose=0)
    weights = [jnp.asarray(w) for w in model.get_weights()]

    def u(weights, t):
        kernel, bias, last, end = weights
        return 1 + t * (jnp.tanh(t * kernel[0] + bias) @ last[:, 0] + end[0])

    def loss(weights):
        slope = jax.vmap(jax.grad(u, 1), (None, 0))(weights, t[:, 0])
        value = jax.vmap(u, (None, 0))(weights, t[:, 0])
        return jnp.mean(jnp.square(slope + value))

    for _ in range(5):
        expected, gradients = jax.value_and_grad(loss)(weights)
        found = model.train_on_batch(t, return_dict=True)["loss"]
        np.testing.assert_allclose(found, expected, rtol=1e-5)
        weights = [w - 0.05 * g for w, g in zip(weights, gradients, strict=True)]
    for w, expected in zip(model.get_weights(), weights, strict=True):
        np.testing.assert_allclose(w, expected, rtol=1e-4, atol=1e-6)
