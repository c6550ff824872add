"""Choices that depend on values: `cond`, `switch`, `while_loop`.

Where the value is known when a program is made, in eager calls always, the branch is chosen then.
Otherwise all branches are computed and one is selected.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from fncompile.graph.eager import in_eager_call, known_value
from fncompile.graph.nest import flatten, map_structure, pack_like
from fncompile.graph.tensor import Tensor
from fncompile.ir import build
from fncompile.ir.node import Node
from fncompile.ops.composing import tensor
from fncompile.ops.dispatch import node, op, result_dtype
from fncompile.ops.scanning import _check_function, looped
from fncompile.ops.types import TensorLike

_TURNS = 1000


@op
def cond(pred: TensorLike, true_fn: Callable[[], Any], false_fn: Callable[[], Any]) -> Any:
    """What `true_fn()` gives where `pred` is true, else what `false_fn()` gives.

    `pred`: one boolean. The functions give tensors of the same structure, shapes and dtypes. In a
    program both are computed, and one is selected.

    >>> ops.cond(True, lambda: 1, lambda: 2)
    1
    """
    _check_function("true_fn", true_fn)
    _check_function("false_fn", false_fn)
    known = _known(pred)
    if known is not None:
        return true_fn() if known else false_fn()
    return _selected(build.cast(node(pred), "bool"), true_fn(), false_fn())


@op
def switch(index: TensorLike, branches: Sequence[Callable[..., Any]], *operands: Any) -> Any:
    """What the branch of that number gives for the operands.

    `index`: one whole number; beyond the branches the nearest one counts. `branches`: functions
    that give tensors of the same structure, shapes and dtypes. In a program all are computed, and
    one is selected.

    >>> ops.switch(1, [lambda x: x + 1, lambda x: x * 10], 3)
    30
    """
    last = len(branches) - 1
    known = _known(index)
    if known is not None:
        return branches[min(max(int(known), 0), last)](*operands)
    chosen = node(index, "int32")
    found = branches[last](*operands)
    for number in reversed(range(last)):
        here = build.ew("le", chosen, build.const(number, "int32"))
        found = _selected(here, branches[number](*operands), found)
    return found


@op
def while_loop(
    cond: Callable[..., Any],
    body: Callable[..., Any],
    loop_vars: Any,
    maximum_iterations: int | None = None,
) -> Any:
    """`loop_vars = body(*loop_vars)` while `cond(*loop_vars)`.

    `loop_vars`: a tensor, or a tuple or list of structures of them; `body` gives as many, of the
    same shapes and dtypes. `maximum_iterations`: how often at most. In a program, where the values
    are not known, it must be given: what is computed behind the end is not taken. ValueError where
    it is missing there, and for more than 1000 turns of known values.

    >>> ops.while_loop(lambda x: x < 10, lambda x: x * 3, 1.0)
    array(27., dtype=float32)
    """
    _check_function("cond", cond)
    _check_function("body", body)
    several = isinstance(loop_vars, (tuple, list))
    values = tuple(loop_vars) if several else (loop_vars,)

    def step(*now: Any) -> tuple:
        found = body(*now)
        return tuple(found) if several else (found,)

    values = map_structure(tensor, values)
    turns = 0
    most = _longest() if maximum_iterations is None else maximum_iterations
    while most is None or turns < most:
        going = _known(cond(*values))
        if going is None:
            values = _bounded(cond, step, values, maximum_iterations, turns)
            break
        if not going:
            break
        values, turns = step(*values), turns + 1
    if maximum_iterations is None and turns == most:
        raise ValueError(
            f"while_loop is written out turn by turn in a program, and its `cond` still is true "
            f"after {turns}. Give `maximum_iterations`."
        )
    found = map_structure(_node, values)
    return found if several else found[0]


def _longest() -> int | None:
    """How many turns a program may be made of; on arrays there is no limit."""
    return None if in_eager_call() else _TURNS


def _node(x: Any) -> Node:
    return node(x)


def _bounded(cond: Any, step: Any, values: tuple, most: int | None, done: int) -> tuple:
    if most is None:
        raise ValueError(
            "while_loop needs `maximum_iterations` in a program whose values are not known when it "
            "is made."
        )

    def turn(carry: Any, _: Any) -> Any:
        going, now = carry
        going = build.ew("and", node(going), build.cast(node(cond(*now)), "bool"))
        return (Tensor(going), _selected(going, step(*now), now)), None

    carry = build.const(True, "bool"), values
    (_, last), _ = looped(turn, carry, None, most - done)
    return last


def _known(x: Any) -> Any:
    value = known_value(x)
    return None if value is None else value.item()


def _selected(condition: Node, a: Any, b: Any) -> Any:
    """`a` or `b`, leaf by leaf."""
    left, right = flatten(a), flatten(b)
    if len(left) != len(right):
        raise ValueError(f"Branches give different structures: {a} and {b}")
    return pack_like(a, [Tensor(_choose(condition, x, y)) for x, y in zip(left, right)])


def _choose(condition: Node, x: Any, y: Any) -> Node:
    dtype = result_dtype(x, y)
    left, right = node(x, dtype), node(y, dtype)
    if left.ndim != right.ndim:
        raise ValueError(f"Branches give different shapes: {left.shape} and {right.shape}")
    return build.ew("select", build.broadcast_to(condition, left.shape), left, right)
