"""Calling a model on arrays by the short ways: what is not plain goes the general way."""

from __future__ import annotations

import numpy as np
import pytest

import fncompile as k
from fncompile.devtools.stepwise import KernelError


def rows(n, width=4, seed=0):
    return np.random.default_rng(seed).normal(size=(n, width)).astype("float32")


def two_by_two(structure):
    a, b = k.Input((4,), name="a"), k.Input((4,), name="b")
    shared = k.layers.Dense(3, activation="tanh")
    p, q = shared(a) + shared(b), k.layers.Dense(2)(a * b)
    if structure == "dict":
        return k.Model({"a": a, "b": b}, {"p": p, "q": q})
    return k.Model([a, b], [p, q])


def leaves(outputs):
    return list(outputs.values()) if isinstance(outputs, dict) else list(outputs)


@pytest.mark.parametrize("structure", ["list", "dict"])
@pytest.mark.parametrize("batch", [1, 5, 256, 257])
def test_several_arrays(structure, batch):
    model, a, b = two_by_two(structure), rows(batch), rows(batch, seed=1)
    given = {"a": a, "b": b} if structure == "dict" else [a, b]
    first, second = model(given), model(given)
    assert type(first) is type(second) and model._short is not None
    for x, y, z in zip(leaves(first), leaves(second), leaves(model.predict(given, verbose=0))):
        np.testing.assert_array_equal(x, y)
        np.testing.assert_allclose(x, z, rtol=1e-6)
    assert not np.shares_memory(leaves(first)[0], leaves(second)[0])


@pytest.mark.parametrize(
    "change",
    [
        lambda a, b: (a.astype("float64"), b),
        lambda a, b: (a, np.asfortranarray(b)),
        lambda a, b: (a[::1][:, ::-1][:, ::-1], b),
    ],
)
def test_arrays_that_are_not_plain_give_the_same(change):
    model, a, b = two_by_two("list"), rows(6), rows(6, seed=1)
    expected = [np.array(y) for y in model([a, b])]
    for x, y in zip(expected, model(list(change(a, b)))):
        np.testing.assert_array_equal(x, y)


def test_wrong_arrays_are_refused_after_a_short_call():
    model, a, b = two_by_two("list"), rows(6), rows(6, seed=1)
    model([a, b])
    model([a, b])
    for wrong in ([a, b[:5]], [a, rows(6, 5)], [a], [a, None]):
        with pytest.raises((ValueError, TypeError)):
            model(wrong)


def test_new_weights_are_seen_by_the_next_call():
    model, a, b = two_by_two("list"), rows(6), rows(6, seed=1)
    model([a, b])
    model([a, b])
    model.set_weights([w * 0 for w in model.get_weights()])
    for y in model([a, b]):
        np.testing.assert_array_equal(y, 0)


def test_a_model_of_one_input_and_two_outputs():
    x = k.Input((4,))
    model = k.Model(x, [k.layers.Dense(2)(x), k.layers.Dense(3)(x)])
    a = rows(3)
    for first, second in zip(model(a), model(a)):
        np.testing.assert_array_equal(first, second)


class Counting(k.layers.Layer):
    """Uses one of two layers."""

    def __init__(self):
        super().__init__()
        self.inner = k.layers.Dense(2, kernel_initializer="ones")

    def call(self, x):
        return self.inner(x)


def test_a_layer_put_in_place_of_another_is_used():
    x = k.Input((4,))
    layer = Counting()
    model = k.Model(x, layer(x))
    a = rows(3)
    before = np.array(model(a))
    other = k.layers.Dense(2, kernel_initializer="zeros")
    other.build((None, 4))
    object.__setattr__(layer, "_locked", False)
    layer.inner = other
    assert not np.array_equal(before, model.predict(a, verbose=0))


def test_freezing_a_layer_or_a_variable_between_steps_is_seen():
    x = k.Input((4,))
    first, last = k.layers.Dense(3), k.layers.Dense(1)
    model = k.Model(x, last(first(x)))
    model.compile("sgd", "mse")
    a, y = rows(8), rows(8, 1, 2)
    model.train_on_batch(a, y)
    first.trainable = False
    kept, moved = first.get_weights(), last.get_weights()
    model.train_on_batch(a, y)
    np.testing.assert_array_equal(kept[0], first.get_weights()[0])
    assert not np.array_equal(moved[0], last.get_weights()[0])
    last.kernel.trainable = False
    kept = last.get_weights()
    model.train_on_batch(a, y)
    np.testing.assert_array_equal(kept[0], last.get_weights()[0])
    assert not np.array_equal(kept[1], last.get_weights()[1])


def test_switches_set_after_a_short_call_are_heeded():
    """flags(nan=True) said nothing: the short way led into code compiled without checks."""
    x = k.Input((4,))
    layer = k.layers.Dense(2)
    model = k.Model(x, layer(x))
    model(rows(3))
    layer.bias.assign([np.nan, 0.0])
    assert np.isnan(model(rows(3))).any()
    with k.flags(nan=True), pytest.raises(KernelError, match="NaN"):
        model(rows(3))
    assert np.isnan(model(rows(3))).any()


class Chain(k.layers.Layer):
    """All of a list of layers, which may change."""

    def __init__(self):
        super().__init__()
        self.links = [k.layers.Dense(4)]

    def call(self, x):
        for link in self.links:
            x = link(x)
        return x


def test_symbolic_tensors_after_arrays():
    model, a, b = two_by_two("list"), rows(6), rows(6, seed=1)
    model([a, b])
    p, q = model([k.Input((4,)), k.Input((4,))])
    assert (p.shape, q.shape) == ((None, 3), (None, 2))


