"""Dimensions: an `int`, or a polynomial over symbols for sizes known only at run time.

`B` is the batch; every other `None` of an `Input` gets its own symbol.  A product of symbols is
what `reshape` needs, a sum is what `concat` and `pad` along an unknown axis need, so the smallest
closed language is the polynomial with integer coefficients.  A polynomial that has become constant
is always an `int` again, so `isinstance(dim, int)` asks "is it known?".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

Monomial = tuple[str, ...]  # sorted symbols; () is the constant term


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
        return _combine(_terms(self), _terms(other), 1) if _is_dim(other) else NotImplemented

    __radd__ = __add__

    def __sub__(self, other: Dim) -> Dim:
        return _combine(_terms(self), _terms(other), -1) if _is_dim(other) else NotImplemented

    def __rsub__(self, other: Dim) -> Dim:
        return _combine(_terms(other), _terms(self), -1) if _is_dim(other) else NotImplemented

    def __neg__(self) -> Dim:
        return self * -1

    def __mul__(self, other: Dim) -> Dim:
        if not _is_dim(other):
            return NotImplemented
        out: dict[Monomial, int] = {}
        for m1, c1 in self.terms:
            for m2, c2 in _terms(other):
                key = tuple(sorted(m1 + m2))
                out[key] = out.get(key, 0) + c1 * c2
        return _make(out)

    __rmul__ = __mul__

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

    __lt__ = __le__ = __gt__ = __ge__ = __index__ = __int__ = __float__ = _refuse
    __truediv__ = __rtruediv__ = __floordiv__ = __rfloordiv__ = __mod__ = __rmod__ = _refuse


Dim = int | Poly
Shape = tuple[Dim, ...]


def symbol(name: str) -> Poly:
    """The dimension called `name` (a C identifier)."""
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        raise ValueError(f"A dimension symbol must be an identifier. Received: {name!r}")
    return Poly((((name,), 1),))


def _is_dim(x: object) -> bool:
    return isinstance(x, Poly) or (hasattr(x, "__index__") and not hasattr(x, "type"))


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
    kept = {m: c for m, c in terms.items() if c}
    if not kept:
        return 0
    if set(kept) == {()}:
        return kept[()]
    return Poly(tuple(sorted(kept.items(), key=lambda t: (-len(t[0]), t[0]))))


def product(dims: Iterable[Dim]) -> Dim:
    total: Dim = 1
    for dim in dims:
        total = total * dim
    return total


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
    """Symbol names in `dims`, `B` first, the rest sorted."""
    found = {s for d in dims for m, _ in _terms(d) for s in m}
    return sorted(found, key=lambda s: (s != "B", s))


def evaluate(dim: Dim, values: Mapping[str, int]) -> int:
    """The number that `dim` is when each symbol has the size `values[symbol]`."""
    if isinstance(dim, int):
        return dim
    total = 0
    for monomial, coef in dim.terms:
        for s in monomial:
            coef *= values[s]
        total += coef
    return total


def substitute(dim: Dim, replacements: Mapping[str, Dim]) -> Dim:
    """`dim` with symbols replaced by other dimensions."""
    if isinstance(dim, int):
        return dim
    total: Dim = 0
    for monomial, coef in dim.terms:
        total = total + coef * product(replacements.get(s, symbol(s)) for s in monomial)
    return total


def upper_bound(a: Dim, b: Dim) -> Dim:
    """A dimension at least as large as both for all non-negative sizes (coefficient-wise
    maximum)."""
    out = {m: max(c, 0) for m, c in _terms(a)}
    for m, c in _terms(b):
        out[m] = max(out.get(m, 0), c)
    return _make(out)


def dim_text(dim: Dim, times: str = "*", power: Callable[[str], str] = str) -> str:
    """`2*B + 3`; terms of higher degree first."""
    if isinstance(dim, int):
        return str(dim)
    parts = []
    for monomial, coef in dim.terms:
        factors = [power(s) for s in monomial]
        if abs(coef) != 1 or not factors:
            factors.insert(0, str(abs(coef)))
        sign = "-" if coef < 0 else "+"
        parts.append((sign, times.join(factors)))
    text = "".join(f"{s}{t}" for s, t in parts)
    return text.lstrip("+")


def parse_dim(text: str) -> Dim:
    """The inverse of `dim_text`."""
    total: Dim = 0
    for sign, term in re.findall(r"([+-]?)([^+-]+)", text.replace(" ", "")):
        value: Dim = -1 if sign == "-" else 1
        for factor in term.split("*"):
            value = value * (int(factor) if factor.isdigit() else symbol(factor))
        total = total + value
    return total
