"""Expressions of stages: views become affine indices, element-wise ops are inlined.

Requires: a simplified Program, in whose memory `materialize` put all that cannot be inlined where
it is used. `Reader.expr(node, indices)` gives the value of `node` at a point as an expression over
loads of buffers; `view_of` the load that a chain of views is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from fncompile.ir import build
from fncompile.ir.dims import Dim, product, row_major
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
Buffers = Mapping[Node, Buffer]


SPREADING = ("broadcast", "window")  # views in which an element stands several times


def is_leaf(node: Node) -> bool:
    return not node.src


def base_of(node: Node) -> Node:
    """`node` without reshapes: the value whose row-major bytes are the same."""
    while node.op == "reshape":
        node = node.src[0]
    return node


def identity(ndim: int) -> Indices:
    return tuple(axis_index(i) for i in range(ndim))


def linear(shape: Sequence[Dim], indices: Indices) -> Affine:
    """The row-major element number of a point."""
    total = Affine()
    for dim, stride, index in zip(shape, row_major(shape), indices):
        if dim != 1:
            total = total + index.scale(stride)
    return total


class Reader:
    """Reads values of a Program; `buffers` has the nodes that lie in memory, `known` the values of
    others at points."""

    def __init__(self, buffers: Buffers, known: Mapping[tuple[Node, Indices], Expr] | None = None):
        self.buffers = buffers
        self._memo = {(*point, False): value for point, value in (known or {}).items()}

    def expr(self, node: Node, indices: Indices, force: bool = False) -> Expr:
        """The value of `node` at `indices`; with `force`, computed even if it lies in a buffer."""
        key = (node, indices, force)
        if key not in self._memo:
            found = below_views(node, indices, self.buffers, force)
            self._memo[key] = (
                found if isinstance(found, Load) else RULES[found[0].op](self, *found)
            )
        return self._memo[key]


def view_of(x: Node, indices: Indices, buffers: Buffers) -> Load | None:
    """Where the element of `x` lies, when `x` is a view of something in memory, else None."""
    found = below_views(x, indices, buffers)
    return found if isinstance(found, Load) else None


def below_views(
    node: Node, indices: Indices, buffers: Buffers, force: bool = False
) -> Load | tuple[Node, Indices]:
    """What the views that `node` begins with read: a load, or a computed value and the indices into
    it; with `force`, though `node` itself lies in memory."""
    while True:
        if node in buffers and not force:
            return Load(buffers[node], linear(node.shape, indices), node.dtype)
        force = False
        base = base_of(node)
        if base is not node and base in buffers:  # whatever its shape
            return Load(buffers[base], linear(node.shape, indices), node.dtype)
        if node.op not in VIEWS:
            return node, indices
        moved = VIEWS[node.op](node, indices)
        assert moved is not None, f"{node} needs division"
        node, indices = moved


# expressions: (reader, node, indices) -> what `node` is there ------------------------------------


def _const(reader: Reader, node: Node, indices: Indices) -> Expr:
    return Const(build.splat(node), node.dtype)


def _iota(reader: Reader, node: Node, indices: Indices) -> Expr:
    return Index(indices[node["axis"]], node.dtype)


def _size(reader: Reader, node: Node, indices: Indices) -> Expr:
    return Index(Affine(node["dim"]), node.dtype)


def _ew(reader: Reader, node: Node, indices: Indices) -> Expr:
    return Apply(node["fn"], tuple(reader.expr(s, indices) for s in node.src), node.dtype)


def _cast(reader: Reader, node: Node, indices: Indices) -> Expr:
    return Apply("cast", (reader.expr(node.src[0], indices),), node.dtype)


def _pad(reader: Reader, node: Node, indices: Indices) -> Expr:
    """Of steps 1 and -1: a pad with gaps is written, not computed."""
    source, moved, conditions = node.src[0], [], []
    for index, start, step, inner, outer in zip(
        indices, node["start"], node["step"], source.shape, node.shape
    ):
        at = index.shift(-start) if step == 1 else index.scale(-1).shift(start)
        moved.append(at)
        if not (inner == outer and start == 0):
            conditions.append((at, inner))
    inside = reader.expr(source, tuple(moved))
    if not conditions:
        return inside
    return Guarded(tuple(conditions), inside, Const(node["value"], node.dtype), node.dtype)


def _gather(reader: Reader, node: Node, indices: Indices) -> Expr:
    x, idx = node.src
    table = view_of(x, identity(x.ndim), reader.buffers)
    assert table is not None and is_contiguous(table, x), f"{x} is no table"
    row = reader.expr(idx, indices[: idx.ndim])
    at = linear((1, *x.shape[1:]), (Affine(), *indices[idx.ndim :])).shift(table.at.offset)
    return GatherLoad(table.buffer, row, x.shape[0], product(x.shape[1:]), at, node.dtype)


def is_contiguous(load: Load, x: Node) -> bool:
    """Does `load`, of `x` at `identity`, read one element after the other?"""
    return load.at.terms == linear(x.shape, identity(x.ndim)).terms


def _bits(reader: Reader, node: Node, indices: Indices) -> Expr:
    return Bits(reader.buffers[base_of(node.src[0])], linear(node.shape, indices))


RULES: dict[str, Callable[[Reader, Node, Indices], Expr]] = {
    "const": _const,
    "iota": _iota,
    "size": _size,
    "ew": _ew,
    "cast": _cast,
    "pad": _pad,
    "gather": _gather,
    "bits": _bits,
}


# views: (node, indices) -> (source, indices into it), or None where that needs division ----------


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


def _same(node: Node, indices: Indices) -> tuple[Node, Indices]:
    return node.src[0], indices


def _reshape(node: Node, indices: Indices) -> tuple[Node, Indices] | None:
    moved = split_indices(node.shape, indices, node.src[0].shape)
    return None if moved is None else (node.src[0], moved)


def _window(node: Node, indices: Indices) -> tuple[Node, Indices]:
    """Without padding: that is a pad, see windows.py."""
    source = node.src[0]
    moved = list(indices[: source.ndim])
    taps = indices[source.ndim :]
    for axis, tap, stride, dilation in zip(node["axes"], taps, node["stride"], node["dilation"]):
        moved[axis] = moved[axis].scale(stride) + tap.scale(dilation)
    return source, tuple(moved)


VIEWS: dict[str, Callable[[Node, Indices], tuple[Node, Indices] | None]] = {
    "permute": _permute,
    "broadcast": _broadcast,
    "slice": _slice,
    "window": _window,
    "stop_gradient": _same,
    "straight_through": _same,
    "own_gradient": _same,
    "reshape": _reshape,
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
            elif source:
                return None
            else:  # what is left of both is of equal size, as both shapes are
                break
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
