"""`GradientTape`, `grad` and `value_and_grad` on arrays: against formulas, differences, and one
another."""

from __future__ import annotations

import numpy as np
import pytest

import fncompile
from fncompile import layers, ops, optimizers


def variable(*numbers, **options):
    return fncompile.Variable(np.array(numbers, "float32"), **options)


def test_a_variable():
    w = variable(1.0, -2.0)
    with fncompile.GradientTape() as tape:
        loss = ops.sum(w**3)
    gradient = tape.gradient(loss, w)
    assert isinstance(gradient, np.ndarray)
    np.testing.assert_allclose(gradient, [3.0, 12.0])
    assert float(loss) == -7.0
    np.testing.assert_array_equal(loss.numpy(), np.float32(-7))


def test_structures_of_sources_and_targets():
    a, b = variable(1.0), variable(2.0)
    with fncompile.GradientTape() as tape:
        first, second = a * b, b * b
    found = tape.gradient([first, second], {"a": a, "more": [b, a]})
    assert found["a"] == [2.0] and found["more"] == [[5.0], [2.0]]


def test_output_gradients_are_factors():
    w = variable(1.0, 2.0)
    with fncompile.GradientTape() as tape:
        y = w * w
    got = tape.gradient(y, w, output_gradients=np.array([10.0, 100.0]))
    np.testing.assert_allclose(got, [20.0, 400.0])


def test_what_is_not_watched_gives_none_or_zeros():
    w, other, still = variable(1.0), variable(2.0), variable(3.0, trainable=False)
    x = np.array([1.0], "float32")

    def tape():
        with fncompile.GradientTape() as tape:
            y = ops.sum(w * still * x)
        return tape, y

    recorded, y = tape()
    assert recorded.gradient(y, [other, still, x]) == [None, None, None]
    recorded, y = tape()
    zero = recorded.gradient(y, [other, still], unconnected_gradients="zero")
    np.testing.assert_array_equal(zero, [[0.0], [0.0]])


