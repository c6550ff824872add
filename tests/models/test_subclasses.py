"""Subclasses of Model with their own `call`, compiled: predicting and training."""

from __future__ import annotations

import numpy as np

from fncompile import Input, Model, flags, layers, ops, optimizers

RNG = np.random.default_rng(3)


class Two(Model):
    """Two inputs, two outputs, a layer used twice, and a loss of its own."""

    def __init__(self):
        super().__init__()
        self.shared = layers.Dense(3)
        self.head = layers.Dense(1)

    def call(self, inputs, training=None):
        a, b = self.shared(inputs["a"]), self.shared(inputs["b"])
        if training:
            self.add_loss(0.1 * ops.sum(ops.square(a)))
        return {"sum": self.head(a + b), "gap": a - b}


def data(rows=6):
    return {k: RNG.normal(size=(rows, 2)).astype("float32") for k in "ab"}


def functional_twin(model):
    """The same computation as a graph."""
    inputs = {k: Input((2,), name=k) for k in "ab"}
    a, b = model.shared(inputs["a"]), model.shared(inputs["b"])
    outputs = {"sum": model.head(a + b), "gap": a - b}
    return Model(inputs, outputs)


def test_predict_is_the_call_in_batches():
    model, x = Two(), data()
    called, predicted = model(x), model.predict(x, batch_size=4, verbose=0)
    for key in ("sum", "gap"):
        np.testing.assert_allclose(predicted[key], called[key], rtol=1e-5, atol=1e-6)


def test_a_step_is_that_of_the_same_graph_and_its_own_loss():
    model, x = Two(), data()
    y = {"gap": RNG.normal(size=(6, 3)), "sum": RNG.normal(size=(6, 1))}
    model(x)
    start = model.get_weights()
    twin = functional_twin(model)
    a = x["a"] @ start[0] + start[1]
    own = 0.1 * np.sum(a**2)
    twin.compile(optimizers.SGD(0.0), ["mse", "mse"])
    graph_loss = twin.train_on_batch(x, y)[0]
    model.compile(optimizers.SGD(0.1), ["mse", "mse"])
    loss = model.train_on_batch(x, y)[0]
    np.testing.assert_allclose(loss, graph_loss + own, rtol=1e-5)
    assert all(np.any(w != v) for w, v in zip(model.get_weights(), start, strict=True))


def test_training_makes_the_loss_smaller():
    class Net(Model):
        def __init__(self):
            super().__init__()
            self.d = layers.Dense(1)

        def call(self, x):
            return self.d(x)

    x = RNG.normal(size=(32, 3)).astype("float32")
    y = x.sum(1, keepdims=True)
    model = Net()
    model.compile(optimizers.SGD(0.1), "mse")
    losses = model.fit(x, y, epochs=20, verbose=0).history["loss"]
    assert losses[-1] < 0.1 * losses[0]




class Plain(Model):
    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(1)

    def call(self, x):
        return self.dense(x)


def kinds(model):
    return {key[0] for key in model.steps().entries}


def test_a_first_step_of_training_keeps_what_predicts():
    """`export` takes it: a model that knows no inputs of its own has nothing else to tell them."""
    x, y = np.ones((4, 2), "float32"), np.ones((4, 1), "float32")
    with flags(interp=True):
        model = Plain()
        model.compile("sgd", "mse")
        model.predict(x, verbose=0)
        steps = model.steps()
        model.fit(x, y, verbose=0)
        assert model.steps() is steps and kinds(model) == {"predict", "train"}


def test_steps_made_by_one_loss_are_not_those_of_another():
    x, y = np.ones((4, 2), "float32"), np.full((4, 1), 5.0, "float32")
    with flags(interp=True):
        model, rate = Plain(), optimizers.SGD(0.0)
        for loss in ("mse", "mae"):
            model.compile(rate, loss)
            apart = np.abs(model.predict(x, verbose=0) - y)
            wanted = np.mean(apart**2 if loss == "mse" else apart)
            np.testing.assert_allclose(model.evaluate(x, y, verbose=0), wanted, rtol=1e-6)
            np.testing.assert_allclose(model.train_on_batch(x, y), wanted, rtol=1e-6)


class Counting(Model):
    """Counts its calls."""

    def __init__(self):
        super().__init__()
        self.calls = self.add_variable((), "zeros", trainable=False)

    def call(self, x):
        self.calls.assign(self.calls + 1)
        return x


def test_the_call_that_builds_a_model_leaves_no_state():
    x = np.ones((4, 1), "float32")
    with flags(interp=True):
        model = Counting()
        model.compile("sgd", "mse")
        for steps in (2, 4):
            model.fit(x, x, batch_size=2, verbose=0)
            assert float(model.calls) == steps
