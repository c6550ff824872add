"""Recurrences: `scan`, and the loops that are forms of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from fncompile.graph.nest import flatten, map_structure, pack_like
from fncompile.graph.tensor import Tensor
from fncompile.graph.trace import current_trace
from fncompile.ir import build
from fncompile.ir.batched import batched, spread
from fncompile.ir.dims import Dim, Poly
from fncompile.ir.infer import same_dim
from fncompile.ir.node import Node
from fncompile.ir.region import closed, fresh
from fncompile.ir.types import TensorType
from fncompile.ops.dispatch import node, op


@op
def scan(
    f: Callable[[Any, Any], tuple[Any, Any]],
    init: Any,
    xs: Any = None,
    length: int | None = None,
    reverse: bool = False,
    unroll: int | bool = 1,
) -> Any:
    """A loop that hands a value on from turn to turn: `carry, y = f(carry, x)` for each row of
    `xs`.

    `f`: takes the carry and a row of each tensor of `xs`, and gives the next carry, of the same
    structure, shapes and dtypes, and what comes out of the turn; it may read tensors and variables
    around it, and assign variables. `init`: the first carry, a tensor or a structure of them. `xs`:
    tensors of one first extent, known or not; `length`: the number of turns, where there are no
    `xs`. `reverse`: from the last row to the first; what comes out has the places of what went in.
    `unroll` is a hint for others, and changes nothing here. Gives the last carry, and what came out
    of all turns along a new first axis. The loop is one in C, and its gradient is a loop the other
    way. Products in `f` that do not need the carry are made for all turns at once.

    >>> ops.scan(lambda total, x: (total + x, total), 0.0, np.array([1.0, 2.0, 3.0]))
    (array(6., dtype=float32), array([0., 1., 3.], dtype=float32))
    """
    _check_function("f", f)
    if not isinstance(unroll, bool) and (not isinstance(unroll, int) or unroll < 1):
        raise ValueError(
            f"`unroll` must be an positive integer or boolean. Received: unroll={unroll}"
        )
    return looped(f, init, xs, length, reverse)


def looped(f: Any, init: Any, xs: Any, length: Dim | None, reverse: bool = False) -> Any:
    """`scan` of what was checked, inside a trace."""
    init = map_structure(node, init)
    firsts = flatten(init)
    sequences = [node(x) for x in flatten(xs) if x is not None]
    count = _count(sequences, length)
    elements = [fresh(TensorType(s.dtype, s.shape[1:])) for s in sequences]
    given = iter(elements)
    row = map_structure(lambda x: None if x is None else Tensor(next(given)), xs)
    turn = _Turn(f, init, row)
    variables = turn.written()
    carries = [fresh(n.type) for n in firsts]
    states = {v: fresh(n.type) for v, n in variables.items()}
    after, out, assigned = turn.run(carries, states)
    rows = [x for x in flatten(out) if x is not None]
    held = [*carries, *states.values()]
    body, outer = closed(
        [*held, *elements], [*after, *assigned, *(node(x) for x in rows)], len(held)
    )
    found = build.scan(
        body, [*firsts, *variables.values(), *sequences, *outer], count, bool(reverse)
    )
    _assign(states, found[len(carries) : len(held)])
    stacked = iter(found[len(held) :])
    return (
        pack_like(init, list(found[: len(carries)])),
        map_structure(lambda x: None if x is None else next(stacked), out),
    )


def _check_function(name: str, f: Any) -> None:
    if not callable(f):
        raise TypeError(f"`{name}` should be a callable. Received: {name}={f}")


def _count(sequences: Sequence[Node], length: Dim | None) -> Dim:
    if not sequences and length is None:
        raise ValueError("Got no `xs` to scan over and `length` not provided.")
    if length is not None and not isinstance(length, (int, Poly)):
        raise ValueError(f"`length` should be a whole number. Received: length={length}")
    extents: list[Dim] = [] if length is None else [length]
    for s in sequences:
        if not s.ndim:
            raise ValueError("scan goes along the first axis of `xs`, but received a scalar.")
        extents.append(s.shape[0])
    count = extents[0]
    for extent in extents[1:]:
        count = same_dim(count, extent, "`length` and the first dimension of all `xs` of a scan")
    return count


class _Turn:
    """One call of `f`, in a trace where what it assigns is taken back."""

    def __init__(self, f: Any, init: Any, row: Any):
        self.f, self.init, self.row = f, init, row

    def written(self) -> dict[Any, Node]:
        """The variables that it assigns, with their values before."""
        trace = current_trace()
        assert trace is not None
        before = dict(trace.values)
        carries = [fresh(n.type) for n in flatten(self.init)]
        self._call(carries)
        values = {v: before.get(v, trace.params[v]) for v in trace.values}
        changed = {v: values[v] for v, n in trace.values.items() if n is not values[v]}
        trace.values.update(changed)
        return changed

    def run(
        self, carries: Sequence[Node], states: dict[Any, Node]
    ) -> tuple[list[Node], Any, list[Node]]:
        """The next carries, what comes out, and what is assigned."""
        trace = current_trace()
        assert trace is not None
        before = {v: trace.values[v] for v in states}
        trace.values.update(states)
        after, out = self._call(carries)
        assigned = [trace.values[v] for v in states]
        trace.values.update(before)
        return after, out, assigned

    def _call(self, carries: Sequence[Node]) -> tuple[list[Node], Any]:
        trace = current_trace()
        assert trace is not None
        losses, ranges = len(trace.losses), len(trace.ranges)
        found = self.f(pack_like(self.init, [Tensor(n) for n in carries]), self.row)
        if not isinstance(found, (tuple, list)) or len(found) != 2:
            raise ValueError(
                "The function of a scan gives a pair: the next carry, and what comes out of the "
                f"turn. Received: {found}"
            )
        if len(trace.losses) != losses:
            raise ValueError("`add_loss` has no meaning in a turn of a scan: let it come out.")
        del trace.ranges[ranges:]
        return self._same_types(carries, found[0]), found[1]

    def _same_types(self, carries: Sequence[Node], after: Any) -> list[Node]:
        flat = flatten(after)
        if len(flat) != len(carries):
            raise ValueError(
                f"The carry of a scan has {len(carries)} tensors, but its function gives "
                f"{len(flat)}. Received: {after}"
            )
        found = []
        for before, x in zip(carries, flat):
            n = node(x, before.dtype if not hasattr(x, "type") else None)
            if n.dtype != before.dtype or n.ndim != before.ndim:
                raise ValueError(
                    f"The carry of a scan keeps shape and dtype. It was {before.type}, and its "
                    f"function gives {n.type}: cast or reshape `init`, or what is given."
                )
            found.append(n)
        return found


def _assign(states: dict[Any, Node], last: Sequence[Node]) -> None:
    trace = current_trace()
    assert trace is not None
    trace.values.update(zip(states, last))


@op
def map(f: Callable[[Any], Any], xs: Any) -> Any:
    """`f` of each row of `xs`, one after the other, along a new first axis.

    `f`: takes a row of each tensor of `xs`, a tensor or a structure of them with one first extent.
    `vectorized_map` takes all rows at once.

    >>> ops.map(lambda x: x * x, np.array([1.0, 2.0, 3.0]))
    array([1., 4., 9.], dtype=float32)
    """
    _check_function("f", f)
    return looped(lambda carry, x: (carry, f(x)), (), xs, None)[1]


@op
def vectorized_map(function: Callable[[Any], Any], elements: Any) -> Any:
    """`function` of each row of `elements`, all at once where its ops allow it.

    `function`: takes a row of each tensor of `elements`, a tensor or a structure of them with one
    first extent. What cannot be had at once is mapped as `map` does it.

    >>> ops.vectorized_map(lambda x: ops.sum(x * x), np.array([[1.0, 2.0], [3.0, 4.0]]))
    array([ 5., 25.], dtype=float32)
    """
    _check_function("function", function)
    sequences = [node(x) for x in flatten(elements)]
    count = _count(sequences, None)
    rows = [fresh(TensorType(s.dtype, s.shape[1:])) for s in sequences]
    turn = _Turn(
        lambda carry, x: (carry, function(x)), (), pack_like(elements, [Tensor(r) for r in rows])
    )
    assigned = turn.written()
    _, out, _ = turn.run((), {})
    results = [node(x) for x in flatten(out)]
    values = batched(results, {r: (s, True) for r, s in zip(rows, sequences)}, count)
    if assigned or any(values[n] is None for n in results):
        return looped(lambda carry, x: (carry, function(x)), (), elements, None)[1]
    return pack_like(out, [spread(v, count) for v in (values[n] for n in results) if v is not None])


@op
def associative_scan(
    f: Callable[[Any, Any], Any], elems: Any, reverse: bool = False, axis: int = 0
) -> Any:
    """Running results of `f` along an axis: `f(f(x[0], x[1]), x[2])` and so on.

    `f`: an associative function of two pieces of `elems`, of extent 1 along the axis or more; gives
    one of the same structure and shapes. `elems`: a tensor or a structure of them, of one extent
    along `axis`. `reverse`: from the end.

    >>> ops.associative_scan(lambda a, b: a + b, np.array([1.0, 2.0, 3.0]))
    array([1., 3., 6.], dtype=float32)
    """
    _check_function("f", f)
    flat = [node(x) for x in flatten(elems)]
    axes = [axis % n.ndim if n.ndim else 0 for n in flat]
    fronts = [
        build.permute(n, (a, *(i for i in range(n.ndim) if i != a))) for n, a in zip(flat, axes)
    ]
    count = _count(fronts, None)
    index = build.iota((count,), 0)
    begin = build.extent(count - 1, "int32") if reverse else build.const(0, "int32")

    def piece(parts: Sequence[Any]) -> Any:
        return pack_like(
            elems, [Tensor(build.expand_dims(node(p), (a,))) for p, a in zip(parts, axes)]
        )

    def turn(carry: Any, row: Any) -> Any:
        at, *new = row
        joined = [node(x) for x in flatten(f(piece(carry), piece(new)))]
        first = build.ew("eq", node(at), begin)
        found = [
            Tensor(
                build.ew("select", build.broadcast_to(first, n.shape), n, build.reshape(j, n.shape))
            )
            for j, n in zip(joined, [node(x) for x in new])
        ]
        return found, found

    zeros = [build.full(n.shape[1:], 0, n.dtype) for n in fronts]
    _, out = looped(turn, zeros, [index, *fronts], None, reverse)
    return pack_like(elems, [_moved_back(n, a) for n, a in zip(out, axes)])


def _moved_back(x: Node, axis: int) -> Node:
    """With its first axis at `axis`."""
    order = list(range(1, x.ndim))
    order.insert(axis, 0)
    return build.permute(x, order)


@op
def fori_loop(lower: int, upper: int, body_fun: Callable[[Any, Any], Any], init_val: Any) -> Any:
    """`val = body_fun(i, val)` for each `i` from `lower` to `upper` - 1.

    `lower`, `upper`: whole numbers, or extents from `ops.shape`. `body_fun` takes an int32 and the
    value, and gives the next value, of the same structure, shapes and dtypes. `init_val`: a tensor
    or a structure of them. Gives the last value.

    >>> ops.fori_loop(1, 4, lambda i, total: total + i, 0)
    array(6, dtype=int32)
    """
    _check_function("body_fun", body_fun)
    first, last = _extent("lower", lower), _extent("upper", upper)
    count = last - first
    if isinstance(count, int):
        count = max(count, 0)
    index = build.ew("add", build.iota((count,), 0), build.extent(first, "int32"))
    return looped(lambda value, i: (body_fun(i, value), None), init_val, index, None)[0]


def _extent(name: str, x: Any) -> Dim:
    from fncompile.graph.eager import known_value

    if isinstance(x, Poly):
        return x
    value = known_value(x)
    if value is None:
        raise ValueError(
            f"`{name}` of fori_loop must be known when the program is made: a whole number, or an "
            f"extent of ops.shape. Received: {x}. For a number that is computed, use while_loop "
            "with maximum_iterations."
        )
    return int(value)
