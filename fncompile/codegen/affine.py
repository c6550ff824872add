"""Dimensions and affine indices as C expressions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

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


@dataclass(frozen=True)
class Size:
    """The extent of an axis, and how C writes it: as a constant with a name, say."""

    extent: Dim
    text: CExpr


def index(at: Affine, axes: Sequence[CExpr], sizes: Sequence[Size] = ()) -> CExpr:
    """`offset + sum(coefficient * axis)`, positive terms first; coefficients in terms of `sizes`,
    those of the axes."""
    plus = [(axis, c) for axis, c in at.terms if not _negative(c)]
    minus = [(axis, c * -1) for axis, c in at.terms if _negative(c)]
    total: CExpr = Int(0)
    for axis, c in plus:
        total = binary("+", total, binary("*", stride(c, at, sizes, axis), axes[axis]))
    total = binary("+", total, dim(at.offset))
    for axis, c in minus:
        total = binary("-", total, binary("*", stride(c, at, sizes, axis), axes[axis]))
    return total


def stride(step: Dim, at: Affine, sizes: Sequence[Size], axis: int = -1) -> CExpr:
    """The distance `step` of two points along `axis`: the extents of the axes that lie within it,
    of those of `at`, or of those that follow `axis`; a number where it is none of them."""
    if not isinstance(step, int) or not 1 < step < 2**31:
        return dim(step)
    for inner, coefficient in at.terms:
        if inner < len(sizes) and _fills(coefficient, sizes[inner], step):
            rest = replace(at, terms=tuple(t for t in at.terms if t[0] != inner))
            return binary("*", sizes[inner].text, stride(coefficient, rest, sizes))
    found: CExpr = Int(1)
    filled: Dim = 1
    for size in reversed(sizes[axis + 1 :]):
        if filled == step:
            break
        filled, found = filled * size.extent, binary("*", size.text, found)
    return found if filled == step and axis >= 0 else dim(step)


def _fills(coefficient: Dim, size: Size, step: int) -> bool:
    """Do the points of an axis reach as far as `step`, end to end?"""
    return coefficient * size.extent == step and size.extent != 1


def _negative(coef: Dim) -> bool:
    return coef < 0 if isinstance(coef, int) else coef.terms[0][1] < 0
