"""A sweep of the optimizer cut into pieces: what products take, and what is left.

A sweep is a kernel of pointwise stages along a whole run of parameters; its gradient is one vector,
whose parts other kernels write. `update` says which products take their part of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from fncompile.ir.dims import Dim
from fncompile.ir.types import TensorType
from fncompile.passes.loops import reindex, rewrite
from fncompile.plan.machine import machine
from fncompile.plan.partition import partition_of
from fncompile.plan.schedule import Schedule, updating
from fncompile.plan.types import (
    Affine,
    Buffer,
    Expr,
    Kernel,
    Load,
    Loop,
    Repeat,
    Stage,
    Step,
    Store,
    Value,
    axis_index,
    root_buffer,
    writes,
)

ALONG = axis_index(0)


@dataclass(frozen=True)
class Sweep:
    """A kernel over `size` elements, and the vector that has their gradients."""

    kernel: Kernel
    gradient: Buffer
    size: int


@dataclass(frozen=True)
class Piece:
    """Elements `start` .. `end` - 1 of a sweep: those that `product` computes, or what is left
    between such; `number` tells their buffers apart."""

    start: int
    end: int
    product: Kernel | None = None
    number: int = 0

    @property
    def size(self) -> int:
        return self.end - self.start


def place_of(kernel: Kernel, start: Dim) -> Affine:
    """Where the element of the kernel's product lies in the sweep, with axes g, m, n."""
    assert kernel.product is not None
    return Affine(start, ((1, kernel.product.matrix_shape[1]), (2, 1)))


def pieces_of(sweep: Sweep, taken: Sequence[Piece]) -> list[Piece]:
    """All of the sweep in the order of memory."""
    pieces: list[Piece] = []
    end = 0
    for piece in (*taken, Piece(sweep.size, sweep.size)):
        if piece.start > end:
            pieces.append(Piece(end, piece.start))
        pieces.append(piece)
        end = piece.end
    return [replace(p, number=i) for i, p in enumerate(pieces) if p.size]


def divided(steps: Sequence[Step], sweep: Sweep, pieces: Sequence[Piece]) -> list[Step]:
    """`steps` with the kernels of the pieces in place of the sweep."""
    taken = [p for p in pieces if p.product is not None]
    left = [p for p in pieces if p.product is None]
    out: list[Step] = []
    for kernel in steps:
        if isinstance(kernel, Repeat):
            out.append(kernel)
        elif kernel is sweep.kernel:
            out += [*(_updating(p, sweep) for p in taken), *_left_over(left, sweep)]
        elif not any(kernel is p.product for p in taken):
            out.append(_storing(kernel, sweep, left))
    return out


def _updating(piece: Piece, sweep: Sweep) -> Kernel:
    """The product with the sweep's stages for its piece."""
    kernel = piece.product
    assert kernel is not None
    last = next(i for i, s in enumerate(kernel.stages) if s.stores)
    stored = kernel.stages[last].stores[0].buffer
    place, value = place_of(kernel, piece.start), Value(last, stored.type.dtype)
    own = _own_buffers(piece, sweep)
    computing = [_substituted(s, sweep, own, place, 0, value) for s in kernel.stages]
    before = [replace(s, stores=()) for s in computing]
    after = _swept(piece, sweep, place, kernel.stages[0].domain, len(before), value)
    assert kernel.schedule is not None
    loops = (Loop((*before, *after)),)
    return replace(kernel, loops=loops, schedule=updating(kernel.schedule))


def _left_over(pieces: Sequence[Piece], sweep: Sweep) -> list[Kernel]:
    """A kernel for each long piece, and one for all others."""
    long = [p for p in pieces if p.size >= machine().long_piece]
    short = [p for p in pieces if p not in long]
    kernels = [_kernel(1, (_loop(p, sweep, 0),)) for p in long]
    count = len(sweep.kernel.stages)
    loops = tuple(_loop(p, sweep, i * count) for i, p in enumerate(short))
    return [*kernels, _kernel(0 if len(loops) > 1 else 1, loops)] if loops else kernels


