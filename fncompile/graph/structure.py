"""Counts changes of what layers are made of, so that compiled steps know when to look again.

What counts: a new variable, another attribute of a layer that may hold variables or layers, another
value of `trainable`.
"""

from __future__ import annotations

import itertools

_numbers = itertools.count(1)
_version = 0


def changed() -> None:
    """Say that a model may now have other variables, or train others."""
    global _version
    _version = next(_numbers)


def version() -> int:
    """A number that is never the same before and after a change."""
    return _version
