"""Dimensions: an `int`, or a polynomial over symbols for sizes known only at run time.

`B` is the batch; every other `None` of an `Input` gets its own symbol.  A product of symbols is
what `reshape` needs, a sum is what `concat` and `pad` along an unknown axis need, a quotient what
`x[::2]`, `split` and windows with strides need; so the smallest closed language is the polynomial
with integer coefficients over symbols and floored quotients of such polynomials.  A polynomial that
has become constant is always an `int` again, so `isinstance(dim, int)` asks "is it known?".
"""

from __future__ import annotations

import ast
import functools
import math
import operator
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from numbers import Integral
from typing import Any, NamedTuple

Monomial = tuple[str, ...]  # sorted symbols and quotients; () is the constant term


class Poly:
    """An immutable polynomial `sum(coef * product(symbols))`; make it with `symbol` and `+ - *`."""

    __slots__ = ("_hash", "terms")

    def __init__(self, terms: tuple[tuple[Monomial, int], ...]):
        self.terms = terms
        self._hash = hash(terms)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Poly) and self.terms == other.terms

    def __add__(self, other: Dim) -> Dim:
        if type(other) is int and not other:
            return self
        return _combine(_terms(self), _terms(other), 1) if _is_dim(other) else NotImplemented

    __radd__ = __add__

    def __sub__(self, other: Dim) -> Dim:
        return _combine(_terms(self), _terms(other), -1) if _is_dim(other) else NotImplemented

    def __rsub__(self, other: Dim) -> Dim:
        return _combine(_terms(other), _terms(self), -1) if _is_dim(other) else NotImplemented

    def __neg__(self) -> Dim:
        return self * -1

    def __mul__(self, other: Dim) -> Dim:
        if type(other) is int:
            return self._times(other)
        if not _is_dim(other):
            return NotImplemented
        out: dict[Monomial, int] = {}
        for m1, c1 in self.terms:
            for m2, c2 in _terms(other):
                key = tuple(sorted(m1 + m2))
                out[key] = out.get(key, 0) + c1 * c2
        return _make(out)

    __rmul__ = __mul__

    def _times(self, by: int) -> Dim:
        if by in (0, 1):
            return self if by else 0
        return Poly(tuple((monomial, coef * by) for monomial, coef in self.terms))

    def __repr__(self) -> str:
        return dim_text(self)

    def _refuse(self, *other: object) -> Any:
        """What a number can do and an unknown extent cannot; a tensor answers for itself."""
        if other and hasattr(other[0], "type"):
            return NotImplemented
        raise TypeError(
            f"The extent {self} is unknown until the program runs, so Python cannot compute with "
            "it. As an operand of `fncompile.ops` it counts as a tensor: ops.less(n, 3), "
            "ops.divide(1.0, n)."
        )

    def __floordiv__(self, other: Any) -> Dim:
        return floordiv(self, int(other)) if _is_divisor(other) else self._refuse(other)

    def __mod__(self, other: Any) -> Dim:
        return self - self // other * other if _is_divisor(other) else self._refuse(other)

    __lt__ = __le__ = __gt__ = __ge__ = __index__ = __int__ = __float__ = _refuse
    __truediv__ = __rtruediv__ = __rfloordiv__ = __rmod__ = _refuse


Dim = int | Poly
Shape = tuple[Dim, ...]


class Quotient(str):
    """A symbol that is defined by others: `numerator // denominator`, which is also its text.

    `floordiv` makes the only ones that there are: all coefficients of the numerator lie between 0
    and the denominator, so that none is negative, and equal ones have the same text.
    """

    numerator: Poly
    denominator: int

    @classmethod
    def of(cls, numerator: Poly, denominator: int) -> Quotient:
        made = cls(_quotient_text(numerator, denominator, str, PYTHON_STYLE))
        made.numerator, made.denominator = numerator, denominator
        return made


def symbol(name: str) -> Poly:
    """The dimension called `name` (a C identifier)."""
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        raise ValueError(f"A dimension symbol must be an identifier. Received: {name!r}")
    return Poly((((name,), 1),))


def is_symbol(dim: Dim) -> bool:
    """Is it nothing but the size of an axis, read off an array?"""
    if isinstance(dim, int) or len(dim.terms) != 1:
        return False
    monomial, coef = dim.terms[0]
    return coef == 1 and len(monomial) == 1 and not isinstance(monomial[0], Quotient)


def _is_divisor(x: object) -> bool:
    return isinstance(x, Integral) and int(x) > 0


def _is_dim(x: object) -> bool:
    return isinstance(x, (int, Poly)) or (hasattr(x, "__index__") and not hasattr(x, "type"))


