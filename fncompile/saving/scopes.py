"""What holds while objects are turned into data or made from it: safe mode, sharing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

_safe_mode: ContextVar[bool | None] = ContextVar("safe_mode", default=None)
# id -> (number, object, its config) of what was written; number -> object of what was read.
written: ContextVar[dict[int, tuple[int, Any, dict]] | None] = ContextVar("written", default=None)
read: ContextVar[dict[Any, Any] | None] = ContextVar("read", default=None)


@contextmanager
def safe_mode_scope(safe_mode: bool | None) -> Iterator[None]:
    """Objects deserialized inside follow this safe mode, whatever they are told."""
    token = _safe_mode.set(safe_mode)
    try:
        yield
    finally:
        _safe_mode.reset(token)


def ambient_safe_mode() -> bool | None:
    """The safe mode of the scope around, None where there is none."""
    return _safe_mode.get()


def in_safe_mode() -> bool:
    """Whether code in files is refused; true unless a scope or the user said otherwise."""
    return _safe_mode.get() is not False


def enable_unsafe_deserialization() -> None:
    """Allow lambdas in files from now on (`config.enable_unsafe_deserialization`)."""
    _safe_mode.set(False)


@contextmanager
def object_sharing_scope() -> Iterator[None]:
    """Inside, objects written twice are marked, and objects marked so are read once."""
    tokens = written.set({}), read.set({})
    try:
        yield
    finally:
        written.reset(tokens[0])
        read.reset(tokens[1])
