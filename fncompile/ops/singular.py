"""Norms of matrices that depend on singular values, by products of matrices alone.

There is no decomposition: what a norm needs is approached by steps that square or cube a matrix, so
their number is fixed, and leading axes are a batch. Computed in float64, where singular values
below 1e-8 of the largest cannot be told from each other. A derivative is that of one set of
singular vectors; where singular values coincide there are others.
"""

from __future__ import annotations

from fncompile.ir import build
from fncompile.ir.node import Node
from fncompile.ops.axes import display
from fncompile.ops.contraction import contract
from fncompile.ops.pieces import scaled

_SQUARINGS = 52  # eigenvalues that differ by more than the rounding of float64 are told apart
_CUBINGS = 70  # 1.5**-70 = 5e-13: what is left out is less than this, relative to the result


def singular_norm(x: Node, ord: int | str) -> Node:
    """The largest (2), the least (-2) or the sum ("nuc") of the singular values of the matrices in
    the last two axes, which stay as extents of 1."""
    y = _tall(build.cast(x, "float64"), needed=ord == -2)
    peak = build.reduce(build.ew("abs", y), "max", _last(y), keepdims=True)
    scale = build.stop_gradient(_or_one(peak))  # a norm of c x is c times as large
    y = build.ew("div", y, scale)
    norm = _total(build.ew("mul", y, _polar(y))) if ord == "nuc" else _extreme(y, ord == 2)
    return build.cast(build.ew("mul", norm, scale), x.dtype)


def _tall(x: Node, needed: bool) -> Node:
    """`x` or its transpose, whichever has no more columns than rows: less work, and `needed` for
    the least of them, as xᵀx of a wide matrix has zeros more."""
    rows, columns = x.shape[-2:]
    if not (isinstance(rows, int) and isinstance(columns, int)):
        if needed:
            raise ValueError(
                "The least singular value is that of matrices of known extents. "
                f"Received: shape={display(x.shape)}"
            )
        return x
    turned = [*range(x.ndim - 2), x.ndim - 1, x.ndim - 2]
    return build.permute(x, turned) if columns > rows else x


def _extreme(y: Node, largest: bool) -> Node:
    """|y v| for the eigenvector v of yᵀy with the largest or least eigenvalue.

    v vᵀ is the limit of the powers 2, 4, 8 … of yᵀy, each divided by its trace; for the least
    eigenvalue of c - yᵀy, with c twice the trace. Several such v share the weight.
    """
    power = _gram(y)
    if not largest:
        c = scaled(_total(_on_diagonal(power)), 2)
        power = build.ew("sub", _on_diagonal(build.broadcast_to(c, power.shape)), power)
    for _ in range(_SQUARINGS):
        power = build.ew("div", power, _or_one(_total(_on_diagonal(power))))
        power = _times(power, "ij", power, "jk")
    space = build.stop_gradient(build.ew("div", power, _or_one(_total(_on_diagonal(power)))))
    return build.ew("div", _frobenius(_times(y, "ij", space, "jk")), _or_one(_frobenius(space)))


def _polar(y: Node) -> Node:
    """The nearest matrix with orthonormal columns, by the iteration of Newton and Schulz."""
    q = build.ew("div", y, _or_one(_frobenius(y)))
    for _ in range(_CUBINGS):
        cubed = _times(q, "ij", _gram(q), "jk")
        q = build.ew("sub", scaled(q, 1.5), scaled(cubed, 0.5))
    return build.stop_gradient(q)


def _gram(y: Node) -> Node:
    return _times(y, "ji", y, "jk")


def _times(a: Node, a_labels: str, b: Node, b_labels: str) -> Node:
    """The sum over j of products, for each i and k and each matrix of the batch."""
    batch = list(range(a.ndim - 2))
    return contract(a, [*batch, *a_labels], b, [*batch, *b_labels], [*batch, "i", "k"])


def _on_diagonal(x: Node) -> Node:
    """`x` with zeros off the diagonal."""
    row, column = (build.iota(x.shape, axis) for axis in _last(x))
    return build.ew("select", build.ew("eq", row, column), x, build.like(x, 0))


def _last(x: Node) -> tuple[int, int]:
    return x.ndim - 2, x.ndim - 1


def _total(x: Node) -> Node:
    return build.reduce(x, "sum", _last(x), keepdims=True)


def _frobenius(x: Node) -> Node:
    return build.ew("sqrt", _total(build.ew("mul", x, x)))


def _or_one(x: Node) -> Node:
    """What to divide by where `x` may be 0."""
    return build.ew("select", build.ew("eq", x, build.like(x, 0)), build.like(x, 1), x)
