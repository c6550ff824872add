"""Pickle and deepcopy: what comes out is what went in, with memory of its own, at any moment."""

from __future__ import annotations

import copy
import multiprocessing
import pickle
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pytest

import fncompile
from fncompile import Input, Model, Sequential, layers, losses, metrics, ops, optimizers, random

RNG = np.random.default_rng(11)
X = RNG.normal(size=(24, 6)).astype("float32")
Y = RNG.normal(size=(24, 2)).astype("float32")


def through_pickle(x):
    return pickle.loads(pickle.dumps(x))


COPIES = pytest.mark.parametrize("duplicate", [copy.deepcopy, through_pickle])


class Scaled(layers.Layer):
    """A weight, a layer inside, and no `get_config`."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner
        self.scale = self.add_weight(shape=(), initializer="ones", name="scale")

    def call(self, x):
        return self.inner(x) * self.scale


class Holder:
    def __init__(self, held):
        self.held = held


class OwnCall(Model):
    def __init__(self):
        super().__init__()
        self.parts = {"a": [layers.Dense(4), layers.Dropout(0.5, seed=3)]}
        self.head = layers.Dense(2)

    def call(self, x):
        for part in self.parts["a"]:
            x = part(x)
        return self.head(x)


class OwnGraph(Model):
    def __init__(self, units=2):
        inputs = Input((6,))
        super().__init__(inputs, layers.Dense(units)(inputs))
        self.kept = inputs


def graph():
    inputs = Input((6,))
    shared = layers.Dense(6, activation="relu")
    x = ops.add(shared(inputs), shared(shared(inputs)))[:, ::-1] * 2
    x = layers.BatchNormalization()(Scaled(layers.Dense(3))(x))
    return Model(inputs, layers.Dense(2)(layers.Dropout(0.3, seed=1)(x)))


def nested():
    inputs = Input((6,))
    return Model(inputs, Sequential([layers.Dense(3), layers.Dense(2)])(graph()(inputs)))


def stack():
    return Sequential([layers.Dense(3, kernel_regularizer="l2"), layers.Dense(2)])


MODELS = pytest.mark.parametrize("make", [graph, nested, stack, OwnCall, OwnGraph])


def prepared(make, stage):
    """A model that was made, then called, compiled and fitted, as far as `stage` says."""
    model = make()
    if stage >= 1:
        model(X)
    if stage >= 2:
        rate = optimizers.schedules.ExponentialDecay(0.01, 10, 0.9)
        model.compile(optimizers.AdamW(rate), "mse", metrics=["mae", metrics.MeanSquaredError()])
    if stage >= 3:
        model.fit(X, Y, batch_size=8, verbose=0)
    return model


@COPIES
@MODELS
@pytest.mark.parametrize("stage", range(4), ids=["made", "called", "compiled", "fitted"])
def test_a_model_at_every_stage(make, stage, duplicate):
    model = prepared(make, stage)
    other = duplicate(model)
    assert type(other) is type(model)
    assert other.name == model.name
    assert [v.path for v in other.variables] == [v.path for v in model.variables]
    if stage:
        np.testing.assert_array_equal(other.predict(X, verbose=0), model.predict(X, verbose=0))


@COPIES
@MODELS
def test_training_goes_on_to_the_same_bits(make, duplicate):
    model = prepared(make, 3)
    other = duplicate(model)
    before = model.get_weights()
    theirs = other.fit(X, Y, batch_size=8, epochs=2, verbose=0)
    for kept, value in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(kept, value)  # the copy has memory of its own
    ours = model.fit(X, Y, batch_size=8, epochs=2, verbose=0)
    assert ours.history == theirs.history
    for one, another in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(one, another)


@COPIES
def test_a_history(duplicate):
    model = prepared(graph, 2)
    history = model.fit(X, Y, verbose=0, validation_split=0.25)
    other = duplicate(history)
    assert (other.history, other.epoch, other.params) == (
        history.history,
        history.epoch,
        history.params,
    )
    np.testing.assert_array_equal(
        other.model.predict(X, verbose=0), model.predict(X, verbose=0)
    )


@COPIES
def test_a_thousand_layers_need_no_depth(duplicate):
    x = inputs = Input((2,))
    for _ in range(1000):
        x = layers.Activation("relu")(x)
    model = Model(inputs, x)
    assert [layer.name for layer in duplicate(model).layers] == [x.name for x in model.layers]


@COPIES
def test_models_that_share_layers_share_them_still(duplicate):
    inputs = Input((6,))
    code = layers.Dense(3)(inputs)
    encoder, whole = Model(inputs, code), Model(inputs, layers.Dense(6)(code))
    encoder2, whole2 = duplicate((encoder, whole))
    assert encoder2.layers[1] is whole2.layers[1]
    assert encoder2.layers[1] is not encoder.layers[1]
    encoder2.layers[1].kernel.assign(np.ones((6, 3)))
    np.testing.assert_allclose(encoder2(X), X.sum(1, keepdims=True).repeat(3, 1), rtol=1e-4)
    from_code = Model(encoder2.output, whole2.output)
    np.testing.assert_allclose(from_code(encoder2(X)), whole2(X), rtol=1e-5)


@COPIES
def test_a_copy_saves_the_same_file(tmp_path, duplicate):
    model = prepared(lambda: Model(*_two_calls()), 3)
    model.save(tmp_path / "a.keras")
    duplicate(model).save(tmp_path / "b.keras")
    one, other = (fncompile.models.load_model(tmp_path / f"{n}.keras") for n in "ab")
    assert one.get_config() == other.get_config()
    np.testing.assert_array_equal(one(X), other(X))


def _two_calls():
    inputs, dense = Input((6,)), layers.Dense(6)
    return inputs, layers.Dense(2)(dense(dense(inputs)))


@COPIES
def test_a_layer_that_was_called_leaves_its_graph_behind(duplicate):
    model = graph()
    layer = model.layers[1]
    other = duplicate(layer)
    assert other.get_config() == layer.get_config()
    np.testing.assert_array_equal(other(X), layer(X))
    with pytest.raises(AttributeError, match="never been called"):
        _ = other.output


@COPIES
def test_a_layer_that_knows_its_model(duplicate):
    model = graph()
    model.layers[1].owner = Holder(model)
    other = duplicate(model.layers[1])
    np.testing.assert_array_equal(other.owner.held(X), model(X))
    assert other.owner.held.layers[1] is other


def _instances(module, skip=()):
    """One of each class of a module that can be made without arguments."""
    for name in sorted(module.__all__):
        cls = getattr(module, name)
        if isinstance(cls, type) and name not in skip:
            try:
                yield cls()
            except (TypeError, ValueError):
                continue


EVERY = [
    x
    for module in (metrics, losses, optimizers, fncompile.initializers, fncompile.callbacks)
    for x in _instances(module)
]


@COPIES
@pytest.mark.parametrize("thing", EVERY, ids=lambda x: f"{type(x).__module__}.{type(x).__name__}")
def test_everything_that_is_made_without_arguments(thing, duplicate):
    other = duplicate(thing)
    assert type(other) is type(thing)
    if hasattr(thing, "get_config"):
        assert other.get_config() == thing.get_config()
    for one, another in zip(
        getattr(thing, "variables", ()), getattr(other, "variables", ()), strict=True
    ):
        assert one is not another
        np.testing.assert_array_equal(one.numpy(), another.numpy())


@COPIES
def test_metric_seeds_and_optimizer_go_on_from_where_they_were(duplicate):
    metric = metrics.Mean()
    metric.update_state([1.0, 3.0])
    other = duplicate(metric)
    other.update_state([8.0])
    assert (float(metric.result()), float(other.result())) == (2.0, 4.0)
    seeds = random.SeedGenerator(5)
    random.normal((2,), seed=seeds)
    np.testing.assert_array_equal(
        random.normal((4,), seed=duplicate(seeds)), random.normal((4,), seed=seeds)
    )
    weight = fncompile.Variable(np.ones(2, "float32"))
    optimizer = optimizers.Adam(0.1)
    optimizer.apply([np.ones(2, "float32")], [weight])
    optimizer2, weight2 = duplicate((optimizer, weight))
    for o, w in ((optimizer, weight), (optimizer2, weight2)):
        o.apply([np.full(2, 0.5, "float32")], [w])
    np.testing.assert_array_equal(weight.numpy(), weight2.numpy())


def _fitted_elsewhere(model):
    model.fit(X, Y, batch_size=8, verbose=0)
    return model


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_other_processes_take_and_give_models(method):
    model = prepared(graph, 3)
    with ProcessPoolExecutor(1, multiprocessing.get_context(method)) as pool:
        theirs = pool.submit(_fitted_elsewhere, model).result(timeout=300)
    model.fit(X, Y, batch_size=8, verbose=0)
    np.testing.assert_array_equal(theirs.predict(X, verbose=0), model.predict(X, verbose=0))
    assert theirs.optimizer.iterations.numpy() == model.optimizer.iterations.numpy()
