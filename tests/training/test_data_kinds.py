"""Data in the shapes and containers that users have, through every verb."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from fncompile import Input, Model, Sequential, layers, utils

RNG = np.random.default_rng(4)
X = RNG.normal(size=(10, 3)).astype("float32")
Y = RNG.normal(size=(10, 1)).astype("float32")


@pytest.fixture(autouse=True)
def _same_weights():
    """Four small steps do not lower the loss from everywhere: from one start they raised it."""
    utils.set_random_seed(1)


def through_every_verb(model, x, y, **batches):
    """predict, evaluate, fit and the on-batch methods; gives the prediction before training."""
    predicted = model.predict(x, verbose=0, **batches)
    np.testing.assert_allclose(model.predict_on_batch(x), predicted, rtol=1e-5)
    np.testing.assert_allclose(model(x), predicted, rtol=1e-5, atol=1e-6)
    loss = np.mean((predicted - y) ** 2)
    assert model.evaluate(x, y, verbose=0, **batches) == pytest.approx(loss, rel=1e-4)
    assert model.test_on_batch(x, y) == pytest.approx(loss, rel=1e-4)
    model.train_on_batch(x, y)
    history = model.fit(x, y, epochs=3, verbose=0, shuffle=False, **batches).history["loss"]
    assert history[-1] < loss
    return predicted


# a fixed number of rows -------------------------------------------------------------------------


class RowMean(layers.Layer):
    """Needs the number of rows while it is traced."""

    def call(self, x):
        rows = x.shape[0]
        assert isinstance(rows, int)
        return sum((x[i : i + 1] for i in range(rows)), 0.0) / rows + x


@pytest.mark.parametrize("rows", [1, 2, 4, 7, 10])
@pytest.mark.parametrize("batch_size", [3, 4, 10, 32])
def test_an_input_of_fixed_batch_takes_any(rows, batch_size):
    inputs = Input((3,), batch_size=4)
    model = Model(inputs, layers.Dense(1)(inputs))
    model.compile("sgd", "mse")
    found = through_every_verb(model, X[:rows], Y[:rows], batch_size=batch_size)
    assert found.shape == (rows, 1)


def test_a_last_batch_counts_as_in_a_model_of_any_batch():
    weights, histories = [], []
    for batch in (4, None):
        inputs = Input((3,), batch_size=batch)
        model = Model(inputs, layers.Dense(1, kernel_initializer="ones")(inputs))
        model.compile("sgd", "mse", metrics=["mae"])
        histories.append(model.fit(X, Y, batch_size=4, epochs=2, shuffle=False, verbose=0).history)
        weights.append(model.get_weights())
    for key in histories[0]:
        np.testing.assert_allclose(histories[0][key], histories[1][key], rtol=1e-5)
    np.testing.assert_allclose(weights[0][0], weights[1][0], rtol=1e-5)


def test_the_rows_are_known_while_a_layer_is_traced():
    inputs = Input(batch_shape=(5, 3))
    model = Model(inputs, RowMean()(inputs))
    expected = [part.mean(0) + part for part in (X[:4], X[4:8], X[8:])]
    np.testing.assert_allclose(
        model.predict(X, batch_size=4, verbose=0), np.concatenate(expected), rtol=1e-5
    )


# structures of inputs ---------------------------------------------------------------------------


def test_dicts_inside_dicts():
    one, two, three = (Input((3,), name=name) for name in ("1", "2", "3"))
    outputs = layers.Dense(1)(one + two * three)
    model = Model({"1": one, "others": {"2": two, "3": three}}, outputs)
    model.compile("sgd", "mse")
    x = {"1": X, "others": {"3": X + 1, "2": X * 2}}
    through_every_verb(model, x, Y)
    with pytest.raises(ValueError, match="expects 3 input"):
        model.predict({"1": X, "others": {"2": X}}, verbose=0)


def test_dicts_inside_dicts_go_to_their_places():
    one, two, three = (Input((3,), name=name) for name in ("1", "2", "3"))
    model = Model({"1": one, "others": {"2": two, "3": three}}, one + 10 * two + 100 * three)
    x = {"others": {"3": X * 3, "2": X * 2}, "1": X}
    np.testing.assert_allclose(model(x), 321 * X, rtol=1e-5)
    np.testing.assert_allclose(model.predict(x, verbose=0), 321 * X, rtol=1e-5)


class AddIfThere(layers.Layer):
    def call(self, x, y=None):
        return x if y is None else x + y


@pytest.mark.parametrize("pack", [lambda a, b: [a, b], lambda a, b: {"a": a, "b": b}])
def test_an_optional_input_left_out(pack):
    a, b = Input((3,), name="a"), Input((3,), name="b", optional=True)
    model = Model(pack(a, b), layers.Dense(1, kernel_initializer="ones")(AddIfThere()(a, b)))
    model.compile("sgd", "mse")
    without = through_every_verb(model, pack(X, None), Y, batch_size=4)
    np.testing.assert_allclose(without, X.sum(1, keepdims=True), rtol=1e-4, atol=1e-5)
    model.set_weights([np.ones((3, 1)), np.zeros(1)])
    given = model.predict(pack(X, X), batch_size=4, verbose=0)
    np.testing.assert_allclose(given, 2 * X.sum(1, keepdims=True), rtol=1e-4, atol=1e-5)
    if isinstance(pack(X, None), dict):
        np.testing.assert_array_equal(
            model.predict({"a": X}, verbose=0), model.predict(pack(X, None), verbose=0)
        )


def test_keys_that_no_input_has_are_told():
    a = Input((3,), name="a")
    model = Model({"a": a}, a * 2)
    for call in (model, lambda x: model.predict(x, verbose=0)):
        with pytest.warns(UserWarning, match="structure of `inputs` doesn't match"):
            np.testing.assert_allclose(call({"a": X, "zz": X}), 2 * X, rtol=1e-6)


def test_none_for_the_only_input():
    model = dense()
    with pytest.raises(ValueError, match="not optional, but None"):
        model.fit([None], Y)


def test_an_input_that_is_not_optional_is_named():
    a, b = Input((3,), name="a"), Input((3,), name="b")
    model = Model([a, b], a + b)
    with pytest.raises(ValueError, match="input 'b' is not optional, but None"):
        model.predict([X, None], verbose=0)


# data sets --------------------------------------------------------------------------------------


class Batches(utils.PyDataset):
    def __len__(self):
        return 3

    def __getitem__(self, index):
        rows = slice(4 * index, 4 * index + 4)
        return X[rows], Y[rows]


class Counted(utils.PyDataset):
    """`num_batches` in place of `__len__`."""

    num_batches = 3
    __getitem__ = Batches.__getitem__


class Endless(utils.PyDataset):
    num_batches = None

    def __getitem__(self, index):
        return Batches.__getitem__(self, index % 3)


class Tensor:
    """What a tensor of PyTorch is to others: an array by `__array__`, and no NumPy array."""

    def __init__(self, values):
        self._values, self.shape, self.dtype = values, values.shape, values.dtype

    def __len__(self):
        return len(self._values)

    def __getitem__(self, key):
        return Tensor(self._values[key])

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self._values, dtype)


class DataLoader:
    """As PyTorch's: begins anew at each pass, has a length, gives lists of tensors."""

    def __init__(self, *arrays, batch_size=4):
        self.arrays, self.batch_size = arrays, batch_size

    def __len__(self):
        return math.ceil(len(self.arrays[0]) / self.batch_size)

    def __iter__(self):
        for i in range(0, len(self.arrays[0]), self.batch_size):
            yield [Tensor(a[i : i + self.batch_size]) for a in self.arrays]


