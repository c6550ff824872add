"""NaN, infinities and kinks: in values, and in gradients where 0 * inf would be NaN."""

from __future__ import annotations

import math

import numpy as np
import pytest

from fncompile import ops
from fncompile.autodiff import gradients
from fncompile.graph.trace import Trace, placeholder
from fncompile.ir import build
from fncompile.ir.interp import run
from fncompile.ir.node import Program
from fncompile.ir.types import TensorType

INF, NAN = math.inf, math.nan


def gradient(fn, x):
    """d sum(fn(x)) / dx."""
    x = np.asarray(x, "float32")
    with Trace().active():
        given = placeholder("x", TensorType("float32", x.shape))
        y = fn(given).node
        g = gradients(build.reduce(y, "sum", range(y.ndim)), [given.node])[0]
    return run(Program((given.node,), (), {"g": g}), [x], {})[0]["g"]


@pytest.mark.parametrize(
    ("name", "at_zero"),
    [
        ("relu", 0),
        ("relu6", 0),
        ("leaky_relu", 1),
        ("elu", 1),
        ("celu", 1),
        ("selu", 1.0507 * 1.67326),
        ("softplus", 0.5),
        ("log_sigmoid", 0.5),
        ("silu", 0.5),
        ("gelu", 0.5),
        ("mish", 0.6),
        ("softsign", 1),
        ("hard_sigmoid", 1 / 6),
    ],
)
def test_derivative_at_zero(name, at_zero):
    assert gradient(getattr(ops, name), [0.0])[0] == pytest.approx(at_zero, rel=1e-4)


@pytest.mark.parametrize(
    "name",
    [
        "relu",
        "relu6",
        "leaky_relu",
        "elu",
        "selu",
        "celu",
        "softplus",
        "log_sigmoid",
        "sigmoid",
        "tanh",
        "softsign",
        "hard_tanh",
        "hard_sigmoid",
        "mish",
        "silu",
        "gelu",
        "softmax",
        "log_softmax",
    ],
)
def test_huge_arguments_give_finite_values_and_gradients(name):
    x = np.array([-1e4, -90, 90, 1e4], "float32")
    assert np.isfinite(getattr(ops, name)(x)).all()
    assert np.isfinite(gradient(getattr(ops, name), x)).all()


@pytest.mark.parametrize(
    "name",
    [
        "relu",
        "relu6",
        "leaky_relu",
        "elu",
        "selu",
        "celu",
        "softplus",
        "sigmoid",
        "hard_sigmoid",
        "hard_tanh",
        "hard_shrink",
        "soft_shrink",
        "sparse_plus",
        "sparse_sigmoid",
        "sign",
        "floor",
        "round",
        "trunc",
    ],
)
def test_nan_comes_through(name):
    assert np.isnan(getattr(ops, name)(np.array([NAN], "float32")))[0]


def test_where_keeps_nan_out_of_values():
    x = np.array([NAN, INF, 2.0], "float32")
    assert ops.where(np.array([True, True, False]), 1.0, x).tolist() == [1, 1, 2]
    assert ops.sum(ops.where(ops.isfinite(x), x, 0)) == 2


def test_masks_of_triangles_and_cumulative_sums_do_not_spread_nan():
    x = np.array([[1, NAN], [2, 3]], "float32")
    assert ops.tril(x).tolist() == [[1, 0], [2, 3]]
    assert ops.cumsum(x[:, ::-1].copy(), axis=0)[:, 1].tolist() == [1, 3]
    assert ops.cumsum(np.array([1, NAN, 3], "float32"))[0] == 1
    assert ops.einsum("ii->i", x).tolist() == [1, 3]
    assert ops.take_along_axis(x, np.array([[0], [1]]), axis=1).tolist() == [[1], [3]]


def test_softmax_of_masked_rows():
    x = np.array([[0.0, -INF, 0.0]], "float32")
    assert ops.softmax(x).tolist() == [[0.5, 0, 0.5]]
    assert ops.log_softmax(x)[0, 1] == -INF
    assert np.isnan(ops.softmax(np.full((1, 2), -INF, "float32"))).all()


def test_logsumexp_of_infinities():
    f = lambda *xs: ops.logsumexp(np.array(xs, "float32"))  # noqa: E731
    assert (f(-INF, -INF), f(INF, 1), f(-INF, 0)) == (-INF, INF, 0)
    assert np.isnan(f(NAN, INF))
    assert ops.logsumexp(np.zeros((2, 0), "float32"), axis=1).tolist() == [-INF, -INF]


def test_logaddexp_of_infinities():
    x = np.array([INF, -INF, INF], "float32")
    assert ops.logaddexp(x, np.array([INF, -INF, -INF], "float32")).tolist() == [INF, -INF, INF]


def test_labels_out_of_range_give_nan_and_no_others_do():
    probabilities = np.full((4, 3), 1 / 3, "float32")
    loss = ops.sparse_categorical_crossentropy(np.array([0, 3, -1, 2]), probabilities)
    np.testing.assert_allclose(loss, [np.log(3), NAN, NAN, np.log(3)], rtol=1e-6)


