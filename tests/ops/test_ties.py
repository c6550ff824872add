"""Gradients where branches meet: at kinks, ties and zeros, against the slopes on either side.

The convention (fncompile/autodiff/rules.py): a derivative lies between the slopes on the left and
on the right, and is the derivative where these agree. Equal operands of max and min share the
gradient; a constant takes a tie whole. |x| has 0 at 0. The derivative of steps is 0.
"""

from __future__ import annotations

import functools
import math

import numpy as np
import pytest

from fncompile import activations, losses, ops
from fncompile.autodiff import gradients
from fncompile.graph.trace import Trace, placeholder
from fncompile.ir import build
from fncompile.ir.interp import run
from fncompile.ir.node import Program
from fncompile.ir.types import TensorType
from fncompile.passes.manager import Context
from fncompile.runtime.entry import build_entry

pytestmark = pytest.mark.usefixtures("float64")
POINTS = np.array([0, 0.25, 0.5, 1, 2, 3, 5, 6, *(-x for x in (0.5, 1, 2, 3, 6))])
STEP = 1e-7
UNARY = [
    "absolute", "sign", "square", "floor", "ceil", "trunc", "round", "exp", "expm1", "exp2",
    "sin", "cos", "sinh", "cosh", "tanh", "erf", "relu", "relu6", "leaky_relu", "elu", "selu",
    "celu", "hard_shrink", "soft_shrink", "sigmoid", "log_sigmoid", "silu", "gelu", "softplus",
    "mish", "softsign", "squareplus", "tanh_shrink", "hard_sigmoid", "hard_silu", "hard_tanh",
    "sparse_sigmoid", "sparse_plus", "nan_to_num",
]  # fmt: skip
LOSSES = [
    "mean_squared_error", "mean_absolute_error", "mean_absolute_percentage_error", "huber",
    "log_cosh", "mean_squared_logarithmic_error", "hinge", "squared_hinge", "categorical_hinge",
    "kl_divergence", "poisson", "binary_crossentropy",
]  # fmt: skip


def _loss(name, y_true):
    def of(x):
        columns = ops.reshape(x, (-1, 1))
        return getattr(losses, name)(ops.add(ops.zeros_like(columns), y_true), columns)

    return of


FUNCTIONS = {
    **{name: getattr(ops, name) for name in UNARY},
    **{f"{name} of {y}": _loss(name, y) for name in LOSSES for y in (0.0, 1.0, -1.0, 2.0)},
    "clip": lambda x: ops.clip(x, -1.0, 2.0),
    "maximum(x, 1)": lambda x: ops.maximum(x, 1.0),
    "maximum(1, x)": lambda x: ops.maximum(1.0, x),
    "minimum(x, 1)": lambda x: ops.minimum(x, 1.0),
    "minimum(1, x)": lambda x: ops.minimum(1.0, x),
    "maximum(x, 2x)": lambda x: ops.maximum(x, 2 * x),
    "minimum(x, x²)": lambda x: ops.minimum(x, x * x),
    "logaddexp(x, 0)": lambda x: ops.logaddexp(x, 0.0),
    "logaddexp(1, x)": lambda x: ops.logaddexp(1.0, x),
    "logaddexp(x, 2x)": lambda x: ops.logaddexp(x, 2 * x),
    "logsumexp(x, 2x)": lambda x: ops.logsumexp(ops.stack([x, 2 * x]), axis=0),
    "max(x, 2x)": lambda x: ops.max(ops.stack([x, 2 * x]), axis=0),
    "where": lambda x: ops.where(x > 0.5, x, 0.5),
    "relu with all": lambda x: activations.relu(x, 0.1, 5.0, 1.0),
    "x over x": lambda x: ops.divide_no_nan(x, x),
    "power 2": lambda x: ops.power(x, 2.0),
    "power 0": lambda x: ops.power(x, 0.0),
    "mod 2": lambda x: ops.mod(x, 2.0),
}
JUMPS = {"sign", "floor", "ceil", "trunc", "round", "hard_shrink", "x over x", "mod 2"}
JUMPS |= {"relu with all"}  # the slopes on both sides count, not that across the jump
# Those that keep logarithms 1e-7 away from 0 turn too sharply there for differences.
SHARP = ("kl_divergence", "poisson", "binary_crossentropy", "mean_squared_logarithmic_error")


@functools.cache
def program() -> Program:
    """Of every function its values `y <name>` and derivatives `g <name>`."""
    outputs = {}
    with Trace().active():
        x = placeholder("x", TensorType("float64", POINTS.shape))
        for name, fn in FUNCTIONS.items():
            y = fn(x).node
            outputs[f"y {name}"] = y
            total = build.reduce(y, "sum", range(y.ndim))
            outputs[f"g {name}"] = gradients(total, [x.node])[0]
    return Program((x.node,), (), outputs)


