"""The loop nest of a kernel: which axes are loops, where, and how their points are taken.

    Nest    outer axes, and inside them the parts, one after the other in each row
    Part    stages over one domain, computed together; its own axes, the innermost last
    Axis    one loop

`build` makes a nest and decides everything; `emit` prints it as C; `text` as a line.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from fncompile.ir.dims import Dim
from fncompile.plan.expressions import below
from fncompile.plan.schedule import Partition
from fncompile.plan.types import Bits, GatherLoad, Kernel, Stage, Value

PARALLEL, REDUCED, SEQUENTIAL = "parallel", "reduced", "sequential"
FEWER, SINGLE = "fewer", "single"


@dataclass(frozen=True)
class Axis:
    """Axis `number` of the domain, of `extent` points.

    `role`: `parallel`, its points do not depend on each other; `reduced`, they become one result;
    `sequential`, one comes after the other. A `vector` axis has several points side by side: as
    many as the compiler likes. Of an axis in blocks, `block` points are taken at a time; what is
    left (`tail`) is a block of `fewer`, or `single` points.
    """

    number: int
    extent: Dim
    role: str
    vector: bool = False
    block: int = 0
    tail: str = ""


@dataclass(frozen=True)
class Part:
    """`stages`, of which the first has number `first` in the kernel, along `kept` and `reduced`
    axes.

    Ahead of the innermost loop are made: `streams`, random bits of a whole block of it, in a
    buffer; `rows`, where in memory the row lies that all its points gather from. The compiler is
    kept from vectorising the sums `in_order`. Where lanes go side by side, reductions that are
    `apart` have a loop over the lanes each. In `columns`, a vector of the innermost axis at a time
    goes along a block of the axis before it: bytes of an element, or 0.
    """

    first: int
    stages: tuple[Stage, ...]
    kept: tuple[Axis, ...]
    reduced: tuple[Axis, ...]
    streams: tuple[Bits, ...] = ()
    rows: tuple[GatherLoad, ...] = ()
    in_order: frozenset[int] = frozenset()
    apart: bool = False
    columns: int = 0

    @property
    def axes(self) -> tuple[Axis, ...]:
        return (*self.kept, *self.reduced)

    def numbered(self) -> Iterator[tuple[int, Stage]]:
        return enumerate(self.stages, self.first)


@dataclass(frozen=True)
class Nest:
    """`parts` run one after the other for each point of the `outer` axes; where the last of these
    is a vector axis, for a block of its points."""

    kernel: Kernel
    partition: Partition
    outer: tuple[Axis, ...]
    parts: tuple[Part, ...]

    @property
    def lanes(self) -> Axis | None:
        """The outer axis whose points go side by side through all parts."""
        return self.outer[-1] if self.outer and self.outer[-1].vector else None

    def read_later(self) -> set[int]:
        """Stages whose values a part other than their own uses."""
        found: set[int] = set()
        for part in self.parts:
            own = {i for i, _ in part.numbered()}
            found |= {i for s in part.stages for i in _values_read(s)} - own
        return found


def _values_read(stage: Stage) -> set[int]:
    expressions = [e for e in (stage.expr, stage.row) if e is not None]
    return {e.stage for x in expressions for e in below(x) if isinstance(e, Value)}
