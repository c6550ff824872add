"""Scans without what does not belong in them.

Requires: a Program. Ensures: the same results, sums in another order; every scan computes what is
asked of it and no more, scans over the same that compute the same carries are one, and products
that need no carry are outside: one product over all turns in place of one a turn.

0. `open`: a scan of one turn is its body, as in models that stream sample by sample.
1. `merge`: the scan that keeps values for its gradient is the scan that was differentiated.
2. `lift`: a product of elements and invariants alone comes before the loop, as a sequence.
3. `sink`: a product that only what comes out needs, or only a sum over the turns, comes behind it,
   and what it is made of comes out instead. So a gradient of weights is one product.
4. `prune`: carries, sequences and operands that nothing needs are gone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from fncompile.ir import build
from fncompile.ir.batched import batched, spread
from fncompile.ir.dims import Dim
from fncompile.ir.node import Node, Program, coming_from, current_origins, make, toposort
from fncompile.ir.region import Region, fresh, renamed, split, substituted

Parts = tuple[Node, ...]
MOVED = ("dot",)  # what is worth an axis of turns in memory


@dataclass(frozen=True)
class Scan:
    """A scan by its pieces: `firsts`, `sequences` and `others` are its sources."""

    body: Region
    firsts: tuple[Node, ...]
    sequences: tuple[Node, ...]
    others: tuple[Node, ...]
    count: Dim
    reverse: bool

    @classmethod
    def of(cls, node: Node) -> Scan:
        body, count, reverse = node.attr
        firsts, sequences, others = split(node.src, body.carries, body.sequences)
        return cls(body, firsts, sequences, others, count, reverse)

    def with_body(
        self,
        outputs: Sequence[Node],
        sequences: Sequence[tuple[Node, Node]] = (),
        others: Sequence[tuple[Node, Node]] = (),
    ) -> Parts:
        """The parts of the scan with these outputs, and further pairs of a name inside and what it
        stands for."""
        c, x, w = self.body.groups
        inputs = (*c, *x, *(n for n, _ in sequences), *w, *(n for n, _ in others))
        body = Region(inputs, tuple(outputs), len(c), len(x) + len(sequences))
        sources = (
            *self.firsts, *self.sequences, *(s for _, s in sequences),
            *self.others, *(s for _, s in others),
        )  # fmt: skip
        return build.scan(renamed(body), sources, self.count, self.reverse)


def scans(program: Program, context: object = None) -> Program:
    if not any(n.op == "scan" for n in program.nodes()):
        return program
    program = program.map(_mapped(program.roots, _opened).__getitem__)
    program = program.map(_mapped(program.roots, _merger(program.roots)).__getitem__)
    for step in (lift, sink):
        program = pruned(program)
        program = program.map(_mapped(program.roots, step).__getitem__)
    return pruned(program)


def _mapped(roots: Iterable[Node], change: Callable[[Node, Node], Parts]) -> dict[Node, Node]:
    """What stands for each node, where `change(old, node)` gives the parts of a scan whose sources
    and whose own inner scans have been changed."""
    new: dict[Node, Node] = {}
    parts: dict[Node, Parts] = {}
    origins = current_origins()
    for node in toposort(roots):
        if node.op == "part":
            new[node] = parts[node.src[0]][node["index"]]
            continue
        src = tuple(new[s] for s in node.src)
        with coming_from(origins.get(node)):
            if node.op == "scan":
                inner = _inner(node["body"], change)
                parts[node] = change(node, make("scan", src, inner, *node.attr[1:]))
                new[node] = node  # only its parts are asked for
            else:
                new[node] = node if src == node.src else make(node.op, src, *node.attr)
    return new


def _inner(body: Region, change: Callable[[Node, Node], Parts]) -> Region:
    if not any(n.op == "scan" for n in toposort(body.outputs)):
        return body
    new = _mapped(body.outputs, change)
    outputs = tuple(new[n] for n in body.outputs)
    return renamed(Region(body.inputs, outputs, body.carries, body.sequences))


# open ---------------------------------------------------------------------------------------------


def _opened(old: Node, node: Node) -> Parts:
    """What the only turn gives, where there is one."""
    scan = Scan.of(node)
    if scan.count != 1:
        return build.parts(node)
    rows = (build.reshape(s, s.shape[1:]) for s in scan.sequences)
    values = dict(zip(scan.body.inputs, (*scan.firsts, *rows, *scan.others)))
    results = substituted(scan.body.outputs, values)
    after, out = results[: scan.body.carries], results[scan.body.carries :]
    return (*after, *(build.reshape(n, (1, *n.shape)) for n in out))


# merge --------------------------------------------------------------------------------------------


def _merger(roots: Iterable[Node]) -> Callable[[Node, Node], Parts]:
    outs: dict[tuple, dict[Node, None]] = defaultdict(dict)
    for node in toposort(roots):
        if node.op == "scan":
            outs[_kind(node)].update(dict.fromkeys(node["body"].elements_out))

    def merged(old: Node, node: Node) -> Parts:
        scan, everything = Scan.of(node), list(outs.get(_kind(old), ()))
        if node["body"] is not old["body"] or everything in ([], [*scan.body.elements_out]):
            return build.parts(node)
        found = scan.with_body((*scan.body.next_carries, *everything))
        places = (scan.body.carries + everything.index(n) for n in scan.body.elements_out)
        return (*found[: scan.body.carries], *(found[i] for i in places))

    return merged


def _kind(node: Node) -> tuple:
    """Scans of one kind have the same carries in every turn."""
    body, count, reverse = node.attr
    return node.src, count, reverse, body.inputs, body.next_carries


# lift ---------------------------------------------------------------------------------------------


def lift(old: Node, node: Node) -> Parts:
    """Products that need no carry, before the loop."""
    scan = Scan.of(node)
    _, elements, others = scan.body.groups
    given = {n: (s, True) for n, s in zip(elements, scan.sequences)}
    given |= {n: (s, False) for n, s in zip(others, scan.others)}
    free = _independent(scan.body)
    values = batched(free, given, scan.count)
    moved = {n: values[n] for n in free if n.op in MOVED and values[n] is not None}
    if not moved:
        return build.parts(node)
    names = {n: fresh(n.type) for n in moved}
    sequences = [(names[n], v[0]) for n, v in moved.items() if v is not None and v[1]]
    invariants = [(names[n], v[0]) for n, v in moved.items() if v is not None and not v[1]]
    return scan.with_body(substituted(scan.body.outputs, names), sequences, invariants)


def _independent(body: Region) -> list[Node]:
    """Nodes that need no carry."""
    dependent = set(body.groups[0])
    for node in toposort(body.outputs):
        if any(s in dependent for s in node.src):
            dependent.add(node)
    return [n for n in toposort(body.outputs) if n not in dependent]


# sink ---------------------------------------------------------------------------------------------


def sink(old: Node, node: Node) -> Parts:
    """Products that no carry needs, behind the loop; those that a carry only sums up as well."""
    scan = Scan.of(node)
    body = scan.body
    summed = _summed(body)
    kept = set(toposort(n for i, n in enumerate(body.next_carries) if i not in summed))
    wanted = {i: summed.get(i, n) for i, n in enumerate(body.outputs)}
    sunk: dict[Node, None] = {}
    for n in toposort(wanted[i] for i in wanted if i >= body.carries or i in summed):
        behind = n.op in MOVED or any(s in sunk for s in n.src)
        if behind and n.src and n not in kept:
            sunk[n] = None
    places = [i for i, n in wanted.items() if n in sunk and (i in summed or i >= body.carries)]
    if not places:
        return build.parts(node)
    return _behind(scan, places, {i: wanted[i] for i in places}, sunk) or build.parts(node)


def _summed(body: Region) -> dict[int, Node]:
    """Carries to which each turn adds something that does not depend on them: what it adds."""
    users: dict[Node, list[Node]] = defaultdict(list)
    for n in toposort(body.outputs):
        for s in n.src:
            users[s].append(n)
    found = {}
    for i, (before, after) in enumerate(zip(body.groups[0], body.next_carries)):
        alone = users[before] == [after] and before not in body.outputs and not users[after]
        if alone and after.op == "ew" and after["fn"] == "add" and body.outputs.count(after) == 1:
            found[i] = after.src[1] if after.src[0] is before else after.src[0]
    return {i: n for i, n in found.items() if n is not body.groups[0][i]}


def _behind(
    scan: Scan, places: Sequence[int], wanted: dict[int, Node], sunk: dict[Node, None]
) -> Parts | None:
    body = scan.body
    _, elements, others = body.groups
    below = toposort(wanted.values())
    border = dict.fromkeys(s for n in below if n in sunk for s in n.src if s not in sunk)
    rows = [n for n in border if n not in elements and n not in others and _is_inside(n)]
    kept_carries = [
        n if i not in places else before
        for i, (n, before) in enumerate(zip(body.next_carries, body.groups[0]))
    ]
    made = scan.with_body((*kept_carries, *body.elements_out, *rows))
    given = {n: (s, True) for n, s in zip(elements, scan.sequences)}
    given |= {n: (s, False) for n, s in zip(others, scan.others)}
    given |= {n: (s, True) for n, s in zip(rows, made[len(body.outputs) :])}
    values = batched(list(wanted.values()), given, scan.count)
    out = list(made[: len(body.outputs)])
    for i, n in wanted.items():
        value = values[n]
        if value is None:
            return None
        whole = spread(value, scan.count)
        if i < body.carries:
            whole = build.ew("add", scan.firsts[i], sum_of_all(whole))
        out[i] = whole
    return tuple(out)


def _is_inside(node: Node) -> bool:
    """Does it depend on an input?"""
    return any(n.op in ("input", "param") for n in toposort([node]))


def sum_of_all(x: Node) -> Node:
    """The sum over the first axis; of a product with that axis in its batch, a product."""
    if x.op == "permute":
        first, *rest = x["perm"]
        inner = _sum_of(x.src[0], first)
        return build.permute(inner, [p - (p > first) for p in rest])
    return _sum_of(x, 0)


def _sum_of(x: Node, axis: int) -> Node:
    if x.op == "dot" and axis < len(x["batch_a"]):
        batch_a, batch_b, contract_a, contract_b = map(list, x.attr)
        contract = [batch_a.pop(axis), *contract_a], [batch_b.pop(axis), *contract_b]
        return build.dot(x.src[0], x.src[1], contract, (batch_a, batch_b))
    return build.reduce(x, "sum", (axis,))


# prune --------------------------------------------------------------------------------------------


def pruned(program: Program) -> Program:
    """Without what nothing needs, until nothing changes."""
    after = _pruned_once(program)
    while after.roots != program.roots:
        program, after = after, _pruned_once(after)
    return program


def _pruned_once(program: Program) -> Program:
    used: dict[Node, set[int]] = defaultdict(set)
    for n in program.nodes():
        if n.op == "part":
            used[n.src[0]].add(n["index"])
    new = _mapped(program.roots, lambda old, node: _pruned(node, used.get(old)))
    return program.map(new.__getitem__)


def _pruned(node: Node, used: set[int] | None) -> Parts:
    """`used` are the parts that are; None where that is not known, of a scan inside another."""
    scan = Scan.of(node)
    body = scan.body
    everything = build.parts(node)
    wanted = set(range(len(body.outputs))) if used is None else used
    given = _given(scan)
    kept = _needed(body, {i for i in wanted if i not in given})
    carries = [i for i in kept if i < body.carries]
    outputs = [body.outputs[i] for i in kept]
    read = set(toposort(outputs))
    c, x, w = body.groups
    same = {n: first for n, first, after in zip(c, scan.firsts, body.next_carries) if n is after}
    sequences = _first_of_each([p for p in zip(x, scan.sequences) if p[0] in read])
    others = _first_of_each([p for p in (*zip(w, scan.others), *same.items()) if p[0] in read])
    inputs = (*(c[i] for i in carries), *(n for n, _ in sequences), *(n for n, _ in others))
    alike = _alike([p for p in zip(x, scan.sequences) if p[0] in read])
    alike |= _alike([p for p in (*zip(w, scan.others), *same.items()) if p[0] in read])
    outputs = list(substituted(outputs, alike))
    if not outputs:
        return tuple(given.get(i, p) for i, p in enumerate(everything))
    region = renamed(Region(inputs, tuple(outputs), len(carries), len(sequences)))
    sources = [
        *(scan.firsts[i] for i in carries), *(s for _, s in sequences), *(s for _, s in others)
    ]  # fmt: skip
    if region == body and tuple(sources) == node.src and not given:
        return everything
    made = dict(zip(kept, build.scan(region, sources, scan.count, scan.reverse)))
    return tuple(made.get(i, given.get(i, p)) for i, p in enumerate(everything))


def _given(scan: Scan) -> dict[int, Node]:
    """Parts that need no loop: carries that never change, and sequences that come out as they went
    in."""
    c, x, w = scan.body.groups
    count = scan.body.carries
    pairs = zip(c, scan.body.next_carries, scan.firsts)
    found = {i: first for i, (before, after, first) in enumerate(pairs) if before is after}
    known = dict(zip(x, scan.sequences))
    for n, source in zip(w, scan.others):
        known[n] = build.broadcast_to(source, (scan.count, *source.shape))
    found |= {count + i: known[n] for i, n in enumerate(scan.body.elements_out) if n in known}
    return found


def _needed(body: Region, wanted: set[int]) -> list[int]:
    """Outputs that are wanted or that carries need for them: their numbers, in order."""
    c, after = body.groups[0], body.next_carries
    changing = {n: i for i, n in enumerate(c) if after[i] is not n}
    kept: set[int] = set()
    waiting = set(wanted)
    while waiting:
        kept |= waiting
        below = toposort(body.outputs[i] for i in waiting)
        waiting = {changing[n] for n in below if n in changing} - kept
    return sorted(kept)


def _first_of_each(pairs: Sequence[tuple[Node, Node]]) -> list[tuple[Node, Node]]:
    found: dict[Node, Node] = {}
    for name, source in pairs:
        found.setdefault(source, name)
    return [(name, source) for source, name in found.items()]


def _alike(pairs: Sequence[tuple[Node, Node]]) -> dict[Node, Node]:
    """Names of what another name stands for as well: that other name."""
    first = {source: name for name, source in _first_of_each(pairs)}
    return {name: first[source] for name, source in pairs if first[source] is not name}
