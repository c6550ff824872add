"""Nodes and programs.

A `Node` is immutable and interned: the same op on the same sources is the same object, so equality
is identity and common subexpressions cost nothing.  A node's type is always inferred, never given.
Where a node came from lives beside it, in the `origins` of its program, so that it cannot keep
equal computations apart, and programs which share a node do not rename each other's kernels. Who
makes nodes for a layer says so once, with `coming_from`; `make` notes the rest.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from fncompile.ir.dims import Dim
from fncompile.ir.infer import infer
from fncompile.ir.ops import OPS
from fncompile.ir.region import rebuilt
from fncompile.ir.types import TensorType

if TYPE_CHECKING:
    from fncompile.ir.ranges import Range


class Node:
    """One value of a Program. Make nodes with the functions of `fncompile.ir.build`."""

    __slots__ = ("__weakref__", "attr", "op", "src", "type")

    op: str
    src: tuple[Node, ...]
    attr: tuple[Any, ...]
    type: TensorType

    @property
    def shape(self) -> tuple[Dim, ...]:
        return self.type.shape

    @property
    def dtype(self) -> str:
        return self.type.dtype

    @property
    def ndim(self) -> int:
        return len(self.type.shape)

    def __getitem__(self, name: str) -> Any:
        """The attribute called `name` in the op's row of `ops.OPS`."""
        return self.attr[OPS[self.op].attrs.index(name)]

    def __repr__(self) -> str:
        return f"<{self.op} {self.attr} {self.type}>"


_interned: weakref.WeakValueDictionary[tuple, Node] = weakref.WeakValueDictionary()


@dataclass(frozen=True)
class Origin:
    """The layer at `path` (or `loss/…`, `metrics/…`, `optimizer/…`): its computation, or, where
    `backward`, a part of its gradient."""

    path: str
    backward: bool = False

    def __str__(self) -> str:
        return f"{self.path} (backward)" if self.backward else self.path


def parse_origin(text: str) -> Origin:
    """The inverse of `str`."""
    return Origin(text.removesuffix(" (backward)"), text.endswith(" (backward)"))


Origins = dict[Node, Origin]
# where origins are noted, and the origin of the nodes being made
_recording: ContextVar[tuple[Origins | None, Origin | None]] = ContextVar(
    "origins", default=(None, None)
)


@contextmanager
def recording(origins: Origins) -> Iterator[None]:
    """Origins noted and asked for inside the block are those in `origins`."""
    token = _recording.set((origins, None))
    try:
        yield
    finally:
        _recording.reset(token)


class coming_from:  # no generator, which takes three times as long: each node has one
    """Every node made inside the block is from `origin`, unless it was made before."""

    __slots__ = ("_origin", "_token")

    def __init__(self, origin: Origin | None):
        self._origin = origin

    def __enter__(self) -> None:
        self._token = _recording.set((_recording.get()[0], self._origin))

    def __exit__(self, *error: object) -> None:
        _recording.reset(self._token)


# sets that take in every node that is asked for, whether or not it was made before
_noting: ContextVar[tuple[set[Node], ...]] = ContextVar("noting", default=())


@contextmanager
def noting(made: set[Node]) -> Iterator[None]:
    """Add to `made` what the code inside the block computes."""
    token = _noting.set((*_noting.get(), made))
    try:
        yield
    finally:
        _noting.reset(token)


def current_origins() -> Origins:
    """Those being recorded; outside of `recording` a fresh mapping, which is soon forgotten."""
    found = _recording.get()[0]
    return {} if found is None else found


def make(op: str, src: Iterable[Node] = (), *attr: Any) -> Node:
    """The node `op(*src, *attr)`; raises `ValueError` where the types do not fit."""
    node = _intern(op, tuple(src), attr)
    for made in _noting.get():
        made.add(node)
    origins, origin = _recording.get()
    if origin is not None and origins is not None and op not in ("input", "param"):
        origins.setdefault(node, origin)
    return node


def _intern(op: str, src: tuple[Node, ...], attr: tuple[Any, ...]) -> Node:
    key = (op, src, attr)
    found = _interned.get(key)
    if found is not None:
        return found
    node = Node()
    node.op, node.src, node.attr = op, src, attr
    node.type = infer(op, tuple(s.type for s in src), attr)
    return _interned.setdefault(key, node)


@dataclass(frozen=True)
class Program:
    """`outputs` and `updates` of `inputs` and `params`.

    `updates` maps a parameter to its value after the program ran.  `constraints` are pairs of
    dimensions that the caller's sizes must make equal. `origins` says which layer a node is from,
    `ranges` which numbers an input that is an index may have.
    """

    inputs: tuple[Node, ...]
    params: tuple[Node, ...]
    outputs: dict[str, Node]
    updates: dict[Node, Node] = field(default_factory=dict)
    constraints: tuple[tuple[Dim, Dim], ...] = ()
    origins: Origins = field(default_factory=current_origins, compare=False, repr=False)
    ranges: tuple[tuple[str, Range], ...] = ()

    @property
    def roots(self) -> tuple[Node, ...]:
        return (*self.outputs.values(), *self.updates.values())

    def nodes(self) -> list[Node]:
        """Every node that the roots need, sources before users, in a fixed order."""
        return list(self._order)

    @cached_property
    def _order(self) -> list[Node]:
        return toposort(self.roots)

    def all_nodes(self) -> list[Node]:
        """Also those of regions, which come before the node that they are in."""
        return with_regions(self._order)

    @property
    def dtypes(self) -> set[str]:
        """Of all tensors, also of those in regions."""
        return {type.dtype for node in self.all_nodes() for type in node.type.parts}

    def map(self, fn: Callable[[Node], Node]) -> Program:
        """The program with every root replaced by `fn(root)`."""
        return replace(
            self,
            outputs={k: fn(n) for k, n in self.outputs.items()},
            updates={p: fn(n) for p, n in self.updates.items()},
        )


def toposort(roots: Iterable[Node]) -> list[Node]:
    """Nodes below `roots`, sources first; depth first in source order, without recursion."""
    done: dict[Node, None] = {}
    stack = list(roots)[::-1]
    while stack:
        waiting = [s for s in stack[-1].src if s not in done]
        if waiting:
            stack.extend(reversed(waiting))
        else:
            done[stack.pop()] = None
    return list(done)


def with_regions(nodes: Iterable[Node]) -> list[Node]:
    """The nodes, and before each that has a region those inside it."""
    found: dict[Node, None] = {}
    for node in nodes:
        if OPS[node.op].has_region:
            found.update(dict.fromkeys(with_regions(toposort(node["body"].outputs))))
        found[node] = None
    return list(found)


def rebuild(roots: Iterable[Node], replace_node: Callable[[Node, tuple[Node, ...]], Node | None]):
    """Map each node below `roots` bottom up; returns the dict old -> new.

    `replace_node(node, new_sources)` gives the replacement, or None to keep the op and attributes.
    What it makes comes from where `node` came from. Regions are rebuilt first; parts of bundles
    are not asked about.
    """
    new: dict[Node, Node] = {}
    origins = current_origins()
    for node in toposort(roots):
        src = tuple([new[s] for s in node.src])
        with coming_from(origins.get(node)):
            if OPS[node.op].has_region:
                body = rebuilt(node["body"], lambda inner: rebuild(inner, replace_node))
                node_now = make(node.op, src, body, *node.attr[1:])
                new[node] = replace_node(node_now, src) or node_now
                continue
            result = None if node.op == "part" else replace_node(node, src)
            if result is None:
                result = node if src == node.src else make(node.op, src, *node.attr)
        new[node] = result
    return new
