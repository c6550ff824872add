"""Steps in JAX's manner, functions of a state: the bits of those that assign, in fit, evaluate,
predict, on arrays and in an export; and what is refused of them."""

from __future__ import annotations

import numpy as np
import pytest

import fncompile
from fncompile import layers, metrics, ops, optimizers
from tests.training.test_own_step import X, Y, made, network, trained


class ByState(fncompile.Model):
    """Keras' guide of what happens in fit, for JAX: all in functions of values."""

    def compute_loss_and_updates(self, weights, others, x, y, training=False):
        y_pred, others = self.stateless_call(weights, others, x, training=training)
        return self.compute_loss(x, y, y_pred), (y_pred, others)

    def train_step(self, state, data):
        weights, others, slots, seen = state
        x, y = data
        gradient = fncompile.value_and_grad(self.compute_loss_and_updates, has_aux=True)
        (loss, (y_pred, others)), gradients = gradient(weights, others, x, y, training=True)
        weights, slots = self.optimizer.stateless_apply(slots, gradients, weights)
        logs, seen = self.tell(seen, loss, y, y_pred)
        return logs, (weights, others, slots, seen)

    def test_step(self, state, data):
        weights, others, seen = state
        loss, (y_pred, others) = self.compute_loss_and_updates(weights, others, *data)
        logs, seen = self.tell(seen, loss, data[1], y_pred)
        return logs, (weights, others, seen)

    def tell(self, seen, loss, y, y_pred):
        after, logs = [], {}
        for metric in self.metrics:
            values = seen[len(after) :][: len(metric.variables)]
            given = (loss, ops.shape(y)[0]) if metric.name == "loss" else (y, y_pred)
            values = metric.stateless_update_state(values, *given)
            found = metric.stateless_result(values)
            logs.update(found if isinstance(found, dict) else {metric.name: found})
            after += values
        return logs, after


class ByParent(fncompile.Model):
    """Each step asks the one that it replaces."""

    def train_step(self, state, data):
        return super().train_step(state, data)

    def test_step(self, state, data):
        return super().test_step(state, data)

    def predict_step(self, state, data):
        return super().predict_step(state, data)


@pytest.mark.parametrize("cls", [ByState, ByParent])
def test_it_has_the_bits_of_the_step_that_compile_makes(cls):
    usual, own = (trained(made(c), validation_split=0.2) for c in (fncompile.Model, cls))
    assert usual[:2] == own[:2]
    for a, b in zip(usual[2], own[2], strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_model_that_is_not_built_and_metrics_of_its_own():
    """The other half of the guide: variables are made before they are a state."""

    class Own(fncompile.Model):
        def __init__(self):
            super().__init__()
            self.hidden, self.last = layers.Dense(8, "relu"), layers.Dense(1)
            self.drop = layers.Dropout(0.5, seed=1)
            self.error, self.far = metrics.Mean("error"), metrics.MeanAbsoluteError("far")

        def call(self, x, training=None):
            return self.last(self.drop(self.hidden(x), training=training))

        @property
        def metrics(self):
            return [self.error, self.far]

        def train_step(self, state, data):
            weights, others, slots, seen = state
            x, y = data

            def loss(weights, others):
                y_pred, others = self.stateless_call(weights, others, x, training=True)
                return ops.mean(ops.square(y - y_pred)), (y_pred, others)

            gradient = fncompile.value_and_grad(loss, has_aux=True)
            (value, (y_pred, others)), gradients = gradient(weights, others)
            weights, slots = self.optimizer.stateless_apply(slots, gradients, weights)
            error = self.error.stateless_update_state(seen[:2], value)
            far = self.far.stateless_update_state(seen[2:], y, y_pred)
            logs = {
                "error": self.error.stateless_result(error),
                "far": self.far.stateless_result(far),
            }
            return logs, (weights, others, slots, error + far)

        def predict_step(self, state, data):
            y, others = self.stateless_call(*state, data)
            return {"y": y, "twice": 2 * y}, others

    fncompile.utils.set_random_seed(0)
    model = Own()
    model.compile(optimizer=optimizers.Adam(0.02))
    history = model.fit(X, Y, epochs=20, verbose=0).history
    assert sorted(history) == ["error", "far"]
    assert history["far"][-1] < history["far"][0]
    assert int(model.optimizer.iterations.numpy()) == 40
    assert float(model.far.count.numpy()) == 50  # of the last epoch
    found = model.predict(X, verbose=0)
    np.testing.assert_allclose(found["y"], model(X), 1e-5, 1e-6)
    np.testing.assert_array_equal(found["twice"], 2 * found["y"])


def test_a_step_on_arrays_changes_nothing_by_itself():
    model, twin = made(ByState), made(ByState)
    twin.train_on_batch(X, Y)
    model.train_on_batch(X[:2], Y[:2])
    model.set_weights(twin.get_weights())
    before = [v.numpy() for v in model.trainable_variables]
    groups = (
        model.trainable_variables, model.non_trainable_variables, model.optimizer.variables,
        model.metrics_variables,
    )  # fmt: skip
    state = tuple([v.numpy() for v in group] for group in groups)
    logs, after = model.train_step(state, (X, Y))
    assert sorted(logs) == ["loss", "mae"]
    assert [len(part) for part in after] == [len(part) for part in state]
    for v, old, new in zip(model.trainable_variables, before, after[0], strict=True):
        np.testing.assert_array_equal(v.numpy(), old)
        assert not np.array_equal(old, new)


@pytest.mark.parametrize(
    "step, message",
    [
        (lambda self, x, y: {}, r"`train_step\(self, x, y\)`.*`def train_step\(self, state, data"),
        (lambda self: {}, r"has `train_step\(self\)`"),
        (lambda self, state, data, more: {}, r"has `train_step\(self, state, data, more\)`"),
    ],
)
def test_arguments_of_neither_manner(step, message):
    model = type("Odd", (fncompile.Model,), {"train_step": step})(*network())
    model.compile("sgd", "mse")
    with pytest.raises(TypeError, match=message):
        model.train_on_batch(X, Y)


@pytest.mark.parametrize(
    "step, told",
    [
        (lambda self, state, data: {"loss": 0.0}, "{'loss': 0.0}"),
        (lambda self, state, data: ({}, state[:3]), r"\({}, lists of \[6, 3, 2\]\)"),
        (lambda self, state, data: (state, {}), r"\(lists of \[6, 3, 2, 2\], {}\)"),
        (lambda self, state, data: ({}, (*state[:3], [])), r"\({}, lists of \[6, 3, 2, 0\]\)"),
    ],
)
def test_a_state_of_another_structure(step, told):
    model = type("Odd", (fncompile.Model,), {"train_step": step})(*network())
    model.compile("sgd", "mse")
    with pytest.raises(ValueError, match=f"6 trainable_variables, .*Received: {told}"):
        model.train_on_batch(X, Y)


def test_gradients_of_jax_itself_are_refused_with_what_to_write():
    jax = pytest.importorskip("jax")

    class Mixed(fncompile.Model):
        def train_step(self, state, data):
            return {"loss": jax.grad(lambda weights: ops.sum(weights[0]))(state[0])[0]}, state

    model = Mixed(*network())
    model.compile("sgd", "mse")
    with pytest.raises(TypeError, match="Mixed gives tensors to JAX.*fncompile.value_and_grad"):
        model.train_on_batch(X, Y)