def _terms(dim: Dim) -> tuple[tuple[Monomial, int], ...]:
    if isinstance(dim, Poly):
        return dim.terms
    return (((), int(dim)),)


def _combine(a, b, sign: int) -> Dim:
    out = dict(a)
    for monomial, coef in b:
        out[monomial] = out.get(monomial, 0) + sign * coef
    return _make(out)


def _make(terms: dict[Monomial, int]) -> Dim:
    kept = [(m, c) for m, c in terms.items() if c]
    if len(kept) > 1:
        kept.sort(key=lambda t: (-len(t[0]), t[0]))
    elif not kept or kept[0][0] == ():
        return kept[0][1] if kept else 0
    return Poly(tuple(kept))


def product(dims: Iterable[Dim]) -> Dim:
    total: Dim = 1
    for dim in dims:
        total = total * dim
    return total


def row_major(shape: Sequence[Dim]) -> list[Dim]:
    """Strides in elements."""
    return [product(shape[i + 1 :]) for i in range(len(shape))]


def divide(a: Dim, b: Dim) -> Dim | None:
    """`a / b` when it is exact for every value of the symbols and `b` is one monomial, else
    None."""
    if isinstance(a, int) and isinstance(b, int):
        return a // b if b and a % b == 0 else None
    if a == b:
        return 1
    if a == 0 and b != 0:
        return 0
    if len(_terms(b)) != 1:
        return None
    (monomial, coef), out = _terms(b)[0], {}
    for m, c in _terms(a):
        rest = _remove(m, monomial)
        if not coef or c % coef or rest is None:
            return None
        out[rest] = c // coef
    return _make(out)


def divide_checked(a: Dim, b: Dim) -> Dim | None:
    """`a / b`, which may be a quotient that nothing must be left of: where the result times `b` is
    taken to be `a`, as inference does, an entry checks it. None where it cannot be told, or is not
    so."""
    exact = divide(a, b)
    if exact is not None or isinstance(a, int) or len(_terms(b)) != 1:
        return exact
    (monomial, coef) = _terms(b)[0]
    per_symbol = divide(a, Poly(((monomial, 1),)) if monomial else 1)
    if coef < 1 or per_symbol is None or isinstance(per_symbol, int):
        return None
    return floordiv(per_symbol, coef)


def reduced(a: Dim, b: Dim) -> tuple[Dim, Dim]:
    """Both without the symbols and the factor that all of their terms share."""
    shared = _shared(*_terms(a), *_terms(b))
    parts = divide(a, shared), divide(b, shared)
    return (a, b) if None in parts else parts  # type: ignore[return-value]


def equation(a: Dim, b: Dim) -> Dim:
    """What is 0 where the two are equal: the same for other sizes that are equal then."""
    gap = a - b
    if isinstance(gap, int):
        return gap
    if gap.terms[0][1] < 0:
        gap = gap * -1
    return divide(gap, _shared(*_terms(gap))) or gap


def _shared(*terms: tuple[Monomial, int]) -> Dim:
    """The largest monomial that divides each."""
    symbols = functools.reduce(operator.and_, (Counter(m) for m, _ in terms))
    return _make({tuple(sorted(symbols.elements())): math.gcd(*(c for _, c in terms))})


