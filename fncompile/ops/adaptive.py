"""Pooling to a given number of results."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from fncompile.ir import build
from fncompile.ir.dims import is_static
from fncompile.ir.node import Node
from fncompile.ops.axes import display
from fncompile.ops.dispatch import as_float, node, op
from fncompile.ops.types import Result, TensorLike
from fncompile.ops.windows import average_pool, max_pool, per_axis, with_channels_last


@op
def adaptive_max_pool(
    inputs: TensorLike, output_size: int | Sequence[int], data_format: str | None = None
) -> Result:
    """Maxima, `output_size` along each axis: result i of n over an extent e is that of the elements
    from i e / n, rounded down, to (i + 1) e / n, rounded up.

    `inputs`: (batch, *extents, channels), or channels first as `data_format` says; its extents have
    to be known. `output_size`: one number, or one for each axis. ValueError where these do not fit.

    >>> ops.adaptive_max_pool([[[1.0], [5.0], [2.0]]], 2)[0, :, 0]
    array([5., 5.], dtype=float32)
    """
    x = node(inputs)
    return _adapted(x, output_size, data_format, max_pool, lambda x, axis: _reduced(x, "max", axis))


@op
def adaptive_average_pool(
    inputs: TensorLike, output_size: int | Sequence[int], data_format: str | None = None
) -> Result:
    """Means, `output_size` along each axis: result i of n over an extent e is that of the elements
    from i e / n, rounded down, to (i + 1) e / n, rounded up.

    `inputs`: (batch, *extents, channels), or channels first as `data_format` says; its extents have
    to be known. `output_size`: one number, or one for each axis. ValueError where these do not fit.

    >>> ops.adaptive_average_pool([[[1.0], [5.0], [2.0]]], 2)[0, :, 0]
    array([3. , 3.5], dtype=float32)
    """
    x = as_float(inputs)
    return _adapted(x, output_size, data_format, average_pool, _mean)


def _adapted(
    x: Node, output_size, data_format: str | None, pool: Callable, reduce: Callable
) -> Node:
    rank = x.ndim - 2
    if rank < 1:
        raise ValueError(
            "`inputs` must have a batch, extents and channels. "
            f"Received: shape {display(x.shape)}"
        )
    targets = per_axis(output_size, rank, "output_size")

    def compute(x: Node) -> Node:
        extents = x.shape[1:-1]
        if not is_static(extents) or 0 in extents:
            raise ValueError(
                "Adaptive pooling has to know how many elements there are, and at least one. "
                f"Received: inputs of shape {display(x.shape)}"
            )
        if all(n % target == 0 for n, target in zip(extents, targets)):  # type: ignore[operator]
            size = [n // target for n, target in zip(extents, targets)]  # type: ignore[operator]
            return pool(x, size, None, "valid", "channels_last").node
        for axis, target in enumerate(targets, 1):
            x = _along(x, axis, target, reduce)
        return x

    return with_channels_last(x, data_format, compute)


def _along(x: Node, axis: int, target: int, reduce: Callable[[Node, int], Node]) -> Node:
    """One axis: a slice for each result, as their lengths differ."""
    n = x.shape[axis]
    bounds = [(i * n // target, -(-(i + 1) * n // target)) for i in range(target)]
    parts = [build.slice_axis(x, axis, first, end - first) for first, end in bounds]
    return build.concat([reduce(part, axis) for part in parts], axis)


def _mean(x: Node, axis: int) -> Node:
    return build.mean(x, (axis,), keepdims=True)


def _reduced(x: Node, kind: str, axis: int) -> Node:
    return build.reduce(x, kind, (axis,), keepdims=True)
