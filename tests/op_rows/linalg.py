"""Rows of products and norms."""

from __future__ import annotations

import numpy as np

from fncompile import ops
from tests.op_case import Array, OpCase
from tests.op_rows.shaping import A, row

MATMULS = (
    ((7,), (7,)),
    ((7,), (7, 3)),
    ((3, 7), (7,)),
    ((1, 1), (1, 1)),
    ((8, 16), (16, 9)),
    ((17, 15), (15, 1)),
    ((0, 4), (4, 3)),
    ((3, 0), (0, 5)),
    ((2, 3, 4), (4, 5)),
    ((3, 4), (2, 4, 5)),
    ((2, 3, 4), (2, 4, 5)),
    ((2, 1, 3, 4), (5, 4, 2)),
    ((1, 3, 4), (6, 4, 2)),
    ((4,), (2, 4, 5)),
    ((2, 3, 4), (4,)),
)
EINSUMS = (
    ("ij,jk->ik", (3, 7), (7, 4)),
    ("bij,bjk->bik", (2, 3, 4), (2, 4, 5)),
    ("ij->ji", (3, 4)),
    ("ij->", (3, 4)),
    ("ij->j", (3, 4)),
    ("ii->i", (5, 5)),
    ("ii", (5, 5)),
    ("iij->j", (3, 3, 4)),
    ("i,j->ij", (3,), (4,)),
    ("ij,ij->ij", (3, 4), (3, 4)),
    ("ij,ij", (3, 4), (3, 4)),
    ("...ij,...jk->...ik", (2, 3, 4), (4, 5)),
    ("b...d,de->b...e", (2, 3, 4, 5), (5, 6)),
    ("ab,bc,cd->ad", (2, 3), (3, 4), (4, 5)),
    ("abc,cd,be->aed", (2, 3, 4), (4, 5), (3, 2)),
    ("bqhd,bkhd->bhqk", (2, 3, 2, 4), (2, 5, 2, 4)),
    ("ij,k->ik", (3, 4), (5,)),
    ("i,i,i->i", (4,), (4,), (4,)),
    ("ba,b", (3, 4), (3,)),
    ("ij,jj->i", (3, 4), (4, 4)),
    ("...,...->...", (3, 4), (4,)),
    ("ij,kj->ik", (3, 1), (4, 5)),
)


def _einsums() -> list[OpCase]:
    return [
        OpCase(
            f"einsum:{subscripts}",
            ops.einsum,
            (subscripts, *map(Array, shapes)),
            np.einsum,
            {},
            tuple(range(len(shapes))),
        )
        for subscripts, *shapes in EINSUMS
    ]


def _matmuls() -> list[OpCase]:
    return [
        OpCase(
            f"matmul{list(a)}{list(b)}",
            ops.matmul,
            (Array(a), Array(b)),
            np.matmul,
            {},
            (0, 1),
            (0,) if len(a) > 1 and len(b) <= 2 else (),
        )
        for a, b in MATMULS
    ]


def _norm(x, ord, axis):
    return np.linalg.norm(x, ord, axis)


CASES = [
    *_matmuls(),
    *_einsums(),
    row(
        "matmul",
        (Array((3, 4), "int", "int32"), Array((4, 2), "int", "int32")),
        np.matmul,
        "int",
        grad=False,
    ),
    row(
        "matmul",
        (Array((3, 4), "int", "int8"), Array((4, 2), "int", "int8")),
        lambda a, b: a.astype("int32") @ b,
        "int8",
        grad=False,
    ),
    row("dot", (A(3, 4), A(4, 5)), np.dot, batch=(0,)),
    row("dot", (A(2, 3, 4), A(5, 4, 6)), np.dot, "many axes", batch=(0,)),
    row("dot", (A(4), A(4)), np.dot, "vectors"),
    row("dot", (A(3, 4), A()), np.dot, "scalar", batch=(0,)),
    row("tensordot", (A(2, 3, 4), A(3, 4, 5)), np.tensordot, batch=(0,)),
    row("tensordot", (A(2, 3), A(4, 5), 0), np.tensordot, "none"),
    row(
        "tensordot", (A(2, 3, 4), A(5, 4, 3), ([1, -1], [2, 1])), np.tensordot, "lists", batch=(0,)
    ),
    row("vdot", (A(3, 4), A(3, 4)), np.vdot),
    row("inner", (A(3, 4), A(5, 4)), np.inner, batch=(0,)),
    row("outer", (A(3, 2), A(5)), np.outer),
    row("diagonal", (A(4, 6),), np.diagonal),
    row("diagonal", (A(3, 4, 5), 1, -1, 0), np.diagonal, "axes"),
    row("diagonal", (A(4, 3), -2), np.diagonal, "below"),
    row("diagonal", (A(3, 3), 5), np.diagonal, "none"),
    row("diag", (A(4),), np.diag),
    row("diag", (A(3), -2), np.diag, "below"),
    row("diag", (A(4, 5), 1), np.diag, "of matrix"),
    row("diag", (A(4), 1), np.diag, "unknown", batch=(0,)),
    row("diag", (A(3), -2), np.diag, "unknown below", batch=(0,)),
    row("trace", (A(4, 4),), np.trace),
    row("trace", (A(3, 5), 1), np.trace, "unknown", batch=(0,)),
    row("trace", (A(3, 5, 2), -1, -1, 1), np.trace, "axes", batch=(0,)),
    row("norm", (A(3, 4),), np.linalg.norm),
    *(row("norm", (A(3, 4), ord, 1), _norm, str(ord), batch=(0,)) for ord in (None, 2, 1, 3.5)),
    *(
        row("norm", (Array((3, 4), "distinct"), ord, 1), _norm, str(ord))
        for ord in (np.inf, -np.inf)
    ),
    row("norm", (Array((3, 4), "bits"), 0, 1), _norm, "0", grad=False),
    *(
        row("norm", (Array((3, 4), "distinct"), ord, (0, 1)), _norm, f"matrix {ord}")
        for ord in ("fro", 1, -1, np.inf, -np.inf, 2, -2, "nuc")
    ),
    row("norm", (A(2, 3, 5), 2, (1, 2)), _norm, "largest", batch=(0,)),
    row("norm", (A(5, 2, 3), -2, (0, -1)), _norm, "least"),
    row("norm", (A(2, 4, 3), "nuc", (-1, -2)), _norm, "nuclear", batch=(0,)),
]
