"""Counts changes of what layers are made of, so that compiled steps know when to look again.

What counts: a new variable, another attribute of a layer that may hold variables or layers, another
value of `trainable`, another table that a layer computes with.
"""

from __future__ import annotations

import itertools
from typing import Any

_numbers = itertools.count(1)
version = 0  # never the same before and after a change


def new_table(layer: Any) -> None:
    """Say that a layer computes with other constants from now on."""
    layer._table_version = next(_numbers)
    changed()


def changed() -> None:
    """Say that a model may now have other variables, or train others."""
    global version
    version = next(_numbers)
