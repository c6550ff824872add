"""Steps that the user wrote, exported: trained in C with the bits of Python."""

from __future__ import annotations

import ctypes
import subprocess

import numpy as np
import pytest

import fncompile
from fncompile import layers, losses, ops, optimizers
from fncompile.flags import flag
from fncompile.tree import flatten
from tests.export.library import STATE, TRAIN, Context, Library, flat_weights
from tests.training import test_own_step as steps
from tests.training.test_own_step import Autoencoder, Decay
from tests.training.test_state_steps import ByState

rng = np.random.default_rng(3)
X = rng.normal(size=(24, 4)).astype("float32")
Y = (2 * X[:, :1] - X[:, 1:2]).astype("float32")


def graph():
    x = fncompile.Input((4,))
    h = layers.Dropout(0.3, seed=3)(layers.Dense(8, activation="relu")(x))
    return x, layers.Dense(1)(layers.BatchNormalization()(h))


class ByHand(fncompile.Model):
    def train_step(self, data):
        x, y = data
        with fncompile.GradientTape() as tape:
            y_pred = self(x, training=True)
            loss = ops.mean(ops.square(y - y_pred))
        weights = self.trainable_variables
        self.optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights))
        return {"loss": loss, "largest": ops.max(y_pred)}

    def test_step(self, data):
        x, y = data
        return {"error": ops.mean(ops.abs(y - self(x, training=False)))}


class Adversaries(fncompile.Model):
    """A critic and a generator with an optimizer each; WGAN-GP: gradients of gradients."""

    def __init__(self):
        super().__init__()
        self.critic = fncompile.Sequential(
            [fncompile.Input((4,)), layers.Dense(8, activation="tanh"), layers.Dense(1)]
        )
        self.generator = fncompile.Sequential(
            [fncompile.Input((3,)), layers.Dense(8, activation="relu"), layers.Dense(4)]
        )
        self.seed = fncompile.random.SeedGenerator(7)

    def call(self, noise):
        return self.generator(noise)

    def compile(self, critic_optimizer, generator_optimizer):
        super().compile()
        self.critic_optimizer, self.generator_optimizer = critic_optimizer, generator_optimizer

    def made(self, like):
        return self.generator(fncompile.random.normal((ops.shape(like)[0], 3), seed=self.seed))

    def critic_loss(self, real):
        fake = self.made(real)
        share = fncompile.random.uniform((ops.shape(real)[0], 1), seed=self.seed)
        between = real + share * (fake - real)
        with fncompile.GradientTape() as tape:
            tape.watch(between)
            score = self.critic(between)
        slope = ops.sqrt(ops.sum(ops.square(tape.gradient(score, between)), axis=1))
        far = ops.mean(self.critic(fake)) - ops.mean(self.critic(real))
        return far + 10 * ops.mean((slope - 1) ** 2)

    def train_step(self, real):
        with fncompile.GradientTape() as tape:
            critic_loss = self.critic_loss(real)
        weights = self.critic.trainable_weights
        self.critic_optimizer.apply_gradients(zip(tape.gradient(critic_loss, weights), weights))
        with fncompile.GradientTape() as tape:
            loss = -ops.mean(self.critic(self.made(real)))
        weights = self.generator.trainable_weights
        self.generator_optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights))
        return {"critic": critic_loss, "generator": loss}


class Distilled(fncompile.Model):
    """Only the loss is the user's: a student learns from a teacher."""

    def __init__(self):
        super().__init__()
        self.student = fncompile.Sequential([fncompile.Input((4,)), layers.Dense(3)])
        self.teacher = fncompile.Sequential([fncompile.Input((4,)), layers.Dense(3)])
        self.teacher.trainable = False

    def call(self, x):
        return self.student(x)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        soft = ops.softmax(self.teacher(x, training=False) / 3)
        far = ops.categorical_crossentropy(soft, ops.softmax(y_pred / 3))
        return 0.5 * super().compute_loss(x, y, y_pred) + 4.5 * ops.mean(far)


