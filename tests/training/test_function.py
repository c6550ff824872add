"""`fncompile.function`: against the same code run on arrays, and loops written by hand against
`fit`."""

from __future__ import annotations

import threading

import numpy as np
import pytest

import fncompile
from fncompile import layers, losses, metrics, ops, optimizers

rng = np.random.default_rng(0)
X = rng.normal(size=(50, 4)).astype("float32")
Y = (2 * X[:, :1] - X[:, 1:2]).astype("float32")


def made(seed=0):
    fncompile.utils.set_random_seed(seed)
    x = fncompile.Input((4,))
    h = layers.BatchNormalization()(layers.Dense(8, activation="relu")(x))
    model = fncompile.Model(x, layers.Dense(1)(h))
    model.compile(optimizers.Adam(0.01), "mse", metrics=["mae"])
    return model


def step_of(model, optimizer, metric):
    loss_fn = losses.MeanSquaredError()

    @fncompile.function
    def step(x, y):
        with fncompile.GradientTape() as tape:
            y_pred = model(x, training=True)
            loss = loss_fn(y, y_pred)
        weights = model.trainable_weights
        optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights))
        metric.update_state(y, y_pred)
        return {"loss": loss, "rows": ops.shape(x)[0]}

    return step


def test_a_loop_over_batches_compiles_its_step_once_and_trains_as_fit_does():
    model, other = made(), made()
    metric = metrics.MeanAbsoluteError()
    step = step_of(model, optimizers.Adam(0.01), metric)
    for _ in range(2):
        metric.reset_state()
        for i in range(0, 50, 16):
            out = step(X[i : i + 16], Y[i : i + 16])
    assert step.kinds == 1 and out["rows"] == 2
    history = other.fit(X, Y, batch_size=16, epochs=2, shuffle=False, verbose=0).history
    for a, b in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, 1e-5, 1e-6)
    np.testing.assert_allclose(metric.result(), history["mae"][-1], 1e-5)


def test_models_and_functions_take_turns_with_the_same_weights():
    model = made()
    step = step_of(model, optimizers.SGD(0.1), metrics.MeanAbsoluteError())
    for _ in range(3):
        before = model.predict(X, verbose=0)
        step(X, Y)
        between = model.predict(X, verbose=0)
        model.train_on_batch(X, Y)
        assert not np.array_equal(before, between)
        assert not np.array_equal(between, model.predict(X, verbose=0))


def test_structures_of_arguments_and_results():
    @fncompile.function
    def f(pair, *, more, scale):
        a, b = pair
        return {"sum": a + b * scale, "kept": (more["n"], more["x"]), "none": None}

    ones = np.ones((3, 2), "float32")
    got = f((ones, 2 * ones), more={"x": ones[0], "n": 7}, scale=0.5)
    np.testing.assert_array_equal(got["sum"], 2 * ones)
    assert got["kept"][0] == 7 and got["none"] is None
    np.testing.assert_array_equal(got["kept"][1], ones[0])


def test_numbers_with_a_point_are_arrays_and_all_else_is_known():
    @fncompile.function
    def f(x, factor, axis, keep=False):
        assert isinstance(axis, int)
        return ops.sum(x * factor, axis=axis, keepdims=keep)

    x = np.arange(6, dtype="float32").reshape(2, 3)
    for factor in (0.5, 2.0, np.float64(3)):
        np.testing.assert_allclose(f(x, factor, 0), x.sum(0) * factor)
    assert f.kinds == 1
    np.testing.assert_allclose(f(x, 1.0, 1, keep=True), x.sum(1, keepdims=True))
    assert f.kinds == 2
    f(x, 1.0, True and 1)
    assert f.kinds == 3


def test_true_and_one_are_two_arguments():
    @fncompile.function
    def f(x, flag):
        return x * (2.0 if flag is True else 3.0)

    assert f(np.float32([1]), True) == 2 and f(np.float32([1]), 1) == 3


