"""A loop nest as a line of text.

    i<64*B: reduced j<96 by 16 vector, one point, j<96 vector
    i<6*B by 256 vector (bits ahead)

Outer axes stand before the colon, parts between commas. `by 16`: in blocks of 16 points; `vector`:
points go side by side; `in turn`: one after the other, where they may meet; `in columns`: a vector
of the innermost axis goes along a block of the one before it; `bits`, `rows`: what is made ahead of
the innermost loop.
"""

from __future__ import annotations

from fncompile.codegen.nest.types import REDUCED, SEQUENTIAL, Axis, Nest, Part
from fncompile.ir.dims import dim_text
from fncompile.plan.text import AXES


def nest_text(nest: Nest) -> str:
    """One line."""
    outer = " ".join(map(_axis, nest.outer))
    parts = ", ".join(map(_part, nest.parts))
    return f"{outer}: {parts}" if outer else parts


def _part(part: Part) -> str:
    made = ["bits"] * len(part.streams) + ["rows"] * len(part.rows)
    axes = " ".join(map(_axis, part.axes)) or "one point"
    axes += " in columns" * (part.columns != 0)
    return f"{axes} ({', '.join(made)} ahead)" if made else axes


def _axis(axis: Axis) -> str:
    role = {REDUCED: "reduced ", SEQUENTIAL: "in turn "}.get(axis.role, "")
    block = f" by {axis.block}" if axis.block else ""
    vector = " vector" if axis.vector else ""
    return f"{role}{AXES[axis.number]}<{dim_text(axis.extent)}{block}{vector}"
