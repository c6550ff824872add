"""Dimensions and affine indices as C expressions."""

from __future__ import annotations

from collections.abc import Sequence

from fncompile.codegen.ctree import Binary, CExpr, Int, Name, binary
from fncompile.ir.dims import Dim, Quotient
from fncompile.plan.types import Affine


def size_name(symbol: str) -> str:
    """The C variable of a symbolic size: `B`, and `size_…` for the others, which no local is
    called."""
    return symbol if symbol == "B" else f"size_{symbol}"


def dim(d: Dim) -> CExpr:
    """`64 * B * T + 3`."""
    if isinstance(d, int):
        return Int(d)
    total: CExpr = Int(0)
    for monomial, coef in d.terms:
        term: CExpr = Int(abs(coef))
        for s in monomial:
            term = binary("*", term, _size(s))
        total = (
            binary("-" if coef < 0 else "+", total, term) if total != Int(0) or coef < 0 else term
        )
    return total


def _size(symbol: str) -> CExpr:
    """C rounds towards zero, which is down: nothing in a quotient is negative."""
    if isinstance(symbol, Quotient):
        return Binary("/", dim(symbol.numerator), Int(symbol.denominator))
    return Name(size_name(symbol))


def index(at: Affine, axes: Sequence[CExpr]) -> CExpr:
    """`offset + sum(coefficient * axis)`, positive terms first."""
    terms = [(axes[axis], coef) for axis, coef in at.terms]
    plus = [(x, c) for x, c in terms if not _negative(c)]
    minus = [(x, c) for x, c in terms if _negative(c)]
    total: CExpr = Int(0)
    for x, c in plus:
        total = binary("+", total, binary("*", dim(c), x))
    total = binary("+", total, dim(at.offset))
    for x, c in minus:
        total = binary("-", total, binary("*", dim(c * -1), x))
    return total


def _negative(coef: Dim) -> bool:
    return coef < 0 if isinstance(coef, int) else coef.terms[0][1] < 0
