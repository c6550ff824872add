"""What wrong arguments get: the same on arrays, in the graph and with an unknown batch."""

from __future__ import annotations

import numpy as np
import pytest

import fncompile
from fncompile import ops
from fncompile.graph.call import infer_outputs
from fncompile.graph.tensor import KerasTensor
from fncompile.ir.dims import symbol
from fncompile.ir.types import TensorType

X = np.ones((2, 3), "float32")
CALLS = [
    (lambda x: ops.sum(x, axis=2), "axis 2 is out of bounds for an array with dimension 2"),
    (lambda x: ops.sum(x, axis=(0, -2)), "Axes must be different"),
    (lambda x: ops.concatenate([x, x], axis=-3), "axis -3 is out of bounds"),
    (lambda x: ops.concatenate([x, X[:, :2]], axis=0), "extents 3 and 2 differ"),
    (lambda x: ops.concatenate([], axis=0), "need at least one array"),
    (lambda x: ops.stack([x, X[:, :2]]), "extents 3 and 2 differ"),
    (lambda x: ops.add(x, np.ones(4, "float32")), "extents 3 and 4 differ"),
    (lambda x: ops.reshape(x, (-1, -1)), "at most one unknown dimension"),
    (lambda x: ops.reshape(x, (None, 3)), "cannot hold None"),
    (lambda x: ops.squeeze(x, 1), "Cannot squeeze axis=1, because the dimension is not 1"),
    (lambda x: ops.broadcast_to(x, (3,)), "Cannot broadcast"),
    (lambda x: ops.split(x, 2, axis=1), "must be divisible by `indices_or_sections`"),
    (lambda x: ops.repeat(x, [1, 2], axis=1), "one for each of the 3 elements"),
    (lambda x: ops.pad(x, -1), "cannot hold negative"),
    (lambda x: ops.pad(x, ((1, 1),) * 3), "`pad_width` must have the shape"),
    (lambda x: ops.pad(x, 1, mode="wrap"), "Unknown pad mode 'wrap'"),
    (lambda x: ops.pad(x, ((0, 0), (3, 0)), mode="reflect"), "Cannot mirror 3 elements"),
    (
        lambda x: ops.matmul(x, X),
        r"Inner dimensions .* must be equal, but received .* x2.shape=\(2, 3\)",
    ),
    (lambda x: ops.matmul(x, 2.0), "does not take scalars"),
    (lambda x: ops.tensordot(x, X, axes=3), "cannot pair"),
    (lambda x: ops.tensordot(x, X[:, :1], axes=[[1], [1]]), "extents 3 and 1 differ"),
    (lambda x: ops.inner(x, X[:, :1]), "extents 3 and 1 differ"),
    (lambda x: ops.vdot(x[0], X[0, :1]), "extents 3 and 1 differ"),
    (lambda x: ops.dot(x, X[:1]), "Inner dimensions"),
    (lambda x: ops.einsum("ij,jk->ik", x), "describes 2 operands"),
    (lambda x: ops.einsum("ijk->i", x), "does not fit an operand of rank 2"),
    (lambda x: ops.einsum("ij->ik", x), "labels of the result"),
    (lambda x: ops.einsum("i1->i", x), "may hold letters"),
    (lambda x: ops.norm(x, ord="nux"), "unsupported norm"),
    (lambda x: ops.slice(x, [0], [1]), "one entry for each of the 2 axes"),
    (lambda x: ops.slice_update(x, [0, 0, 0], x), "one entry for each of the 2 axes"),
    (lambda x: ops.get_item(x, (0, 0, 0)), "Too many indices"),
    (lambda x: ops.get_item(x, (..., ...)), "only one ellipsis"),
    (lambda x: ops.get_item(x, X > 0), "boolean mask is not supported"),
    (lambda x: ops.get_item(x, X), "must be a tensor of integers"),
    (lambda x: ops.where(x > 0, x), "either both should be `None`, or both"),
    (lambda x: ops.take_along_axis(x, np.zeros(2, "int32"), 1), "same rank"),
    (lambda x: ops.subtract(x > 0, x > 1), "sub does not take"),
    (
        lambda x: ops.sparse_categorical_crossentropy(np.zeros((2, 4), "int32"), x),
        "up until the last dimension",
    ),
    (
        lambda x: ops.categorical_crossentropy(np.zeros((2, 4)), x),
        r"same shape. Received: target.shape=\(2, 4\)",
    ),
    (lambda x: ops.glu(x), "axis size must be divisible by 2"),
    (lambda x: ops.cast(x, "complex64"), "Invalid dtype: complex64"),
    (lambda x: ops.segment_sum(x, X, 3), r"`segment_ids` should be an 1-D vector.*\(2, 3\)"),
    (lambda x: ops.segment_sum(x[0], np.zeros(2, "int32"), 3), "same leading dimension"),
    (lambda x: ops.normalize(x, order="a"), "`order` must be an int >= 1. Received: order=a"),
    (lambda x: ops.normalize(x, order=0), "`order` must be an int >= 1. Received: order=0"),
    (lambda x: ops.slice(x, [0, 0, 0], [1, 1]), "in `start_indices` must match.*in `inputs`"),
    (lambda x: ops.slice(x, [0, 0], [1, 1, 1]), "in `inputs` must match.*in `shape`"),
    (lambda x: ops.reshape(x, (-2, -3)), r"non-negative integer.*newshape=\(-2, -3\)"),
    (lambda x: ops.reshape(x, (-1, -3)), r"non-negative integer.*newshape=\(-1, -3\)"),
    (lambda x: ops.transpose(x, [0, 0]), r"valid permutation.*axes=\[0, 0\]"),
    (lambda x: ops.transpose(x, [1, -1]), r"valid permutation.*axes=\[1, -1\]"),
    (lambda x: ops.transpose(x, [0, 2]), r"an integer in \[-2, 2\).*axes=\[0, 2\]"),
    (lambda x: ops.transpose(x, [0]), "list of the same length as the input shape"),
    *(
        (
            lambda x, name=name: ops.batch_normalization(
                x, axis=1, **{**dict.fromkeys(("mean", "variance"), X[0]), name: X[0, :2]}
            ),
            rf"`{name}` must be a vector of length.*\(3,\).*\(2,\)",
        )
        for name in ("mean", "variance", "offset", "scale")
    ),
]


