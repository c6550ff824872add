"""Algebra that keeps every bit, and the crossentropy behind a softmax as a log-softmax."""

from __future__ import annotations

import numpy as np
import pytest

import fncompile
from fncompile import layers, ops
from fncompile.ir import build
from fncompile.ir.interp import run
from fncompile.ir.node import Node, Program
from fncompile.ir.text import print_program
from fncompile.ir.types import DTYPES, TensorType
from fncompile.passes.simplify import simplify

FLOATS = ("float32", "float64", "bfloat16")
SPECIAL = [0.0, -0.0, np.inf, -np.inf, np.nan, 1.5, -3.25, 1e-38, -1e-40, 3e38, -1e-45, 7.0]


def unary(dtype: str, fn) -> Program:
    x = build.input("x", TensorType(dtype, (len(SPECIAL),)))
    return Program((x,), (), {"y": fn(x)})


def number(x: Node, value: float) -> Node:
    return build.like(x, value)


def negative(x: Node) -> Node:
    return build.ew("neg", x)


EXACT = {
    "x + x": (lambda x: build.ew("add", x, x), "ew.mul"),
    "g*x + g*x": (lambda x: build.ew("add", *[build.ew("mul", x, x)] * 2), "ew.mul"),
    "-x + -x": (lambda x: build.ew("add", negative(x), negative(x)), "ew.mul"),
    "-x * 3": (lambda x: build.ew("mul", negative(x), number(x, 3.0)), "ew.mul"),
    "-(x * 3)": (lambda x: negative(build.ew("mul", x, number(x, 3.0))), "ew.mul"),
    "x / 8": (lambda x: build.ew("div", x, number(x, 8.0)), "ew.mul"),
    "x / -0.25": (lambda x: build.ew("div", x, number(x, -0.25)), "ew.mul"),
}


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", EXACT)
def test_algebra_keeps_every_bit(name, dtype):
    fn, instead = EXACT[name]
    program = unary(dtype, fn)
    simple = simplify(program)
    text = print_program(simple)
    assert instead in text and not any(f"ew.{f}" in text for f in ("add", "neg", "div"))
    rng = np.random.default_rng(5)
    values = np.array(SPECIAL, "float64"), rng.normal(size=len(SPECIAL)) * 1e30
    for x in (v.astype(DTYPES[dtype].numpy) for v in values):
        with np.errstate(all="ignore"):
            before, after = (run(p, [x], {})[0]["y"] for p in (program, simple))
        np.testing.assert_array_equal(np.isnan(before), np.isnan(after))
        there = ~np.isnan(before)
        assert before[there].tobytes() == after[there].tobytes()


@pytest.mark.parametrize(
    "fn",
    [
        lambda x: build.ew("div", x, number(x, 3.0)),  # 1/3 is rounded
        lambda x: build.ew("div", x, number(x, 0.0)),
        lambda x: build.ew("div", x, number(x, np.inf)),
        lambda x: build.ew("div", x, number(x, 2.0**126)),  # the reciprocal is close to subnormal
        lambda x: build.ew("add", negative(x), build.ew("exp", x)),
    ],
)
def test_what_would_change_bits_stays(fn):
    program = unary("float32", fn)
    assert "ew.mul" not in print_program(simplify(program))


def test_whole_numbers_are_left_alone():
    x = build.input("x", TensorType("int32", (3,)))
    program = Program((x,), (), {"y": build.ew("add", x, x)})
    assert "ew.add" in print_program(simplify(program))


# the crossentropy behind a softmax ----------------------------------------------------------------

SPARSE, CATEGORICAL = "sparse_categorical_crossentropy", "categorical_crossentropy"
UNITS = 7


def step(loss: str, x: np.ndarray, y: np.ndarray, skip: bool):
    """Loss and new weights of one step of plain descent from fixed weights, and the model."""
    fncompile.utils.clear_session()
    inputs = fncompile.Input((UNITS,), name="x")
    outputs = layers.Dense(UNITS, activation="softmax", kernel_initializer="identity", name="d")
    model = fncompile.Model(inputs, outputs(inputs))
    model.compile(fncompile.optimizers.SGD(1.0), loss)
    with fncompile.flags(skip="rewrite" if skip else None):
        value = float(model.train_on_batch(x, y))
        text = model.explain("rewrite")
    return value, model.get_weights(), text, model


