"""What is computed in float32 and rounded once: functions composed of several, and cells."""

from __future__ import annotations

import math

import numpy as np
import pytest

from fncompile import layers, ops
from fncompile.ir.elements import rounded

NUMBERS = rounded(np.random.default_rng(0).normal(0, 3, 500).astype(np.float32))


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


FUNCTIONS = {
    "gelu": lambda x: x * 0.5 * (1 + np.vectorize(math.erf)(x * math.sqrt(0.5))),
    "silu": lambda x: x * sigmoid(x),
    "softplus": lambda x: np.logaddexp(0, x),
    "log_sigmoid": lambda x: -np.logaddexp(0, -x),
    "mish": lambda x: x * np.tanh(np.logaddexp(0, x)),
    "tanh_shrink": lambda x: x - np.tanh(x),
}


def assert_rounded_once(found, expected):
    """The nearest numbers of bfloat16: of so many one may fall on the other side of a middle."""
    nearest = rounded(expected.astype(np.float32))
    different = found != nearest
    assert different.mean() <= 0.01
    np.testing.assert_allclose(found, expected, rtol=2**-8 + 1e-4)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_composed_functions_round_once(name):
    options = {"approximate": False} if name == "gelu" else {}
    layer = layers.Activation(lambda x: getattr(ops, name)(x, **options), dtype="bfloat16")
    found = np.asarray(layer(NUMBERS))
    expected = FUNCTIONS[name](NUMBERS.astype(np.float64))
    near = np.abs(expected) > 1e-3  # below, what cancels in float32 is more than a rounding
    assert_rounded_once(found[near], expected[near])


def whole(*shape, most=2):
    """Small whole numbers, whose sums of products are exact in any order."""
    return np.random.default_rng(sum(shape)).integers(-most, most + 1, shape).astype(np.float32)


def made(cell, **weights):
    cell.build((None, 3))
    for name, value in weights.items():
        getattr(cell, name).assign(value)
    return cell


def step(cell, x, *states):
    _, after = cell(x, list(states))
    return [np.asarray(s, np.float64) for s in after]


def test_a_step_of_lstm_rounds_its_states_alone():
    kernel, recurrent, bias = whole(3, 80) / 4, whole(20, 80) / 8, whole(80) / 4
    weights = {"kernel": kernel, "recurrent_kernel": recurrent, "bias": bias}
    cell = made(layers.LSTMCell(20, dtype="bfloat16"), **weights)
    x, h, c = whole(50, 3), whole(50, 20), whole(50, 20) / 2
    i, f, g, o = np.split((x @ kernel + h @ recurrent + bias).astype(np.float64), 4, axis=1)
    memory = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    found = step(cell, x, h, c)
    assert_rounded_once(found[0], sigmoid(o) * np.tanh(memory))
    assert_rounded_once(found[1], memory)


@pytest.mark.parametrize("reset_after", [True, False])
def test_a_step_of_gru_rounds_its_state_alone(reset_after):
    kernel, recurrent = whole(3, 60) / 4, whole(20, 60) / 8
    bias = whole(2, 60) / 4 if reset_after else whole(60) / 4
    weights = {"kernel": kernel, "recurrent_kernel": recurrent, "bias": bias}
    cell = made(layers.GRUCell(20, reset_after=reset_after, dtype="bfloat16"), **weights)
    x, h = whole(50, 3), whole(50, 20)
    of_x = x @ kernel + (bias[0] if reset_after else bias)
    x_z, x_r, x_n = np.split(of_x.astype(np.float64), 3, axis=1)
    of_h = h @ recurrent + (bias[1] if reset_after else 0)
    h_z, h_r, h_n = np.split(of_h.astype(np.float64), 3, axis=1)
    z, r = sigmoid(x_z + h_z), sigmoid(x_r + h_r)
    if reset_after:
        inner = r * h_n
    else:  # what the product takes is a number of bfloat16, and so is what it gives
        reset = rounded((r * h).astype(np.float32))
        inner = rounded((reset @ recurrent[:, 40:]).astype(np.float32)).astype(np.float64)
    expected = z * h + (1 - z) * np.tanh(x_n + inner)
    [found] = step(cell, x, h)
    if reset_after:
        assert_rounded_once(found, expected)
    else:  # a state that falls on the other side of a middle moves others
        np.testing.assert_allclose(found, expected, rtol=2**-7, atol=2**-9)


def test_a_depthwise_convolution_rounds_its_sums_alone():
    x, kernel = NUMBERS[:256].reshape(1, 8, 8, 4), NUMBERS[-36:].reshape(3, 3, 4, 1)
    layer = layers.DepthwiseConv2D(3, use_bias=False, dtype="bfloat16")
    layer.build(x.shape)
    layer.kernel.assign(kernel)
    seen = np.lib.stride_tricks.sliding_window_view(x[0].astype(np.float64), (3, 3), (0, 1))
    expected = np.einsum("xycij,ijc->xyc", seen, kernel[..., 0])
    found = np.asarray(layer(x))[0]
    near = np.abs(expected) > 1e-1
    assert_rounded_once(found[near], expected[near])
