"""Names: automatic ones of layers and operations (`dense`, `dense_1`, …), and paths of weights."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

_counts: dict[str, int] = {}
_automatic: dict[str, str] = {}  # every name made here, and its prefix
_scopes: ContextVar[tuple[tuple[str, Any], ...]] = ContextVar("scopes", default=())


def to_snake_case(name: str) -> str:
    """`MaxPooling2D` -> `max_pooling2d`, as Keras names layers and groups of weights."""
    name = re.sub(r"\W+", "", name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()


def auto_name(prefix: str) -> str:
    """`prefix`, then `prefix_1`, … counted over the whole process."""
    count = _counts.get(prefix, 0)
    _counts[prefix] = count + 1
    name = prefix if count == 0 else f"{prefix}_{count}"
    _automatic[name] = prefix
    return name


def reset_names() -> None:
    """Start counting again (`utils.clear_session`)."""
    _counts.clear()


class LocalNames:
    """Paths with automatic names counted anew, in the order in which this object meets them.

    So a model's Programs and C do not depend on how many layers the process has made: `dense_7` of
    the third model built is `dense` in its C, and an equal model finds it compiled. Names in
    `chosen`, which the user gave, stay and are given to nothing else.
    """

    def __init__(self, chosen: Iterable[str] = ()) -> None:
        self._known: dict[str, str] = {name: name for name in chosen}
        self._chosen = frozenset(self._known)
        self._counts: dict[str, int] = {}

    def __call__(self, path: str) -> str:
        return "/".join(map(self._of, path.split("/")))

    def _of(self, name: str) -> str:
        if name not in self._known:
            prefix = _automatic.get(name)
            self._known[name] = name if prefix is None else self._next(prefix)
        return self._known[name]

    def _next(self, prefix: str) -> str:
        count = self._counts.get(prefix, 0)
        self._counts[prefix] = count + 1
        name = prefix if count == 0 else f"{prefix}_{count}"
        return self._next(prefix) if name in self._chosen else name


def local_names(operations: Sequence[Any]) -> LocalNames:
    """Names of operations, counted in their order."""
    label = LocalNames(o.name for o in operations if not o.has_automatic_name)
    for operation in operations:
        label(operation.name)
    return label


def checked_text(name: Any) -> str | None:
    """`name` if it is text or None; ValueError otherwise."""
    if name is not None and not isinstance(name, str):
        raise ValueError(
            f"Argument `name` must be a string. Received: name={name!r} (of type {type(name)})"
        )
    return name


def checked_name(name: Any) -> str:
    """`name` if an operation may be called that; ValueError otherwise."""
    if not isinstance(name, str) or "/" in name:
        raise ValueError(
            "Argument `name` must be a string and cannot contain character `/`. "
            f"Received: name={name} (of type {type(name)})"
        )
    if any(c == "\0" or "\ud800" <= c <= "\udfff" for c in name):
        raise ValueError(
            "Argument `name` must be text that files can hold: no NUL and no half of a surrogate "
            f"pair. Received: name={name!a}"
        )
    return name


@contextmanager
def name_scope(name: str, owner: Any = None) -> Iterator[None]:
    """Weights made inside get paths `…/name/…`; an owner that is innermost already adds nothing."""
    scopes = _scopes.get()
    if owner is None or not scopes or scopes[-1][1] is not owner:
        scopes = (*scopes, (name, owner))
    token = _scopes.set(scopes)
    try:
        yield
    finally:
        _scopes.reset(token)


def current_path() -> str:
    """The names of the open scopes, as `outer/inner`."""
    return "/".join(name for name, _ in _scopes.get())
