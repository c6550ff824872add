"""Parts of an unknown extent: halves, every second element, equal pieces, in predict and fit, and
in every form that the compiler has of a program; NumPy is the oracle."""

from __future__ import annotations

import numpy as np
import pytest

import fncompile
from fncompile import layers, ops

KEYS = [
    slice(None, None, 2), slice(1, None, 3), slice(None, None, -2), slice(2, None, 2),
    slice(None, -1, 2), slice(-2, None, -3),
]  # fmt: skip
LENGTHS = [6, 7, 12, 13]
RNG = np.random.default_rng(3)


def values(length, rows=3):
    return RNG.normal(size=(rows, length, 4)).astype("float32")


class Halves(layers.Layer):
    """Computes with the extent itself."""

    def call(self, x):
        n = ops.shape(x)[1]
        first = x[:, : n // 2]
        return [first, x[:, n // 2 :], first * ops.cast(n % 2, "float32")]


def halves(x):
    n = x.shape[1]
    return [x[:, : n // 2], x[:, n // 2 :], x[:, : n // 2] * (n % 2)]


def reshaped(x):
    return x.reshape(len(x), 3, -1)


CASES = {
    **{f"x[{k.start}:{k.stop}:{k.step}]": (lambda x, k=k: x[:, k],) * 2 for k in KEYS},
    "array_split": (lambda x: ops.array_split(x, 5, axis=1), lambda x: np.array_split(x, 5, 1)),
    "halves": (Halves(), halves),
    "both": (lambda x: [ops.concatenate([x[:, ::2], x[:, 1::2]], axis=1)],
             lambda x: [np.concatenate([x[:, ::2], x[:, 1::2]], axis=1)]),
    "twice": (lambda x: x[:, ::2][:, ::3], lambda x: x[:, ::6]),
    "split": (lambda x: ops.split(x, 3, axis=1), lambda x: np.split(x, 3, axis=1)),
    "sum of thirds": (lambda x: sum(ops.split(x, 3, axis=1)), lambda x: sum(np.split(x, 3, 1))),
    "Reshape": (layers.Reshape((3, -1)), reshaped),
    "reshape": (lambda x: ops.reshape(x, (-1, 3, 4)), lambda x: x.reshape(-1, 3, 4)),
    "glu": (lambda x: ops.glu(x, axis=1), lambda x: np.multiply(
        x[:, : x.shape[1] // 2], 1 / (1 + np.exp(-x[:, x.shape[1] // 2 :])))),
}  # fmt: skip
DIVISORS = {"split": 3, "sum of thirds": 3, "Reshape": 3, "glu": 2}


def as_list(x):
    return list(x) if isinstance(x, (list, tuple)) else [x]


def model_of(name):
    x = fncompile.Input((None, 4), name="x")
    return fncompile.Model(x, CASES[name][0](x))


def fits(name, length):
    return length % DIVISORS.get(name, 1) == 0


@pytest.mark.parametrize("interpreted", [False, True], ids=["compiled", "interpreted"])
@pytest.mark.parametrize("name", CASES)
def test_parts_of_an_unknown_extent(name, interpreted):
    with fncompile.flags(interp=interpreted):
        model = model_of(name)
        for length in filter(lambda n: fits(name, n), LENGTHS):
            x = values(length)
            want = as_list(CASES[name][1](x))
            got = as_list(model.predict(x, verbose=0))
            assert len(got) == len(want)
            for g, w in zip(got, want):
                np.testing.assert_allclose(g, w, rtol=2e-6, atol=1e-6)


@pytest.mark.parametrize("name", CASES)
def test_parts_agree_kernel_by_kernel(name):
    """Compiled and interpreted, and everything is verified after each pass."""
    with fncompile.flags(check=True, verify=True):
        model = model_of(name)
        for length in (6, 12):
            model.predict(values(length), verbose=0)


class Weighted(layers.Layer):
    def build(self, shape):
        self.w = self.add_weight(shape=(4,), initializer="ones")

    def call(self, x):
        return x * self.w


@pytest.mark.parametrize("name", [name for name in CASES if name != "reshape"])
def test_parts_have_gradients(name):
    """The gradient of w in sum(part(x * w)) is by the interpreter in float64 what C makes of it."""
    x = values(12)
    found = []
    for interpreted in (False, True):
        fncompile.utils.set_random_seed(0)
        with fncompile.flags(interp=interpreted):
            inputs = fncompile.Input((None, 4))
            parts = as_list(CASES[name][0](Weighted()(inputs)))
            y = sum(ops.sum(p * p, axis=tuple(range(1, len(p.shape)))) for p in parts[:2])
            model = fncompile.Model(inputs, y)
            model.compile(fncompile.optimizers.SGD(1e-3), lambda y_true, y_pred: ops.sum(y_pred))
            model.fit(x, np.zeros(len(x), "float32"), epochs=2, verbose=0)
            found.append(model.get_weights()[0])
    np.testing.assert_allclose(*found, rtol=1e-5)
    assert (found[0] != 1).all()


@pytest.mark.parametrize("name, length, message", [
    ("split", 7, "x_1 is 7, which 3 does not divide"),
    ("glu", 7, "x_1 is 7, which 2 does not divide"),
    ("sum of thirds", 5, "x_1 is 5, which 3 does not divide"),
    ("x[2:None:2]", 0, "too small for the model"),
], ids=str)  # fmt: skip
def test_what_cannot_be_divided_is_refused_at_the_call(name, length, message):
    model = model_of(name)
    for call in (model.predict, lambda x, **_: model(x)):
        with pytest.raises(ValueError, match=message):
            call(values(length), verbose=0)
    assert len(as_list(model.predict(values(12), verbose=0))) == len(as_list(model.output))


def test_a_reshape_that_does_not_come_out_names_both_sizes():
    x = fncompile.Input((None,), name="x")
    model = fncompile.Model(x, layers.Reshape((3, -1))(x))
    np.testing.assert_array_equal(
        model.predict(np.arange(6.0)[None], verbose=0), np.arange(6.0).reshape(1, 3, 2)
    )
    with pytest.raises(ValueError, match="x_1 is 7, which 3 does not divide"):
        model.predict(np.zeros((2, 7)), verbose=0)


def test_halves_of_the_batch():
    """As in contrastive learning; a last batch that is odd is refused with its size."""
    x = fncompile.Input((4,), name="x")
    first, second = ops.split(layers.Dense(2)(x), 2, axis=0)
    model = fncompile.Model(x, first - second)
    rows = values(1, 8)[:, 0]
    whole = rows @ model.get_weights()[0]
    np.testing.assert_allclose(
        model.predict(rows, verbose=0), whole[:4] - whole[4:], rtol=1e-5, atol=1e-6
    )
    model.compile("sgd", lambda y_true, y_pred: ops.mean(ops.square(y_pred)))
    model.fit(rows, np.zeros(8), batch_size=4, verbose=0)
    with pytest.raises(ValueError, match="B is 3, which 2 does not divide"):
        model.fit(rows[:7], np.zeros(7), batch_size=4, verbose=0)


def test_products_over_a_part():
    """A contraction whose rows are every second element of an unknown extent."""
    x = fncompile.Input((None, 4))
    dense = layers.Dense(8)
    model = fncompile.Model(x, dense(layers.Dense(4)(x)[:, ::2]))
    for length in (1, 9, 40):
        a = values(length)
        w, b, v, c = (np.asarray(k, "float64") for k in model.get_weights())
        want = ((a @ w + b)[:, ::2]) @ v + c
        np.testing.assert_allclose(model.predict(a, verbose=0), want, rtol=1e-4, atol=1e-5)
    assert model.output_shape == (None, None, 8)
