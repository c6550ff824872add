"""Automatic names of layers and operations: `dense`, `dense_1`, …"""

from __future__ import annotations

import re

_counts: dict[str, int] = {}


def to_snake_case(name: str) -> str:
    """`MaxPooling2D` -> `max_pooling2d`, as Keras names layers and groups of weights."""
    name = re.sub(r"\W+", "", name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()


def auto_name(prefix: str) -> str:
    """`prefix`, then `prefix_1`, … counted over the whole process."""
    count = _counts.get(prefix, 0)
    _counts[prefix] = count + 1
    return prefix if count == 0 else f"{prefix}_{count}"


def reset_names() -> None:
    """Start counting again (`utils.clear_session`)."""
    _counts.clear()
