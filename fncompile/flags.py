"""The table of switches: FNC_* variables, `with fncompile.flags(...)`, `python -m fncompile.flags`.

    FNC_DEBUG=3 python train.py              # for a process
    with fncompile.flags(debug=3, keep=True):    # for a block, and only in this thread or task
        model.fit(x, y)

    from fncompile.flags import flag         # inside the package
    if flag("verify"): ...

A block's value wins over the environment, and the environment over the default. The environment
is read at each use, so tests may change it. The module itself can be called: `flags(...)` is
`flags.override(...)`. Requires nothing of the rest of the package but `caller`.
"""

from __future__ import annotations

import contextlib
import os
import sys
import types
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from fncompile.caller import warn_caller


@dataclass(frozen=True)
class Switch:
    """One row: `kind` is a key of `_PARSERS`; `choices` bounds an int, or lists the words. A switch
    that `makes_another` entry of a program changes the generated code, its compilation, or how it
    is run: what was made under its old value serves no call under a new one. One that looks into
    the compiler, or changes which passes run, bypasses what is stored between processes; `looks_in`
    is the room that serves it, "passes" or "devtools"."""

    name: str
    kind: str
    default: Any
    doc: str
    choices: tuple[Any, ...] | range | None = None
    makes_another: bool = False
    looks_in: str = ""

    @property
    def variable(self) -> str:
        return "FNC_" + self.name.upper()

    def parse(self, value: Any) -> Any:
        """The value as its type. Raises ValueError that names the switch and what it takes."""
        if value is None or value == "":
            return self.default
        try:
            parsed = _PARSERS[self.kind](value)
        except (ValueError, TypeError):
            raise self._refusal(value) from None
        if self.choices is not None:
            members = parsed if self.kind == "words" else (parsed,)
            if not all(member in self.choices for member in members):
                raise self._refusal(value)
        return parsed

    def _refusal(self, value: Any) -> ValueError:
        return ValueError(f"{self.variable} ({self.doc}) expects {self.expects()}, not {value!r}")

    def expects(self) -> str:
        if isinstance(self.choices, range):
            first, last = self.choices[0], self.choices[-1]
            return f"an integer >= {first}" if self.choices.stop == _MANY else f"{first}..{last}"
        if self.choices:
            joined = "|".join(self.choices)
            return f"some of {joined}, comma-separated" if self.kind == "words" else joined
        return {"bool": "0 or 1", "int": "an integer", "text": "text",
                "words": "names, comma-separated"}[self.kind]


def _parse_bool(value: Any) -> bool:
    words = {"1": True, "true": True, "yes": True, "on": True,
             "0": False, "false": False, "no": False, "off": False}
    if isinstance(value, str) and value.lower() in words:
        return words[value.lower()]
    if isinstance(value, (bool, int)) and value in (0, 1):
        return bool(value)
    raise ValueError(value)


def _parse_int(value: Any) -> int:
    if isinstance(value, float):
        raise ValueError(value)
    return int(value)


def _parse_text(value: Any) -> str:
    return os.fspath(value)


def _parse_words(value: Any) -> tuple[str, ...]:
    words = value.split(",") if isinstance(value, str) else list(value)
    return tuple(word.strip() for word in words if word.strip())


_PARSERS: dict[str, Callable[[Any], Any]] = {
    "bool": _parse_bool, "int": _parse_int, "text": _parse_text, "words": _parse_words,
}
_MANY = 1 << 62
TARGETS = ("native", "x86-64-v4-amx", "x86-64-v4-bf16", "x86-64-v4", "x86-64-v3", "ref")
SANITIZERS = ("address", "undefined", "leak", "thread")

