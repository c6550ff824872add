"""What is said about a public name that is not there: a slip of the pen, or not had by fncompile.

A module ends with `explain_missing(__name__)`.
"""

from __future__ import annotations

import importlib
import sys
from difflib import get_close_matches
from opcode import opmap
from typing import Any

from fncompile.keras_names import NAMES
from fncompile.refusals import REASONS


def explain_missing(module: str, advice: str = "") -> None:
    """Give a module without lazy names its `__getattr__`; type checkers do not see it and go on
    finding misspelt names; and a `__dir__` that leaves out what it imports. `advice`: what to do
    without a name that Keras has."""

    def refuse(name: str) -> Any:
        raise complaint(module, name, advice)

    this = sys.modules[module]
    setattr(this, "__getattr__", refuse)  # noqa: B010
    setattr(this, "__dir__", lambda: shown_names(module))  # noqa: B010


def shown_names(module: str) -> list[str]:
    """What `dir` shows of a module: the names in `__all__`, and those that every module has."""
    names = vars(sys.modules[module])
    return sorted({*names["__all__"], *(n for n in names if n.startswith("__"))})


def complaint(module: str, name: str, advice: str = "") -> AttributeError | ImportError:
    """The error for `module.name`, with what was probably meant; to be raised by `__getattr__`.

    An ImportError where that was asked by `from module import name`: Python would drop the text of
    an AttributeError there.
    """
    plain = f"module {module!r} has no attribute {name!r}"
    if name.startswith("_") or f"{module}.{name}" in sys.modules:  # that is about to be there
        return AttributeError(plain)
    meant = _hint(module, name)
    told = meant.endswith("?") or _reason(module, name)
    said = [meant] if told else [meant, advice]
    hint = "".join(f". {part.rstrip('.')}" for part in said if part)
    if _is_import(sys._getframe(2)):
        return ImportError(f"cannot import name {name!r} from {module!r}{hint}", name=module)
    # Without a name and an object Python would guess a second time.
    return AttributeError(f"{plain}{hint}", name=name, obj=None)


def _is_import(frame: Any) -> bool:
    """Is the frame at the part of `from module import name` that takes the name?"""
    return frame.f_code.co_code[frame.f_lasti] == opmap["IMPORT_FROM"]


def _hint(module: str, name: str) -> str:
    room = module.removeprefix("fncompile").removeprefix(".")
    keras = NAMES.get(room, frozenset())
    other = _elsewhere(name)
    if name in keras and not other:
        where = ".".join(part for part in ("keras", room, name) if part)
        reason = _reason(module, name)
        return f"Keras has {where}; fncompile does not have it{': ' if reason else ''}{reason}."
    ours = getattr(sys.modules.get(module), "__all__", ())
    for meant in [f"{other[0]}.{name}"] if other else _alike(name, ours):
        return f"Did you mean {meant!r}?"
    for meant in _alike(name, keras):
        return f"Did you mean {meant!r}? Keras has that; fncompile does not have it."
    return ""


def _reason(module: str, name: str) -> str:
    """Why there is no such name; empty where nothing is said."""
    room = module.removeprefix("fncompile").removeprefix(".")
    return REASONS.get(f"{room}.{name}".lstrip("."), "")


def _alike(name: str, known: Any) -> list[str]:
    lower = {other.lower(): other for other in sorted(known)}
    return [lower[other] for other in get_close_matches(name.lower(), lower, n=1, cutoff=0.75)]


def _elsewhere(name: str) -> list[str]:
    """Our modules that have the name, among those where Keras has it."""
    rooms = [f"fncompile.{room}".rstrip(".") for room, names in NAMES.items() if name in names]
    return [room for room in rooms if _has(room, name)]


def _has(room: str, name: str) -> bool:
    try:
        return name in importlib.import_module(room).__all__
    except (ImportError, AttributeError):
        return False