@pytest.mark.parametrize(("call", "message"), CALLS, ids=lambda v: v if isinstance(v, str) else "")
def test_value_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call(X)
    for batch in (2, symbol("B")):
        with pytest.raises(ValueError, match=message):
            infer_outputs(call, (KerasTensor.of(TensorType("float32", (batch, 3)), "x"),), {})


def test_shapes_follow_from_values_only_where_these_are_known():
    ids = np.array([2, 0, 2, -1], "int32")
    np.testing.assert_array_equal(ops.segment_sum(np.eye(4), ids).sum(1), [1, 0, 2])
    assert ops.segment_sum(np.zeros((0, 3)), np.zeros(0, "int32")).shape == (0, 3)
    x = KerasTensor.of(TensorType("float32", (symbol("B"), 4)), "x")
    with pytest.raises(ValueError, match="-1 in `shape` needs a known start: axis 1"):
        infer_outputs(lambda x: ops.slice(x, [0, ops.cast(x[0, 0], "int32")], [1, -1]), (x,), {})
    with pytest.raises(ValueError, match="`num_segments` must be set"):
        infer_outputs(lambda x: ops.segment_sum(x, ops.cast(x[:, 0], "int32")), (x,), {})


def test_index_out_of_bounds():
    with pytest.raises(IndexError, match="index 3 is out of bounds for an axis with size 3"):
        ops.get_item(X, (0, 3))


def test_wrong_total_size():
    message = r"must be unchanged. Received: input_shape=\(2, 3\), newshape=\(4, -1\)"
    with pytest.raises(ValueError, match=message):
        ops.reshape(X, (4, -1))
    with pytest.raises(ValueError, match="total size of the tensor must be unchanged"):
        ops.reshape(X, (5,))


@pytest.mark.parametrize("op", [ops.max, ops.min, ops.argmax, ops.argmin])
def test_no_extremum_of_nothing(op):
    with pytest.raises(ValueError, match="zero-size|empty sequence"):
        op(np.zeros((3, 0), "float32"), axis=1)


def test_symbolic_tensors_have_no_values():
    x = KerasTensor.of(TensorType("float32", (2,)), "x")
    with pytest.raises(ValueError, match="A KerasTensor is symbolic"):
        ops.convert_to_numpy(x)
    with pytest.raises(TypeError, match="cannot be used as a boolean"):
        bool(x > 0)


def test_not_a_tensor():
    with pytest.raises(TypeError, match="Cannot make a tensor of 'abc'"):
        ops.exp("abc")


def test_a_loop_in_a_program_ends_or_says_what_is_missing():
    x = fncompile.Input((2,))
    with pytest.raises(ValueError, match="after 1000. Give `maximum_iterations`"):
        ops.while_loop(lambda x: True, lambda x: x, x)
    assert ops.while_loop(lambda x: True, lambda x: x, x, maximum_iterations=3).shape == (None, 2)
    found = ops.while_loop(lambda d: d["n"] < 3, lambda d: {"n": d["n"] + 1}, {"n": 0})
    assert found == {"n": 3}
