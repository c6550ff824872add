"""Gradients that a function brings along, and derivatives along a direction."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any

from fncompile.autodiff.reverse import pullback
from fncompile.graph.nest import flatten, map_structure, pack_like
from fncompile.graph.tensor import Tensor
from fncompile.ir import build
from fncompile.ir.node import Node
from fncompile.ir.region import closed, fresh, substituted
from fncompile.ir.types import is_float
from fncompile.ops.axes import display
from fncompile.ops.composing import tensor
from fncompile.ops.dispatch import node, op, promote


def custom_gradient(f: Callable[..., Any]) -> Callable[..., Any]:
    """A function that gives what `f` gives, with the gradient that `f` says.

    `f`, written in ops, takes tensors or structures of them and gives a pair: its result, a tensor
    or a structure of them, and a function of the cotangents of the result, in its structure, that
    gives those of the arguments: one for each of them, None where there is none. That function may
    be Keras' `grad(*args, upstream=None)` as well. It may read what `f` computed; gradients of
    tensors that `f` reads and does not take are 0. It is differentiated like any other where
    gradients of gradients are asked for. ValueError for other results and shapes.

    >>> @ops.custom_gradient
    ... def halved(x):
    ...     return x * x, lambda upstream: upstream * x
    >>> fncompile.grad(halved)(3.0)
    array(3., dtype=float32)
    """
    if not callable(f):
        raise TypeError(f"`f` should be a callable. Received: f={f}")

    def traced(*args: Any, **kwargs: Any) -> Any:
        args = map_structure(tensor, args)
        found = f(*args, **kwargs)
        if not isinstance(found, (tuple, list)) or len(found) != 2 or not callable(found[1]):
            raise ValueError(
                "The function of `custom_gradient` gives a pair: its result, and the function that "
                f"is its gradient. Received: {found}"
            )
        return _with_gradient(found[0], found[1], args)

    return functools.update_wrapper(op(traced), f)


def _with_gradient(result: Any, gradient: Callable[..., Any], args: tuple[Any, ...]) -> Any:
    nodes = [node(x) for x in flatten(result)]
    places = [i for i, n in enumerate(nodes) if is_float(n.dtype)]
    if not places:
        return result
    floats = [nodes[i] for i in places]
    parts = promote(*map(Tensor, floats))
    row = parts[0] if len(parts) == 1 else build.concat([_flat(n) for n in parts], 0)
    cotangent = fresh(row.type)
    pieces = [cotangent] if len(parts) == 1 else build.pieces(cotangent, *(n.shape for n in parts))
    upstream: list[Any] = [None] * len(nodes)
    for i, piece in zip(places, pieces):
        upstream[i] = Tensor(build.cast(piece, nodes[i].dtype))
    found = _cotangents(gradient, pack_like(result, upstream), args)
    body, read = closed([cotangent], [g for _, g in found], 0)
    row = build.own_gradient(row, body, read, [x for x, _ in found])
    pieces = [row] if len(parts) == 1 else build.pieces(row, *(n.shape for n in parts))
    for i, piece in zip(places, pieces):
        nodes[i] = build.cast(piece, nodes[i].dtype)
    return pack_like(result, nodes)


def _flat(x: Node) -> Node:
    return build.reshape(x, (x.type.size,))


def _cotangents(
    gradient: Callable[..., Any], upstream: Any, args: tuple[Any, ...]
) -> list[tuple[Node, Node]]:
    """Of the floating-point tensors in `args` that have one: the tensor, and its cotangent."""
    given = gradient(*args, upstream=upstream) if _names_upstream(gradient) else gradient(upstream)
    tensors = [x.node for x in flatten(args)]
    parts = flatten(given) if isinstance(given, (tuple, list)) else [given]
    if len(parts) != len(tensors):
        raise ValueError(
            f"The gradient of a function of {len(tensors)} tensors gives one cotangent for each. "
            f"Received: {given}"
        )
    found = []
    for x, g in zip(tensors, parts):
        if g is None or not is_float(x.dtype):
            continue
        g = build.cast(node(g), x.dtype)
        if g.ndim and g.ndim != x.ndim:
            raise ValueError(
                f"The cotangent of a tensor of shape {display(x.shape)} has its shape. "
                f"Received: shape {display(g.shape)}"
            )
        found.append((x, build.broadcast_to(g, x.shape)))
    return found


def _names_upstream(gradient: Callable[..., Any]) -> bool:
    parameter = inspect.signature(gradient).parameters.get("upstream")
    return parameter is not None and parameter.kind == parameter.KEYWORD_ONLY


def jvp(
    fun: Callable[..., Any],
    primals: Sequence[Any],
    tangents: Sequence[Any],
    has_aux: bool = False,
) -> Any:
    """What `fun` gives for `primals`, and the derivative of that along `tangents`.

    `fun`, written in ops, takes tensors or structures of them and gives floating-point ones, or
    with `has_aux` a pair of these and anything else. `primals` and `tangents`: as many entries as
    it takes arguments, in the same structure and shapes; ValueError otherwise. Gives a pair, and
    with `has_aux` what else `fun` gave as a third.

    >>> ops.jvp(lambda x: x * x, (3.0,), (2.0,))
    (array(9., dtype=float32), array(12., dtype=float32))
    """
    return _derived(fun, tuple(primals), tuple(tangents), has_aux)


@op
def _derived(fun: Any, primals: tuple[Any, ...], tangents: tuple[Any, ...], has_aux: bool) -> Any:
    """The pullback is linear in the cotangent: its own pullback is the derivative."""
    points = map_structure(tensor, primals)
    sources, along = [x.node for x in flatten(points)], [node(x) for x in flatten(tangents)]
    if [n.ndim for n in sources] != [n.ndim for n in along]:
        raise ValueError(
            "`primals` and `tangents` have the same structure and shapes. Received: shapes "
            f"{[display(n.shape) for n in sources]} and {[display(n.shape) for n in along]}"
        )
    found = fun(*points)
    value, rest = found if has_aux else (found, None)
    nodes = [node(x) for x in flatten(value)]
    seeds = [fresh(n.type) for n in nodes]
    backward = pullback(nodes, seeds, sources)
    pairs = [(g, build.broadcast_to(build.cast(t, g.dtype), g.shape))
             for g, t in zip(backward, along) if g is not None]  # fmt: skip
    forward = pullback([g for g, _ in pairs], [t for _, t in pairs], seeds)
    zeros = {s: build.full(s.shape, 0, s.dtype) for s in seeds}
    filled = [zeros[s] if g is None else g for s, g in zip(seeds, forward)]
    derivative = pack_like(value, list(substituted(filled, zeros)))
    return (value, derivative, rest) if has_aux else (value, derivative)
