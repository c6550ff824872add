"""The gradient of a scan: a scan the other way over what was kept.

Of each turn is kept what takes least memory (`autodiff/least.py`) of all that suffices for the
gradient without computing again what sums, looks up or draws (`ONCE`): element-wise functions and
views are computed again, and of equals the latest is kept, as the gates of an LSTM are in place of
the sums that they are functions of. So a turn back costs what its products cost, and memory grows
with the length by the carries and the results of products at most. The forward scan then gives
these as further sequences; that it is the same scan as the one that was differentiated is seen by
passes/scans.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from fncompile.autodiff.least import least_between
from fncompile.autodiff.reverse import pullback
from fncompile.ir import build
from fncompile.ir.node import Node, coming_from, current_origins, toposort
from fncompile.ir.region import Region, closed, fresh, split, substituted
from fncompile.ir.types import TensorType, is_float
from fncompile.plan.machine import usual

ONCE = ("dot", "reduce", "argmax", "gather", "scatter_add", "bits", "part")


def scan(node: Node, g: Sequence[Node | None]) -> list[Node | None]:
    """Cotangents of the sources, from those of the parts."""
    body, count, reverse = node.attr
    firsts, sequences, invariants = split(node.src, body.carries, body.sequences)
    carries, elements, others = body.groups
    back_in = [fresh(n.type) if is_float(n.dtype) else None for n in carries]
    rows_in = [
        fresh(n.type) if x is not None and is_float(n.dtype) else None
        for n, x in zip(body.elements_out, g[body.carries :])
    ]
    found = pullback(body.outputs, [*back_in, *rows_in], body.inputs)
    d_carries, d_elements, d_others = split(found, body.carries, body.sequences)

    needed = _needed([d for d in found if d is not None], body)
    stored = [n for n in needed if n not in elements and n not in others]
    kept = Region(body.inputs, (*body.outputs, *stored), body.carries, body.sequences)
    with coming_from(current_origins().get(node)):  # it runs forward
        kept_rows = build.scan(kept, node.src, count, reverse)[len(body.outputs) :]
    rows = dict(zip(stored, kept_rows)) | dict(zip(elements, sequences))
    used = [n for n in needed if n in rows]
    values = {n: fresh(n.type) for n in used} | dict(zip(others, invariants))

    flows = [i for i, x in enumerate(back_in) if x is not None]
    sums = [i for i, d in enumerate(d_others) if d is not None]
    totals = [fresh(others[i].type) for i in sums]
    seeds = [i for i, x in enumerate(rows_in) if x is not None]
    outs = [i for i, d in enumerate(d_elements) if d is not None]
    results = [
        *(d_carries[i] or build.full(carries[i].shape, 0, carries[i].dtype) for i in flows),
        *(build.ew("add", total, d_others[i]) for i, total in zip(sums, totals)),
        *(d_elements[i] for i in outs),
    ]
    inputs = [
        *(x for x in back_in if x is not None), *totals, *(x for x in rows_in if x is not None),
        *(values[n] for n in used),
    ]  # fmt: skip
    carried = len(flows) + len(totals)
    region, outer = closed(inputs, substituted(results, values), carried)
    sources = [
        *(g[i] if g[i] is not None else _zeros(carries[i].type) for i in flows),
        *(_zeros(t.type) for t in totals),
        *(g[body.carries + i] for i in seeds),
        *(rows[n] for n in used),
        *outer,
    ]
    made = build.scan(region, sources, count, not reverse)
    back, summed, out = split(made, len(flows), len(sums))
    return [
        *_placed(len(firsts), flows, back),
        *_placed(len(sequences), outs, out),
        *_placed(len(invariants), sums, summed),
    ]


def _placed(count: int, places: Sequence[int], values: Sequence[Node]) -> list[Node | None]:
    found = dict(zip(places, values))
    return [found.get(i) for i in range(count)]


def _zeros(type: TensorType) -> Node:
    return build.full(type.shape, 0, type.dtype)


def _needed(results: Sequence[Node], body: Region) -> list[Node]:
    """What the results need of the turn forward: inputs, and what is kept, in a fixed order."""
    forward = set(toposort(body.outputs))
    once = {n for n in forward if n.op in ONCE} | set(body.groups[0])
    used = _border(results, forward | set(body.inputs))
    kept = least_between(once, used, _usual_bytes)
    return _border(results, {*body.inputs, *kept})


def _border(results: Iterable[Node], stops: set[Node]) -> list[Node]:
    """Where the ways down from `results` meet `stops` first."""
    found: dict[Node, None] = {}
    seen: set[Node] = set()
    waiting = list(results)[::-1]
    while waiting:
        node = waiting.pop()
        if node in seen:
            continue
        seen.add(node)
        if node in stops:
            found[node] = None
        else:
            waiting += node.src[::-1]
    return list(found)


def _usual_bytes(node: Node) -> int:
    return usual(node.type.nbytes)
