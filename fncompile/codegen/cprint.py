"""The tree as text: the only place that knows C's punctuation and precedence."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from fncompile.codegen.ctree import (
    Assign,
    Binary,
    Call,
    Cast,
    CExpr,
    Comment,
    Constants,
    Declare,
    Define,
    Do,
    Element,
    For,
    Function,
    If,
    Include,
    Int,
    Name,
    Prototype,
    Real,
    Return,
    Stmt,
    Table,
    Ternary,
    TopLevel,
    Unary,
)
from fncompile.ir.types import number_text

WIDTH = 100
PRECEDENCE = {
    "*": 12,
    "/": 12,
    "%": 12,
    "+": 11,
    "-": 11,
    "<<": 10,
    ">>": 10,
    "<": 9,
    "<=": 9,
    ">": 9,
    ">=": 9,
}
PRECEDENCE |= {"==": 8, "!=": 8, "&": 7, "^": 6, "|": 5, "&&": 4, "||": 3}
UNARY, POSTFIX, TERNARY = 13, 14, 2
STRING, HELD = re.compile(r'"(?:[^"\\]|\\.)*"'), "\x1f"  # HELD: a space where no line may end
DOMAIN = re.compile(r"   for \S.*$")  # the axes of a formula, which stay together
EARLIEST = 40  # columns at least, of a line that is continued
BRACKETS = dict.fromkeys("([{", 1) | dict.fromkeys(")]}", -1)
BEHIND = frozenset("{=+-*/%<>&|^?:")  # what no line begins with
CLARIFIED = {"&", "|", "^", "<<", ">>", "&&", "||"}  # compilers ask for parentheses inside these


def print_unit(items: Iterable[TopLevel]) -> str:
    """One translation unit."""
    lines: list[str] = []
    previous: TopLevel | None = None
    for item in items:
        together = type(item) is type(previous) and isinstance(item, (Include, Declare, Prototype))
        together |= isinstance(item, Define) and isinstance(previous, (Define, Comment))
        if previous is not None and not together:
            lines.append("")
        lines += _top(item)
        previous = item
    return "\n".join(lines) + "\n"


def _top(item: TopLevel) -> Iterator[str]:
    if isinstance(item, Include):
        yield f'#include "{item.header}"'
    elif isinstance(item, Define):
        params = f"({', '.join(item.params)})" if item.params else ""
        comment = f" /* {item.comment} */" if item.comment else ""
        yield f"#define {item.name}{params} {expression(item.value, POSTFIX)}{comment}"
    elif isinstance(item, Function):
        yield from comment_block(item.comment)
        head = f"{item.prefix} {item.type} {item.name}(".strip()
        params = ", ".join(p.replace(" ", HELD) for p in item.params) or "void"
        yield from wrap(f"{head}{params}) {{", 0)
        yield from _block(item.body, 1)
        yield "}"
    elif isinstance(item, Prototype):
        yield from wrap(f"{item.type} {item.name}({', '.join(item.params)});", 0)
    elif isinstance(item, Table):
        yield from comment_block(item.comment)
        yield f"static const {item.type} {item.name}[{max(len(item.values), 1)}] = {{"
        body = ", ".join(expression(v) for v in item.values) or "0"
        yield from _fold("    " + body, "    ")
        yield "};"
    else:
        yield from _statement(item, 0)


def comment_block(text: str, indent: int = 0) -> Iterator[str]:
    """`text` as a C comment, a line each, long ones continued four deeper; a comment cannot be
    ended from inside."""
    if not text:
        return
    safe = _printable(text).replace("*/", "* /").replace("/*", "/ *").removesuffix("\n")
    pad = "    " * indent
    lines = [part for line in safe.split("\n") for part in _comment_line(line, len(pad) + 6)]
    if len(lines) == 1:
        yield f"{pad}/* {lines[0]} */"
        return
    for i, line in enumerate(lines):
        end = " */" if i == len(lines) - 1 else ""
        yield f"{pad}{'/*' if i == 0 else ' *'} {line}{end}".rstrip()


def _printable(text: str) -> str:
    if text.replace("\n", "").isprintable():
        return text
    return "".join(c if c.isprintable() or c == "\n" else ascii(c)[1:-1] for c in text)


def _comment_line(line: str, taken: int) -> list[str]:
    """The parts of a line that leaves room for `taken` characters."""
    if len(line) <= WIDTH - taken:
        return [line.rstrip()]
    deeper = line[: len(line) - len(line.lstrip())] + "    "
    held = DOMAIN.sub(lambda m: "   " + m.group().strip().replace(" ", HELD), line)
    return list(_fold(held, deeper, WIDTH - taken))


def _block(body: Iterable[Stmt], indent: int) -> Iterator[str]:
    for statement in body:
        yield from _statement(statement, indent)


def _statement(s: Stmt, indent: int) -> Iterator[str]:
    pad = "    " * indent
    if isinstance(s, Comment):
        yield from comment_block(s.text, indent)
    elif isinstance(s, For):
        if s.pragma:
            yield f"#pragma {s.pragma}"
        step = f"++{s.var}" if s.step == Int(1) else f"{s.var} += {expression(s.step)}"
        start, stop = expression(s.start), expression(s.stop, 10)
        head = f"for (int64_t {s.var} = {start}; {s.var} < {stop}; {step}) {{"
        yield from wrap(pad + head, indent)
        yield from _block(s.body, indent + 1)
        yield pad + "}"
    elif isinstance(s, If):
        yield from wrap(f"{pad}if ({expression(s.condition)}) {{", indent)
        yield from _block(s.body, indent + 1)
        if s.orelse:
            yield pad + "} else {"
            yield from _block(s.orelse, indent + 1)
        yield pad + "}"
    else:
        yield from wrap(pad + _simple(s), indent)


def _simple(s: Stmt) -> str:
    if isinstance(s, Declare):
        space = "" if s.type.endswith("*") else " "
        count = f"[{expression(s.count)}]" if s.count is not None else ""
        value = f" = {expression(s.value)}" if s.value is not None else ""
        return f"{s.type}{space}{s.name}{count}{value};"
    if isinstance(s, Assign):
        return f"{expression(s.target)} {s.op} {expression(s.value)};"
    if isinstance(s, Do):
        return f"{expression(s.value)};"
    if isinstance(s, Constants):
        return "enum { " + ", ".join(f"{n} = {expression(v)}" for n, v in s.items) + " };"
    return (
        f"return {expression(s.value)};"
        if isinstance(s, Return) and s.value is not None
        else "return;"
    )


def wrap(line: str, indent: int) -> Iterator[str]:
    """A long line broken at spaces, continued four deeper."""
    if len(line) <= WIDTH:
        yield line.replace(HELD, " ")
        return
    yield from _fold(line, "    " * (indent + 2))


def _fold(line: str, deeper: str, width: int = WIDTH) -> Iterator[str]:
    """`line` broken at spaces, but never inside a string."""
    solid = STRING.sub(lambda m: m.group().replace(" ", HELD), line)
    while len(solid) > width:
        at = _break(solid, width)
        if at < 0:
            break
        yield solid[:at].rstrip().replace(HELD, " ")
        solid = deeper + solid[at:].lstrip()
    yield solid.replace(HELD, " ")


def _break(line: str, width: int) -> int:
    """The last of the spaces that the fewest brackets are open at, behind operators, and behind a
    comma rather than inside an argument; the first of all where none is early enough, -1 where
    there is none."""
    spaces, depth, begun = list[tuple[float, int]](), 0, len(line) - len(line.lstrip())
    for at, character in enumerate(line):
        if character in BRACKETS:
            depth += BRACKETS[character]
        elif character == " " and at >= begun and line[at + 1 : at + 2] not in BEHIND:
            spaces.append((depth - 0.5 * (line[at - 1] == "," and depth > 0), at))
    fit = [s for s in spaces if s[1] <= width]
    late = [s for s in fit if s[1] >= min(EARLIEST, width)] or fit[-1:] or spaces[:1]
    return min(late, key=lambda s: (s[0], -s[1]), default=(0, -1))[1]


def expression(e: CExpr, outer: int = 0) -> str:
    """`e`, in parentheses where it stands under an operator of precedence `outer` or higher."""
    text, own = _expression(e)
    return f"({text})" if own < outer else text


def braces(values: Iterable[CExpr]) -> Name:
    """What an array or a struct is initialised with."""
    return Name("{" + ", ".join(map(expression, values)) + "}")


def _expression(e: CExpr) -> tuple[str, int]:
    kind = type(e)
    if kind is Name:
        return e.text, 20  # type: ignore[union-attr]
    return _PRINT[kind](e)


def _unary(e: Unary) -> tuple[str, int]:
    inner = expression(e.a, UNARY)
    return f"{e.op}{' ' if inner.startswith(e.op) else ''}{inner}", UNARY


def _ternary(e: Ternary) -> tuple[str, int]:
    condition = expression(e.condition, TERNARY + 1)
    return f"{condition} ? {expression(e.a, TERNARY + 1)} : {expression(e.b, TERNARY)}", TERNARY


def _binary(e: Binary) -> tuple[str, int]:
    own = PRECEDENCE[e.op]
    left, right = (_operand(x, e.op, own + side) for side, x in ((0, e.a), (1, e.b)))
    return f"{left} {e.op} {right}", own


def _operand(e: CExpr, op: str, outer: int) -> str:
    if op in CLARIFIED and isinstance(e, Binary) and e.op != op:
        return f"({_expression(e)[0]})"
    return expression(e, outer)


def _integer(value: int) -> tuple[str, int]:
    if value == -(2**63):
        return "INT64_MIN", 20
    if value == -(2**31):
        return "INT32_MIN", 20
    suffix = "" if abs(value) < 2**31 else "LL" if abs(value) < 2**63 else "ULL"
    return f"{value}{suffix}", 20 if value >= 0 else UNARY


def _real_number(e: Real) -> tuple[str, int]:
    return _real(e), 20 if e.value >= 0 or math.isnan(e.value) else UNARY


def _real(e: Real) -> str:
    if math.isnan(e.value):
        return "FNC_NAN_F32" if e.single else "FNC_NAN_F64"
    if math.isinf(e.value):
        sign = "-" if e.value < 0 else ""
        return f"{sign}FNC_INF_{'F32' if e.single else 'F64'}"
    text = number_text(e.value, "float32" if e.single else "float64")
    if "." not in text and "e" not in text:
        text += ".0"
    return text + ("f" if e.single else "")


_PRINT: dict[type, Callable[[Any], tuple[str, int]]] = {
    Int: lambda e: _integer(e.value),
    Real: _real_number,
    Binary: _binary,
    Unary: _unary,
    Call: lambda e: (f"{e.function}({', '.join(map(expression, e.args))})", POSTFIX),
    Element: lambda e: (f"{expression(e.base, POSTFIX)}[{expression(e.index)}]", POSTFIX),
    Cast: lambda e: (f"({e.type}){expression(e.a, UNARY)}", UNARY),
    Ternary: _ternary,
}
