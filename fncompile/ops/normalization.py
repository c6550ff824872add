"""Moments, and what divides by them."""

from __future__ import annotations

from fncompile.config import epsilon as default_epsilon
from fncompile.ir import build
from fncompile.ir.node import Node
from fncompile.ir.types import DTYPES
from fncompile.ops.axes import canonical_axes, canonical_axis, differ, display
from fncompile.ops.dispatch import as_float, node, op, widened
from fncompile.ops.pieces import between
from fncompile.ops.reductions import variance
from fncompile.ops.types import Axis, Result, TensorLike


@op
def moments(
    x: TensorLike, axes: Axis, keepdims: bool = False, synchronized: bool = False
) -> Result:
    """Mean and variance over `axes`, as a pair.

    `x`: a tensor; `axes`: one axis or several; `keepdims` leaves extents of 1 in their place.
    `synchronized` is Keras' argument and ignored. Of 16 bits they are computed in float32, and no
    larger than the largest number of `x`.

    >>> ops.moments([[1.0, 3.0], [2.0, 2.0]], axes=[1])
    (array([2., 2.], dtype=float32), array([1., 0.], dtype=float32))
    """
    x = as_float(x)
    wide, axes = widened(x), canonical_axes(axes, x.ndim)
    found = build.mean(wide, axes, keepdims), variance(wide, axes, keepdims)
    return tuple(_saturated(moment, x.dtype) for moment in found)


def _saturated(x: Node, dtype: str) -> Node:
    """`x` in a narrower dtype, and its largest number where it is beyond."""
    if x.dtype == dtype:
        return x
    most = DTYPES[dtype].largest
    return build.cast(between(x, -most, most), dtype)


@op
def normalize(
    x: TensorLike, axis: Axis = -1, order: int = 2, epsilon: float | None = None
) -> Result:
    """`x` divided by its norm along `axis`, which counts as at least `epsilon`.

    Raises ValueError for an `order` that is no int from 1 on.

    `x`: a tensor of any shape; `order`: which norm, 2 for the length; `epsilon`: floatx's fuzz
    factor if None.

    >>> ops.normalize([[3.0, 4.0], [0.0, 0.0]])
    array([[0.6, 0.8],
           [0. , 0. ]], dtype=float32)
    """
    if not isinstance(order, int) or order < 1:
        raise ValueError(f"Argument `order` must be an int >= 1. Received: order={order}")
    x = as_float(x)
    axes = canonical_axes(axis, x.ndim)
    epsilon = default_epsilon() if epsilon is None else epsilon
    if order == 2:
        total = build.reduce(build.ew("mul", x, x), "sum", axes, keepdims=True)
        return build.ew(
            "mul", x, build.ew("rsqrt", build.ew("max", total, build.like(x, epsilon**2)))
        )
    powered = build.ew("pow", build.ew("abs", x), build.like(x, order))
    total = build.reduce(powered, "sum", axes, keepdims=True)
    norm = build.ew("pow", total, build.like(x, 1 / order))
    return build.ew("div", x, build.ew("max", norm, build.like(x, epsilon)))


@op
def batch_normalization(
    x: TensorLike,
    mean: TensorLike,
    variance: TensorLike,
    axis: Axis,
    offset: TensorLike | None = None,
    scale: TensorLike | None = None,
    epsilon: float | None = 0.001,
) -> Result:
    """(x - mean) / √(variance + epsilon) · scale + offset, with rank-1 statistics along `axis`.

    bfloat16 is computed in float32, here and in the other normalizations.

    `x`: a tensor; `mean`, `variance`, `offset`, `scale`: vectors of the extent of `axis`, the last
    two optional. The result has the shape and dtype of `x`.

    >>> ops.batch_normalization([[1.0], [3.0]], [2.0], [1.0], axis=-1, epsilon=0.0)
    array([[-1.],
           [ 1.]], dtype=float32)
    """
    dtype, x = as_float(x).dtype, widened(as_float(x))
    axis = canonical_axis(axis, x.ndim)

    def along(name: str, v) -> Node:
        v = node(v, x.dtype)
        if v.ndim != 1 or differ(v.shape[0], x.shape[axis]):
            raise ValueError(
                f"Argument `{name}` must be a vector of length `x.shape[axis]`. "
                f"Expected: `{display((x.shape[axis],))}`. Received: `{display(v.shape)}`"
            )
        return build.expand_dims(v, [i for i in range(x.ndim) if i != axis])

    widths = build.ew("add", along("variance", variance), build.like(x, epsilon))
    inverse = build.ew("rsqrt", widths)
    inverse = inverse if scale is None else build.ew("mul", inverse, along("scale", scale))
    out = build.ew("mul", build.ew("sub", x, along("mean", mean)), inverse)
    out = out if offset is None else build.ew("add", out, along("offset", offset))
    return build.cast(out, dtype)


@op
def layer_normalization(
    x: TensorLike,
    gamma: TensorLike | None = None,
    beta: TensorLike | None = None,
    axis: Axis = -1,
    epsilon: float | None = None,
) -> Result:
    """`x` with mean 0 and variance 1 over `axis`, times `gamma`, plus `beta`.

    `x`: a tensor; `axis`: one axis or several; `gamma`, `beta`: of their extents, or None;
    `epsilon`: floatx's fuzz factor if None. The result has the shape and dtype of `x`.

    >>> ops.layer_normalization([[1.0, 3.0], [5.0, 5.0]]).round(3)
    array([[-1.,  1.],
           [ 0.,  0.]], dtype=float32)
    """
    dtype, x = as_float(x).dtype, widened(as_float(x))
    axes = canonical_axes(axis, x.ndim)
    centred = build.ew("sub", x, build.mean(x, axes, keepdims=True))
    inverse = _inverse_root(
        build.mean(build.ew("mul", centred, centred), axes, keepdims=True), epsilon
    )
    return build.cast(_affine(build.ew("mul", centred, inverse), axes, gamma, beta), dtype)


@op
def rms_normalization(
    x: TensorLike, scale: TensorLike | None = None, axis: Axis = -1, epsilon: float | None = None
) -> Result:
    """`x` divided by the root of the mean of its squares over `axis`, times `scale`.

    `x`: a tensor; `axis`: one axis or several; `scale`: of their extents, or None; `epsilon`:
    floatx's fuzz factor if None. The result has the shape and dtype of `x`.

    >>> ops.rms_normalization([[3.0, 4.0]]).round(4)
    array([[0.8485, 1.1314]], dtype=float32)
    """
    dtype, x = as_float(x).dtype, widened(as_float(x))
    axes = canonical_axes(axis, x.ndim)
    inverse = _inverse_root(build.mean(build.ew("mul", x, x), axes, keepdims=True), epsilon)
    return build.cast(_affine(build.ew("mul", x, inverse), axes, scale, None), dtype)


def _inverse_root(x: Node, epsilon: float | None) -> Node:
    epsilon = default_epsilon() if epsilon is None else epsilon
    return build.ew("rsqrt", build.ew("add", x, build.like(x, epsilon)))


def _affine(x: Node, axes: tuple[int, ...], scale, offset) -> Node:
    """`scale` and `offset` have one axis for each of `axes`, or a shape that broadcasts."""
    for fn, v in (("mul", scale), ("add", offset)):
        if v is not None:
            v = node(v, x.dtype)
            if v.ndim == len(axes) and v.ndim:
                v = build.expand_dims(v, [i for i in range(x.ndim) if i not in axes])
            x = build.ew(fn, x, v)
    return x
