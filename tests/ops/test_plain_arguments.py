"""Axes, extents, counts and shapes given as arrays, NumPy's numbers, variables and lists."""

from __future__ import annotations

import re

import numpy as np
import pytest

import fncompile
from fncompile import ops, random
from fncompile.graph.call import infer_outputs
from fncompile.graph.eager import known_value
from fncompile.graph.nest import flatten
from fncompile.graph.tensor import KerasTensor, Tensor
from fncompile.graph.trace import Trace, placeholder
from fncompile.graph.variable import Variable
from fncompile.ir.dims import symbol
from fncompile.ir.types import TensorType
from tests.op_table import CASES

X = np.arange(12, dtype="float32").reshape(3, 4)
B = X > 4

# Each call with its numbers as `n(...)`: Python's, or the same as another kind of number.
CALLS = {
    "slice": lambda n: ops.slice(X, n([1, 0]), n([2, 3])),
    "slice to the end": lambda n: ops.slice(X, n([0, 1]), n([-1, -1])),
    "slice_update": lambda n: ops.slice_update(X, n([1, 1]), np.ones((2, 2), "float32")),
    "reshape": lambda n: ops.reshape(X, n([4, -1])),
    "reshape mixed": lambda n: ops.reshape(X, (n(4), -1)),
    "split": lambda n: ops.split(X, n(2), axis=n(1)),
    "split at": lambda n: ops.split(X, n([1, 3]), axis=1),
    "array_split": lambda n: ops.array_split(X, n(3), axis=1),
    "linspace": lambda n: ops.linspace(0, 10, n(5)),
    "linspace axis": lambda n: ops.linspace(n([0, 1]), n([10, 3]), 5, axis=n(-1)),
    "repeat": lambda n: ops.repeat(X, n([2, 0, 3]), axis=0),
    "repeat all": lambda n: ops.repeat(X, n(2)),
    "roll": lambda n: ops.roll(X, n(1), axis=n([0, 1])),
    "roll pairs": lambda n: ops.roll(X, n([1, 2]), axis=n([0, 1])),
    "roll flat": lambda n: ops.roll(X, n(5)),
    "tile": lambda n: ops.tile(X, n([1, 2])),
    "broadcast_to": lambda n: ops.broadcast_to(X, n([2, 3, 4])),
    "sum": lambda n: ops.sum(X, axis=n([0, 1])),
    "max": lambda n: ops.max(X, axis=n(0)),
    "argmax": lambda n: ops.argmax(X, axis=n(1)),
    "cumsum": lambda n: ops.cumsum(X, axis=n(-1)),
    "transpose": lambda n: ops.transpose(X, n([1, 0])),
    "moveaxis": lambda n: ops.moveaxis(X, n(0), n(1)),
    "expand_dims": lambda n: ops.expand_dims(X, n([0, 2])),
    "squeeze": lambda n: ops.squeeze(X[:1], n(0)),
    "flip": lambda n: ops.flip(X, n([1])),
    "zeros": lambda n: ops.zeros(n([2, 3])),
    "full": lambda n: ops.full(n([2, 3]), 7),
    "arange": lambda n: ops.arange(n(1), n(9), n(2)),
    "eye": lambda n: ops.eye(n(3), n(4), k=n(1)),
    "tri": lambda n: ops.tri(n(3)),
    "tril": lambda n: ops.tril(X, n(1)),
    "diag": lambda n: ops.diag(X, n(1)),
    "trace": lambda n: ops.trace(X, offset=n(1), axis1=n(0), axis2=n(1)),
    "tensordot": lambda n: ops.tensordot(X, X, axes=[n([1]), n([1])]),
    "norm": lambda n: ops.norm(X, ord=n(1), axis=n(1)),
    "pad": lambda n: ops.pad(X, n([[1, 0], [2, 1]])),
    "one_hot": lambda n: ops.one_hot(np.array([1, 0]), n(3), axis=n(0)),
    "in_top_k": lambda n: ops.in_top_k(np.array([1, 2, 3]), X, n(2)),
    "segment_sum": lambda n: ops.segment_sum(X, np.array([0, 1, 0]), n(2)),
    "scatter": lambda n: ops.scatter(np.array([[1]]), np.ones(1, "float32"), n([3])),
    "unstack": lambda n: ops.unstack(X, n(4), n(1)),
    "stack": lambda n: ops.stack([X, X], axis=n(1)),
    "concatenate": lambda n: ops.concatenate([X, X], axis=n(1)),
    "round": lambda n: ops.round(X / 7, n(1)),
    "moments": lambda n: ops.moments(X, n([0])),
    "softmax": lambda n: ops.softmax(X, n(0)),
    "normalize": lambda n: ops.normalize(X, n(0), n(3)),
    "batch_normalization": lambda n: ops.batch_normalization(X, X[0], X[1] + 1, n(-1)),
    "uniform": lambda n: random.uniform(n([2, 3]), seed=1),
    "randint": lambda n: random.randint(n([2, 3]), 0, 9, seed=1),
    "shuffle": lambda n: random.shuffle(X, axis=n(0), seed=1),
    "dropout": lambda n: random.dropout(X, 0.5, noise_shape=n([3, 1]), seed=1),
}
KINDS = {
    "arrays": np.array,
    "int64 scalars": lambda v: np.int64(v) if np.ndim(v) == 0 else [np.int64(i) for i in v]
    if np.ndim(v) == 1 else [[np.int64(i) for i in r] for r in v],
    "int8 arrays": lambda v: np.array(v, "int8"),
    "variables": lambda v: Variable(np.array(v, "int32")),
    "results of ops": lambda v: ops.add(np.array(v, "int32"), 0),
    "tuples": lambda v: tuple(v) if np.ndim(v) == 1 else v,
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("call", CALLS)
def test_numbers_of_every_kind(call, kind):
    want, got = flatten(CALLS[call](lambda v: v)), flatten(CALLS[call](KINDS[kind]))
    assert len(want) == len(got)
    for g, w in zip(got, want):
        np.testing.assert_array_equal(g, w)
        assert g.dtype == w.dtype


@pytest.mark.parametrize("call", CALLS)
def test_constants_of_a_trace(call):
    """Inside a layer's `call`, where an op gives a traced tensor: constants are known."""
    want = [np.shape(w) for w in flatten(CALLS[call](lambda v: v))]
    with Trace().active():
        got = flatten(CALLS[call](lambda v: ops.add(np.array(v, "int32"), 0)))
        assert [g.shape for g in got] == want


def test_a_value_is_known_where_nothing_is_missing():
    v = Variable(np.array([1, 2], "int32"))
    assert known_value(v).tolist() == [1, 2] and known_value([3]).tolist() == [3]
    with Trace().active():
        x = placeholder("x", TensorType("int32", (2,)))
        assert known_value(ops.zeros((2,), "int32")).tolist() == [0, 0]
        assert known_value(x) is None
        assert known_value(v) is None and known_value(ops.zeros_like(x)).tolist() == [0, 0]
    assert known_value(fncompile.Input((3,))) is None


def test_known_values_of_an_eager_layer():
    class Reshapes(fncompile.layers.Layer):
        def call(self, x, shape):
            assert isinstance(shape, Tensor)
            return ops.reshape(x, shape)

    assert Reshapes()(X, np.array([2, 6])).shape == (2, 6)


def test_where_gives_positions():
    for mask in (B, X - 5, np.zeros((0, 3), "float32"), np.zeros((2, 2), "float32")):
        got = ops.where(mask)
        assert isinstance(got, tuple)
        for g, w in zip(got, np.nonzero(mask), strict=True):
            np.testing.assert_array_equal(g, w)
    with pytest.raises(ValueError, match="shapes cannot depend on the values of `condition`"):
        ops.where(fncompile.Input((3,)) > 0)


@pytest.mark.parametrize("initial", [True, False, np.array(True)])
def test_extrema_of_bools_with_an_initial(initial):
    for fn, reference in ((ops.max, np.max), (ops.min, np.min)):
        got = fn(B, axis=0, initial=initial)
        np.testing.assert_array_equal(got, reference(B, axis=0, initial=bool(initial)))
        assert got.dtype == bool


def test_concatenate_flattens_without_an_axis():
    parts = [X, X[:1], np.ones((2, 2, 2), "float32")]
    np.testing.assert_array_equal(
        ops.concatenate(parts, axis=None), np.concatenate(parts, axis=None)
    )


def test_tensors_as_starts():
    """Unknown before the run: in a model, against NumPy."""
    x, start = fncompile.Input(batch_shape=(3, 4)), fncompile.Input(batch_shape=(2,), dtype="int32")
    new = np.full((2, 2), 9, "float32")
    model = fncompile.Model(
        [x, start], [ops.slice(x, start, (2, 2)), ops.slice_update(x, start, new)]
    )
    for i, j in ((0, 0), (1, 2), (0, 1)):
        block, updated = model([X, np.array([i, j], "int32")])
        np.testing.assert_array_equal(block, X[i : i + 2, j : j + 2])
        want = X.copy()
        want[i : i + 2, j : j + 2] = 9
        np.testing.assert_array_equal(updated, want)


@pytest.mark.parametrize("offset", [-2, 0, 1])
def test_diagonals_of_one_unknown_extent(offset):
    """A square of unknown size in a model, against NumPy."""
    v = fncompile.Input((None,))
    square = ops.expand_dims(v, 1) * ops.expand_dims(v, 2)
    model = fncompile.Model(
        v, [ops.diagonal(square, offset, 1, 2), ops.trace(square, offset, 1, 2)]
    )
    for n in (3, 5):
        values = np.arange(1, 2 * n + 1, dtype="float32").reshape(2, n)
        whole = values[:, :, None] * values[:, None]
        diagonal, trace = model.predict(values, verbose=0)
        np.testing.assert_array_equal(diagonal, np.diagonal(whole, offset, 1, 2))
        np.testing.assert_array_equal(trace, np.trace(whole, offset, 1, 2))


def test_unknown_extents_that_do_not_tell_a_shape():
    x = fncompile.Input((4,))
    with pytest.raises(ValueError, match="length of a diagonal of .None, 4. is not known"):
        ops.diagonal(x)
    with pytest.raises(ValueError, match="Cannot squeeze axis=0"):
        ops.squeeze(x, 0)
    assert [y.shape for y in ops.split(x, [1])] == [(1, 4), (None, 4)]
    assert ops.shape(x) == (None, 4)


@pytest.mark.parametrize("ord", [2, -2, "nuc"])
@pytest.mark.parametrize("matrix", [
    np.eye(4), np.zeros((3, 2)), np.diag([2.0, 2.0, 1e-5]), np.diag([1.0, 1 - 1e-9, 0.3]),
    np.outer([1.0, 2, 3], [1.0, 2]), 1e200 * np.eye(3), [[-3.0]], [[1.0, 2, 3]],
    np.diag([1.0, 1e-7]),
], ids=["one", "zero", "twice", "close", "rank one", "large", "1x1", "row", "tiny"])  # fmt: skip
@pytest.mark.usefixtures("float64")
def test_norms_by_singular_values_of_special_matrices(matrix, ord):
    np.testing.assert_allclose(
        ops.norm(np.asarray(matrix), ord=ord, axis=(0, 1)), np.linalg.norm(matrix, ord),
        rtol=1e-9, atol=1e-9 * np.abs(matrix).max(),
    )  # fmt: skip


# Why an op cannot tell a shape where this extent is unknown; everything else can.
TAPS = "`kernel` must be an integer from 1 on"
UNTOLD = {
    "unstack": "a tensor with a concrete shape",
    "norm": "matrices of known extents",
    "diagonal": "is not known before the program runs",
    "diag": "is not known before the program runs",
    "reshape": "total size of the tensor must be unchanged",
    "dot_product_attention": "heads",
    "scatter": "so its extent must be known",
    "scatter_update": "so its extent must be known",
    "cross": "takes vectors of 2 or 3 numbers",
    "correlate": "must be known when the program is made",
    "depth_to_space": "must be known when the program is made",
    "space_to_depth": "must be known when the program is made",
    "conv": TAPS + "|must be evenly divisible by kernel's in_channels",
    "conv_transpose": TAPS,
    "depthwise_conv": TAPS + r"|is \(\*taps, channels, multiplier\)",
    "separable_conv": TAPS + r"|is \(\*taps, channels, multiplier\)",
    "adaptive_average_pool": "has to know how many elements there are",
    "adaptive_max_pool": "has to know how many elements there are",
    "fold": "must have a multiple of",
    **dict.fromkeys(
        ["cholesky", "cholesky_inverse", "logdet", "solve", "solve_triangular", "inv", "det",
         "slogdet", "lu_factor", "fft", "fft2", "ifft2", "rfft", "irfft"],
        "must be known when the program is made|takes square matrices|A shape cannot hold None",
    ),
    "stft": r"The shape of `window` must be equal to \[sequence_length\]",
    "ctc_decode": "of a beam search must be known when the program is made",
    "image.rgb_to_grayscale": r"expected 3 \(RGB\) or 1 \(Grayscale\)",
    "image.rgb_to_hsv": "Colours are three channels",
    "image.hsv_to_rgb": "Colours are three channels",
    "image.map_coordinates": "the first of them as long as `inputs` has axes",
    "slice": "must have as many entries",
    "slice_update": "must have as many entries",
}  # fmt: skip


@pytest.mark.parametrize("which", ["all axes", "first", "last"])
@pytest.mark.parametrize("case", CASES, ids=lambda c: c.name)
@pytest.mark.filterwarnings("ignore:You are using a softmax")
def test_unknown_extents_work_or_are_refused_in_words(case, which):
    """Each row of the table with its axes unknown, equal extents as the same unknown."""

    def unknown(axis, shape):
        chosen = {"all axes": True, "first": axis == 0, "last": axis == len(shape) - 1}[which]
        return symbol(f"S{shape[axis]}") if chosen and shape[axis] > 1 else shape[axis]

    tensors = []
    for t in case.types("float32"):
        shape = tuple(unknown(axis, t.shape) for axis in range(t.ndim))
        tensors.append(KerasTensor.of(TensorType(t.dtype, shape), "x"))
    try:
        infer_outputs(lambda *xs: case.call(xs), tuple(tensors), {})
    except ValueError as error:
        op = case.name.split(":")[0].split("[")[0]
        assert op in UNTOLD and re.search(UNTOLD[op], str(error))


def test_counts_of_repeat_tell_an_unknown_extent():
    x = fncompile.Input((None, 2))
    model = fncompile.Model(x, ops.repeat(x, [2, 0, 1], axis=1))
    values = np.arange(12, dtype="float32").reshape(2, 3, 2)
    got = model.predict(values, verbose=0)
    np.testing.assert_array_equal(got, np.repeat(values, [2, 0, 1], axis=1))
    with pytest.raises(ValueError):
        model.predict(values[:, :2], verbose=0)
