"""The constant tables of a library: what checkpoints consist of, and what tensors are like."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from fncompile.codegen.cprint import braces, expression
from fncompile.codegen.ctree import CExpr, Declare, Int, Name, Table, TopLevel
from fncompile.export.api.library import Library, Param, Piece, Port
from fncompile.ir.dims import Dim, Poly, evaluate
from fncompile.ir.types import DTYPES, TensorType

BLOCKS = {"weights": "FNC_WEIGHTS", "train": "FNC_TRAIN", "state": "FNC_STATE"}
BLOCKS |= {"fixed": "FNC_FIXED"}


_ESCAPES = {ord("\n"): "\\n", ord("\t"): "\\t", ord('"'): '\\"', ord("\\"): "\\\\"}


def quoted(text: str) -> Name:
    """A C string of the text in UTF-8. What is not printable ASCII stands as octal escapes, which
    unlike hexadecimal ones end by themselves; of two question marks one is escaped, for trigraphs.
    """
    plain = (
        _ESCAPES.get(b, chr(b) if 32 <= b < 127 else f"\\{b:03o}") for b in text.encode()
    )
    return Name('"' + "".join(plain).replace("??", "?\\?") + '"')


def record(type: str, name: str, **fields: CExpr) -> Declare:
    """A constant struct with designated members."""
    members = ", ".join(f".{key} = {expression(value)}" for key, value in fields.items())
    return Declare(f"static const {type}", name, Name("{" + members + "}"))


def numbers(values: Iterable[int]) -> tuple[CExpr, ...]:
    return tuple(map(Int, values))


def spans(name: str, found: Iterable[tuple[int, int]]) -> Table:
    """Offset and bytes."""
    rows = tuple(braces(numbers(span)) for span in found)
    return Table("fnc_span", name, rows or (Name("{0, 0}"),))


def tensor_table(params: Sequence[Param]) -> Table:
    rows = tuple(map(_tensor, params)) or (Name("{0}"),)
    return Table("fnc_tensor", "tensors", rows)


def _tensor(p: Param) -> Name:
    count, nbytes = evaluate(p.type.size, {}), evaluate(p.type.nbytes, {})
    gradient, frozen = (p.part.gradient, p.part.frozen) if p.part else (-1, -1)
    item = 2 if p.narrow else DTYPES[p.type.dtype].size
    flags = (int(p.narrow), int(p.first is not None))
    return braces(
        [quoted(p.title), *numbers((p.offset, nbytes, count, item, gradient, frozen, *flags))]
    )


# checkpoints ------------------------------------------------------------------------------------


def piece_tables(pieces: Sequence[Piece]) -> list[TopLevel]:
    """The pieces, and one table each of all their extents and of all their paths."""
    dims: list[int] = []
    rows, at = [], 0
    for piece in pieces:
        rows.append(_piece(piece, len(dims), at))
        dims += [evaluate(d, {}) for d in piece.type.shape]
        at += len(piece.path.encode()) + 1
    paths = " ".join(quoted(piece.path).text[:-1] + '\\0"' for piece in pieces)
    return [
        Table("int64_t", "piece_dims", numbers(dims)),
        Declare("static const char", "piece_paths[]", Name(paths or '""')),
        Table("fnc_piece", "pieces", tuple(rows) or (Name("{0, 0, 0, 0, 0, 0, 0, 0, 0}"),)),
    ]


def _piece(piece: Piece, dims_at: int, path_at: int) -> Name:
    places = numbers((piece.file_at, piece.offset, evaluate(piece.type.nbytes, {})))
    kind = (Name(BLOCKS[piece.block]), Name(f"FNC_H5_{DTYPES[piece.type.dtype].short.upper()}"))
    rest = (piece.type.ndim, dims_at, path_at, int(piece.narrow))
    return braces([*places, *kind, *numbers(rest)])


# tensors ----------------------------------------------------------------------------------------


def info_tables(library: Library) -> list[TopLevel]:
    predict, kind = library.steps["predict"], f"{library.prefix}_tensor_info"
    params = [
        _info(p.title, p.type, p.type.size, -1 if p.first is None else p.first, p.trainable)
        for p in library.params
    ]
    nothing = _info("", TensorType("float32", ()), 0)
    tables: list[TopLevel] = [
        Declare("static const char", "build_text[]", quoted(library.build)),
        Table(kind, "input_table", tuple(map(_port, predict.inputs)) or (nothing,)),
        Table(kind, "output_table", tuple(map(_port, predict.outputs)) or (nothing,)),
        Table(kind, "param_table", tuple(params) or (nothing,)),
    ]
    if library.training is not None:
        names = tuple(map(quoted, library.training.metrics))
        tables.append(Table("char *const", "metric_table", names))
    return tables


def _port(port: Port) -> Name:
    sample = TensorType(port.type.dtype, port.type.shape[1:])
    return _info(port.title, port.type, sample.size)


def _info(
    title: str, type: TensorType, count: Dim, first: int = 0, trainable: bool = False
) -> Name:
    dims = [_known(d) for d in type.shape] or [0]
    counts = numbers((_known(count), first, int(trainable), type.ndim))
    return braces([quoted(title), quoted(type.dtype), *counts, braces(numbers(dims))])


def _known(d: Dim) -> int:
    return -1 if isinstance(d, Poly) else d
