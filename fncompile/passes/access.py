"""Expressions of stages: views become affine indices, element-wise ops are inlined.

Requires: a simplified Program. `Reader.expr(node, indices)` gives the value of `node` at a point as
an expression over loads of materialised buffers, or raises `NeedsBuffer` naming the node that must
have a buffer first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from fncompile.ir import build
from fncompile.ir.dims import Dim, product
from fncompile.ir.node import Node
from fncompile.plan.types import (
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
    axis_index,
)

Indices = tuple[Affine, ...]


class NeedsBuffer(Exception):
    """`node` cannot be inlined where it is used; `reason` says why."""

    def __init__(self, node: Node, reason: str):
        super().__init__(reason)
        self.node, self.reason = node, reason


def identity(ndim: int) -> Indices:
    return tuple(axis_index(i) for i in range(ndim))


def row_major(shape: Sequence[Dim]) -> list[Dim]:
    """Strides in elements."""
    return [product(shape[i + 1 :]) for i in range(len(shape))]


def linear(shape: Sequence[Dim], indices: Indices) -> Affine:
    """The row-major element number of a point."""
    total = Affine()
    for dim, stride, index in zip(shape, row_major(shape), indices):
        if dim != 1:
            total = total + index.scale(stride)
    return total


class Reader:
    """Reads values of a Program; `buffers` has the nodes that lie in memory."""

    def __init__(self, buffers: dict[Node, Buffer]):
        self.buffers = buffers
        self._memo: dict[tuple[Node, Indices], Expr] = {}

    def expr(self, node: Node, indices: Indices, force: bool = False) -> Expr:
        """The value of `node` at `indices`; with `force`, computed even if it lies in a buffer."""
        if node in self.buffers and not force:
            return Load(self.buffers[node], linear(node.shape, indices), node.dtype)
        key = (node, indices)
        if key not in self._memo:
            self._memo[key] = self._compute(node, indices)
        return self._memo[key]

    def _compute(self, node: Node, indices: Indices) -> Expr:
        if node.op in _VIEWS:
            source, moved = _VIEWS[node.op](node, indices)
            return self.expr(source, moved)
        rule = getattr(self, f"_{node.op}", None)
        if rule is None:
            raise NeedsBuffer(node, f"{node.op} is computed by a stage of its own")
        return rule(node, indices)

    def _const(self, node: Node, indices: Indices) -> Expr:
        value = build.splat(node)
        if value is None:
            raise NeedsBuffer(node, "a table of constants lies in memory")
        return Const(value, node.dtype)

    def _iota(self, node: Node, indices: Indices) -> Expr:
        return Index(indices[node["axis"]], node.dtype)

    def _size(self, node: Node, indices: Indices) -> Expr:
        return Index(Affine(node["dim"]), node.dtype)

    def _ew(self, node: Node, indices: Indices) -> Expr:
        return Apply(node["fn"], tuple(self.expr(s, indices) for s in node.src), node.dtype)

    def _cast(self, node: Node, indices: Indices) -> Expr:
        return Apply("cast", (self.expr(node.src[0], indices),), node.dtype)

    def _stop_gradient(self, node: Node, indices: Indices) -> Expr:
        return self.expr(node.src[0], indices)

    def _reshape(self, node: Node, indices: Indices) -> Expr:
        source = node.src[0]
        if source in self.buffers:
            return Load(self.buffers[source], linear(node.shape, indices), node.dtype)
        moved = split_indices(node.shape, indices, source.shape)
        if moved is None:
            raise NeedsBuffer(
                source, f"reshape to {node.type} of a value that is not in memory needs division"
            )
        return self.expr(source, moved)

    def _pad(self, node: Node, indices: Indices) -> Expr:
        source, moved, conditions = node.src[0], [], []
        for index, start, step, inner, outer in zip(
            indices, node["start"], node["step"], source.shape, node.shape
        ):
            if abs(step) != 1:
                raise NeedsBuffer(node, "a pad with gaps is written, not computed")
            at = index.shift(-start) if step == 1 else index.scale(-1).shift(start)
            moved.append(at)
            if not (inner == outer and start == 0):
                conditions.append((at, inner))
        inside = self.expr(source, tuple(moved))
        if not conditions:
            return inside
        return Guarded(tuple(conditions), inside, Const(node["value"], node.dtype), node.dtype)

    def _gather(self, node: Node, indices: Indices) -> Expr:
        x, idx = node.src
        table, offset = self._table(x)
        row = self.expr(idx, indices[: idx.ndim])
        at = linear((1, *x.shape[1:]), (Affine(), *indices[idx.ndim :])).shift(offset)
        return GatherLoad(table, row, x.shape[0], product(x.shape[1:]), at, node.dtype)

    def _table(self, x: Node) -> tuple[Buffer, Dim]:
        """The buffer and offset of a gather's source, which must be contiguous in memory."""
        load = self._contiguous(x)
        return load.buffer, load.at.offset

    def _contiguous(self, x: Node) -> Load:
        indices = identity(x.ndim)
        load = self.expr(x, indices) if x.op in (*_VIEWS, "reshape") or x in self.buffers else None
        if not isinstance(load, Load) or load.at.terms != linear(x.shape, indices).terms:
            raise NeedsBuffer(x, "it is indexed by other values")
        return load

    def _bits(self, node: Node, indices: Indices) -> Expr:
        seed = self._contiguous_seed(node.src[0])
        return Bits(seed, linear(node.shape, indices))

    def _contiguous_seed(self, seed: Node) -> Buffer:
        if seed not in self.buffers:
            raise NeedsBuffer(seed, "it is the key of a random stream")
        return self.buffers[seed]


