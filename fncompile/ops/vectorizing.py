"""Functions of one element, made functions of all: `vectorize`."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import Any

from fncompile.graph.nest import map_structure
from fncompile.ir import build
from fncompile.ops.axes import display
from fncompile.ops.composing import extents, tensor
from fncompile.ops.dispatch import op
from fncompile.ops.scanning import vectorized_map
from fncompile.ops.shaping import broadcast_to, reshape


def vectorize(
    pyfunc: Callable[..., Any],
    *,
    excluded: set[int] | None = None,
    signature: str | None = None,
) -> Callable[..., Any]:
    """A function that calls `pyfunc` for each element of its arguments, which are broadcast against
    each other, all at once where its ops allow it.

    `pyfunc`, written in ops, takes single numbers; or, with a `signature` such as
    `"(m,n),(n)->(m)"`, tensors of as many axes as there are names, which are the last ones of the
    arguments; gives a tensor or a structure of them. `excluded`: places of arguments that go in as
    they are. ValueError for another signature and for arguments that lack its axes.

    >>> ops.vectorize(lambda a, b: ops.maximum(a, b) - 1)([1, 5, 3], 2)
    array([1, 4, 2], dtype=int32)
    """
    if not callable(pyfunc):
        raise TypeError(f"`pyfunc` should be a callable. Received: pyfunc={pyfunc}")
    left_out = frozenset(excluded or ())
    ranks_said = None if signature is None else _axes(signature)

    def vectorized(*args: Any, **kwargs: Any) -> Any:
        chosen = [i for i in range(len(args)) if i not in left_out]
        ranks = ranks_said or [0] * len(chosen)
        if len(ranks) != len(chosen):
            raise ValueError(
                f"The signature {signature!r} is for {len(ranks)} arguments. "
                f"Received: {len(chosen)}"
            )
        given = [tensor(args[i]) for i in chosen]
        for i, x, rank in zip(chosen, given, ranks):
            if len(x.shape) < rank:
                raise ValueError(
                    f"Argument {i} needs {rank} axes by the signature {signature!r}. "
                    f"Received: shape {display(x.shape)}"
                )
        shapes = [(extents(x)[: len(x.shape) - n], extents(x)[len(x.shape) - n :])
                  for x, n in zip(given, ranks)]  # fmt: skip
        front = build.broadcast_shapes(*(before for before, _ in shapes))
        rows = [
            reshape(broadcast_to(x, (*front, *inner)), (-1, *inner))
            for x, (_, inner) in zip(given, shapes)
        ]

        def each(row: Any) -> Any:
            own = dict(zip(chosen, row))
            return pyfunc(*(own.get(i, x) for i, x in enumerate(args)), **kwargs)

        found = vectorized_map(each, tuple(rows))
        return map_structure(lambda y: reshape(y, (*front, *extents(y)[1:])), found)

    made = op(vectorized)
    return functools.update_wrapper(made, pyfunc) if hasattr(pyfunc, "__name__") else made


def _axes(signature: str) -> list[int]:
    """How many axes each argument has."""
    group = r"\(\s*(?:\w+(?:\s*,\s*\w+)*)?\s*\)"
    if not re.fullmatch(rf"\s*{group}(\s*,\s*{group})*\s*->.*", signature):
        raise ValueError(
            '`signature` should be like "(m,n),(n)->(m)". ' f"Received: signature={signature!r}"
        )
    before = signature.split("->")[0]
    return [len(re.findall(r"\w+", part)) for part in re.findall(r"\(([^)]*)\)", before)]