def dense():
    model = Sequential([Input((3,)), layers.Dense(1, kernel_initializer="ones")])
    model.compile("sgd", "mse")
    return model


def fitted(*args, **kwargs):
    model = dense()
    history = model.fit(*args, epochs=2, shuffle=False, verbose=0, **kwargs).history["loss"]
    return [*history, *model.get_weights()[0].ravel()]


@pytest.mark.parametrize("source", [Batches, Counted, lambda: DataLoader(X, Y)])
def test_data_sets_give_what_arrays_give(source):
    expected = fitted(X, Y, batch_size=4)
    np.testing.assert_allclose(fitted(source()), expected, rtol=1e-5)
    model = dense()
    np.testing.assert_allclose(
        model.predict(source(), verbose=0), model.predict(X, verbose=0), rtol=1e-5
    )
    np.testing.assert_allclose(
        model.evaluate(source(), verbose=0), model.evaluate(X, Y, verbose=0), rtol=1e-5
    )


def test_a_loader_with_weights_and_with_inputs_alone():
    weights = np.arange(10, dtype="float32")
    expected = fitted(X, Y, sample_weight=weights, batch_size=4)
    np.testing.assert_allclose(fitted(DataLoader(X, Y, weights)), expected, rtol=1e-5)
    assert dense().predict(DataLoader(X), verbose=0).shape == (10, 1)


def test_a_loader_is_validation_data():
    model = dense()
    history = model.fit(X, Y, validation_data=DataLoader(X, Y), verbose=0).history
    assert history["val_loss"][0] == pytest.approx(model.evaluate(X, Y, verbose=0), rel=1e-5)


def test_a_generator_of_lists_is_refused():
    with pytest.raises(ValueError, match="must return a tuple"):
        dense().fit(([X, Y] for _ in range(2)), verbose=0)


def test_a_data_set_without_end_needs_a_number_of_steps():
    model = dense()
    with pytest.raises(ValueError, match="Endless has no end: .*steps_per_epoch"):
        model.fit(Endless(), verbose=0)
    with pytest.raises(NotImplementedError, match="`__len__\\(\\)` or `num_batches`"):
        model.fit(utils.PyDataset(), verbose=0)
    np.testing.assert_allclose(
        fitted(Endless(), steps_per_epoch=3), fitted(X, Y, batch_size=4), rtol=1e-5
    )


class Classes(utils.PyDataset):
    def __len__(self):
        return 3

    def __getitem__(self, index):
        return X[4 * index : 4 * index + 4], np.arange(10)[4 * index : 4 * index + 4] % 2


def test_class_weights_of_a_data_set():
    def losses(*data, **kwargs):
        model = Sequential([layers.Dense(2, activation="softmax", kernel_initializer="ones")])
        model.compile("sgd", "sparse_categorical_crossentropy")
        return model.fit(*data, epochs=2, shuffle=False, verbose=0, **kwargs).history["loss"]

    weights = {0: 1.0, 1: 3.0}
    expected = losses(X, np.arange(10) % 2, batch_size=4, class_weight=weights)
    np.testing.assert_allclose(losses(Classes(), class_weight=weights), expected, rtol=1e-5)
    batches = (Classes()[i] for i in itertools.count())
    with pytest.raises(ValueError, match="`class_weight` is not supported for Python generator"):
        losses(batches, class_weight=weights, steps_per_epoch=3)