def _kernel(outer: int, loops: tuple[Loop, ...]) -> Kernel:
    kernel = Kernel("", outer, loops)
    return replace(kernel, schedule=Schedule(partition_of(kernel)))


def _loop(piece: Piece, sweep: Sweep, first: int) -> Loop:
    place = ALONG.shift(piece.start)
    gradient = Load(_gradient_of(piece, sweep), ALONG, sweep.gradient.type.dtype)
    return Loop(_swept(piece, sweep, place, (piece.size,), first, gradient))


def _swept(
    piece: Piece,
    sweep: Sweep,
    place: Affine,
    domain: tuple[Dim, ...],
    first: int,
    gradient: Expr,
) -> tuple[Stage, ...]:
    """The sweep's stages for the elements `place` of the piece, numbered from `first` on."""
    own = _own_buffers(piece, sweep)
    moved = [reindex(s, {0: place}, domain, 0) for s in sweep.kernel.stages]
    return tuple(_substituted(s, sweep, own, place, first, gradient) for s in moved)


def _substituted(
    stage: Stage,
    sweep: Sweep,
    own: Mapping[Buffer, Buffer],
    place: Affine,
    first: int,
    gradient: Expr,
) -> Stage:
    """The stage with buffers of its `own` in place of those that the sweep writes, its values
    counted from `first` on, and `gradient` in place of what it reads of the sweep's."""
    at = Affine(0, place.terms)

    def leaf(e: Expr) -> Expr:
        if isinstance(e, Value):
            return Value(e.stage + first, e.dtype)
        assert isinstance(e, Load)
        if e.buffer == sweep.gradient:
            return gradient
        return Load(own[e.buffer], at, e.dtype) if e.buffer in own else e

    stores = tuple(Store(own[s.buffer], at) for s in stage.stores if s.buffer in own)
    return replace(stage, expr=rewrite(stage.expr, leaf), stores=stores)


def _own_buffers(piece: Piece, sweep: Sweep) -> dict[Buffer, Buffer]:
    """For what the sweep writes, and for its old value, the piece alone: so that kernels of other
    pieces are seen to touch other memory."""
    own: dict[Buffer, Buffer] = {}
    for buffer in sorted(writes(sweep.kernel), key=lambda b: b.name):
        root = root_buffer(buffer)
        type = TensorType(root.type.dtype, (piece.size,))
        name = f"{root.name}_piece{piece.number}"
        own[root] = Buffer(name, type, root.kind, root.index, root, piece.start)
        if buffer != root:
            own[buffer] = Buffer(f"{name}'", type, root.kind, root.index, own[root])
    return own


def _gradient_of(piece: Piece, sweep: Sweep) -> Buffer:
    type = TensorType(sweep.gradient.type.dtype, (piece.size,))
    return Buffer(f"{sweep.gradient.name}_piece{piece.number}", type, "arena")


def _storing(kernel: Kernel, sweep: Sweep, left: Sequence[Piece]) -> Kernel:
    """A kernel that writes parts of the gradient: into the vectors of the pieces that are left."""
    if all(b.base != sweep.gradient for b in writes(kernel)):
        return kernel
    loops = tuple(
        Loop(tuple(replace(s, stores=_stores(s, sweep, left)) for s in loop.stages))
        for loop in kernel.loops
    )
    return replace(kernel, loops=loops)


def _stores(stage: Stage, sweep: Sweep, left: Sequence[Piece]) -> tuple[Store, ...]:
    found: list[Store] = []
    for store in stage.stores:
        buffer, start = store.buffer, store.buffer.offset
        if buffer.base == sweep.gradient and isinstance(start, int):
            piece = next(p for p in left if p.start <= start < p.end)
            vector = _gradient_of(piece, sweep)
            buffer = replace(buffer, base=vector, offset=start - piece.start)
        found.append(Store(buffer, store.at))
    return tuple(found)