# views: (node, indices) -> (source, indices into it) ----------------------------------------------


def _permute(node: Node, indices: Indices) -> tuple[Node, Indices]:
    moved = [Affine()] * len(indices)
    for i, p in enumerate(node["perm"]):
        moved[p] = indices[i]
    return node.src[0], tuple(moved)


def _broadcast(node: Node, indices: Indices) -> tuple[Node, Indices]:
    source = node.src[0]
    return source, tuple(Affine() if d == 1 else i for d, i in zip(source.shape, indices))


def _slice(node: Node, indices: Indices) -> tuple[Node, Indices]:
    moved = (
        i.scale(step).shift(start) for i, start, step in zip(indices, node["start"], node["step"])
    )
    return node.src[0], tuple(moved)


_VIEWS: dict[str, Callable[[Node, Indices], tuple[Node, Indices]]] = {
    "permute": _permute,
    "broadcast": _broadcast,
    "slice": _slice,
}


def split_indices(shape: Sequence[Dim], indices: Indices, target: Sequence[Dim]) -> Indices | None:
    """Indices into `target` of the element that `indices` name in `shape`, or None if that needs
    division.

    Both shapes are cut into groups of equal size; a group of `target` with one extent above 1 takes
    the row-major number of its partner.
    """
    out: list[Affine | None] = [Affine() if d == 1 else None for d in target]
    source = [(d, i) for d, i in zip(shape, indices) if d != 1]
    wanted = [k for k, d in enumerate(target) if d != 1]
    while source and wanted:
        group, targets = [source.pop(0)], [wanted.pop(0)]
        have, want = group[0][0], target[targets[0]]
        while have != want:
            if _smaller(have, want) and source:
                group.append(source.pop(0))
                have = have * group[-1][0]
            elif wanted:
                targets.append(wanted.pop(0))
                want = want * target[targets[-1]]
            else:
                return None
        if not _assign(group, [target[t] for t in targets], targets, out):
            return None
    if source or wanted:
        return None
    return tuple(out)  # type: ignore[arg-type]


def _assign(group, dims, targets, out) -> bool:
    if len(targets) == 1:
        out[targets[0]] = linear([d for d, _ in group], tuple(i for _, i in group))
        return True
    if len(group) == len(targets) and [d for d, _ in group] == dims:
        for t, (_, index) in zip(targets, group):
            out[t] = index
        return True
    return False


def _smaller(a: Dim, b: Dim) -> bool:
    """Can `a` still grow to `b` by taking more factors? For symbols: fewer of them, or a smaller
    factor."""
    if isinstance(a, int) and isinstance(b, int):
        return a < b
    degree = [0 if isinstance(d, int) else max(len(m) for m, _ in d.terms) for d in (a, b)]
    if degree[0] != degree[1]:
        return degree[0] < degree[1]
    lead = [d if isinstance(d, int) else d.terms[0][1] for d in (a, b)]
    return lead[0] < lead[1]