@functools.cache
def interpreted(offset: float) -> dict[str, np.ndarray]:
    return run(program(), [POINTS + offset], {})[0]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_derivative_lies_between_the_slopes_of_either_side(name):
    steps = (interpreted(i * STEP)[f"y {name}"] for i in (-2, -1, 0, 1, 2))
    far_left, left, here, right, far_right = steps
    slopes = np.stack([left - far_left, far_right - right]) / STEP
    found, room = interpreted(0)[f"g {name}"], 1e-5 * (1 + np.abs(slopes).max(0))
    asked = ~np.isin(POINTS, (0, 1)) if name.startswith(SHARP) else np.full(POINTS.shape, True)
    asked &= np.isfinite(here)  # the logarithms are NaN below 0
    assert asked.sum() >= 6
    if name not in JUMPS:
        across = np.stack([here - left, right - here]) / STEP
        np.testing.assert_allclose(slopes[:, asked], across[:, asked], 1e-5, 1e-5)
    assert (found >= slopes.min(0) - room)[asked].all()
    assert (found <= slopes.max(0) + room)[asked].all()


def test_compiled_as_interpreted():
    entry = build_entry(program(), "infer", "ties", [], Context())
    entry.prepare(1)
    for name, compiled in zip(program().outputs, entry.run([POINTS])):
        np.testing.assert_allclose(compiled, interpreted(0)[name], 1e-12, 1e-12, err_msg=name)


def derivative(fn, *numbers):
    """The gradient of `fn` at scalars."""
    with Trace().active():
        given = [placeholder(f"x{i}", TensorType("float64", ())) for i in range(len(numbers))]
        found = gradients(fn(*given).node, [t.node for t in given])
    nodes = {str(i): node for i, node in enumerate(found)}
    values = run(
        Program(tuple(t.node for t in given), (), nodes), list(map(np.float64, numbers)), {}
    )
    return [float(v) for v in values[0].values()]


INF = math.inf


@pytest.mark.parametrize(
    ("fn", "at", "wanted"),
    [
        (ops.sign, [0.0], [0]),
        (ops.sign, [-INF], [0]),
        (ops.absolute, [0.0], [0]),
        (ops.logaddexp, [0.0, 0.0], [0.5, 0.5]),
        (ops.logaddexp, [3.0, 3.0], [0.5, 0.5]),
        (ops.logaddexp, [INF, INF], [1, 0]),
        (ops.logaddexp, [-INF, -INF], [1, 0]),
        (ops.logaddexp, [-INF, 1.0], [0, 1]),
        (lambda x: ops.logaddexp(x, 2 * x), [0.0], [1.5]),
        (ops.maximum, [1.0, 1.0], [0.5, 0.5]),
        (ops.minimum, [INF, INF], [0.5, 0.5]),
        (lambda x: ops.maximum(x, 0.0), [0.0], [0]),
        (lambda x: ops.maximum(0.0, x), [0.0], [0]),
        (lambda x: ops.maximum(x, x), [1.0], [1]),
        (ops.erfinv, [1.0], [INF]),
        (ops.erfinv, [-1.0], [INF]),
        (ops.cosh, [0.0], [0]),
        (ops.sinh, [0.0], [1]),
        (ops.sinh, [-INF], [INF]),
        (ops.cosh, [INF], [INF]),
        (ops.cosh, [-INF], [-INF]),
        (ops.cbrt, [0.0], [INF]),
        (ops.cbrt, [INF], [0]),
        (ops.cbrt, [-8.0], [1 / 12]),
        (ops.arcsin, [1.0], [INF]),
        (ops.arcsin, [-1.0], [INF]),
        (ops.arccos, [1.0], [-INF]),
        (ops.arccos, [-1.0], [-INF]),
        (ops.arccosh, [1.0], [INF]),
        (ops.erfc, [INF], [0]),
        (ops.erfc, [-INF], [0]),
        (ops.sinh, [710.0], [math.exp(709.5) / 2 * math.exp(0.5)]),
    ],
)
def test_derivative_at_a_tie(fn, at, wanted):
    assert derivative(fn, *at) == pytest.approx(wanted, rel=1e-12)


FAR = np.array([1e15, -1e15, INF, -INF])
ENDLESS = [name for name in UNARY if name != "nan_to_num"]  # it is constant there
ENDLESS += ["arctan", "arcsinh", "cbrt", "erfc", "log", "log1p", "rsqrt", "sqrt", "sinc"]


@pytest.mark.parametrize("name", ENDLESS)
def test_a_derivative_at_infinity_is_that_far_out(name):
    """Or NaN, where 0 is multiplied by infinity or there is none: no other number."""
    found = np.array([derivative(getattr(ops, name), x)[0] for x in FAR])
    far, there = np.clip(found, -1e10, 1e10).reshape(2, 2)
    assert (np.isclose(there, far, 1e-5, 1e-5) | np.isnan(there)).all(), found
