"""`x[key]` against NumPy for random keys; unknown extents; indices out of range."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fncompile import ops
from fncompile.graph.tensor import KerasTensor
from fncompile.graph.trace import Trace, placeholder
from fncompile.ir.dims import symbol
from fncompile.ir.interp import run
from fncompile.ir.node import Program
from fncompile.ir.types import TensorType

X = np.arange(3 * 4 * 5, dtype="float32").reshape(3, 4, 5)
bounds = st.none() | st.integers(-7, 7)
slices = st.builds(slice, bounds, bounds, st.none() | st.integers(-3, 3).filter(bool))
basic = st.lists(st.integers(-3, 2) | slices | st.none() | st.just(...), max_size=4).map(tuple)
index_arrays = st.sampled_from([np.array([0, -1, 2]), np.array([[1], [-3]]), np.array(2), [0, 1]])
mixed = st.lists(
    st.integers(-3, 2) | slices | st.none() | st.just(...) | index_arrays, max_size=4
).map(tuple)


def numpy_or_none(key):
    try:
        return X[key]
    except IndexError:
        return None


@settings(max_examples=150, deadline=None)
@given(basic | mixed)
def test_any_key(key):
    expected = numpy_or_none(key)
    if expected is None:
        with pytest.raises((IndexError, ValueError)):
            ops.get_item(X, key)
    else:
        np.testing.assert_array_equal(ops.get_item(X, key), expected)


@pytest.mark.parametrize("key", [([0, 1], ..., 0), (slice(None), [0, 1, 2], ..., 0)])
def test_an_ellipsis_of_no_axes_separates(key):
    """As in NumPy, which then puts the axes of the indices first."""
    x = X if len(key) == 4 else X[0]
    np.testing.assert_array_equal(ops.get_item(x, key), x[key])


def of_unknown_length(key, length):
    """x[key] traced with an unknown extent of axis 0, run on `length` elements."""
    with Trace().active():
        x = placeholder("x", TensorType("float32", (symbol("T"), 2)))
        out = ops.get_item(x, key)
    values = np.arange(2.0 * length, dtype="float32").reshape(length, 2)
    return run(Program((x.node,), (), {"y": out.node}), [values], {})[0]["y"], values


@pytest.mark.parametrize(
    "key",
    [
        0,
        -1,
        slice(1, None),
        slice(None, -2),
        slice(-3, None),
        slice(None, None, -1),
        slice(2),
        slice(1, 5, 2),
        slice(4, 1, -1),
        slice(-2, -4, -1),
        slice(None, None, 2),
        slice(1, None, 3),
        slice(3, None, 2),
        slice(None, -1, 4),
        slice(None, None, -2),
        slice(-2, None, -3),
        (..., 0),
        None,
    ],
)
@pytest.mark.parametrize("length", [5, 8])
def test_unknown_extent(key, length):
    got, values = of_unknown_length(key, length)
    np.testing.assert_array_equal(got, values[key])


def test_every_second_of_an_even_unknown_extent():
    pairs = KerasTensor.of(TensorType("float32", (symbol("T") * 2,)), "x")
    assert pairs[::2].type.shape == (symbol("T"),)


@pytest.mark.parametrize("key", [3, slice(0, 4), slice(None, -4), -4])
def test_unknown_extent_that_turns_out_too_short(key):
    with pytest.raises(ValueError, match="of an extent that turned out to be 3"):
        of_unknown_length(key, 3)


def test_index_tensors_out_of_range_give_nan_or_zero():
    i = np.array([-4, 3, 1], "int32")
    assert np.isnan(ops.take(X, i, axis=0)[:2]).all()
    assert ops.take(np.arange(3), i, axis=0).tolist() == [0, 0, 1]
    assert np.isnan(ops.get_item(X, (i, np.array([0, 0, 0])))[:2]).all()
    assert np.isnan(ops.get_item(X, (np.array([0]), np.array([4])))).all()  # 0*4 + 4 is inside of X
    assert ops.take_along_axis(X[0], i[None], axis=1)[0, 0] == X[0, 0, 1]  # -4 of 5 is inside
    assert np.isnan(ops.take_along_axis(X[0, :, :3], i[None], axis=1)[0, :2]).all()


def test_take_from_nothing():
    assert ops.take(np.zeros((0, 2), "float32"), np.zeros((0,), "int32"), axis=0).shape == (0, 2)
    assert np.isnan(ops.take(np.zeros((0, 2), "float32"), np.array([0]), axis=0)).all()


def test_operators_index_symbolic_tensors():
    x = KerasTensor.of(TensorType("float32", (symbol("B"), 4)), "x")
    assert x[:, -1].shape == (None,)
    assert x[..., None].shape == (None, 4, 1)
    assert x[:, 1:].shape == (None, 3)
    assert x[0].shape == (4,)
    assert [t.shape for t in ops.unstack(x, axis=1)] == [(None,)] * 4
