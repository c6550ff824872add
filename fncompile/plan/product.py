"""`Product`, the contraction that a stage is, and its operands: where matrices lie in memory."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from fncompile.ir.dims import Dim, product
from fncompile.plan.expressions import Affine, Buffer, axis_index


@dataclass(frozen=True)
class Operand:
    """A matrix per batch: element (g, i, j) lies at `at`, whose axes are the `batches` of the
    product, one at least, then i and j; of a left operand whose columns are several axes in memory,
    j is the last of them and the others follow, outermost first.

    `layout`: "strided", where it lies as `at` says; or, in C, packed in "panels" as of
    csrc/kern/gemm_pack.h, or of bf16_pack.h.
    """

    buffer: Buffer
    at: Affine
    layout: str = "strided"
    batches: int = 1

    @property
    def matrix(self) -> Affine:
        """Where element (i, j) of the first matrix lies, with axes 0 and 1."""
        axes = {i: Affine() for i in range(self.batches)}
        rows, columns = range(self.batches, self.batches + 2)
        return self.at.map_axes({**axes, rows: axis_index(0), columns: axis_index(1)})

    @property
    def strides(self) -> tuple[Dim, Dim]:
        """Elements from one row to the next, and from one column."""
        return self.at.coefficient(self.batches), self.at.coefficient(self.batches + 1)

    @property
    def transposed(self) -> Operand:
        """The matrix with its axes exchanged."""
        axes = {i: axis_index(i) for i in range(self.batches)}
        rows, columns = range(self.batches, self.batches + 2)
        at = self.at.map_axes({**axes, rows: axis_index(columns), columns: axis_index(rows)})
        return replace(self, at=at)

    @property
    def by_rows(self) -> bool:
        """Are the elements of a row adjacent?"""
        return self.strides[1] == 1

    @property
    def is_shared(self) -> bool:
        """Is it one matrix for all batches?"""
        return all(self.at.coefficient(i) == 0 for i in range(self.batches))

    def of_batches(self, batches: int) -> Operand:
        """The matrix of an operand that is shared, for each of so many axes of batches."""
        by = batches - self.batches
        axes = {self.batches + i: axis_index(self.batches + i + by) for i in range(2)}
        return replace(self, at=self.at.map_axes(axes), batches=batches)


@dataclass(frozen=True)
class Border:
    """Zeros around the image that a left operand is read from: line l, of the last axis of batches,
    and tap t, of the contracted axis number `axis`, read row `line * l + tap * t`; rows outside of
    `first` .. `last` - 1 are zeros."""

    axis: int
    line: int
    tap: int
    first: int
    last: int

    def inside(self, line: Any, tap: Any) -> Any:
        """Is there anything besides zeros? Of numbers or arrays."""
        row = self.line * line + self.tap * tap
        return (self.first <= row) & (row < self.last)


@dataclass(frozen=True)
class Product:
    """`c[g,m,n] = sum_k a[g,m,k] * b[g,k,n]`; `shape` is (G, M, N, K), where G stands for one axis
    or several, of extent 1 where there is one matrix alone.

    Rows whose addresses are not one axis of `a` are batches as well, where all read the same `b`.
    `contracted` are the extents of those that K is in memory of `a`, outermost first; along one of
    them `a` may have a `border` of zeros, which a driver need not multiply.
    `a` and `b` are where the matrices lie; what C reads in their place is the schedule's.
    """

    shape: tuple[Dim, ...]
    a: Operand
    b: Operand
    contracted: tuple[Dim, ...] = ()
    border: Border | None = None

    def __post_init__(self) -> None:
        if not self.contracted:
            object.__setattr__(self, "contracted", self.shape[-1:])

    @property
    def batches(self) -> tuple[Dim, ...]:
        return self.shape[:-3]

    @property
    def is_single(self) -> bool:
        """Is there one matrix alone?"""
        return self.batches == (1,)

    @property
    def is_plain(self) -> bool:
        """One matrix alone, whose rows and columns are one axis each?"""
        return self.is_single and len(self.contracted) == 1

    @property
    def line_axis(self) -> int | None:
        """The last axis of the batches where its extent is known: with the rows, an image."""
        last = len(self.batches) - 1
        return last if isinstance(self.batches[last], int) else None

    @property
    def matrix_shape(self) -> tuple[Dim, Dim, Dim]:
        """(M, N, K)."""
        m, n, k = self.shape[-3:]
        return m, n, k

    @property
    def left_domain(self) -> tuple[Dim, ...]:
        """Of the axes of `a`."""
        *outer, inner = self.contracted
        return (*self.batches, self.shape[-3], inner, *outer)

    @property
    def right_by_segments(self) -> Affine:
        """Where an element of `b` lies by the axes that `a` has: k is the last of those contracted,
        and the others follow n."""
        count = len(self.batches)
        k = axis_index(count)
        for i in range(len(self.contracted) - 1):
            k = k + axis_index(count + 2 + i).scale(product(self.contracted[i + 1 :]))
        same = {i: axis_index(i) for i in (*range(count), count + 1)}
        return self.b.at.map_axes({**same, count: k})

    @property
    def right_domain(self) -> tuple[Dim, ...]:
        """Of the axes of `b`."""
        _, n, k = self.matrix_shape
        return (*self.batches, k, n)
