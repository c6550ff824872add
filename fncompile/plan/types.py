"""The Plan: an ordered list of kernels over buffers. What `fuse` makes and codegen prints.

A `Stage` computes one value for every point of its domain, or reduces over the trailing axes of it.
A `Kernel` runs its stages inside loops over the leading axes that they share. Every memory access
is affine in the axes of the stage.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

from fncompile.ir.bounds import Bound
from fncompile.ir.dims import Dim, product
from fncompile.ir.node import Node, Origin
from fncompile.ir.ranges import Range
from fncompile.plan.expressions import (  # noqa: F401  (the Plan's types are asked for here)
    Affine,
    Apply,
    Bits,
    Buffer,
    Const,
    Expr,
    GatherLoad,
    Guarded,
    Index,
    Load,
    Value,
    axis_index,
    below,
    buffer_of,
    children,
    indices,
    kept,
    loads,
    memory_place,
)
from fncompile.plan.product import Operand, Product
from fncompile.plan.routine import Array, Routine  # noqa: F401

if TYPE_CHECKING:
    from fncompile.plan.schedule import Schedule


# stages and kernels -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Store:
    buffer: Buffer
    at: Affine


@dataclass(frozen=True)
class Stage:
    """`kind`: map, sum, max, min, prod, argmax, scatter, dot, pack or routine.

    The last `reduced` axes of `domain` are reduced. `scatter` adds `expr` to the row given by `row`
    of its (zeroed) store, when it lies inside `rows`. `dot` is the `product`, with domain (g, m,
    n). `pack` copies a matrix to where a packed operand is read. `routine` is what a function of
    csrc/kern computes for each item of its domain, and stores where the first store begins.
    """

    node: Node
    kind: str
    domain: tuple[Dim, ...]
    reduced: int
    expr: Expr
    stores: tuple[Store, ...]
    dtype: str
    row: Expr | None = None
    rows: Dim = 0
    row_stride: Dim = 0
    product: Product | None = None
    routine: Routine | None = None

    @property
    def kept(self) -> tuple[Dim, ...]:
        return self.domain[: len(self.domain) - self.reduced]

    @property
    def size(self) -> Dim:
        return product(self.domain)

    @cached_property
    def loads(self) -> tuple[Expr, ...]:
        """What its expressions, or its routine, read from memory."""
        found = [e for x in (self.expr, self.row) if x is not None for e in loads(x)]
        if self.routine is not None:
            found += [e for _, x in self.routine.exprs for e in loads(x)]
            found += [Load(a.buffer, a.at, a.dtype) for _, a in self.routine.arrays]
        return tuple(found)

    @cached_property
    def affines(self) -> tuple[Affine, ...]:
        """Every index that it uses."""
        found = [s.at for s in self.stores]
        for expr in (self.expr, self.row):
            found += [] if expr is None else indices(expr)
        return tuple(dict.fromkeys(found))


@dataclass(frozen=True)
class Loop:
    """Stages over one domain, computed together point by point; stores come after all values."""

    stages: tuple[Stage, ...]

    @property
    def domain(self) -> tuple[Dim, ...]:
        return self.stages[0].domain


@dataclass(frozen=True)
class Kernel:
    """Loops one after the other, inside loops over the first `outer` axes, which all of them share.

    The kernel of a product has one loop over `outer` axes, whose first stage is the `dot`: the
    others are its epilogue, computed for each element of the result while it is at hand. `Value(i)`
    means stage `i` counted through all loops.
    """

    name: str
    outer: int
    loops: tuple[Loop, ...]
    origins: tuple[Origin, ...] = ()
    schedule: Schedule | None = None

    @cached_property
    def stages(self) -> tuple[Stage, ...]:
        return tuple(s for loop in self.loops for s in loop.stages)

    @cached_property
    def read_values(self) -> frozenset[int]:
        """Stages whose values stages read."""
        expressions = [e for s in self.stages for e in (s.expr, s.row) if e is not None]
        return frozenset(e.stage for x in expressions for e in below(x) if isinstance(e, Value))

    @cached_property
    def read(self) -> frozenset[Buffer]:
        """Buffers read (not those forwarded in registers, or local)."""
        found = [buffer_of(e) for s in self.stages for e in s.loads]
        return _not_local([*found, *(operand.buffer for operand in operands(self))])

    @cached_property
    def written(self) -> frozenset[Buffer]:
        """Buffers written (not local ones)."""
        return _not_local(store.buffer for s in self.stages for store in s.stores)

    @property
    def product(self) -> Product | None:
        return self.stages[0].product

    @property
    def routine(self) -> Routine | None:
        return self.stages[0].routine

    @property
    def layers(self) -> str:
        """Where it comes from, in words."""
        return ", ".join(map(str, self.origins)) or "no layer"


@dataclass(frozen=True)
class Repeat:
    """The steps of `body`, `count` times in order; indices in it may mention `symbol`, which is 0,
    1, ... `count` - 1. `carries` are the buffers whose contents one turn leaves to the next."""

    symbol: str
    count: Dim
    body: tuple[Step, ...]
    carries: tuple[Buffer, ...] = ()

    @cached_property
    def read(self) -> frozenset[Buffer]:
        return frozenset(b for s in self.body for b in s.read)

    @cached_property
    def written(self) -> frozenset[Buffer]:
        return frozenset(b for s in self.body for b in s.written)


Step = Kernel | Repeat


def kernels_of(steps: Iterable[Step]) -> Iterator[Kernel]:
    """The kernels of a tree of steps, each once, in order."""
    for step in steps:
        if isinstance(step, Repeat):
            yield from kernels_of(step.body)
        else:
            yield step


def repeats_of(steps: Iterable[Step]) -> Iterator[Repeat]:
    """The repeats of a tree of steps, outer ones before those inside them."""
    for step in steps:
        if isinstance(step, Repeat):
            yield step
            yield from repeats_of(step.body)


def mapped(steps: Iterable[Step], change: Callable[[Kernel], Kernel]) -> list[Step]:
    """The tree with every kernel changed."""
    return [
        replace(s, body=tuple(mapped(s.body, change))) if isinstance(s, Repeat) else change(s)
        for s in steps
    ]


@dataclass(frozen=True)
class Decision:
    """Why two parts are, or are not, in one kernel, where `rule` was asked."""

    subject: str
    fused: bool
    reason: str
    rule: str = ""

    def __str__(self) -> str:
        return f"{self.subject}: {f'{self.rule}: ' if self.rule else ''}{self.reason}"


@dataclass(frozen=True)
class Plan:
    """`steps` are kernels and repeats of them, in order.

    `decisions` say what was fused, `rewritten` which compositions of the program were recognised.
    `offsets` places arena buffers (bytes); `arena` is the size of the whole (bytes).

    `prepare` are the kernels that depend on weights alone, in order; what they compute lies in a
    block of its own, `prepared` (bytes), and is computed again only when weights change.
    `barriers` gives for each of `kernels` why the workers of a team must wait for each other before
    it, or "".

    Where no kernel combines samples of the batch (`by_sample`) and `slice` is not 0, so many of
    them are taken through all kernels, then the next.

    Where `first_half` is not None the step can be called in two halves, of which the first are so
    many `steps`.
    """

    steps: list[Step]
    inputs: list[Buffer]
    outputs: list[Buffer]
    params: list[Buffer]
    symbols: list[str]
    constraints: tuple[tuple[Dim, Dim], ...] = ()
    bounds: tuple[Bound, ...] = ()
    ranges: tuple[tuple[str, Range], ...] = ()
    decisions: list[Decision] = field(default_factory=list)
    rewritten: list[str] = field(default_factory=list)
    offsets: dict[Buffer, Dim] = field(default_factory=dict)
    arena: Dim = 0
    prepare: list[Kernel] = field(default_factory=list)
    prepared_offsets: dict[Buffer, int] = field(default_factory=dict)
    prepared: int = 0
    barriers: tuple[str, ...] = ()
    first_half: int | None = None
    by_sample: bool = False
    slice: int = 0

    @cached_property
    def kernels(self) -> tuple[Kernel, ...]:
        """All kernels of a call, in order; those of a repeat once."""
        return tuple(kernels_of(self.steps))

    @cached_property
    def loop_symbols(self) -> tuple[str, ...]:
        """Of the repeats, whose turn they count."""
        return tuple(r.symbol for r in repeats_of(self.steps))

    @cached_property
    def kernel_symbols(self) -> tuple[str, ...]:
        """What kernels find in the sizes of their call: those of the call, then the turns."""
        return (*self.symbols, *self.loop_symbols)


def root_buffer(buffer: Buffer) -> Buffer:
    while buffer.base is not None:
        buffer = buffer.base
    return buffer


def whole(buffer: Buffer) -> Buffer:
    """The outermost buffer that is the same memory, by another name."""
    while buffer.base is not None and buffer.offset == 0 and buffer.type == buffer.base.type:
        buffer = buffer.base
    return buffer


def reads(step: Step) -> frozenset[Buffer]:
    """Buffers read by the kernel, or in the repeat."""
    return step.read


def writes(step: Step) -> frozenset[Buffer]:
    """Buffers written by the kernel, or in the repeat."""
    return step.written


def _not_local(buffers: Iterable[Buffer]) -> frozenset[Buffer]:
    return frozenset(b for b in buffers if b.kind != "local")


def operands(kernel: Kernel) -> list[Operand]:
    """The matrices that any variant of a product, or of a packing, reads."""
    product_ = kernel.product
    variants = kernel.schedule.variants if kernel.schedule is not None else ()
    found = [o for v in variants for o in (v.a, v.b)]
    if product_ is not None and not any(found):
        found = [product_.a, product_.b]
    return list(dict.fromkeys(o for o in found if o is not None))


def result_arrays(kernel: Kernel) -> list[Load | Store]:
    """The accesses of an epilogue that walk an array element by element of the result."""
    product = kernel.product
    assert product is not None
    if not product.is_single:
        return []
    terms = ((1, product.matrix_shape[1]), (2, 1))
    dtype = kernel.stages[0].dtype
    found = {
        (a.buffer, a.at): a
        for stage in kernel.stages
        for a in (*stage.loads, *stage.stores)
        if isinstance(a, (Load, Store)) and a.at.terms == terms and a.buffer.type.dtype == dtype
    }
    return list(found.values())
