"""A stage that a routine of csrc/kern computes: what it is given.

Requires: arrays in memory, a row of elements of each adjacent. What is read element by element, as
masks and terms of scores are, stays an expression, so that it need not lie in memory.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fncompile.ir.dims import Dim
from fncompile.plan.expressions import Affine, Buffer, Expr


@dataclass(frozen=True)
class Array:
    """A tensor, of which an element lies at `at`, by its own axes."""

    buffer: Buffer
    at: Affine
    shape: tuple[Dim, ...]
    dtype: str

    @property
    def strides(self) -> tuple[Dim, ...]:
        return tuple(self.at.coefficient(i) for i in range(len(self.shape)))


@dataclass(frozen=True)
class Routine:
    """`name` is an op of the family "routine", `attrs` are its attributes by name. Its sources are,
    by their number, `arrays`, or `exprs` at the points of `points`. The items of its stage's domain
    are computed one by one. `work`: multiply-adds of all.
    """

    name: str
    attrs: tuple[tuple[str, Any], ...]
    arrays: tuple[tuple[int, Array], ...]
    exprs: tuple[tuple[int, Expr], ...] = ()
    points: tuple[Dim, ...] = ()
    work: Dim = 0

    @property
    def array(self) -> Mapping[int, Array]:
        return dict(self.arrays)

    @property
    def expr(self) -> Mapping[int, Expr]:
        return dict(self.exprs)