def test_the_batch_is_open_unless_shapes_are_fixed():
    sizes = []

    def f(x):
        sizes.append(x.shape[0])
        return ops.sum(x)

    opened, fixed = fncompile.function(f), fncompile.function(fixed_shapes=True)(f)
    for n in (3, 1, 0, 5):
        assert opened(np.ones((n, 2))) == 2 * n
        assert fixed(np.ones((n, 2))) == 2 * n
    assert sizes == [None, 3, 1, 0, 5] and (opened.kinds, fixed.kinds) == (1, 4)


def test_arrays_of_several_extents_have_none_open():
    @fncompile.function
    def f(x, w):
        assert x.shape == (5, 3) and w.shape == (3, 2)
        return ops.matmul(x, w)

    x, w = rng.normal(size=(5, 3)), rng.normal(size=(3, 2))
    np.testing.assert_allclose(f(x, w), x @ w, 1e-5)


def test_inside_a_tape_or_another_function_it_is_part_of_that():
    @fncompile.function
    def square(x):
        return x * x

    w = fncompile.Variable([1.0, 3.0])
    with fncompile.GradientTape() as tape:
        loss = ops.sum(square(w))
    np.testing.assert_array_equal(tape.gradient(loss, w), [2, 6])
    outer = fncompile.function(lambda x: square(square(x)))
    np.testing.assert_array_equal(outer(np.float32([2])), [16])
    assert square.kinds == 0


def test_methods_know_their_object():
    class Counter:
        def __init__(self):
            self.count = fncompile.Variable(0.0, trainable=False)

        @fncompile.function
        def add(self, x):
            return self.count.assign_add(ops.sum(x))

    first, second = Counter(), Counter()
    for _ in range(3):
        first.add(np.float32([1, 2]))
    second.add(np.float32([5]))
    assert (float(first.count.numpy()), float(second.count.numpy())) == (9, 5)


def test_random_numbers_differ_from_call_to_call_as_on_arrays():
    first, second = (fncompile.random.SeedGenerator(3) for _ in range(2))
    draw = fncompile.function(lambda: fncompile.random.normal((4,), seed=first))
    got = [draw() for _ in range(3)]
    assert not np.array_equal(got[0], got[1])
    expected = [fncompile.random.normal((4,), seed=second) for _ in range(3)]
    np.testing.assert_allclose(got, expected, 1e-5, 1e-6)


def test_threads_share_one_program_and_its_updates():
    total = fncompile.Variable(0.0, trainable=False)

    @fncompile.function
    def add(x):
        total.assign_add(ops.sum(x))

    def work():
        for _ in range(50):
            add(np.ones(4, "float32"))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert total.numpy() == 800 and add.kinds == 1


def test_an_argument_that_cannot_tell_calls_apart_is_named():
    f = fncompile.function(lambda x, options: x)
    with pytest.raises(TypeError, match=r"argument '1' of .*neither an array nor a hashable"):
        f(np.ones(2), {1, 2})


def test_many_kinds_are_told():
    f = fncompile.function(lambda x, n: x * n)
    with fncompile.flags(interp=True), pytest.warns(UserWarning, match="16 kinds of arguments"):
        for n in range(17):
            f(np.ones(2), n)


def test_an_error_inside_leaves_nothing_behind():
    calls = []

    @fncompile.function
    def f(x):
        calls.append(1)
        if len(calls) == 1:
            raise ValueError("mine")
        return x + 1

    with pytest.raises(ValueError, match="mine"):
        f(np.ones(2))
    np.testing.assert_array_equal(f(np.ones(2)), [2, 2])


def test_indices_out_of_range_are_refused_as_in_a_model():
    table = layers.Embedding(5, 2)
    f = fncompile.function(lambda i: table(i))
    assert f(np.array([0, 4])).shape == (2, 2)
    with pytest.raises(ValueError, match="5"):
        f(np.array([0, 5]))