def test_a_built_layer_appended_to_a_list_is_used_and_trained():
    """Predictions and steps were those of the list as it had been."""
    x, a = k.Input((4,)), rows(5)
    chain, late = Chain(), k.layers.Dense(4)
    late.build((None, 4))
    model = k.Model(x, chain(x))
    model.compile("sgd", "mse")
    model.fit(a, a, verbose=0)
    first = np.array(model(a))
    chain.links.append(late)
    kernel, bias = late.get_weights()
    expected = first @ kernel + bias
    np.testing.assert_allclose(model(a), expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(model.predict(a, verbose=0), expected, rtol=1e-4, atol=1e-5)
    model.fit(a, a, verbose=0)
    assert not np.array_equal(kernel, late.get_weights()[0])
    chain.links[:] = [late]
    kernel, bias = late.get_weights()
    np.testing.assert_allclose(model(a), a @ kernel + bias, rtol=1e-4, atol=1e-5)


def test_a_layer_without_weights_added_to_a_stack_is_used():
    """predict went on without it, for the weights were the same."""
    model, a = k.Sequential([k.Input((4,)), k.layers.Dense(3)]), rows(6)
    before = model.predict(a, verbose=0)
    model.add(k.layers.ReLU())
    np.testing.assert_array_equal(model.predict(a, verbose=0), np.maximum(before, 0))
    model.pop()
    np.testing.assert_array_equal(model.predict(a, verbose=0), before)


def stacked(*shape):
    dense = [k.layers.Dense(5, activation="tanh"), k.layers.Dense(2)]
    return k.Sequential([k.Input(shape), *dense] if shape else dense)


@pytest.mark.parametrize("shape", [(4,), ()])
def test_a_stack_of_layers_is_compiled_as_a_graph_is(shape):
    """Each call on an array was traced and interpreted: 850 us for what takes 2.4."""
    model, x = stacked(*shape), rows(6)
    first = model(x)
    assert model._short is not None
    np.testing.assert_array_equal(first, model(x))
    np.testing.assert_array_equal(first, model.predict(x, verbose=0))
    np.testing.assert_array_equal(first, model.bind(x)())
    a, b = (layer.get_weights() for layer in model.layers)
    np.testing.assert_allclose(first, np.tanh(x @ a[0] + a[1]) @ b[0] + b[1], rtol=1e-5, atol=1e-6)


def test_a_stack_that_changes_is_compiled_anew():
    model, x = stacked(4), rows(6)
    model(x)
    model.pop()
    assert model(x).shape == (6, 5)
    model.add(k.layers.Dense(3))
    assert model(x).shape == (6, 3) and model(x).shape == (6, 3)


def test_a_stack_that_is_not_built_may_be_part_of_a_graph():
    """On an attribute, as for later: "has no defined graph yet"."""

    class Later(k.Model):
        def __init__(self, inputs, outputs):
            super().__init__(inputs, outputs)
            self.later = k.Sequential([k.layers.Dense(3)])

    inputs = k.Input((4,))
    model, x = Later(inputs, k.layers.Dense(2, use_bias=False)(inputs)), rows(6)
    for _ in range(2):
        np.testing.assert_allclose(model(x), x @ model.get_weights()[0], rtol=1e-5, atol=1e-6)


def test_a_stack_takes_another_shape_after_a_short_call():
    model = k.Sequential([k.layers.GlobalAveragePooling1D(), k.layers.Dense(2)])
    for length in (3, 5, 3):
        x = np.random.default_rng(length).normal(size=(2, length, 4)).astype("float32")
        w, b = (model(x), model.layers[1].get_weights())[1]
        for _ in range(2):
            np.testing.assert_allclose(model(x), x.mean(1) @ w + b, rtol=1e-5, atol=1e-6)


def test_a_bound_call_sees_weights_and_memories_that_moved():
    model, x = stacked(4), rows(6)
    call = model.bind(x)
    before = np.array(call())
    model.set_weights([w * 2 for w in model.get_weights()])
    np.testing.assert_array_equal(call(), model(x))
    other = k.Model(model.inputs, model.outputs)  # takes the weights to a memory of its own
    np.testing.assert_array_equal(other(x), call())
    assert not np.array_equal(before, call())


@pytest.mark.parametrize("make", [
    lambda: (k.Sequential([k.Input((4,)), k.layers.Dense(2)]), rows(300)),
    lambda: (k.Sequential([k.Input((4,)), k.layers.Dense(2)]), rows(3).astype("float64")),
    lambda: (k.Sequential([k.Input((None, 4)), k.layers.LSTM(2)]), rows(6).reshape(2, 3, 4)),
])  # fmt: skip
def test_calls_that_are_not_short_are_remembered(make, monkeypatch):
    """Large batches, other dtypes, open lengths took 230 us, most of it to find the same plan."""
    model, x = make()
    first = model(x)
    monkeypatch.setattr(type(model), "_call_on_arrays", None)  # what follows does without
    np.testing.assert_array_equal(model(x), first)
    np.testing.assert_array_equal(model(np.asfortranarray(x)), first)
    np.testing.assert_array_equal(model(x[:1]), first[:1])


def test_wrong_arrays_are_refused_after_calls_that_are_remembered():
    model, a, b = two_by_two("list"), rows(6).astype("float64"), rows(6, seed=1)
    for _ in range(2):
        assert model([a, b])[0].shape == (6, 3)
        for wrong in ([a, b[:5]], [a, rows(6, 5)], [a], [a, None], [a, b, b]):
            with pytest.raises((ValueError, TypeError)):
                model(wrong)
