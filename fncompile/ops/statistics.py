"""Counts in bins, correlations, distances."""

from __future__ import annotations

from typing import Any

from fncompile.graph.eager import known_value
from fncompile.ops.axes import display
from fncompile.ops.casting import cast
from fncompile.ops.composing import common, extents, known, real, reals, tensor
from fncompile.ops.creation import arange, linspace, ones
from fncompile.ops.dispatch import op
from fncompile.ops.elementwise import square
from fncompile.ops.functions import log10, sqrt
from fncompile.ops.joining import pad
from fncompile.ops.logic import equal, logical_not, where
from fncompile.ops.products import matmul
from fncompile.ops.reductions import any as any_of
from fncompile.ops.reductions import max as max_of
from fncompile.ops.reductions import mean
from fncompile.ops.reductions import min as min_of
from fncompile.ops.reductions import sum as sum_of
from fncompile.ops.segments import segment_sum
from fncompile.ops.shaping import expand_dims, flip, ravel, reshape, transpose
from fncompile.ops.sorting import searchsorted
from fncompile.ops.types import Result, TensorLike


@op
def bincount(
    x: TensorLike,
    weights: TensorLike | None = None,
    minlength: int = 0,
    sparse: bool = False,
) -> Result:
    """How often each whole number from 0 on occurs along the last axis.

    `x`: whole numbers of one or two axes, of which negative ones are not counted; `weights`: what
    each counts for, of the shape of `x`. `minlength`: how many numbers there are at least; in a
    graph how many there are, as shapes cannot depend on values. ValueError where `sparse`.

    >>> ops.bincount([1, 2, 2, 4])
    array([0, 1, 2, 0, 1], dtype=int32)
    """
    if sparse:
        raise ValueError("`bincount` gives no sparse tensors. Received: sparse=True")
    length, numbers = _length(x, minlength), tensor(cast(x, "int32"))
    shape = extents(numbers)
    if len(shape) not in (1, 2):
        raise ValueError(f"`bincount` takes one or two axes. Received: {display(shape)}")
    counted = ones(shape, "int32") if weights is None else tensor(weights)
    if len(shape) == 1:
        return segment_sum(counted, numbers, length)
    offsets = expand_dims(arange(shape[0], dtype="int32"), 1) * length
    inside = (numbers >= 0) & (numbers < length)
    flat = segment_sum(
        ravel(counted), ravel(where(inside, numbers + offsets, -1)), shape[0] * length
    )
    return reshape(flat, (shape[0], length))


def _length(x: TensorLike, least: int) -> int:
    numbers = known_value(x)
    if numbers is not None:
        return max(int(numbers.max()) + 1 if numbers.size else 0, least)
    if not least:
        raise ValueError(
            "`bincount` needs `minlength` here: shapes cannot depend on the values of `x`."
        )
    return least


@op
def isin(
    x1: TensorLike, x2: TensorLike, assume_unique: bool = False, invert: bool = False
) -> Result:
    """Is each element of `x1` one of those of `x2`? `invert`: is it none?

    `x1`, `x2`: tensors of any shapes; the result is bool, in the shape of `x1`. `assume_unique` is
    Keras' argument and ignored.

    >>> ops.isin([1, 2, 3], [3, 1, 7])
    array([ True, False,  True])
    """
    a, b = common(x1, x2)
    found = any_of(equal(expand_dims(a, -1), ravel(b)), axis=-1)
    return logical_not(found) if invert else found


@op
def histogram(x: TensorLike, bins: int = 10, range: tuple[float, float] | None = None) -> Result:
    """How many elements are in each of `bins` equal intervals, and their `bins` + 1 edges.

    `x`: a vector. `range`: the outer edges, by default the smallest and largest element; what is
    outside is not counted. ValueError for other shapes, less than one bin or a falling range.

    >>> ops.histogram([1.0, 2.0, 2.5, 4.0], bins=3)
    (array([1., 2., 1.], dtype=float32), array([1., 2., 3., 4.], dtype=float32))
    """
    if not isinstance(bins, int) or bins < 1:
        raise ValueError(f"Argument `bins` should be a non-negative integer. Received: bins={bins}")
    if range is not None and (len(tuple(range)) != 2 or range[1] < range[0]):
        raise ValueError(
            "Argument `range` must be a tuple of two elements, in rising order. "
            f"Received: range={range}"
        )
    x = real(x)
    if len(x.shape) != 1:
        raise ValueError(f"`histogram` takes a vector. Received: shape={display(x.shape)}")
    low, high = (min_of(x), max_of(x)) if range is None else (float(range[0]), float(range[1]))
    low, high = tensor(low, x.dtype), tensor(high, x.dtype)
    single = low >= high
    low, high = where(single, low - 0.5, low), where(single, high + 0.5, high)
    edges = linspace(low, high, bins + 1)
    above = digitize(x, edges[:-1]) - 1
    inside = (x >= low) & (x <= high)
    return segment_sum(cast(inside, x.dtype), where(inside, above, -1), bins), edges