def expected(x: np.ndarray, y: np.ndarray):
    """In float64 with Keras' formula: clip at epsilon, whose gradient is 0 beyond it."""
    z = x.astype("float64")
    p = np.exp(z - z.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    low, high = (float(np.float32(v)) for v in (1e-7, 1 - 1e-7))
    value = -(y * np.log(np.clip(p, low, high))).sum(1).mean()
    inside = (p > low) & (p < high)
    g = -(y * inside) / len(x)  # d loss / d log p
    dz = g - p * g.sum(1, keepdims=True)
    return value, [np.eye(UNITS) - x.T.astype("float64") @ dz, -dz.sum(0)]


@pytest.mark.parametrize("loss", [SPARSE, CATEGORICAL])
@pytest.mark.parametrize("scale", [0.1, 1.0, 5.0, 30.0, 200.0])
def test_it_is_what_keras_computes(loss, scale, quickly_compiled):
    """From even probabilities to such far below epsilon."""
    rng = np.random.default_rng(int(scale * 10))
    x = (rng.normal(size=(16, UNITS)) * scale).astype("float32")
    labels = rng.integers(0, UNITS, 16)
    soft = rng.random((16, UNITS))
    one_hot = np.eye(UNITS)[labels] if loss == SPARSE else soft / soft.sum(1, keepdims=True)
    y = labels.astype("int32") if loss == SPARSE else one_hot.astype("float32")
    value, weights = expected(x, one_hot.astype("float32").astype("float64"))
    for skip in (True, False):
        found, new, text, _ = step(loss, x, y, skip)
        assert ("log_softmax" in text) != skip
        assert abs(found - value) <= 1e-6 * max(1.0, abs(value))
        for a, b in zip(new, weights):
            np.testing.assert_allclose(a, b, rtol=0, atol=2e-6 * max(1.0, scale))


@pytest.mark.parametrize("loss", [SPARSE, CATEGORICAL])
def test_below_epsilon_and_masked_out(loss, quickly_compiled):
    """Behind the bound the loss is log(epsilon), as in Keras; a class that is masked out by -inf
    has no probability, and nothing becomes NaN."""
    x = np.zeros((2, UNITS), "float32")
    x[0, 1] = -40.0
    x[1, 1] = -np.inf
    y = np.ones(2, "int32") if loss == SPARSE else np.eye(UNITS, dtype="float32")[[1, 1]]
    inputs = fncompile.Input((UNITS,))
    model = fncompile.Model(inputs, ops.softmax(inputs))
    model.compile(loss=loss)
    values = [model.evaluate(x[i : i + 1], y[i : i + 1], verbose=0) for i in range(2)]
    np.testing.assert_allclose(values, -np.log(np.float32(1e-7)), rtol=1e-6)
    assert "log_softmax" in model.explain("rewrite")


def test_predictions_stay_softmax(quickly_compiled):
    x = np.random.default_rng(0).normal(size=(5, UNITS)).astype("float32")
    *_, model = step(SPARSE, x, np.zeros(5, "int32"), False)
    found = model.predict(x, verbose=0)
    np.testing.assert_allclose(found.sum(1), 1, rtol=1e-6)
    entry = next(e for e in model.steps().compiled_entries() if e.name == "predict")
    assert entry.plan.rewritten == []


def test_explain_says_where(quickly_compiled):
    x = np.zeros((2, UNITS), "float32")
    *_, text, model = step(CATEGORICAL, x, np.zeros((2, UNITS), "float32"), False)
    assert "log_softmax: loss/categorical_crossentropy: log(clip(softmax(x)))" in text
    assert "rewrite:" in model.explain()


@pytest.mark.parametrize("layer", ["sigmoid", "linear"])
def test_other_activations_keep_their_formula(layer, quickly_compiled):
    fncompile.utils.clear_session()
    x = fncompile.Input((3,))
    model = fncompile.Model(x, layers.Dense(4, activation=layer)(x))
    model.compile("sgd", CATEGORICAL)
    model.train_on_batch(np.ones((2, 3), "float32"), np.full((2, 4), 0.25, "float32"))
    assert model.explain("rewrite").splitlines()[1] == "rewrite: nothing"


def test_a_softmax_over_other_axes_keeps_its_formula(quickly_compiled):
    fncompile.utils.clear_session()
    x = fncompile.Input((3, 4))
    model = fncompile.Model(x, ops.softmax(x, axis=1))
    model.compile(loss=CATEGORICAL)
    model.evaluate(np.ones((2, 3, 4), "float32"), np.ones((2, 3, 4), "float32"), verbose=0)
    assert model.explain("rewrite").splitlines()[1] == "rewrite: nothing"