class Contrasted(fncompile.Model):
    """SimCLR: two views by chance of each row, to be told from those of all others."""

    def __init__(self):
        super().__init__()
        self.view = fncompile.Sequential(
            [fncompile.Input((4,)), layers.GaussianNoise(0.2, seed=11),
             layers.Dropout(0.2, seed=12)]
        )  # fmt: skip
        self.encoder = fncompile.Sequential(
            [fncompile.Input((4,)), layers.Dense(8, activation="tanh"), layers.Dense(3)]
        )

    def call(self, x):
        return self.encoder(x)

    def train_step(self, x):
        with fncompile.GradientTape() as tape:
            first, second = (
                ops.normalize(self.encoder(self.view(x, training=True)), axis=1) for _ in range(2)
            )
            alike = ops.matmul(first, ops.transpose(second)) / 0.5
            numbers = ops.arange(ops.shape(x)[0])
            loss = sum(
                ops.mean(losses.sparse_categorical_crossentropy(numbers, rows, from_logits=True))
                for rows in (alike, ops.transpose(alike))
            )
        weights = self.encoder.trainable_weights
        self.optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights))
        return {"loss": loss}


class Valued(fncompile.Model):
    """Deep Q-learning: what is learnt is the value of the actions taken alone."""

    def __init__(self):
        super().__init__()
        self.values = fncompile.Sequential(
            [fncompile.Input((4,)), layers.Dense(8, activation="tanh"), layers.Dense(3)]
        )
        self.huber = losses.Huber()

    def call(self, states):
        return self.values(states)

    def train_step(self, data):
        states, (actions, updated) = data
        with fncompile.GradientTape() as tape:
            taken = self.values(states) * ops.one_hot(actions, 3)
            loss = self.huber(updated, ops.sum(taken, axis=1))
        weights = self.trainable_variables
        self.optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights))
        return {"loss": loss}


def by_hand():
    model = ByHand(*graph(), name="by_hand")
    model.compile(optimizers.Adam(0.01))
    return model, (X, Y)


def adversaries():
    model = Adversaries()
    model.compile(optimizers.Adam(0.01), optimizers.SGD(0.05, momentum=0.9))
    model.predict(np.zeros((2, 3), "float32"), verbose=0)
    return model, (X,)


def distilled():
    model = Distilled()
    loss = losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizers.RMSprop(0.01), loss, metrics=["accuracy"])
    model.predict(X[:2], verbose=0)
    return model, (X, (X.sum(1) > 0).astype("int32"))


def contrasted():
    model = Contrasted()
    model.compile(optimizers.Adam(0.01))
    model.predict(X[:2], verbose=0)
    return model, (X,)


def valued():
    model = Valued()
    model.compile(optimizers.Adam(0.01, clipnorm=1.0))
    model.predict(X[:2], verbose=0)
    return model, (X, (np.arange(24, dtype="int32") % 3, Y[:, 0]))


def variational():
    class Variational(Autoencoder):
        def call(self, x):
            return self.decoder(self.encoder(x)[0])

    model = Variational()
    model.compile(optimizers.Adam(0.02))
    model.predict(X[:2], verbose=0)
    return model, (X,)


def physical():
    """Gradients with respect to inputs inside of the loss."""
    model = Decay()
    model.compile(optimizers.SGD(0.05))
    t = X[:, :1].copy()  # C takes what lies in a row
    model.predict(t, verbose=0)
    return model, (t,)


def generating():
    """A GAN: two networks, two optimizers, no second order."""

    class Generating(steps.Adversaries):
        def call(self, noise):
            return self.generator(noise)

    model = Generating()
    bce = losses.BinaryCrossentropy(from_logits=True)
    model.compile(optimizers.Adam(0.01), optimizers.SGD(0.05, momentum=0.9), bce)
    model.predict(np.zeros((2, 3), "float32"), verbose=0)
    return model, (X,)


def accumulated():
    """In JAX's manner; the optimizer steps once in two batches."""
    model = ByState(*graph(), name="by_state")
    model.compile(optimizers.Adam(0.01, gradient_accumulation_steps=2), "mse", metrics=["mae"])
    return model, (X, Y)


MAKERS = {
    made.__name__: made for made in (by_hand, adversaries, distilled, contrasted, valued)
}  # fmt: skip
FURTHER = {made.__name__: made for made in (variational, physical, generating, accumulated)}


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """name -> (model, data, Library); each has taken one step in Python before."""
    known: dict = {}

    def get(name):
        if name not in known:
            fncompile.utils.set_random_seed(5)
            model, data = (MAKERS | FURTHER)[name]()
            model.training_seed = 1
            model.train_on_batch(*data)
            if name == "by_hand":
                model.test_on_batch(*data)
            bundle = model.export(tmp_path_factory.mktemp(name), prefix=name, march=flag("target"))
            known[name] = model, data, Library(bundle)
        return known[name]

    return get


