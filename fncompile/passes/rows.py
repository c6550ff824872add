"""Along which leading axes the stages of a kernel run row by row.

Requires: stages and the edges between them. Ensures: where `shared` says n axes, every stage has
the same first n extents, and each row of them reads only what the same row wrote.
"""

from __future__ import annotations

from dataclasses import dataclass

from fncompile.ir.dims import Dim, Poly
from fncompile.plan.types import Affine, Stage


@dataclass(frozen=True)
class Rows:
    """What is to be known of a group: the leading extents that its stages share, and for which
    numbers of them (as bits) its rows are independent of each other."""

    extents: tuple[Dim, ...]
    independent: int = -1
    single: bool = False  # does every stage compute one value?
    scatters: bool = False

    @classmethod
    def of(cls, stage: Stage) -> Rows:
        return cls(stage.kept, single=not stage.kept, scatters=stage.kind == "scatter")

    def joined(self, other: Rows, independent: int) -> Rows:
        """Of both groups, where the edges between them allow `independent`."""
        n = next(
            (i for i, (a, b) in enumerate(zip(self.extents, other.extents)) if a != b),
            min(len(self.extents), len(other.extents)),
        )
        return Rows(
            self.extents[:n],
            self.independent & other.independent & independent,
            self.single and other.single,
            self.scatters or other.scatters,
        )

    @property
    def shared(self) -> int:
        """How many leading axes can be walked row by row."""
        allowed = [n for n in range(1, len(self.extents) + 1) if self.independent >> n & 1]
        return allowed[-1] if allowed else 0


def independent_rows(
    writer: Stage, stored: list[Affine], reader: Stage, read: list[Affine | None]
) -> int:
    """For which numbers n of leading axes a row of the reader touches only the same row of the
    writer; bit n says so."""
    found = 0
    for n in range(1, min(len(writer.kept), len(reader.kept)) + 1):
        if all(r is not None and _same_rows(w, writer, r, reader, n) for w in stored for r in read):
            found |= 1 << n
    return found


def _same_rows(w: Affine, writer: Stage, r: Affine, reader: Stage, outer: int) -> bool:
    """Equal strides along the outer axes, and inner parts that stay within one row."""
    strides = [w.coefficient(i) for i in range(outer)]
    if strides != [r.coefficient(i) for i in range(outer)]:
        return False
    used = [c for c, d in zip(strides, writer.domain) if d != 1]
    if any(c == 0 for c in used):
        return False
    row = used[-1] if used else None
    ends = _extent(w, writer, outer), _extent(r, reader, outer)
    return row is None or all(_fits(end, row) for end in ends)


def _extent(at: Affine, stage: Stage, outer: int) -> Dim | None:
    """One more than the largest inner offset; None when some step is backwards or unknown."""
    top: Dim = at.offset
    for axis, coef in at.terms:
        if axis >= outer:
            if not non_negative(coef):
                return None
            top = top + coef * (stage.domain[axis] - 1)
    return top + 1 if non_negative(at.offset) else None


def _fits(extent: Dim | None, row: Dim) -> bool:
    return extent is not None and non_negative(row - extent)


def non_negative(dim: Dim) -> bool:
    if isinstance(dim, Poly):
        return all(c >= 0 for _, c in dim.terms)
    return dim >= 0
