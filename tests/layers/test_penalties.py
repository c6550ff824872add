"""Regularizers and constraints against NumPy."""

from __future__ import annotations

import json

import numpy as np
import pytest

from fncompile import constraints, layers, regularizers

W = np.random.default_rng(4).normal(size=(4, 3))
EPSILON = 1e-7


def norm(w, axis=0):
    return np.sqrt((w**2).sum(axis, keepdims=True))


def orthogonal(w):
    rows = w / norm(w, 1)
    cosines = np.abs(rows @ rows.T)[np.triu_indices(len(w), 1)]
    return cosines.mean()


@pytest.mark.parametrize("penalty, expected", [
    (regularizers.L1(0.3), 0.3 * abs(W).sum()), (regularizers.L2(0.3), 0.3 * (W**2).sum()),
    (regularizers.L1L2(0.1, 0.2), 0.1 * abs(W).sum() + 0.2 * (W**2).sum()),
    (regularizers.L1L2(), 0), (regularizers.L1L2(None, 0.2), 0.2 * (W**2).sum()),
    (regularizers.OrthogonalRegularizer(0.5), 0.5 * orthogonal(W)),
    (regularizers.OrthogonalRegularizer(0.5, "columns"), 0.5 * orthogonal(W.T)),
])  # fmt: skip
def test_penalties(penalty, expected):
    assert penalty(W) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("constraint, expected", [
    (constraints.MaxNorm(1.5), W * np.clip(norm(W), 0, 1.5) / (EPSILON + norm(W))),
    (constraints.MaxNorm(0.5, axis=1), W * np.clip(norm(W, 1), 0, 0.5) / (EPSILON + norm(W, 1))),
    (constraints.NonNeg(), np.maximum(W, 0)), (constraints.UnitNorm(), W / norm(W)),
    (constraints.UnitNorm(axis=[0, 1]), W / norm(W, (0, 1))),
    (constraints.MinMaxNorm(0.5, 0.9, 0.7), W * (0.7 * np.clip(norm(W), 0.5,
                                                               0.9) + 0.3 * norm(W)) / norm(W)),
])  # fmt: skip
def test_constraints(constraint, expected):
    np.testing.assert_allclose(constraint(W.astype("float32")), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "constraint", [constraints.MaxNorm(1.0), constraints.UnitNorm(), constraints.MinMaxNorm()]
)
def test_weights_of_norm_zero_stay(constraint):
    np.testing.assert_array_equal(constraint(np.zeros((2, 2), "float32")), np.zeros((2, 2)))


@pytest.mark.parametrize("room, item", [
    (regularizers, regularizers.L1(0.5)), (regularizers, regularizers.L2(0.25)),
    (regularizers, regularizers.L1L2(0.5, 0.25)),
    (regularizers, regularizers.OrthogonalRegularizer(0.5, "columns")),
    (constraints, constraints.MaxNorm(3, 1)),
    (constraints, constraints.NonNeg()), (constraints, constraints.UnitNorm()),
    (constraints, constraints.MinMaxNorm(0.5, 2.0, 0.5, 1)),
])  # fmt: skip
def test_configurations_come_back(room, item):
    described = json.loads(json.dumps(room.serialize(item)))
    assert described["module"] == room.__name__.replace("fncompile", "keras")
    again = room.deserialize(described)
    assert type(again) is type(item) and again.get_config() == item.get_config()


@pytest.mark.parametrize(
    "name, cls",
    [
        ("l1", "L1"),
        ("l2", "L2"),
        ("l1_l2", "L1L2"),
        ("L2", "L2"),
        ("orthogonal_regularizer", "OrthogonalRegularizer"),
    ],
)
def test_names_of_regularizers(name, cls):
    assert type(regularizers.get(name)).__name__ == cls


@pytest.mark.parametrize(
    "name, cls", [("max_norm", "MaxNorm"), ("NonNeg", "NonNeg"), ("unit_norm", "UnitNorm")]
)
def test_names_of_constraints(name, cls):
    assert type(constraints.get(name)).__name__ == cls


@pytest.mark.parametrize("make, message", [
    (lambda: regularizers.get("foo"), "Could not interpret regularizer identifier: foo"),
    (lambda: constraints.get("foo"), "Could not interpret constraint identifier: foo"),
    (lambda: regularizers.L1(-1), "argument l1: expected a non-negative float. Received: l1=-1"),
    (lambda: regularizers.L2(float("nan")), "argument l2"),
    (lambda: regularizers.L2("a"), "argument l2"),
    (lambda: regularizers.OrthogonalRegularizer(mode="x"), "Received: mode=x"),
    (lambda: regularizers.OrthogonalRegularizer()(np.ones((2, 2, 2))), "must have rank 2"),
])  # fmt: skip
def test_misuse(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_an_activity_regularizer_of_no_rows_adds_zero():
    """0 / 0 was NaN; Keras divides by at least one."""
    layer = layers.Dense(2, activity_regularizer="l2")
    layer(np.zeros((0, 3), "float32"))
    assert [float(loss) for loss in layer.losses] == [0.0]
