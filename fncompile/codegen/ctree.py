"""The C syntax tree that emitters build and `cprint` prints."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

# expressions


@dataclass(frozen=True)
class Name:
    text: str


@dataclass(frozen=True)
class Int:
    value: int


@dataclass(frozen=True)
class Real:
    """A floating-point constant; `single` for float."""

    value: float
    single: bool


@dataclass(frozen=True)
class Binary:
    op: str
    a: CExpr
    b: CExpr


@dataclass(frozen=True)
class Unary:
    op: str
    a: CExpr


@dataclass(frozen=True)
class Call:
    function: str
    args: tuple[CExpr, ...]


@dataclass(frozen=True)
class Element:
    """`base[index]`"""

    base: CExpr
    index: CExpr


@dataclass(frozen=True)
class Cast:
    type: str
    a: CExpr


@dataclass(frozen=True)
class Ternary:
    condition: CExpr
    a: CExpr
    b: CExpr


CExpr = Name | Int | Real | Binary | Unary | Call | Element | Cast | Ternary

# statements


class Statement:
    @cached_property
    def names(self) -> frozenset[str]:
        """Identifiers that it mentions: asked for at each block that is put around it."""
        return frozenset(names_in([*vars(self).values()]))


@dataclass(frozen=True)
class Declare(Statement):
    """`type name = value;`; `count` makes it an array."""

    type: str
    name: str
    value: CExpr | None = None
    count: CExpr | None = None


@dataclass(frozen=True)
class Assign(Statement):
    """`target op value;` with op `=`, `+=`, …"""

    target: CExpr
    op: str
    value: CExpr


@dataclass(frozen=True)
class For(Statement):
    """`for (int64_t var = start; var < stop; var += step)`"""

    var: str
    start: CExpr
    stop: CExpr
    body: tuple[Stmt, ...]
    step: CExpr = Int(1)
    pragma: str = ""


@dataclass(frozen=True)
class If(Statement):
    condition: CExpr
    body: tuple[Stmt, ...]
    orelse: tuple[Stmt, ...] = ()


@dataclass(frozen=True)
class Do(Statement):
    """An expression as a statement."""

    value: CExpr


@dataclass(frozen=True)
class Return(Statement):
    value: CExpr | None = None


@dataclass(frozen=True)
class Comment(Statement):
    text: str


@dataclass(frozen=True)
class Constants(Statement):
    """`enum { A = 1, B = 2 };`"""

    items: tuple[tuple[str, CExpr], ...]


Stmt = Declare | Assign | For | If | Do | Return | Comment | Constants

# top level


@dataclass(frozen=True)
class Function:
    """`comment` goes above it; `prefix` is `static`, `FNC_INLINE`, `FNC_EXPORT`…"""

    prefix: str
    type: str
    name: str
    params: tuple[str, ...]
    body: tuple[Stmt, ...]
    comment: str = ""


@dataclass(frozen=True)
class Prototype:
    """A function that another unit defines."""

    type: str
    name: str
    params: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """`static const type name[] = {…};`"""

    type: str
    name: str
    values: tuple[CExpr, ...]
    comment: str = ""


@dataclass(frozen=True)
class Define:
    """`#define name(params) (value)`, and a comment behind it."""

    name: str
    params: tuple[str, ...]
    value: CExpr
    comment: str = ""


@dataclass(frozen=True)
class Include:
    header: str


TopLevel = Function | Prototype | Table | Define | Include | Comment | Constants | Declare


def binary(op: str, a: CExpr, b: CExpr) -> CExpr:
    """`a op b` with the arithmetic on integer constants done."""
    if isinstance(a, Int) and isinstance(b, Int) and op in "+-*":
        return Int({"+": a.value + b.value, "-": a.value - b.value, "*": a.value * b.value}[op])
    if op == "*" and Int(1) in (a, b):
        return b if a == Int(1) else a
    if op == "*" and Int(0) in (a, b):
        return Int(0)
    if op in "+-" and b == Int(0):
        return a
    if op == "+" and a == Int(0):
        return b
    if op == "+" and isinstance(b, Int) and b.value < 0:
        return Binary("-", a, Int(-b.value))
    return Binary(op, a, b)


def call(function: str, *args: Any) -> Call:
    return Call(function, tuple(args))


_NAMELESS = frozenset({str, int, float, bool, type(None), Int, Real})


def names_in(tree: Any) -> set[str]:
    """Identifiers that a tree, or a sequence of trees, mentions."""
    found: set[str] = set()
    stack = [tree]
    while stack:
        item = stack.pop()
        kind = type(item)
        if kind is Name:
            found.update(_identifiers(item.text))
        elif kind is tuple or kind is list:
            stack += item
        elif isinstance(item, Statement):
            found |= item.names
        elif kind not in _NAMELESS:  # another part of the tree
            stack += item.__dict__.values()
    return found


@lru_cache(maxsize=1024)
def _identifiers(text: str) -> tuple[str, ...]:
    return (text,) if text.isidentifier() else tuple(re.findall(r"[A-Za-z_]\w*", text))


def declared_in(body: Sequence[Stmt]) -> set[str]:
    """The variables that `body` declares, at any depth."""
    found: set[str] = set()
    for statement in body:
        if isinstance(statement, Declare):
            found.add(statement.name)
        elif isinstance(statement, For):
            found |= {statement.var, *declared_in(statement.body)}
        elif isinstance(statement, If):
            found |= declared_in((*statement.body, *statement.orelse))
    return found
