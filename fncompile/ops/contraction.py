"""Sums of products: one contraction by labels, and einsum on it.

`contract` is what every product of matrices in `linalg` becomes, so the rules for batches,
broadcast extents and the order of axes are here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

from fncompile.ir import build
from fncompile.ir.node import Node
from fncompile.ir.types import is_float
from fncompile.ops.dispatch import op, promote, result_dtype
from fncompile.ops.types import Result, TensorLike

Labels = list[Hashable]


def operands(*xs) -> list[Node]:
    """Operands of a product, promoted; bools and int8 are added up in int32."""
    nodes = promote(*xs)
    wide = {"bool": "int32", "int8": "int32"}.get(nodes[0].dtype, nodes[0].dtype)
    return [build.cast(n, wide) for n in nodes]


def as_product(out: Node, *xs, wide: bool = False) -> Node:
    """The result of products of `xs` in the dtype that these promote to: of bools a bool, "is there
    any pair?"; with `wide` that of int8 alone stays int32, as Keras has it for `matmul` and
    `einsum`."""
    dtype = result_dtype(*xs)
    wide = wide and all(result_dtype(x) == "int8" for x in xs)
    return build.cast(out, dtype) if dtype in ("bool", "int8") and not wide else out


def contract(
    a: Node,
    a_labels: Sequence[Hashable],
    b: Node,
    b_labels: Sequence[Hashable],
    out: Sequence[Hashable],
) -> Node:
    """The product of `a` and `b` with axes of one label matched, summed over labels not in `out`.

    No label repeats within one operand. An extent of 1 broadcasts against the other operand's.
    """
    a, la = _without_ones(a, list(a_labels), b, list(b_labels))
    b, lb = _without_ones(b, list(b_labels), a, la)
    a, la = sum_out(a, la, {*lb, *out})
    b, lb = sum_out(b, lb, {*la, *out})
    shared = [label for label in la if label in lb]
    batch = [label for label in shared if label in out]
    summed = [label for label in shared if label not in out]
    if not summed or not is_float(a.dtype):  # the matrix kernels are for floating point
        both = [*out, *summed]
        product = build.ew("mul", _aligned(a, la, both), _aligned(b, lb, both))
        return build.reduce(product, "sum", range(len(out), len(both)))
    product = build.dot(
        a, b,
        ([la.index(s) for s in summed], [lb.index(s) for s in summed]),
        ([la.index(s) for s in batch], [lb.index(s) for s in batch]),
    )  # fmt: skip
    left = [*batch, *(s for s in la if s not in shared), *(s for s in lb if s not in shared)]
    return build.permute(product, [left.index(s) for s in out])


def _without_ones(
    x: Node, labels: Labels, other: Node, other_labels: Labels
) -> tuple[Node, Labels]:
    """`x` without axes of extent 1 whose label has a larger extent in the other operand."""
    wide = {s for s, n in zip(other_labels, other.shape) if n != 1}
    kept = [i for i, s in enumerate(labels) if x.shape[i] != 1 or s not in wide]
    return build.reshape(x, [x.shape[i] for i in kept]), [labels[i] for i in kept]


def sum_out(x: Node, labels: Labels, needed: set[Hashable]) -> tuple[Node, Labels]:
    """`x` summed over the axes whose label nobody needs."""
    axes = [i for i, s in enumerate(labels) if s not in needed]
    return build.reduce(x, "sum", axes), [s for s in labels if s in needed]


def _aligned(x: Node, labels: Labels, out: Sequence[Hashable]) -> Node:
    """`x` with its axes in the order of `out`, and extents of 1 for the labels it lacks."""
    order = [s for s in out if s in labels]
    x = build.permute(x, [labels.index(s) for s in order])
    return build.expand_dims(x, [i for i, s in enumerate(out) if s not in labels])


@op
def einsum(subscripts: str, *operands_: TensorLike, **kwargs: Any) -> Result:
    """Einstein's summation, e.g. `einsum("bij,bjk->bik", a, b)`.

    Takes "..." for broadcast axes, repeated labels (diagonals) and any number of operands, which
    are multiplied from left to right. Raises ValueError on malformed subscripts.

    `subscripts`: the labels of each operand's axes, and after "->" those of the result.

    >>> ops.einsum("ij,kj->ik", [[1, 2]], [[3, 4], [5, 6]])
    array([[11, 17]], dtype=int32)
    """
    nodes = operands(*operands_)
    inputs, out = _parse(subscripts, [n.ndim for n in nodes])
    terms = [_diagonal(n, labels) for n, labels in zip(nodes, inputs)]
    x, labels = terms[0]
    for i, (y, y_labels) in enumerate(terms[1:], 2):
        later = {s for _, rest in terms[i:] for s in rest}
        found = [*labels, *(s for s in y_labels if s not in labels)]
        kept = out if i == len(terms) else [s for s in found if s in later or s in out]
        x, labels = contract(x, labels, y, y_labels, kept), kept
    x, labels = sum_out(x, labels, set(out))
    out_node = build.permute(x, [labels.index(s) for s in out])
    return as_product(out_node, *operands_, wide=True)


def _parse(subscripts: str, ranks: list[int]) -> tuple[list[Labels], Labels]:
    """Labels of the operands and of the result; an axis under "..." is labelled by its distance
    from the last of them."""
    left, arrow, right = subscripts.replace(" ", "").partition("->")
    parts = left.split(",")
    if len(parts) != len(ranks):
        raise ValueError(
            f"einsum {subscripts!r} describes {len(parts)} operands. Received: {len(ranks)}"
        )
    inputs = [_labels(part, rank, subscripts) for part, rank in zip(parts, ranks)]
    hidden = max((sum(isinstance(s, int) for s in labels) for labels in inputs), default=0)
    ellipsis: Labels = list(range(hidden, 0, -1))
    if not arrow:
        letters = sorted(s for s in left if s.isalpha())
        return inputs, [*ellipsis, *(s for s in letters if letters.count(s) == 1)]
    out: Labels = [
        s for part in _tokens(right, subscripts) for s in (ellipsis if part == "..." else [part])
    ]
    unknown = [s for s in out if not any(s in labels for labels in inputs)]
    if unknown or len(set(out)) != len(out):
        raise ValueError(
            f"einsum {subscripts!r}: labels of the result must be those of operands, once each"
        )
    return inputs, out


def _labels(part: str, rank: int, subscripts: str) -> Labels:
    tokens = _tokens(part, subscripts)
    hidden = rank - (len(tokens) - tokens.count("..."))
    if hidden < 0 or (hidden and "..." not in tokens):
        raise ValueError(f"einsum {subscripts!r}: {part!r} does not fit an operand of rank {rank}")
    return [s for t in tokens for s in (range(hidden, 0, -1) if t == "..." else [t])]


def _tokens(part: str, subscripts: str) -> list[str]:
    before, dots, after = part.partition("...")
    if not all(s.isalpha() for s in before + after):
        raise ValueError(f"einsum {subscripts!r}: {part!r} may hold letters and one '...' only")
    return [*before, *([dots] if dots else []), *after]


def _diagonal(x: Node, labels: Labels) -> tuple[Node, Labels]:
    """`x` with each repeated label taken once: the elements whose indices are equal."""
    labels = list(labels)
    for label in [s for i, s in enumerate(labels) if s in labels[:i]]:
        i, j = labels.index(label), len(labels) - 1 - labels[::-1].index(label)
        equal = build.ew("eq", build.iota(x.shape, i), build.iota(x.shape, j))
        x = build.reduce(build.ew("select", equal, x, build.like(x, 0)), "sum", (j,))
        labels.pop(j)
    return x, labels
