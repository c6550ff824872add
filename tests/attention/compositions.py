"""Attentions written as users write them, as programs: names and functions of (q, k, v, ...)."""

from __future__ import annotations

import numpy as np

from fncompile.autodiff import gradients
from fncompile.ir import build, interp
from fncompile.ir.build import ew
from fncompile.ir.dims import evaluate, symbol
from fncompile.ir.node import Node, Program
from fncompile.ir.types import TensorType
from fncompile.ops.activations import softmax_of
from fncompile.ops.attention import dot_product_attention
from fncompile.passes.attention import attention
from fncompile.passes.manager import Context

B, T, S = symbol("B"), symbol("T"), symbol("S")
F, L = "float32", "bool"
composed = dot_product_attention.__wrapped__


def _heads_first(q: Node, k: Node, v: Node) -> Node:
    """[B,N,T,H], keys first, divided, less a number for each key."""
    scores = build.permute(build.dot(k, q, ((3,), (3,)), ((0, 1), (0, 1))), (0, 1, 3, 2))
    scores = ew("div", scores, build.like(scores, 2.0))
    place = build.cast(build.iota(scores.shape, 3), F)
    scores = ew("sub", scores, ew("mul", place, build.like(scores, 0.25)))
    return build.dot(v, softmax_of(scores), ((2,), (3,)), ((0, 1), (0, 1)))


def _plain(q: Node, k: Node, v: Node, factor: Node) -> Node:
    """Neither batches nor heads, times a number that is given."""
    scores = build.matmul2(q, build.permute(k, (1, 0)))
    return build.matmul2(softmax_of(ew("mul", scores, factor)), v)


def _lowered(q: Node, k: Node, v: Node, seen: Node) -> Node:
    """Hidden by a billion less, and out of the weights; and a factor behind the softmax."""
    scores = build.dot(q, k, ((2,), (2,)), ((0,), (0,)))
    scores = ew("select", seen, scores, ew("sub", scores, build.like(scores, 1e9)))
    weights = softmax_of(scores)
    kept = ew("div", weights, build.like(weights, 0.75))
    weights = ew("select", seen, kept, build.like(weights, 0))
    return build.dot(weights, v, ((2,), (1,)), ((0,), (0,)))


def _dropped(q: Node, k: Node, v: Node, seed: Node) -> Node:
    scores = build.dot(q, k, ((2,), (2,)), ((0,), (0,)))
    weights = softmax_of(scores)
    keep = ew("le", build.like(weights, 0.4), build.uniform(seed, weights.shape, F))
    kept = ew("div", weights, build.like(weights, 0.6))
    weights = ew("select", keep, kept, build.like(weights, 0))
    return build.dot(weights, v, ((2,), (1,)), ((0,), (0,)))


def _sliding(q: Node, k: Node, v: Node) -> Node:
    shape = (1, 1, q.shape[1], k.shape[1])
    apart = ew("sub", build.iota(shape, 2), build.iota(shape, 3))
    near = ew("lt", ew("abs", apart), build.like(apart, 5))
    return composed(q, k, v, mask=ew("and", near, ew("le", build.like(apart, 0), apart)))


_SELF = (((B, T, 2, 8), F), ((B, T, 2, 8), F), ((B, T, 2, 8), F))
_THREE = (((B, T, 4), F), ((B, S, 4), F), ((B, S, 5), F))
_CASES = {
    "plain": (composed, (((B, T, 2, 8), F), ((B, S, 2, 8), F), ((B, S, 2, 6), F))),
    "grouped": (
        lambda *x: composed(*x, is_causal=True),
        (((B, T, 6, 4), F), ((B, T, 2, 4), F), ((B, T, 2, 16), F)),
    ),
    "causal": (lambda *x: composed(*x, is_causal=True), _SELF),
    "causal and masked": (
        lambda q, k, v, m: composed(q, k, v, mask=m, is_causal=True),
        (*_SELF, ((B, 1, 1, T), L)),
    ),
    "mask of all": (
        lambda q, k, v, m: composed(q, k, v, mask=m), (*_SELF, ((B, 2, T, T), L)),
    ),
    "bias": (
        lambda q, k, v, b: composed(q, k, v, bias=b), (*_SELF, ((1, 2, T, T), F)),
    ),
    "sliding": (_sliding, _SELF),
    "heads first": (_heads_first, (((B, 2, T, 4), F), ((B, 2, S, 4), F), ((B, 2, S, 3), F))),
    "no batch": (_plain, (((T, 16), F), ((S, 16), F), ((S, 40), F), ((1,), F))),
    "lowered": (_lowered, (*_THREE, ((B, T, S), L))),
    "dropout": (_dropped, (*_THREE, ((2,), "uint32"))),
}  # fmt: skip
CASES = list(_CASES)
SIZES = {
    "one": {"B": 1, "T": 1, "S": 1},
    "odd": {"B": 3, "T": 5, "S": 7},
    "blocks": {"B": 2, "T": 67, "S": 150},
    "none": {"B": 2, "T": 0, "S": 3},
    "no keys": {"B": 2, "T": 3, "S": 0},
}


def program(name: str, backward: bool) -> Program:
    """The result; with `backward` the gradients of a sum of it too, with weights that are given."""
    function, types = _CASES[name]
    inputs = [build.input(f"x{i}", TensorType(d, s)) for i, (s, d) in enumerate(types)]
    out = function(*inputs)
    outputs = {"out": out}
    if backward:
        g = build.input("g", out.type)
        wanted = [x for x in inputs if x.dtype == F]
        found = gradients(rewritten(Program((), (), {"out": out})).outputs["out"], wanted, g)
        outputs |= {f"d{x['name']}": d for x, d in zip(wanted, found)}
        inputs.append(g)
    return Program(tuple(inputs), (), outputs)


def rewritten(program: Program, context: Context | None = None) -> Program:
    return attention(program, context or Context())


def arrays(program: Program, sizes: dict[str, int], seed: int = 0) -> list[np.ndarray]:
    rng, found = np.random.default_rng(seed), []
    for node in program.inputs:
        shape = [evaluate(d, sizes) for d in node.shape]
        if node.dtype == F:
            found.append(rng.normal(size=shape).astype(np.float32))
        elif node.dtype == L:
            seen = rng.random(shape) < 0.6
            if seen.size:
                seen[:1] = False  # the first sample sees nothing
            found.append(seen)
        else:
            found.append(rng.integers(0, 2**31, shape).astype(np.uint32))
    return found


def expected(name: str, given: list[np.ndarray], backward: bool) -> dict[str, np.ndarray]:
    """By the composition as it was written, in float64."""
    function, types = _CASES[name]
    inputs = [build.input(f"x{i}", TensorType(d, s)) for i, (s, d) in enumerate(types)]
    out = function(*inputs)
    outputs = {"out": out}
    if backward:
        g = build.input("g", out.type)
        wanted = [x for x in inputs if x.dtype == F]
        outputs |= {
            f"d{x['name']}": d for x, d in zip(wanted, gradients(out, wanted, g), strict=True)
        }
        inputs.append(g)
    return interp.run(Program(tuple(inputs), (), outputs), given, {}, float64=True)[0]