@pytest.mark.parametrize("fn, found", [
    (ops.sign, [0.0, 0.0, 0.0, 0.0]),
    (lambda w: w * ops.sign(w), [-1.0, 0.0, 1.0, 1.0]),
    (ops.floor, None), (ops.ceil, None), (ops.round, None), (lambda w: w // 2.0, None),
    (ops.stop_gradient, None), (lambda w: ops.cast(w > 0, "float32"), None),
])  # fmt: skip
def test_of_what_is_flat_sign_alone_has_a_gradient(fn, found):
    """As TensorFlow 2.20 has it: zeros of `sign`, None of what rounds, compares or stops."""
    w = variable(-2.0, 0.0, 3.0, np.inf)
    with fncompile.GradientTape() as tape:
        y = ops.sum(fn(w))
    got = tape.gradient(y, w)
    assert got is None if found is None else got.tolist() == found


def test_the_zero_gradient_of_sign_reaches_a_compiled_step():
    """Momentum goes on where the gradient is 0, and the variable is not among those without one."""
    dense = fncompile.Sequential([layers.Input((2,)), layers.Dense(1, name="d")])
    dense.compile(optimizers.SGD(0.5, momentum=0.5), lambda y, p: ops.mean(ops.sign(p) * y, -1))
    dense.train_on_batch(np.ones((2, 2)), np.ones((2, 1)))
    before = dense.get_weights()
    dense.optimizer.variables[2].assign(np.ones((2, 1)))  # the momentum of the kernel
    dense.train_on_batch(np.ones((2, 2)), np.ones((2, 1)))
    np.testing.assert_array_equal(dense.get_weights()[0], before[0] + 0.5)


def test_watch():
    x, still = np.array([1.0, 2.0], "float32"), variable(3.0, trainable=False)
    with fncompile.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch([x, still])
        y = ops.sum(ops.exp(x)) * still
    to_x, to_still = tape.gradient(y, [x, still])
    np.testing.assert_allclose(to_x, 3 * np.exp(x), 1e-6)
    np.testing.assert_allclose(to_still, [np.exp(x).sum()], 1e-6)


def test_nested_tapes_give_second_derivatives():
    x = variable(0.5, 1.5)
    with fncompile.GradientTape() as outer:
        with fncompile.GradientTape() as inner:
            y = ops.sum(ops.sin(x))
        slope = inner.gradient(y, x)
    np.testing.assert_allclose(outer.gradient(slope, x), -np.sin(x.numpy()), 1e-5)


def test_a_persistent_tape_may_be_asked_again():
    w = variable(2.0)
    with fncompile.GradientTape(persistent=True) as tape:
        y = w * w
        z = y * w
    assert tape.gradient(y, w) == [4.0] and tape.gradient(z, w) == [12.0]
    with fncompile.GradientTape() as tape:
        y = w * w
    tape.gradient(y, w)
    with pytest.raises(RuntimeError, match="non-persistent"):
        tape.gradient(y, w)


def test_gradients_are_those_of_the_values_that_were_recorded():
    """Also when a variable is assigned inside the block, or after it."""
    w = variable(3.0)
    with fncompile.GradientTape(persistent=True) as tape:
        y = w * w
    w.assign([100.0])
    assert tape.gradient(y, w) == [6.0]
    assert float(y[0]) == 9.0
    with fncompile.GradientTape() as tape:
        w.assign(w * 0 + 5.0)
        y = w * w
    assert tape.gradient(y, w) == [10.0]
    np.testing.assert_array_equal(w.numpy(), [5.0])


def test_tensors_of_a_tape_are_numbers_afterwards():
    w = variable(1.0, 4.0)
    with fncompile.GradientTape():
        y = ops.sqrt(w)
        if ops.sum(y) > 2.5:  # numbers inside too
            y = y * 2
    np.testing.assert_array_equal(np.asarray(y), [2.0, 4.0])
    np.testing.assert_array_equal(ops.add(y, 1), [3.0, 5.0])
    np.testing.assert_array_equal(y + y, [4.0, 8.0])
    with fncompile.GradientTape() as tape:
        z = ops.sum(w * y)
    np.testing.assert_array_equal(tape.gradient(z, w), [2.0, 4.0])


def test_a_block_that_fails_changes_nothing():
    w = variable(1.0)
    with pytest.raises(ZeroDivisionError), fncompile.GradientTape():
        w.assign([7.0])
        _ = 1 // 0
    np.testing.assert_array_equal(w.numpy(), [1.0])
    assert ops.add(1, 2) == 3  # no trace is left behind


def test_a_loop_by_hand_with_normalization_and_dropout():
    """Updates of the layers take place once a step, and random numbers are drawn once."""
    fncompile.utils.set_random_seed(0)
    model = fncompile.Sequential(
        [
            fncompile.Input((4,)),
            layers.Dense(8),
            layers.BatchNormalization(),
            layers.Dropout(0.5, seed=1),
            layers.Dense(1),
        ]
    )
    optimizer, x = optimizers.SGD(0.1), np.random.default_rng(0).normal(size=(16, 4))
    with fncompile.GradientTape() as tape:
        y = model(x, training=True)
        loss = ops.mean(y**2)
    assert float(loss) == float(ops.mean(y**2))
    weights = model.trainable_variables
    optimizer.apply(tape.gradient(loss, weights), weights)
    mean = (x @ weights[0].numpy()).mean(0)
    assert not np.allclose(model.layers[1].moving_mean.numpy(), 0)
    assert np.shape(mean) == (8,)
    assert int(optimizer.iterations) == 1


@pytest.mark.parametrize("nested", [False, True])
def test_grad(nested):
    def f(tree):
        a, b = (tree["a"], tree["b"]) if nested else tree
        return ops.sum(a * b**2)

    a, b = np.array([1.0, 2.0], "float32"), np.array([3.0, 4.0], "float32")
    got = fncompile.grad(f)({"a": a, "b": b} if nested else [a, b])
    to_a, to_b = (got["a"], got["b"]) if nested else got
    np.testing.assert_allclose(to_a, b**2)
    np.testing.assert_allclose(to_b, 2 * a * b)


def test_value_and_grad_of_several_arguments_with_more_to_tell():
    def f(x, y, scale=1.0):
        return ops.sum(x * y) * scale, {"x": x}

    (value, aux), (to_x, to_y) = fncompile.value_and_grad(f, argnums=(0, 1), has_aux=True)(
        2.0, 3.0, scale=10.0
    )
    assert (value, to_x, to_y, aux["x"]) == (60.0, 30.0, 20.0, 2.0)
    assert fncompile.grad(fncompile.grad(lambda x: x**4))(2.0) == 48.0


def test_grad_inside_a_layer():
    """A gradient is one more composition of ops: it is compiled with the rest."""

    class Slope(layers.Layer):
        def call(self, x):
            return fncompile.grad(lambda t: ops.sum(ops.sin(t)))(x)

    x = fncompile.Input((3,))
    model = fncompile.Model(x, Slope()(x))
    values = np.random.default_rng(0).normal(size=(5, 3)).astype("float32")
    np.testing.assert_allclose(model.predict(values, verbose=0), np.cos(values), 1e-5, 1e-6)


@pytest.mark.parametrize(
    "make, error, message",
    [
        (lambda t, w, y: t.gradient(y, w, unconnected_gradients="no"), ValueError, "must be one"),
        (lambda t, w, y: t.gradient(ops.cast(y, "int32"), w), ValueError, "Only floating-point"),
        (lambda t, w, y: t.gradient([y, y], w, output_gradients=[y]), ValueError, "one entry for"),
        (lambda t, w, y: t.watch(w), RuntimeError, "inside the tape"),
        (lambda t, w, y: fncompile.GradientTape().gradient(y, w), RuntimeError, "with` block"),
        (lambda t, w, y: fncompile.grad(lambda x: x)(np.ones(2)), ValueError, "a floating-point"),
    ],
)
def test_mistakes(make, error, message):
    w = variable(1.0)
    with fncompile.GradientTape() as tape:
        y = w * w
    with pytest.raises(error, match=message):
        make(tape, w, y)
