"""softmax(scale q k^T + bias) v becomes one `attention`, whose kernel never has all scores.

Requires: sizes agree, and markers are still there. Ensures: the same outputs within rounding, in
memory linear in the lengths, forward and backward; `context.rewritten` says where it was done, and
where a softmax of products is multiplied and it was not, why.

The composition is found from its end: a contraction, one operand of which is, behind views, casts
and a dropout, a softmax along an axis that is contracted; of which the argument is, behind views,
casts, factors, terms and masks, another contraction. Axes of what is between the two are named by
the axes of the weights.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce

from fncompile.ir import build
from fncompile.ir.build import ew
from fncompile.ir.dims import Dim, product
from fncompile.ir.node import Node, Program, coming_from, current_origins, make, rebuild
from fncompile.passes.scores import Axes, Found, Refused, is_of_products, scores_of, weights_of

MOST_WIDTH = 256  # of a head: tiles of it wait in the first-level cache

def attention(program: Program, context) -> Program:
    readers = Counter(s for node in program.nodes() for s in dict.fromkeys(node.src))
    readers.update(program.roots)
    origins = current_origins()
    alone: dict[Node, Node] = {}  # rebuilt node -> the one that was traced

    def visit(node: Node, src: tuple[Node, ...]) -> Node:
        now = node if src == node.src else make(node.op, src, *node.attr)
        alone[now] = node
        if node.op != "dot":
            return now
        where = str(origins.get(node, "no layer"))
        try:
            with coming_from(origins.get(node)):
                new = _rewritten(now, lambda n: readers[alone.get(n, n)])
        except Refused as why:
            context.rewritten.append(f"attention: {where}: not rewritten: {why}")
            return now
        if new is None or not context.rewrites("rewrite.attention"):
            return now
        context.rewritten.append(f"attention: {where}: {_DONE}")
        return new

    return program.map(rebuild(program.roots, visit).__getitem__)


_DONE = "softmax(q k^T) v is one kernel by blocks, of memory linear in the lengths"


def _rewritten(dot: Node, readers: Callable[[Node], int]) -> Node | None:
    for side in (0, 1):
        found = Found()
        below = weights_of(dot, side, found)
        if below is None:
            continue
        softmax, labels, (argument, along) = below
        scores = scores_of(argument, labels, found)
        if scores is not None:
            keys = _keys(dot, side, [labels[axis] for axis in along])
            if readers(softmax) > 1:
                raise Refused("others read its weights")
            return _Attention(dot, side, *scores, keys, found).replaced()
        if is_of_products(argument):
            raise Refused("scores are more than products with factors, terms and masks")
        return None
    return None


def _keys(dot: Node, side: int, along: Sequence[int | None]) -> int:
    """The name of the axis of keys, which the softmax runs along."""
    contracted = [i for i in dot.attr[2 + side] if dot.src[side].shape[i] != 1]
    real = [name for name in along if name is not None]
    if len(along) != 1 or len(contracted) > 1:
        raise Refused("the softmax runs along several axes")
    if not real or not contracted or dot.src[side].shape[real[0]] == 1:
        raise Refused("there is one key alone")
    if real != contracted:
        raise Refused("values are not summed along the axis of the softmax")
    return contracted[0]


# the attention ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Names:
    """Names of axes: two of batches, of groups, queries and keys; None where there is none."""

    outer: int | None
    heads: int | None
    groups: int | None
    queries: int | None
    keys: int

    @property
    def scores(self) -> tuple[int | None, ...]:
        return (self.outer, self.heads, self.groups, self.queries, self.keys)

    @property
    def result(self) -> tuple[int | None, ...]:
        return (self.outer, self.queries, self.heads, self.groups)

    @property
    def values(self) -> tuple[int | None, ...]:
        return (self.outer, self.keys, self.heads)


class _Attention:
    """What takes the place of `dot`, whose operand `side` are the weights; `labels` are the names
    of the axes of `products`, the contraction of q and k."""

    def __init__(
        self, dot: Node, side: int, products: Node, labels: Axes, keys: int, found: Found
    ):
        self.dot, self.side, self.products, self.found = dot, side, products, found
        self.labels, self.weights = labels, dot.src[side]
        self.extent: dict[int | None, Dim] = {None: 1}
        self.extent.update(enumerate(self.weights.shape))
        self.names, self.query = _named(products, labels, keys, self.extent)
        self._check()

    def _check(self) -> None:
        if "float64" in (self.dot.dtype, self.products.dtype):
            raise Refused("it is of float64")
        batch = {i for i in self.dot.attr[self.side] if self.extent[i] != 1}
        if batch != {self.names.outer, self.names.heads} - {None}:
            raise Refused("values have other batches and heads than keys")

    def replaced(self) -> Node:
        names = self.names
        q, k = self._operand(self.query, names.result), self._operand(1 - self.query, names.values)
        v = self._values()
        if max(_known(q.shape[-1]), _known(v.shape[-1])) > MOST_WIDTH:
            raise Refused(f"heads are wider than {MOST_WIDTH}, or of unknown width")
        for number in self.found.factors:
            q = ew("mul", q, build.cast(number, q.dtype))
        sources = [build.cast(x, "float32") for x in (q, k, v)]
        sources += [self._bias(), self._mask(), self._factor()]
        row = build.attention(sources, self.found.scale, self.found.hidden or 0.0)
        [out] = build.pieces(row, (*q.shape[:4], v.shape[3]))
        return build.cast(self._as_asked(out), self.dot.dtype)

    def _shaped(self, x: Node, order: Sequence[int | None], *last: Dim) -> Node:
        return build.reshape(x, (*(self.extent[n] for n in order), *last))

    def _operand(self, side: int, order: Sequence[int | None]) -> Node:
        """q or k, with its axes in `order` and then what is contracted."""
        x = self.products.src[side]
        batch, contracted = self.products.attr[side], self.products.attr[2 + side]
        start = len(batch) + (len(_free(self.products, 0)) if side == 1 else 0)
        free = _free(self.products, side)
        names = dict(zip(self.labels, batch)) | dict(zip(self.labels[start:], free))
        axes = [names[n] for n in order if n is not None and n in names]
        rest = [i for i in range(x.ndim) if i not in (*axes, *contracted)]
        width = product(x.shape[i] for i in contracted)
        return self._shaped(build.permute(x, [*axes, *rest, *contracted]), order, width)

    def _values(self) -> Node:
        other, x = 1 - self.side, self.dot.src[1 - self.side]
        batch, contracted = self.dot.attr[self.side], self.dot.attr[2 + self.side]
        names = dict(zip(batch, self.dot.attr[other]))
        names |= dict(zip(contracted, self.dot.attr[2 + other]))
        axes = [names[n] for n in self.names.values if n in names]
        rest = [i for i in names.values() if i not in axes]
        columns = _free(self.dot, other)
        width = product(x.shape[i] for i in columns)
        return self._shaped(build.permute(x, [*axes, *rest, *columns]), self.names.values, width)

    def _of_scores(self, x: Node, labels: Axes) -> Node:
        """What has an element for each score, with the axes of scores."""
        order = [n for n in self.names.scores if n is not None]
        axes = [labels.index(n) for n in order if n in labels]
        rest = [i for i in range(x.ndim) if i not in axes]
        return self._shaped(build.permute(x, [*axes, *rest]), self.names.scores)

    def _bias(self) -> Node:
        terms = []
        for term, labels, by in self.found.biases:
            x = build.cast(self._of_scores(term, labels), "float32")
            terms.append(x if by == 1 else ew("mul", x, build.like(x, by)))
        return self._together("add", terms, 0, "float32")

    def _mask(self) -> Node:
        masks = [self._of_scores(*mask) for mask in self.found.masks]
        return self._together("and", masks, True, "bool")

    def _factor(self) -> Node:
        shape, factors = tuple(self.extent[n] for n in self.names.scores), []
        for keep, by, labels in self.found.shares:
            share, none = (build.full(shape, n, "float32") for n in (by, 0))
            kept = None if keep is None else self._of_scores(keep, labels)
            factors.append(share if kept is None else ew("select", kept, share, none))
        return self._together("mul", factors, 1, "float32")

    def _together(self, fn: str, parts: Sequence[Node], none: float, dtype: str) -> Node:
        if not parts:
            return build.full(tuple(self.extent[n] for n in self.names.scores), none, dtype)
        return reduce(lambda a, b: ew(fn, a, b), parts)

    def _as_asked(self, out: Node) -> Node:
        """out[B,T,K,G,E] with the axes of the contraction."""
        order = [n for n in self.names.result if n is not None]
        batch, names = self.dot.attr[self.side], _free(self.dot, self.side)
        columns = self.dot.ndim - len(batch) - len(names)
        first = len(batch) + (0 if self.side == 1 else len(names))
        extents = self.dot.shape[first : first + columns]
        out = self._shaped(out, order, *extents)
        rows = [order.index(n) for n in names if n in order]
        values = list(range(len(order), out.ndim))
        rest = [*rows, *values] if self.side == 0 else [*values, *rows]
        return build.reshape(
            build.permute(out, [*(order.index(n) for n in batch if n in order), *rest]),
            self.dot.shape,
        )


def _free(dot: Node, side: int) -> list[int]:
    """The axes of an operand that are neither of the batch nor contracted."""
    taken = (*dot.attr[side], *dot.attr[2 + side])
    return [i for i in range(dot.src[side].ndim) if i not in taken]


def _named(
    products: Node, labels: Axes, keys: int, extent: dict[int | None, Dim]
) -> tuple[_Names, int]:
    """What the axes of the scores are, and which operand of their contraction q is."""
    batches = len(products.attr[0])
    cut = batches + len(_free(products, 0))
    sides = [
        [n for n in group if n is not None and extent[n] != 1]
        for group in (labels[batches:cut], labels[cut:])
    ]
    if keys not in (*sides[0], *sides[1]):
        raise Refused("the softmax does not run along an axis of keys")
    query = 0 if keys in sides[1] else 1
    rows, columns = sides[query], sides[1 - query]
    if columns != [keys]:
        raise Refused("keys have further axes")
    outer = [n for n in labels[:batches] if n is not None and extent[n] != 1]
    if len(outer) > 2 or len(rows) > 2:
        raise Refused("there are more axes of batches and heads than two, or of queries")
    rows.sort(key=lambda n: _known(extent[n]))
    two, more = [*outer, None, None][:2], [None, None, *rows][-2:]
    return _Names(two[0], two[1], more[0], more[1], keys), query


def _known(dim: Dim) -> int:
    """An extent, or, where it is unknown, more than any that is known."""
    return dim if isinstance(dim, int) else 1 << 30
