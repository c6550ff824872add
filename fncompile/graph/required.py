"""What a description of an object has to say, asked for in words."""

from __future__ import annotations

from typing import Any


def required(config: Any, key: str, whose: str) -> Any:
    """`config[key]` of the description of a `whose`; ValueError where it is not there."""
    if isinstance(config, dict) and key in config:
        return config[key]
    raise ValueError(f"The configuration of {whose} has no {key!r}. Received: {config!r}")