def floordiv(a: Dim, by: int) -> Dim:
    """`a // by`, rounded down; what can be divided stands outside of the quotient."""
    if by < 1:
        raise ValueError(f"An extent can be divided by a positive number only. Received: {by}")
    whole = _make({m: c // by for m, c in _terms(a)})
    rest = _make({m: c % by for m, c in _terms(a)})
    if isinstance(rest, int):  # less than one
        return whole
    return whole + _quotient(rest, by)


def ceildiv(a: Dim, by: int) -> Dim:
    """`a / by`, rounded up."""
    return floordiv(a + by - 1, by)


def _quotient(a: Poly, by: int) -> Dim:
    """`a // by`, whose coefficients lie between 0 and `by`."""
    known = dict(a.terms).get((), 0)
    open_terms = [(m, c) for m, c in a.terms if m]
    common = math.gcd(by, *(c for _, c in open_terms))
    if common > 1:  # (2*T + 1) // 4 is T // 2
        rest = _make({m: c // common for m, c in open_terms}) + known // common
        return floordiv(rest, by // common)
    (monomial, coef), *others = open_terms
    if not others and coef == len(monomial) == 1 and isinstance(inner := monomial[0], Quotient):
        # (T // 2 + 1) // 3 is (T + 2) // 6
        return floordiv(inner.numerator + known * inner.denominator, inner.denominator * by)
    return Poly((((Quotient.of(a, by),), 1),))


def _remove(symbols: Monomial, taken: Monomial) -> Monomial | None:
    left = list(symbols)
    for s in taken:
        if s not in left:
            return None
        left.remove(s)
    return tuple(left)


def is_static(shape: Iterable[Dim]) -> bool:
    return all(isinstance(d, int) for d in shape)


def symbols_of(dims: Iterable[Dim]) -> list[str]:
    """Symbol names in `dims`, `B` first, the rest sorted; of a quotient those in it."""
    found: set[str] = set()
    stack = list(dims)
    while stack:
        for s in {s for m, _ in _terms(stack.pop()) for s in m}:
            if isinstance(s, Quotient):
                stack.append(s.numerator)
            else:
                found.add(s)
    return sorted(found, key=lambda s: (s != "B", s))


def evaluate(dim: Dim, values: Mapping[str, int]) -> int:
    """The number that `dim` is when each symbol has the size `values[symbol]`."""
    if isinstance(dim, int):
        return dim
    total = 0
    for monomial, coef in dim.terms:
        for s in monomial:
            if isinstance(s, Quotient):
                coef *= evaluate(s.numerator, values) // s.denominator
            else:
                coef *= values[s]
        total += coef
    return total


def substitute(dim: Dim, replacements: Mapping[str, Dim]) -> Dim:
    """`dim` with symbols replaced by other dimensions."""
    if isinstance(dim, int):
        return dim
    total: Dim = 0
    for monomial, coef in dim.terms:
        total = total + coef * product(_substituted(s, replacements) for s in monomial)
    return total


def _substituted(s: str, replacements: Mapping[str, Dim]) -> Dim:
    if isinstance(s, Quotient):
        return floordiv(substitute(s.numerator, replacements), s.denominator)
    return replacements.get(s, Poly((((s,), 1),)))


def upper_bound(a: Dim, b: Dim) -> Dim:
    """A dimension at least as large as both for all non-negative sizes (coefficient-wise
    maximum)."""
    out = {m: max(c, 0) for m, c in _terms(a)}
    for m, c in _terms(b):
        out[m] = max(out.get(m, 0), c)
    return _make(out)


class Style(NamedTuple):
    """The operators of a text."""

    plus: str = "+"
    minus: str = "-"
    times: str = "*"
    over: str = "//"


PYTHON_STYLE = Style()
C_STYLE = Style(" + ", " - ", " * ", " / ")


def dim_text(dim: Dim, name: Callable[[str], str] = str, style: Style = PYTHON_STYLE) -> str:
    """`2*B+(T//2)+3`, terms of higher degree first; `name` says what a symbol is called."""
    if isinstance(dim, int):
        return str(dim)
    text = ""
    for monomial, coef in dim.terms:
        factors = [_factor_text(s, name, style) for s in monomial]
        if abs(coef) != 1 or not factors:
            factors.insert(0, str(abs(coef)))
        sign = style.minus if coef < 0 else style.plus
        text += f"{sign if text else sign.strip()}{style.times.join(factors)}"
    return text.removeprefix("+")


def _factor_text(s: str, name: Callable[[str], str], style: Style) -> str:
    if isinstance(s, Quotient):
        return _quotient_text(s.numerator, s.denominator, name, style)
    return name(s)


def _quotient_text(above: Poly, below: int, name: Callable[[str], str], style: Style) -> str:
    text = dim_text(above, name, style)
    return f"({f'({text})' if len(above.terms) > 1 else text}{style.over}{below})"


def parse_dim(text: str) -> Dim:
    """The inverse of `dim_text`; ValueError where the text is none."""
    try:
        return _parsed(ast.parse(text.strip(), mode="eval").body)
    except (SyntaxError, KeyError, AttributeError, TypeError) as error:
        raise ValueError(f"{text!r} is no dimension") from error


_OPERATORS: dict[type, Callable[[Any, Any], Dim]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.FloorDiv: floordiv,
}


def _parsed(tree: Any) -> Dim:
    if isinstance(tree, ast.Name):
        return symbol(tree.id)
    if isinstance(tree, ast.BinOp):
        return _OPERATORS[type(tree.op)](_parsed(tree.left), _parsed(tree.right))
    if isinstance(tree, ast.UnaryOp) and isinstance(tree.op, ast.USub):
        return _parsed(tree.operand) * -1
    if type(tree.value) is not int:
        raise ValueError(f"{tree.value!r} is no whole number")
    return tree.value
