"""Names that users chose as C identifiers."""

from __future__ import annotations

import re
from collections.abc import Iterable

# What C99 and C++11 keep for themselves, or make a macro of, as far as it is a lower-case name.
_RESERVED = """alignas alignof and and_eq asm auto bitand bitor bool break case catch char class
    compl const const_cast constexpr continue decltype default delete do double dynamic_cast else
    enum explicit export extern false float for friend goto if inline int long mutable namespace
    new noexcept not not_eq nullptr operator or or_eq private protected public register
    reinterpret_cast restrict return short signed sizeof static static_assert static_cast struct
    switch template this thread_local throw true try typedef typeid typename typeof union unsigned
    using virtual void volatile wchar_t while xor xor_eq linux unix complex imaginary noreturn errno
    stdin stdout stderr s_addr h_addr sa_handler sa_sigaction st_atime st_ctime st_mtime"""
LONGEST = 60
KEYWORDS = frozenset(_RESERVED.split())


def identifier(name: str, empty: str = "x") -> str:
    """`name` in lower case with each run of other characters as one underscore; never a keyword,
    never a form that C or C++ reserve (leading or double underscores)."""
    text = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_") or empty
    text = f"{empty}_{text}" if text[0].isdigit() else text
    return f"{text}_" if text in KEYWORDS else text


def distinct(names: Iterable[str], taken: Iterable[str] = ()) -> list[str]:
    """An identifier for each name, no two alike and none of `taken`, none much longer than the 63
    characters that a compiler must tell apart."""
    used, out = set(taken), []
    for name in names:
        base = identifier(name)
        base = candidate = base if len(base) <= LONGEST else base[:LONGEST].rstrip("_")
        k = 1
        while candidate in used:
            k += 1
            candidate = f"{base.rstrip('_')}_{k}"
        used.add(candidate)
        out.append(candidate)
    return out
