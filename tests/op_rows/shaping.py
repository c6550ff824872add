"""Rows of views, joining, padding, creation and casts."""

from __future__ import annotations

import numpy as np

from fncompile import ops
from tests.op_case import Array, OpCase


def row(
    op: str, args: tuple, reference, note: str = "", grad: bool = True, batch: tuple = (), **kwargs
) -> OpCase:
    """A case whose arrays are all differentiable, named after the op and a note."""
    case = OpCase(
        f"{op}:{note}" if note else op, getattr(ops, op), args, reference, kwargs, batch=batch
    )
    found = tuple(i for i, s in enumerate(case.specs) if s.dtype == "float") if grad else ()
    return OpCase(case.name, case.fn, args, reference, kwargs, found, batch)


def A(*shape: int) -> Array:
    return Array(shape)


X = A(3, 4, 5)
VIEWS = [
    row("reshape", (X, (5, 12)), np.reshape),
    row("reshape", (X, (-1, 5)), np.reshape, "-1", batch=(0,)),
    row("reshape", (A(), (1, 1)), np.reshape, "scalar"),
    row("reshape", (A(4, 0), (4, -1)), np.reshape, "empty", batch=(0,)),
    row("ravel", (X,), np.ravel, batch=(0,)),
    row("transpose", (X,), np.transpose, batch=(0,)),
    row("transpose", (X, (1, -1, 0)), np.transpose, "axes"),
    row("swapaxes", (X, 0, -1), np.swapaxes),
    row("moveaxis", (X, (0, 1), (-1, 0)), np.moveaxis),
    row("moveaxis", (X, 0, 1), np.moveaxis, "one", batch=(0,)),
    row("expand_dims", (X, -1), np.expand_dims, batch=(0,)),
    row("expand_dims", (X, (0, 2)), np.expand_dims, "two"),
    row("squeeze", (A(3, 1, 5, 1),), np.squeeze, batch=(0,)),
    row("squeeze", (A(3, 1, 5, 1), -1), np.squeeze, "axis", batch=(0,)),
    row("broadcast_to", (A(3, 1), (2, 3, 7)), np.broadcast_to),
    row("flip", (X, 1), np.flip, batch=(0,)),
    row("flip", (X,), np.flip, "all", batch=(0,)),
    row("flip", (A(0),), np.flip, "empty"),
    row("roll", (A(7), 3), np.roll),
    row("roll", (X, -2, 1), lambda x, s, a: np.roll(x, s, a), "axis", batch=(0,)),
    row("roll", (X, 4), np.roll, "flat"),
    row("roll", (A(5), 17), np.roll, "around"),
    row("tile", (A(3, 4), (2, 3)), np.tile),
    row("tile", (A(3), (2, 1, 2)), np.tile, "more axes"),
    row("tile", (X, 2), np.tile, "last", batch=(0,)),
    row("repeat", (A(3, 4), 3), np.repeat),
    row("repeat", (A(3, 4), 2, 1), np.repeat, "axis", batch=(0,)),
    row("repeat", (A(3, 4), [1, 0, 2], 0), np.repeat, "counts"),
    row("size", (X,), lambda x: np.int32(x.size), grad=False, batch=(0,)),
]
JOINS = [
    row("concatenate", ([A(3, 4), A(2, 4), A(0, 4)],), np.concatenate),
    row("concatenate", ([A(3, 7), A(3, 1), A(3, 8)], -1), np.concatenate, "last", batch=(0, 1, 2)),
    row("stack", ([A(3, 4), A(3, 4)],), np.stack, batch=(0, 1)),
    row("stack", ([A(3), A(3), A(3)], -1), np.stack, "last", batch=(0, 1, 2)),
    row("hstack", ([A(3, 4), A(3, 2)],), np.hstack, batch=(0, 1)),
    row("hstack", ([A(3), A(2)],), np.hstack, "vectors"),
    row("vstack", ([A(4), A(4)],), np.vstack),
    row("append", (A(3, 4), A(2)), np.append),
    row("append", (A(3, 4), A(3, 1), 1), np.append, "axis"),
    row("unstack", (X,), lambda x: list(x)),
    row("unstack", (X, 4, 1), lambda x, n, a: [x[:, i] for i in range(n)], "axis", batch=(0,)),
    row("split", (A(9, 2), 3), np.split, batch=()),
    row("split", (X, 5, -1), lambda x, n, a: np.split(x, n, a), "last", batch=(0,)),
    row("split", (A(9), [2, 2, 7]), np.split, "at"),
    row("array_split", (A(9), 4), np.array_split),
]
PADS = [
    row("pad", (A(3, 4), ((1, 2), (0, 3))), np.pad),
    row("pad", (A(3, 4), 1), np.pad, "one", batch=(0,)),
    row("pad", (A(0, 4), (2, 1)), np.pad, "empty"),
    row(
        "pad",
        (A(3, 4), ((0, 0), (1, 0)), "constant", 2.5),
        lambda x, w, m, v: np.pad(x, w, constant_values=v),
        "value",
        batch=(0,),
    ),
    *(
        row("pad", (A(5, 4), ((2, 3), (1, 0)), mode), np.pad, mode)
        for mode in ("reflect", "symmetric", "edge")
    ),
    row("pad", (Array((3,), "int", "int32"), (1, 1)), np.pad, "int", grad=False),
]
CREATED = [
    row("zeros_like", (X,), np.zeros_like, batch=(0,)),
    row("ones_like", (X,), np.ones_like, batch=(0,)),
    row("full_like", (X, 2.5), np.full_like, batch=(0,)),
    row("copy", (X,), np.copy, batch=(0,)),
    row("full", ((2, 3), A(3)), lambda s, v: np.broadcast_to(v, s), "row"),
    row("zeros", ((2, 0, 3),), np.zeros),
    row("ones", (3,), np.ones),
    row("full", ((2, 3), 7.5), np.full),
    row("arange", (9,), lambda n: np.arange(n, dtype="int32")),
    row("arange", (2, 17, 3), lambda *v: np.arange(*v, dtype="int32"), "step"),
    row("arange", (5, -4, -2), lambda *v: np.arange(*v, dtype="int32"), "down"),
    row("arange", (0.1, 1.0, 0.1), np.arange, "float"),
    row("arange", (4, 4), lambda *v: np.arange(*v, dtype="int32"), "none"),
    row("linspace", (0.0, 1.0, 7), np.linspace),
    row("linspace", (A(3), A(3), 5), np.linspace, "tensors"),
    row(
        "linspace",
        (A(3), 2.0, 5),
        lambda a, b, n: np.linspace(a, b, n, endpoint=False, axis=-1),
        "axis",
        endpoint=False,
        axis=-1,
    ),
    row("linspace", (1.0, 2.0, 1), np.linspace, "one"),
    row("eye", (4,), np.eye),
    row("eye", (4, 7, -1), np.eye, "off"),
    row("identity", (3,), np.identity),
    row("tri", (4, 6, 1), np.tri),
    row("tril", (A(2, 4, 5),), np.tril, batch=(0,)),
    row("triu", (A(4, 4), 1), np.triu),
    row("meshgrid", (A(3), A(4)), lambda *v: list(np.meshgrid(*v))),
    row(
        "meshgrid",
        (A(3), A(4), A(2)),
        lambda *v: list(np.meshgrid(*v, indexing="ij")),
        "ij",
        indexing="ij",
    ),
]
CASTS = [
    row("cast", (Array((9,), "away"), "int32"), lambda x, d: x.astype(d), grad=False),
    row("cast", (Array((9,), "int"), "bool"), lambda x, d: x.astype(d), "bool", grad=False),
    row(
        "cast",
        (Array((9,), "bits", "bool"), "float64"),
        lambda x, d: x.astype(d),
        "from bool",
        grad=False,
    ),
    row("convert_to_tensor", (A(9),), np.asarray),
    row("stop_gradient", (A(9),), np.asarray, grad=False),
]
CASES = [*VIEWS, *JOINS, *PADS, *CREATED, *CASTS]
