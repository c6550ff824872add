"""Errors of `call` methods say in which layer, and on what arguments, they happened."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from fncompile.graph.nest import map_structure
from fncompile.graph.tensor import Tensor


@contextmanager
def described(layer: Any, arguments: dict[str, Any]) -> Iterator[None]:
    """Add the layer and its arguments to the message of what is raised inside, once.

    The exception stays the same object: its class, attributes and traceback are the user's.
    """
    try:
        yield
    except Exception as error:
        if len(error.args) <= 1 and not getattr(error, "_call_described", False):
            error.args = (_message(type(layer).__name__, error, arguments),)
            error._call_described = True  # type: ignore[attr-defined]
        raise


def _message(name: str, error: Exception, arguments: dict[str, Any]) -> str:
    rows = "".join(f"\n  • {key}={_text(value)}" for key, value in arguments.items())
    cause = error.args[0] if error.args else type(error).__name__
    return (
        f"Exception encountered when calling {name}.call().\n\n{cause}\n\n"
        f"Arguments received by {name}.call():{rows}"
    )


def _text(value: Any) -> str:
    return str(map_structure(lambda x: _Plain(repr(x)) if isinstance(x, Tensor) else x, value))


class _Plain(str):
    """Shown without quotes inside lists and dicts."""

    __repr__ = str.__str__
