"""Every optimizer against NumPy in float64; order of clipping, decay, update and constraint."""

from __future__ import annotations

import numpy as np
import pytest

import fncompile as keras
from fncompile import constraints, optimizers
from fncompile.graph.variable import Variable
from tests.optimizers import reference

rng = np.random.default_rng(3)
W, GRADS = rng.normal(size=(3, 2)), rng.normal(size=(6, 3, 2))

CASES = [
    ("SGD", {}, reference.sgd, {}),
    ("SGD", {"momentum": 0.9}, reference.sgd, {"momentum": 0.9}),
    ("SGD", {"momentum": 0.9, "nesterov": True}, reference.sgd,
     {"momentum": 0.9, "nesterov": True}),
    ("RMSprop", {}, reference.rmsprop, {}),
    ("RMSprop", {"rho": 0.8, "momentum": 0.7, "epsilon": 1e-4}, reference.rmsprop,
     {"rho": 0.8, "momentum": 0.7, "epsilon": 1e-4}),
    ("RMSprop", {"centered": True, "momentum": 0.5}, reference.rmsprop,
     {"centered": True, "momentum": 0.5}),
    ("Adam", {}, reference.adam, {}),
    ("Adam", {"beta_1": 0.7, "beta_2": 0.9, "epsilon": 1e-3}, reference.adam,
     {"b1": 0.7, "b2": 0.9, "epsilon": 1e-3}),
    ("Adam", {"amsgrad": True, "beta_2": 0.5}, reference.adam, {"amsgrad": True, "b2": 0.5}),
    ("Adam", {"weight_decay": 0.3}, reference.adam, {"decay": 0.3}),
    ("AdamW", {}, reference.adam, {"decay": 0.004}),
    ("Adamax", {}, reference.adamax, {}),
    ("Adagrad", {"initial_accumulator_value": 0.3}, reference.adagrad, {"start": 0.3}),
    ("Adadelta", {}, reference.adadelta, {}),
    ("Lion", {}, reference.lion, {}),
]  # fmt: skip


@pytest.fixture
def double():
    keras.config.set_floatx("float64")
    yield
    keras.config.set_floatx("float32")


def variable(value=W, name="kernel"):
    return Variable(np.array(value), dtype=keras.config.floatx(), name=name, path=f"dense/{name}")


def train(optimizer, grads=GRADS, value=W):
    w = variable(value)
    for g in grads:
        optimizer.apply_gradients([(g.astype(w.dtype), w)])
    return w


@pytest.mark.parametrize("name, options, formula, arguments", CASES)
@pytest.mark.parametrize("lr", [None, 0.05])
def test_formula(name, options, formula, arguments, lr, double):
    given = {} if lr is None else {"learning_rate": lr}
    w = train(getattr(optimizers, name)(**given, **options))
    wanted = formula(W, GRADS, **arguments, **({} if lr is None else {"lr": lr}))
    np.testing.assert_allclose(w.numpy(), wanted, rtol=1e-10)