@pytest.mark.parametrize("name", [*MAKERS, *FURTHER])
def test_steps_have_the_bits_of_python(exported, name):
    model, data, library = exported(name)
    context = Context(library, TRAIN, len(X))
    np.testing.assert_array_equal(context.params(), flat_weights(model))
    state = context.checkpoint()
    loss = np.zeros(1, "float32")
    for _ in range(3):
        logs = model.train_on_batch(*data, return_dict=True)
        context.ok("reset_metrics")  # as train_on_batch does
        context.ok("train_step", len(X), *flatten(data), loss)
        np.testing.assert_array_equal(context.params(), flat_weights(model))
        names = [library.metric_name(i).decode() for i in range(len(logs))]
        assert dict(zip(names, context.metrics())) == {k: np.float32(v) for k, v in logs.items()}
    assert context.call("load_mem", np.frombuffer(state, np.uint8), len(state)) == 0


@pytest.mark.parametrize("name", MAKERS)
def test_many_steps_and_a_checkpoint_that_python_goes_on_from(exported, name, tmp_path):
    model, data, library = exported(name)
    context = Context(library, TRAIN, len(X))
    order = np.arange(len(X))[::-1].copy()
    context.ok("train_steps", order, len(X), 8, len(X), *flatten(data), None)
    file = tmp_path / "c.weights.h5"
    context.ok("save", str(file).encode())
    model.load_weights(str(file))
    np.testing.assert_array_equal(context.params(), flat_weights(model))
    model.train_on_batch(*data)
    context.ok("train_step", len(X), *flatten(data), None)
    np.testing.assert_array_equal(context.params(), flat_weights(model))


def test_evaluation_changes_metrics_alone(exported):
    _, data, library = exported("by_hand")
    context = Context(library, TRAIN, len(X))
    before = context.params()
    context.ok("eval_step", len(X), *flatten(data), None)
    np.testing.assert_array_equal(context.params(), before)
    names = [library.metric_name(i).decode() for i in range(3)]
    assert names == ["loss", "largest", "error"]
    assert context.metrics()[2] > 0
    context.ok("reset_metrics")
    assert context.metrics() == [0, 0, 0]


def test_the_rate_is_there_where_the_optimizer_of_compile_takes_the_steps(exported):
    context = Context(exported("by_hand")[2], TRAIN, 1)
    rate = np.zeros(1, "float32")
    context.ok("get_lr", rate)
    assert rate == np.float32(0.01)
    text = exported("adversaries")[2].text
    assert "_get_lr(" not in text and "_iterations(" not in text
    assert "_SPLIT" not in text and "_forward(" not in text


@pytest.mark.parametrize("name", MAKERS)
def test_the_self_test_and_the_example_pass(exported, name, tmp_path):
    bundle = exported(name)[2].bundle
    for source in (bundle.selftest, bundle.example):
        program = tmp_path / source.stem
        subprocess.run(
            ["cc", "-std=c99", "-Wall", "-Wextra", "-Werror", source, bundle.static, "-lm",
             "-pthread", "-o", program],
            check=True, cwd=bundle.directory,
        )  # fmt: skip
        ran = subprocess.run([program], capture_output=True, text=True, timeout=60)
        assert ran.returncode == 0, ran.stdout + ran.stderr


def test_load_library_trains_it(exported):
    _, data, library = exported("by_hand")
    opened = fncompile.load_library(library.bundle.directory)
    assert opened.trains and opened.metrics_names == ["loss", "largest", "error"]
    losses = [opened.train_on_batch(*data)["loss"] for _ in range(30)]
    assert losses[-1] < losses[0]


def test_before_any_batch_it_says_what_to_do(tmp_path):
    model = ByHand(*graph())
    model.compile("sgd")
    with pytest.raises(ValueError, match="train it on a batch"):
        model.export(tmp_path, training=True)


def test_shared_contexts_do_not_train(exported):
    library = exported("by_hand")[2]
    context, other = Context(library, TRAIN, 4), ctypes.c_void_p()
    assert library.clone_shared(context.pointer, ctypes.byref(other)) == 0
    try:
        assert library.train_step(other, 4, X.ctypes.data, Y.ctypes.data, None) == STATE
    finally:
        library.destroy(other)