@op
def digitize(x: TensorLike, bins: TensorLike) -> Result:
    """The number of the interval of each element: how many edges are not above it.

    `x`: a tensor of any shape; `bins`: the edges, a vector in rising order. The result is int32.

    >>> ops.digitize([0.5, 1.0, 9.0], [1.0, 2.0])
    array([0, 1, 2], dtype=int32)
    """
    edges = tensor(bins)
    if len(edges.shape) != 1:
        raise ValueError(f"`bins` must be a vector. Received: bins.shape={display(edges.shape)}")
    return searchsorted(edges, x, side="right")


@op
def corrcoef(x: TensorLike) -> Result:
    """The correlations of rows: a matrix, or 1 where there is one row.

    `x`: (variables, observations), or a vector; ValueError otherwise.

    >>> ops.corrcoef([[1.0, 2.0, 3.0], [3.0, 2.0, 1.0]]).round(3)
    array([[ 1., -1.],
           [-1.,  1.]], dtype=float32)
    """
    x = real(x)
    if len(x.shape) not in (1, 2):
        raise ValueError(f"`corrcoef` takes one or two axes. Received: {display(x.shape)}")
    rows = x if len(x.shape) == 2 else expand_dims(x, 0)
    rows = rows - mean(rows, axis=1, keepdims=True)
    product = matmul(rows, transpose(rows))
    size = sqrt(sum_of(square(rows), axis=1))
    out = product / (expand_dims(size, 1) * size)
    return out if len(x.shape) == 2 else reshape(out, ())


@op
def correlate(x1: TensorLike, x2: TensorLike, mode: str = "valid") -> Result:
    """The products of `x2` with `x1` moved along it: `out[k] = sum(x1[n + k] x2[n])`.

    `x1`, `x2`: vectors, ValueError otherwise; `mode`: "valid" where they overlap wholly, "same" as
    long as the longer, "full" wherever they meet.

    >>> ops.correlate([1.0, 2.0, 3.0], [0.0, 1.0], "full")
    array([1., 2., 3., 0.], dtype=float32)
    """
    a, b = reals(x1, x2)
    if len(a.shape) != 1 or len(b.shape) != 1:
        raise ValueError(
            f"`correlate` takes vectors. Received: shapes {display(a.shape)} and {display(b.shape)}"
        )
    if mode not in ("valid", "same", "full"):
        raise ValueError(f"`mode` must be 'valid', 'same' or 'full'. Received: mode={mode}")
    n, m = known("The extents of what `correlate` takes", *a.shape, *b.shape)
    if n < m:  # the other way round is the same turned round
        return flip(_slid(b, a, _around(mode, n)))
    return _slid(a, b, _around(mode, m))


def _around(mode: str, n: int) -> tuple[int, int]:
    """How many zeros stand before and behind what a vector of `n` numbers is moved along."""
    return {"full": (n - 1, n - 1), "valid": (0, 0), "same": (n // 2, n - 1 - n // 2)}[mode]


def _slid(a: Any, b: Any, around: tuple[int, int]) -> Any:
    from fncompile.ops.folding import extract_sequences

    return matmul(extract_sequences(pad(a, [around]), b.shape[0], 1), b)


@op
def cdist(x: TensorLike, y: TensorLike) -> Result:
    """The Euclidean distances of all rows of `x` from all rows of `y`.

    `x`: (..., n, features), `y`: (..., m, features); the result is (..., n, m).

    >>> ops.cdist([[0.0, 0.0]], [[3.0, 4.0], [0.0, 1.0]])
    array([[5., 1.]], dtype=float32)
    """
    a, b = reals(x, y)
    if len(a.shape) < 2 or len(b.shape) < 2 or a.shape[-1] != b.shape[-1]:
        raise ValueError(
            "`cdist` takes (..., n, features) and (..., m, features). "
            f"Received: shapes {display(a.shape)} and {display(b.shape)}"
        )
    apart = expand_dims(a, -2) - expand_dims(b, -3)
    total = sum_of(square(apart), axis=-1)
    positive = total > 0
    return where(positive, sqrt(where(positive, total, 1.0)), 0.0)


@op
def psnr(x1: TensorLike, x2: TensorLike, max_val: float) -> Result:
    """The ratio of the greatest signal to noise in decibels: `10 log10(max_val² / mse)`.

    `x1`, `x2`: tensors of one shape, ValueError otherwise; `max_val`: the greatest number there is.

    >>> round(float(ops.psnr([0.0, 1.0], [0.0, 0.9], max_val=1.0)), 2)
    23.01
    """
    a, b = reals(x1, x2)
    if tuple(a.shape) != tuple(b.shape):
        raise ValueError(
            f"`x1` and `x2` must have one shape. Received: {display(a.shape)}, {display(b.shape)}"
        )
    error = mean(square(a - b))
    return 20.0 * log10(tensor(float(max_val), a.dtype)) - 10.0 * log10(error)
