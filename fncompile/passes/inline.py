"""Bodies of scans as nodes of the program around them: those of one turn, whose number is a symbol.

Requires: a Program. Ensures: a Program without regions, in which the element of a sequence is a
slice at the turn, so that layouts and views reach through it; a `Recurrence` for each scan; and for
every node the recurrence in whose turns it is computed, the innermost one if there are several.
What is the same in all turns is computed outside of them.
Example: the body h = tanh(x + h u) becomes tanh(slice(x, turn0) + dot(@turn0.c0, u)).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from fncompile.ir import build
from fncompile.ir.dims import Dim, symbol
from fncompile.ir.node import (
    Node,
    Origin,
    Program,
    coming_from,
    current_origins,
    make,
    toposort,
)
from fncompile.ir.region import split

OUTSIDE = ""  # the home of what is in no recurrence


@dataclass(frozen=True)
class Carry:
    """`before` is its value in a turn, `after` that behind the last one; `first` and `next` are
    what is computed for it."""

    before: Node
    after: Node
    first: Node
    next: Node


@dataclass(frozen=True)
class Out:
    """A sequence that comes out: `whole`, whose row `at` is the `element` of the turn."""

    whole: Node
    element: Node
    at: Dim


@dataclass(frozen=True)
class Recurrence:
    """`count` turns, numbered by `symbol`, in each turn of the recurrence `around` it."""

    symbol: str
    count: Dim
    around: str
    carries: tuple[Carry, ...]
    outs: tuple[Out, ...]

    @property
    def results(self) -> tuple[Node, ...]:
        """What a turn computes."""
        return (*(c.next for c in self.carries), *(o.element for o in self.outs))


@dataclass(frozen=True)
class Flat(Program):
    """A Program without regions. `home` has the symbol of the recurrence that a node is in. What
    stands for a value of a recurrence is an input that is not declared."""

    recurrences: tuple[Recurrence, ...] = ()
    home: dict[Node, str] = field(default_factory=dict, compare=False, repr=False)

    @property
    def roots(self) -> tuple[Node, ...]:
        firsts = (c.first for r in self.recurrences for c in r.carries)
        inner = (n for r in self.recurrences for n in r.results)
        return (*firsts, *inner, *self.outputs.values(), *self.updates.values())


def inline(program: Program) -> Flat:
    """The program without its regions."""
    inliner = _Inliner()
    new = inliner.values(program.roots, {}, None)
    return Flat(
        program.inputs,
        program.params,
        {name: new[n] for name, n in program.outputs.items()},
        {p: new[n] for p, n in program.updates.items()},
        program.constraints,
        program.origins,
        program.ranges,
        tuple(inliner.recurrences),
        inliner.home,
    )


class _Inliner:
    def __init__(self) -> None:
        self.recurrences: list[Recurrence] = []
        self.home: dict[Node, str] = {}
        self._depth = {OUTSIDE: 0}  # of symbols

    def values(
        self, roots: Iterable[Node], given: dict[Node, Node], scan: Origin | None
    ) -> dict[Node, Node]:
        """What stands for each node below `roots`, in a scan from `scan`."""
        new, bundles = dict(given), dict[Node, tuple[Node, ...]]()
        origins = current_origins()
        for node in toposort(roots):
            if node in new:
                continue
            if node.op == "part":
                new[node] = bundles[node.src[0]][node["index"]]
                continue
            src = tuple(new[s] for s in node.src)
            with coming_from(_nearer(origins.get(node), scan)):
                if node.op == "scan":
                    bundles[node] = self._scan(node, src)
                    new[node] = node
                else:
                    new[node] = self._at(self._innermost(src), make(node.op, src, *node.attr))
        return new

    def _at(self, home: str, node: Node) -> Node:
        self.home[node] = home
        return node

    def _innermost(self, nodes: Iterable[Node]) -> str:
        """The home of what needs all of them."""
        homes = (self.home.get(n, OUTSIDE) for n in nodes)
        return max(homes, key=self._depth.__getitem__, default=OUTSIDE)

    def _element(self, sequence: Node, at: Dim, home: str) -> Node:
        rest = sequence.shape[1:]
        start, size, step = (at, *(0 for _ in rest)), (1, *rest), (1,) * sequence.ndim
        row = self._at(home, make("slice", (sequence,), start, size, step))
        return self._at(home, build.reshape(row, rest))

    def _scan(self, node: Node, src: Sequence[Node]) -> tuple[Node, ...]:
        """What stands for its results, after its recurrence was noted."""
        body, count, reverse = node.attr
        name, around = f"turn{len(self._depth) - 1}", self._innermost(src)
        self._depth[name] = self._depth[around] + 1
        at = count - 1 - symbol(name) if reverse else symbol(name)
        firsts, sequences, invariants = split(src, body.carries, body.sequences)
        before = [
            self._at(name, build.input(f"@{name}.c{i}", n.type))
            for i, n in enumerate(body.groups[0])
        ]
        elements = [self._element(s, at, name) for s in sequences]
        given = dict(zip(body.inputs, (*before, *elements, *invariants)))
        new = self.values(body.outputs, given, current_origins().get(node))
        results = [
            self._at(around, build.input(f"@{name}.r{i}", type))
            for i, type in enumerate(node.type.parts)
        ]
        carries = tuple(
            Carry(b, after, first, new[n])
            for b, after, first, n in zip(before, results, firsts, body.next_carries)
        )
        outs = tuple(
            Out(whole, new[n], at) for whole, n in zip(results[body.carries :], body.elements_out)
        )
        self.recurrences.append(Recurrence(name, count, around, carries, outs))
        return tuple(results)


def _nearer(own: Origin | None, scan: Origin | None) -> Origin | None:
    """Equal bodies of two layers are one: a part of a scan comes from where the scan does, or from
    a layer inside of that."""
    if scan is None or own is None:
        return scan or own
    inside = own.path.startswith(f"{scan.path}/") and own.backward == scan.backward
    return own if inside else scan