TABLE: tuple[Switch, ...] = (
    Switch("debug", "int", 0, "what to print: 1 stages, 2 kernels, 3 decisions, 4 C, 5 every pass",
           range(6), looks_in="devtools"),
    Switch("dump", "text", "", "directory[:text,dot,svg,c] that receives every stage",
           looks_in="devtools"),
    Switch("explain", "words", (),
           "decisions to print: fuse, schedule, order, barriers, memory, hoist",
           looks_in="devtools"),
    Switch("stop_after", "text", "", "the last pass to run", looks_in="passes"),
    Switch("skip", "words", (), "passes to leave out",
           makes_another=True, looks_in="passes"),
    Switch("bisect", "int", None, "apply only the first n optimisations", range(_MANY),
           makes_another=True, looks_in="passes"),
    Switch("verify", "int", 0, "1 checks the program after each pass, 2 also interprets it",
           range(3), looks_in="devtools"),
    Switch("interp", "bool", False, "run by the NumPy interpreter, without C",
           makes_another=True),
    Switch("check", "bool", False, "run compiled and interpreted, stop at the first difference",
           makes_another=True, looks_in="devtools"),
    Switch("poison", "bool", False, "fill the arena with signalling NaN before each call",
           makes_another=True),
    Switch("nan", "bool", False, "stop at the first kernel that makes a NaN or infinity",
           makes_another=True, looks_in="devtools"),
    Switch("san", "words", (), "compile with sanitizers", SANITIZERS,
           makes_another=True),
    Switch("keep", "bool", False, "keep the generated C beside the compiled library"),
    Switch("cache", "text", "", "directory of compiled libraries; off: keep none"),
    Switch("cache_mb", "int", 512, "how large the cache may grow, in MB", range(_MANY)),
    Switch("cc", "text", "", "the C compiler, with arguments if need be",
           makes_another=True),
    Switch("cc_timeout", "int", 600, "seconds that one run of the compiler may take",
           range(1, _MANY)),
    Switch("cflags", "text", "", "arguments added to each compilation",
           makes_another=True),
    Switch("target", "text", "native", "the machine to compile for", TARGETS,
           makes_another=True),
    Switch("system", "text", "", "the system to compile exports for, as zig calls it",
           makes_another=True),
    Switch("threads", "int", 1, "threads that share one step", range(1, _MANY)),
    Switch("profile", "bool", False, "count time per kernel",
           makes_another=True, looks_in="devtools"),
    Switch("notice", "bool", True, "say on stderr what is compiled where that takes over a second"),
    Switch("seed", "int", None, "seed of everything random that was given none", range(_MANY)),
    Switch("data_dir", "text", "", "where data sets are looked for"),
)
_BY_NAME: Mapping[str, Switch] = {switch.name: switch for switch in TABLE}
_OF_ENTRIES = tuple(switch.name for switch in TABLE if switch.makes_another)
_overrides: ContextVar[Mapping[str, Any]] = ContextVar("fncompile_flags", default={})  # noqa: B039
_environment_checked = False


def flag(name: str) -> Any:
    """The present value of a switch. Raises ValueError on an unknown name or a wrong value."""
    switch = _lookup(name)
    overrides = _overrides.get()
    if name in overrides:
        return overrides[name]
    _check_environment()
    return switch.parse(os.environ.get(switch.variable))


def of_entries() -> tuple[Any, ...]:
    """The values of the switches that make another entry of the same program."""
    return tuple(map(flag, _OF_ENTRIES))


def looked_into(rooms: tuple[str, ...] = ("passes", "devtools")) -> bool:
    """Is a switch set that looks into the compiler, and that one of the `rooms` serves?"""
    return any(flag(s.name) != s.default for s in TABLE if s.looks_in in rooms)


def overrides() -> Mapping[str, Any]:
    """What `override` has set: the same object for as long as nothing is set or unset."""
    return _overrides.get()


@contextlib.contextmanager
def override(**changes: Any) -> Iterator[None]:
    """Set switches for a block; None means the default. Raises ValueError as `flag` does."""
    parsed = {name: _lookup(name).parse(value) for name, value in changes.items()}
    token = _overrides.set({**_overrides.get(), **parsed})
    try:
        yield
    finally:
        _overrides.reset(token)


def _lookup(name: str) -> Switch:
    if name not in _BY_NAME:
        raise ValueError(f"unknown switch {name!r}{_hint(name, _BY_NAME)}; "
                         "`python -m fncompile.flags` lists them")
    return _BY_NAME[name]


def _hint(name: str, known: Any) -> str:
    import difflib  # only an error needs it

    close = difflib.get_close_matches(name, known, n=1)
    return f", did you mean {close[0]!r}?" if close else ""


def _check_environment() -> None:
    """Warn once about FNC_* variables that no row reads: most are misspelt switches."""
    global _environment_checked
    if _environment_checked:
        return
    _environment_checked = True
    known = [switch.variable for switch in TABLE]
    for variable in os.environ:
        if variable.startswith("FNC_") and variable not in known:
            warn_caller(f"unknown switch {variable} in the environment is ignored"
                          f"{_hint(variable, known)}")


def table() -> str:
    """The table as text: variable, present value, what it expects, what it does."""
    lines = []
    for switch in TABLE:
        value = flag(switch.name)
        shown = ",".join(value) if isinstance(value, tuple) else value
        changed = "" if value == switch.default else "  (changed)"
        lines.append(f"{switch.variable:<15} = {'' if shown is None else shown!s:<8} {switch.doc}"
                     f" [{switch.expects()}]{changed}")
    return "\n".join(lines)


class CallableModule(types.ModuleType):
    """Lets `with fncompile.flags(...)` work however this module was imported."""

    def __call__(self, **changes: Any) -> contextlib.AbstractContextManager[None]:
        return override(**changes)


sys.modules[__name__].__class__ = CallableModule

if __name__ == "__main__":
    print(table())
