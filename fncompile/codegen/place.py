"""Where a parameter lies."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Place:
    """A parameter's memory: `block` is `weights`, `train`, `state` or `prepared`; `offset` is in
    bytes."""

    block: str
    offset: int