def test_sparse_crossentropy_reads_only_the_chosen_class():
    logits = np.array([[0.0, -INF]], "float32")
    assert ops.sparse_categorical_crossentropy(
        np.array([0]), logits, from_logits=True
    ).tolist() == [0]
    g = gradient(
        lambda x: ops.sparse_categorical_crossentropy(np.array([0]), x, from_logits=True), logits
    )
    assert g.tolist() == [[0, 0]]


def test_gradient_of_crossentropy_from_logits_is_probability_minus_target():
    x = np.array([[0.0, 0.0, 2.0], [-80.0, 0.0, 80.0]], "float32")
    p = ops.softmax(x)
    g = gradient(
        lambda v: ops.sparse_categorical_crossentropy(np.array([1, 0]), v, from_logits=True), x
    )
    np.testing.assert_allclose(g, p - np.eye(3)[[1, 0]], atol=1e-6)
    g = gradient(
        lambda v: ops.binary_crossentropy(np.array([[1.0, 0, 0.5]] * 2), v, from_logits=True), x
    )
    np.testing.assert_allclose(g, ops.sigmoid(x) - np.array([[1, 0, 0.5]] * 2), atol=1e-6)


def test_probabilities_of_zero_and_one_are_clipped():
    p = np.array([[0.0, 1.0]], "float32")
    loss = ops.categorical_crossentropy(np.array([[1.0, 0.0]]), p)
    assert loss[0] == pytest.approx(-np.log(1e-7), rel=1e-5)
    assert np.isfinite(ops.binary_crossentropy(np.array([[1.0, 0.0]]), p)).all()


def test_gradients_at_zero_norm_and_spread():
    assert np.isfinite(gradient(ops.normalize, [[0.0, 0.0]])).all()
    assert np.isfinite(gradient(lambda x: ops.layer_normalization(x), [[1.0, 1.0]])).all()


def test_gradient_of_divide_no_nan():
    g = gradient(lambda x: ops.divide_no_nan(ops.ones_like(x), x), [0.0, 2.0])
    assert g.tolist() == [0, -0.25]


def test_in_top_k_counts_ties_and_refuses_nan():
    p = np.array([[0.2, 0.2, 0.1], [0.1, NAN, 0.2], [0.5, 0.3, 0.2]], "float32")
    assert ops.in_top_k(np.array([1, 1, 5]), p, 1).tolist() == [True, False, False]
    assert ops.in_top_k(np.array([2, 0, 1]), p, 3).tolist() == [True, True, True]


def test_any_and_all_of_nothing():
    x = np.zeros((2, 0), "float32")
    assert ops.any(x, axis=1).tolist() == [False, False]
    assert ops.all(x, axis=1).tolist() == [True, True]


def test_determinants_of_matrices_without_an_inverse():
    """A column without a pivot eliminates nothing; the gradient is the adjugate matrix."""
    flat = np.array([[1, 2, 3], [2, 4, 6], [1, 1, 1]], "float32")
    for x in (flat, np.zeros((3, 3), "float32"), np.ones((3, 3), "float32")):
        assert ops.det(x) == 0
        assert [float(part) for part in ops.slogdet(x)] == [0, -INF]
    np.testing.assert_allclose(
        gradient(ops.det, flat), [[-2, 4, -2], [1, -2, 1], [0, 0, 0]], atol=1e-6
    )


@pytest.mark.parametrize("shape", [(4, 3), (2, 3), (3, 3)])
def test_factors_of_matrices_of_any_shape(shape):
    x = np.random.default_rng(2).normal(size=(2, *shape)).astype("float32")
    found, pivots = ops.lu_factor(x)
    least = min(shape)
    assert pivots.shape == (2, least)
    for whole, exchanged, given in zip(found, pivots, x, strict=True):
        lower = np.tril(whole[:, :least], -1) + np.eye(shape[0], least)
        product = lower @ np.triu(whole[:least])
        for row, other in reversed(list(enumerate(exchanged))):
            product[[row, other]] = product[[other, row]]
        np.testing.assert_allclose(product, given, rtol=1e-5, atol=1e-6)


def test_cholesky_of_what_is_not_positive_definite():
    with pytest.raises(ValueError, match="positive definite"):
        ops.cholesky(np.array([[1.0, 2.0], [2.0, 1.0]]))


def test_cholesky_in_the_turns_of_a_loop():
    """Where values are not known before the loop is run."""
    factors = np.tril(np.random.default_rng(0).uniform(1, 2, (4, 3, 3)))
    found = ops.map(ops.cholesky, factors @ factors.transpose(0, 2, 1))
    np.testing.assert_allclose(found, factors, rtol=1e-5)


def test_stop_gradient():
    assert gradient(lambda x: x * ops.stop_gradient(x), [3.0]).tolist() == [3]
