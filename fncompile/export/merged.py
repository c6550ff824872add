"""The entries of a model as one unit of C: what they share of csrc is compiled once.

Requires texts of `codegen.program`, one an entry. Ensures that their own names stay apart: each
gets the entry's name behind it, and macros end with their entry.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_OWN = "static|FNC_INLINE|FNC_NOINLINE|FNC_PLAIN|FNC_ONE_COPY"
_DEFINED = re.compile(rf"^(?:{_OWN})\b[^;={{(]*?(\w+) ?[(\[=]", re.MULTILINE)
_EXPORTED = re.compile(r"^FNC_EXPORT\s+\w+\s+(\w+)", re.MULTILINE)  # long lines are broken
_MACRO = re.compile(r"^#define (\w+)", re.MULTILINE)
_INCLUDE = re.compile(r'^#include "[^"]*"\n', re.MULTILINE)


def merge(entries: Mapping[str, str], suffix: str = "") -> str:
    """One text; functions for others get `suffix` behind their names."""
    included = dict.fromkeys(i for text in entries.values() for i in _INCLUDE.findall(text))
    parts = [_part(name, text, suffix) for name, text in entries.items()]
    return "".join(included) + "\n" + "\n".join(parts)


def _part(entry: str, text: str, suffix: str) -> str:
    own = set(_DEFINED.findall(text))
    names = {name: _own_name(name, entry) for name in own}
    names |= {name: name + suffix for name in _EXPORTED.findall(text)}
    body = _renamed(_INCLUDE.sub("", text), names)
    ended = "".join(f"#undef {name}\n" for name in _MACRO.findall(text))
    return f"{body}\n{ended}"


def _renamed(text: str, names: Mapping[str, str]) -> str:
    return re.sub(r"\w+", lambda word: names.get(word[0], word[0]), text)


def _own_name(name: str, entry: str) -> str:
    """Not as the public functions' unit calls anything either: that has `step_<entry>`."""
    if name == f"step_{entry}":
        return f"stretch_{entry}"
    return name if name.endswith(f"_{entry}") else f"{name}_{entry}"