@pytest.mark.parametrize("name, options, formula, arguments", CASES)
def test_float32(name, options, formula, arguments):
    w = train(getattr(optimizers, name)(**options))
    assert w.dtype == "float32"
    np.testing.assert_allclose(w.numpy(), formula(W, GRADS, **arguments), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name, options, formula, arguments", CASES)
def test_update_is_element_wise(name, options, formula, arguments):
    """The compiler runs it once over all parameters laid end to end."""
    separate = getattr(optimizers, name)(**options)
    together = getattr(optimizers, name)(**options)
    a, b = variable(W[0]), variable(W[1:].ravel())
    joined = variable(W.ravel())
    for g in GRADS.astype("float32"):
        separate.apply([g[0], g[1:].ravel()], [a, b])
        together.apply([g.ravel()], [joined])
    np.testing.assert_array_equal(np.concatenate([a.numpy(), b.numpy()]), joined.numpy())


@pytest.mark.parametrize("relative_step", [False, True])
def test_adafactor_bounds_its_rate_with_and_without_relative_step(relative_step, double):
    """0.5 is more than 1 / sqrt(step) from the fifth step on, where 0.0511 came out of a rate
    without a bound; Keras' own test expects the first and the last number below within 5e-4."""
    optimizer = optimizers.Adafactor(0.5, -0.65, 1e-15, 1e-4, 0.9, relative_step=relative_step)
    w, grads = np.ones(10), [np.full(10, 0.01)] + 6 * [np.linspace(0.1, 1.0, 10)]
    found = [train(optimizer, grads[:1], w).numpy()]
    assert abs(found[0] - 0.55).max() < 1e-6
    for count in (5, 7):
        optimizer = optimizers.Adafactor(0.5, -0.65, 1e-15, 1e-4, 0.9, relative_step=relative_step)
        wanted = reference.adafactor(w, grads[:count], 0.5, -0.65, 1e-15, 1e-4, 0.9)
        got = train(optimizer, grads[:count], w).numpy()
        np.testing.assert_allclose(got, wanted, 1e-10)
        if count == 5:
            assert abs(got[0] - 0.0554) < 5e-4


def step(gradients, **options):
    """The gradients as SGD of rate 1 sees them."""
    optimizer = optimizers.SGD(1.0, **options)
    weights = [variable(np.zeros_like(g)) for g in gradients]
    optimizer.apply([np.float32(g) for g in gradients], weights)
    return [-w.numpy() for w in weights]


def test_clipnorm_is_of_each_gradient():
    large, small = step([np.array([3.0, 4.0]), np.array([0.1])], clipnorm=1.0)
    np.testing.assert_allclose(large, [0.6, 0.8], rtol=1e-6)
    np.testing.assert_allclose(small, [0.1], rtol=1e-6)


def test_global_clipnorm_is_of_all_together():
    a, b = step([np.array([3.0]), np.array([4.0])], global_clipnorm=1.0)
    np.testing.assert_allclose([a[0], b[0]], [0.6, 0.8], rtol=1e-6)
    a, b = step([np.array([0.3]), np.array([0.4])], global_clipnorm=1.0)
    np.testing.assert_allclose([a[0], b[0]], [0.3, 0.4], rtol=1e-6)


def test_global_clipnorm_shows_a_broken_step_everywhere():
    a, b = step([np.array([np.inf]), np.array([1.0])], global_clipnorm=1.0)
    assert np.isnan(a).all() and np.isnan(b).all()


def test_clipvalue():
    np.testing.assert_allclose(
        step([np.array([-3.0, 0.2, 9.0])], clipvalue=0.5)[0], [-0.5, 0.2, 0.5], rtol=1e-6
    )


@pytest.mark.parametrize("option", ["clipnorm", "global_clipnorm", "clipvalue"])
def test_clipping_zero_gradients(option):
    np.testing.assert_array_equal(step([np.zeros(3)], **{option: 1.0})[0], np.zeros(3))


def test_weight_decay_comes_before_the_update_and_scales_with_the_rate():
    w = variable([2.0])
    optimizers.SGD(0.5, weight_decay=0.1).apply([np.float32([1.0])], [w])
    assert w.numpy()[0] == pytest.approx(2 - 0.5 * 0.1 * 2 - 0.5)


def test_weights_can_be_spared_decay():
    kernel, bias, other = variable([1.0]), variable([1.0], "bias"), variable([1.0], "other")
    optimizer = optimizers.SGD(1.0, weight_decay=0.5)
    optimizer.exclude_from_weight_decay(var_list=[other], var_names=["bias"])
    optimizer.apply([np.zeros(1, "float32")] * 3, [kernel, bias, other])
    assert [v.numpy()[0] for v in (kernel, bias, other)] == [0.5, 1, 1]
    with pytest.raises(ValueError, match="before the optimizer is built"):
        optimizer.exclude_from_weight_decay(var_names=["kernel"])


def test_constraints_come_after_the_update():
    w = variable([1.0, -1.0])
    w.constraint = constraints.NonNeg()
    optimizers.SGD(1.0).apply([np.float32([0.5, -0.5])], [w])
    np.testing.assert_array_equal(w.numpy(), [0.5, 0.0])


def test_nan_gradients_make_nan_weights():
    for name, options, _, _ in CASES:
        w = train(getattr(optimizers, name)(**options), grads=[np.full((3, 2), np.nan)])
        if name != "Lion":  # the sign of NaN is NaN too, checked below
            assert np.isnan(w.numpy()).all(), name
    assert np.isnan(train(optimizers.Lion(), grads=[np.full((3, 2), np.nan)]).numpy()).all()


class InKerasManner(optimizers.Optimizer):
    """Momentum whose step has the length of the learning rate, by assignment."""

    def build(self, variables):
        super().build(variables)
        self.momenta = [self.add_variable_from_reference(v, "momentum") for v in variables]

    def update_step(self, gradient, variable, learning_rate):
        at = [v is variable for v in self._trainable_variables].index(True)
        m = self.momenta[at]
        self.assign(m, 0.9 * m + gradient)
        self.assign_sub(variable, learning_rate * m / keras.ops.norm(m))


def in_keras_manner(w, grads, lr):
    m = np.zeros_like(w)
    for g in grads:
        m = 0.9 * m + g
        w = w - lr * m / np.linalg.norm(m)
    return w


@pytest.mark.usefixtures("double")
def test_a_users_update_step_is_given_each_variable_for_itself():
    w, b = variable(), variable(W[:, 0], "bias")
    optimizer = InKerasManner(0.1)
    for g in GRADS:
        optimizer.apply([g, g[:, 1]], [w, b])
    np.testing.assert_allclose(w.numpy(), in_keras_manner(W, GRADS, 0.1), rtol=1e-12)
    np.testing.assert_allclose(b.numpy(), in_keras_manner(W[:, 0], GRADS[:, :, 1], 0.1), rtol=1e-12)
    assert [v.name for v in optimizer.variables[2:]] == [
        "dense_kernel_momentum", "dense_bias_momentum"
    ]  # fmt: skip


def test_a_users_update_step_is_compiled_into_fit():
    keras.utils.set_random_seed(3)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, use_bias=False)])
    start = model.get_weights()[0].astype("float64")
    x, y = rng.normal(size=(12, 3)).astype("float32"), rng.normal(size=(12, 2)).astype("float32")
    model.compile(InKerasManner(0.1), "mse")
    model.fit(x, y, batch_size=4, epochs=2, shuffle=False, verbose=0)
    w, m = start, np.zeros_like(start)
    for k in [0, 4, 8] * 2:
        error = x[k : k + 4] @ w - y[k : k + 4]
        m = 0.9 * m + x[k : k + 4].T @ error / 4
        w = w - 0.1 * m / np.linalg.norm(m)
    np.testing.assert_allclose(model.get_weights()[0], w, rtol=1e-5)
