"""From per-sample values to a number: ranks, masks, sample weights, reduction. Metrics share it.

All functions take and give traced tensors (or anything ops take).
"""

from __future__ import annotations

from typing import Any

from fncompile import ops
from fncompile.config import epsilon
from fncompile.ops.axes import product
from fncompile.ops.dispatch import op
from fncompile.ops.shaping import extent

REDUCTIONS = ("sum_over_batch_size", "sum", "mean", "mean_with_sample_weight", "none", None)
_MEANS = ("sum_over_batch_size", "mean")


def match_ranks(x1: Any, x2: Any) -> tuple[Any, Any]:
    """Two tensors that differ by a last axis of extent 1, brought to one rank; others unchanged.

    A vector gains the axis; a tensor of higher rank loses it.
    """
    if len(x1.shape) == len(x2.shape) + 1:
        x2, x1 = _match(x2, x1)
    elif len(x2.shape) == len(x1.shape) + 1:
        x1, x2 = _match(x1, x2)
    return x1, x2


def _match(short: Any, long: Any) -> tuple[Any, Any]:
    if long.shape[-1] != 1:
        return short, long
    if len(short.shape) == 1:
        return ops.expand_dims(short, -1), long
    return short, ops.squeeze(long, -1)


def align_weights(values: Any, weights: Any) -> Any:
    """`weights` with the rank of `values`: a last axis of 1 dropped, or axes of 1 added behind."""
    rank = len(values.shape)
    while len(weights.shape) > rank and weights.shape[-1] == 1:
        weights = ops.squeeze(weights, -1)
    for _ in range(rank - len(weights.shape)):
        weights = ops.expand_dims(weights, -1)
    return weights


def masked_weights(weights: Any, mask: Any, dtype: str, rescale: bool) -> Any:
    """Weights that are 0 where `mask` is False.

    With `rescale`, the others grow so that a mean over all values is the mean over the valid ones.
    """
    mask = ops.cast(mask, dtype)
    if rescale:
        mask = mask * (count(mask) / (ops.sum(mask) + epsilon()))
    if weights is None:
        return mask
    weights = ops.cast(weights, dtype)
    rank = max(len(mask.shape), len(weights.shape))
    longest = mask if len(mask.shape) == rank else weights
    return align_weights(longest, weights) * align_weights(longest, mask)


@op
def count(x: Any) -> Any:
    """The number of elements of `x`, as a scalar of its dtype."""
    return extent(product(ops.shape(x)), x.dtype)


def check_reduction(reduction: str | None) -> str | None:
    """`reduction`, with TF2.0's "auto"; ValueError where it is unknown."""
    reduction = "sum_over_batch_size" if reduction == "auto" else reduction
    if reduction not in REDUCTIONS:
        raise ValueError(
            "Invalid value for argument `reduction`. Expected one of "
            f"{list(REDUCTIONS)}. Received: reduction={reduction}"
        )
    return reduction


def reduce_weighted(values: Any, weights: Any, mask: Any, reduction: str | None) -> Any:
    """`values` times `weights`, reduced.

    "sum_over_batch_size" (or "mean") divides by the number of values, not by the sum of weights;
    "mean_with_sample_weight" by the sum of weights. Of a vector weighted by a column, "none" makes
    a column.
    """
    if mask is not None:
        weights = masked_weights(weights, mask, values.dtype, rescale=reduction in _MEANS)
    if weights is not None:
        weights = ops.cast(weights, values.dtype)
        if reduction in ("none", None) and len(values.shape) == 1:
            values, weights = match_ranks(values, weights)
        weights = align_weights(values, weights)
        values = values * weights
    if reduction in ("none", None) or len(values.shape) == 0:
        return values
    total = ops.sum(values)
    if reduction == "sum":
        return total
    if reduction == "mean_with_sample_weight" and weights is not None:
        return ops.divide_no_nan(total, ops.sum(ops.broadcast_to(weights, ops.shape(values))))
    return total / ops.maximum(count(values), 1.0)  # of no values the mean is 0
