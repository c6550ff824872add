"""What a stage computes at a point of its domain: expressions over loads at affine indices."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar

from fncompile.ir.dims import Dim
from fncompile.ir.types import TensorType

C = TypeVar("C", bound=type)
K = TypeVar("K")
V = TypeVar("V")


def hashed_once(cls: C) -> C:
    """Let instances keep their hash: expressions are deep, and looked up often. Copies and pickles
    leave it behind, for strings hash to something else in another process."""
    compute: Any = cls.__hash__

    def get(self: Any) -> int:
        try:
            return self._hash
        except AttributeError:
            found = self.__dict__["_hash"] = compute(self)
            return found

    cls.__hash__ = get  # type: ignore[assignment]
    cls.__getstate__ = _without_hash  # type: ignore[attr-defined]
    return cls


def kept(compute: Callable[[K], V]) -> Callable[[K], V]:
    """Let what is computed of an object that never changes stay with it."""
    name = f"_{compute.__name__}"

    def get(of: K) -> V:
        found = vars(of)
        if name not in found:
            found[name] = compute(of)
        return found[name]

    return wraps(compute)(get)


def _without_hash(self: Any) -> dict[str, Any]:
    return {name: value for name, value in vars(self).items() if name != "_hash"}


@hashed_once
@dataclass(frozen=True)
class Affine:
    """`offset + sum(coefficient * axis)`, in elements; axes are numbered within the stage's
    domain."""

    offset: Dim = 0
    terms: tuple[tuple[int, Dim], ...] = ()

    def __add__(self, other: Affine) -> Affine:
        out: dict[int, Dim] = dict(self.terms)
        for axis, coef in other.terms:
            out[axis] = out.get(axis, 0) + coef
        kept = tuple(sorted((a, c) for a, c in out.items() if c != 0))
        return Affine(self.offset + other.offset, kept)

    def shift(self, by: Dim) -> Affine:
        return Affine(self.offset + by, self.terms)

    def scale(self, by: Dim) -> Affine:
        if by == 0:
            return Affine()
        return Affine(self.offset * by, tuple((a, c * by) for a, c in self.terms))

    def coefficient(self, axis: int) -> Dim:
        return dict(self.terms).get(axis, 0)

    def map_axes(self, mapping: dict[int, Affine]) -> Affine:
        """Each axis replaced by an affine expression of new axes."""
        out = Affine(self.offset)
        for axis, coef in self.terms:
            out = out + mapping[axis].scale(coef)
        return out


def axis_index(axis: int) -> Affine:
    return Affine(0, ((axis, 1),))


@hashed_once
@dataclass(frozen=True)
class Buffer:
    """Memory of one value. `kind`: input, output, param, const or arena; or local, for one row of
    what a kernel alone computes and reads.

    `index` numbers inputs and outputs; `base` and `offset` (elements) place a buffer inside
    another. `carried`: what a turn of a repeat leaves there is for the next one.
    """

    name: str
    type: TensorType
    kind: str
    index: int = 0
    base: Buffer | None = None
    offset: Dim = 0
    data: bytes = b""
    carried: bool = False

    @property
    def has_old_value(self) -> bool:
        """Is there a value before anything is computed, which a buffer inside it replaces?"""
        return self.kind == "param" or self.carried

    def __repr__(self) -> str:
        return f"{self.kind}:{self.name}"


def memory_place(buffer: Buffer) -> tuple[Buffer, Dim, str]:
    """Where its pointer points: the outermost buffer, elements behind its beginning, the dtype."""
    start: Dim = 0
    dtype = buffer.type.dtype
    while buffer.base is not None:
        start, buffer = start + buffer.offset, buffer.base
    return buffer, start, dtype


# expressions --------------------------------------------------------------------------------------


@hashed_once
@dataclass(frozen=True)
class Load:
    buffer: Buffer
    at: Affine
    dtype: str


@dataclass(frozen=True)
class Const:
    value: Any
    dtype: str


@hashed_once
@dataclass(frozen=True)
class Index:
    """The value of an affine expression of the axes, as a number."""

    at: Affine
    dtype: str


@hashed_once
@dataclass(frozen=True)
class Apply:
    """A scalar function; `fn == "cast"` converts to `dtype`."""

    fn: str
    args: tuple[Expr, ...]
    dtype: str


@hashed_once
@dataclass(frozen=True)
class Guarded:
    """`inside` where every `0 <= index < extent`, else `outside`; `inside` is not evaluated
    elsewhere."""

    conditions: tuple[tuple[Affine, Dim], ...]
    inside: Expr
    outside: Expr
    dtype: str


@hashed_once
@dataclass(frozen=True)
class GatherLoad:
    """`buffer[row * stride + at]`; rows outside `rows` give NaN, or 0 for integers."""

    buffer: Buffer
    row: Expr
    rows: Dim
    stride: Dim
    at: Affine
    dtype: str


@hashed_once
@dataclass(frozen=True)
class Bits:
    """Element `at` of the Philox stream whose key is `seed[0], seed[1]`."""

    seed: Buffer
    at: Affine
    dtype: str = "uint32"


@dataclass(frozen=True)
class Value:
    """The result of an earlier stage of the kernel at the current point (its accumulator or its
    store)."""

    stage: int
    dtype: str


Expr = Load | Const | Index | Apply | Guarded | GatherLoad | Bits | Value


def children(expr: Expr) -> tuple[Expr, ...]:
    if isinstance(expr, Apply):
        return expr.args
    if isinstance(expr, Guarded):
        return (expr.inside, expr.outside)
    if isinstance(expr, GatherLoad):
        return (expr.row,)
    return ()


def below(expr: Expr) -> list[Expr]:
    """`expr` and all parts of it, each once."""
    found: dict[Expr, None] = {}
    stack = [expr]
    while stack:
        e = stack.pop()
        if e not in found:
            found[e] = None
            stack.extend(children(e))
    return list(found)


def loads(expr: Expr) -> list[Expr]:
    """Every Load, GatherLoad and Bits below `expr`."""
    return [e for e in below(expr) if isinstance(e, (Load, GatherLoad, Bits))]


def indices(expr: Expr) -> list[Affine]:
    """Every index that is used below `expr`."""
    found: list[Affine] = []
    for e in below(expr):
        if isinstance(e, (Load, GatherLoad, Bits, Index)):
            found.append(e.at)
        elif isinstance(e, Guarded):
            found += [a for a, _ in e.conditions]
    return found


def buffer_of(expr: Expr) -> Buffer:
    return expr.seed if isinstance(expr, Bits) else expr.buffer  # type: ignore[union-attr]
