"""The crossentropies, per sample, as `keras.ops` defines them.

From probabilities p they take log(clip(p, eps, 1 - eps)) with eps = `config.epsilon()`; from logits
they use the logarithm of softmax or sigmoid, which neither over- nor underflows.
"""

from __future__ import annotations

import math

from fncompile.config import epsilon
from fncompile.ir import build
from fncompile.ir.dims import Shape
from fncompile.ir.node import Node
from fncompile.ops.activations import log_softmax_of
from fncompile.ops.axes import canonical_axis, display
from fncompile.ops.dispatch import as_float, as_index, node, op
from fncompile.ops.pieces import between, softplus_of
from fncompile.ops.types import Axis, Result, TensorLike


def _log_probabilities(output: Node, from_logits: bool, axis: int) -> Node:
    if from_logits:
        return log_softmax_of(output, axis)
    total = build.reduce(output, "sum", (axis,), keepdims=True)
    return build.ew("log", _clipped(build.ew("div", output, total)))


def _clipped(p: Node) -> Node:
    return between(p, epsilon(), 1 - epsilon())


def _fit(a: Shape, b: Shape) -> bool:
    """Can the shapes be equal, as far as they are known?"""
    return len(a) == len(b) and all(
        x == y or not (isinstance(x, int) and isinstance(y, int)) for x, y in zip(a, b)
    )


def _require_same_shape(target: Node, output: Node) -> None:
    if not _fit(target.shape, output.shape):
        raise ValueError(
            "Arguments `target` and `output` must have the same shape. Received: "
            f"target.shape={display(target.shape)}, output.shape={display(output.shape)}"
        )


@op
def categorical_crossentropy(
    target: TensorLike, output: TensorLike, from_logits: bool = False, axis: Axis = -1
) -> Result:
    """-Σ target log(output) over `axis`; probabilities are first divided by their sum.

    `target`, `output`: tensors of one shape, ValueError otherwise; the result lacks `axis`.
    `from_logits`: whether `output` is what a softmax would be taken of.

    >>> ops.categorical_crossentropy([[0.0, 1.0]], [[0.5, 0.5]]).round(4)
    array([0.6931], dtype=float32)
    """
    output = as_float(output)
    target = node(target, output.dtype)
    _require_same_shape(target, output)
    if output.ndim < 1:
        raise ValueError(
            "Arguments `target` and `output` must be at least rank 1. Received: "
            f"target.shape={display(target.shape)}, output.shape={display(output.shape)}"
        )
    axis = canonical_axis(axis, output.ndim)
    terms = build.ew("mul", target, _log_probabilities(output, from_logits, axis))
    return build.ew("neg", build.reduce(terms, "sum", (axis,)))


@op
def sparse_categorical_crossentropy(
    target: TensorLike, output: TensorLike, from_logits: bool = False, axis: Axis = -1
) -> Result:
    """-log(output) at the integer class `target`; NaN where there is no such class.

    `target` has the shape of `output` without `axis`, or with an extent of 1 at its end.

    `target`: whole numbers of the shape of `output` without `axis`, which the result has;
    ValueError otherwise. `from_logits`: whether `output` is what a softmax would be taken of.

    >>> ops.sparse_categorical_crossentropy([1], [[0.5, 0.5]]).round(4)
    array([0.6931], dtype=float32)
    """
    output = as_float(output)
    if output.ndim < 1:
        raise ValueError(
            "Argument `output` must be at least rank 1. "
            f"Received: output.shape={display(output.shape)}"
        )
    axis = canonical_axis(axis, output.ndim)
    target = _labels(node(target), output, axis)
    hit = build.ew(
        "eq", build.iota(output.shape, axis, target.dtype), build.expand_dims(target, (axis,))
    )
    log_p = _log_probabilities(output, from_logits, axis)
    picked = build.reduce(build.ew("select", hit, log_p, build.like(log_p, 0)), "sum", (axis,))
    known = build.reduce(build.cast(hit, "int32"), "max", (axis,))
    known = build.ew("lt", build.like(known, 0), known)
    return build.ew("select", known, build.ew("neg", picked), build.like(picked, math.nan))


def _labels(target: Node, output: Node, axis: int) -> Node:
    if target.ndim == output.ndim and target.ndim and target.shape[-1] == 1:
        target = build.reshape(target, target.shape[:-1])
    expected = output.shape[:axis] + output.shape[axis + 1 :]
    if not _fit(target.shape, expected):
        raise ValueError(
            "Arguments `target` and `output` must have the same shape up until the last dimension: "
            f"target.shape={display(target.shape)}, output.shape={display(output.shape)}"
        )
    return as_index(target)


@op
def binary_crossentropy(
    target: TensorLike, output: TensorLike, from_logits: bool = False
) -> Result:
    """-target log(output) - (1 - target) log(1 - output), element by element.

    `target`, `output`: tensors of one shape, which the result has; `from_logits`: whether `output`
    is what a sigmoid would be taken of.

    >>> ops.binary_crossentropy([1.0, 0.0], [0.5, 0.5]).round(4)
    array([0.6931, 0.6931], dtype=float32)
    """
    output = as_float(output)
    target = node(target, output.dtype)
    _require_same_shape(target, output)
    if from_logits:
        minus_log_yes, minus_log_no = softplus_of(build.ew("neg", output)), softplus_of(output)
    else:
        p = _clipped(output)
        minus_log_yes = build.ew("neg", build.ew("log", p))
        minus_log_no = build.ew("neg", build.ew("log", build.ew("sub", build.like(p, 1), p)))
    yes = build.ew("mul", target, minus_log_yes)
    no = build.ew("mul", build.ew("sub", build.like(target, 1), target), minus_log_no)
    return build.ew("add", yes, no)
