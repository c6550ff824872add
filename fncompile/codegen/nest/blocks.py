"""Functions of their own for the bodies of blocks: one text for whole blocks and for what is left.

A body works on `lanes` points from a first one on. As a function that is always inlined it is
compiled twice, once with the constant number of points of a whole block.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from fncompile.codegen.ctree import (
    CExpr,
    Do,
    For,
    Function,
    Int,
    Name,
    Stmt,
    call,
    declared_in,
    names_in,
)
from fncompile.codegen.expr import register_type
from fncompile.codegen.pointers import Pointers
from fncompile.plan.text import AXES
from fncompile.plan.types import Kernel, writes

LANES = Name("lanes")

# (first point, number of points, arrays of results) -> a call of the function
Run = Callable[[CExpr, CExpr, list], Stmt]


class Blocks:
    """The functions of one kernel."""

    def __init__(self, kernel: Kernel, pointers: Pointers):
        self.kernel, self.pointers = kernel, pointers
        self.functions: list[Function] = []

    def function(
        self,
        suffix: str,
        block: Name,
        body: list[Stmt],
        values: Mapping[int, CExpr],
        results: Mapping[str, str],
    ) -> Run:
        """A function of `lanes` points from `block` on. What is given here calls it; `values` are
        those of stages that it may read, `results` the names and types of arrays of lanes that it
        works on."""
        name = f"{self.kernel.name}_{suffix}"
        used = names_in(body) - declared_in(body)
        stages = self.kernel.stages
        given = self.pointers.parameters(used, writes(self.kernel))
        given |= {axis: "int64_t " for axis in AXES if axis in used}
        given |= {
            value.text: f"{register_type(stages[i].dtype)} "
            for i, value in values.items()
            if isinstance(value, Name) and value.text in used
        }
        own = {block.text: "int64_t ", LANES.text: "int64_t "}
        own |= {result: f"{type} *restrict " for result, type in results.items()}
        params = tuple(f"{type}{param}" for param, type in (given | own).items())
        inside = tuple(self.pointers.with_constants(body))
        self.functions.append(Function("FNC_INLINE", "void", name, params, inside))
        front = [Name(g) for g in given]
        return lambda start, lanes, arrays: Do(call(name, *front, start, lanes, *arrays))


def side_by_side(var: str, body: Sequence[Stmt]) -> list[Stmt]:
    """`body` for each lane, at number `var`."""
    return [For(var, Int(0), LANES, tuple(body), pragma="omp simd")] if body else []
