"""Arguments of layers that act by chance."""

from __future__ import annotations

from typing import Any

import numpy as np


def checked_fraction(name: str, value: Any) -> float:
    """`value`; ValueError unless it is a number from 0 to 1."""
    if not isinstance(value, (int, float)) or not 0 <= value <= 1:
        raise ValueError(
            f"Invalid value received for argument `{name}`. Expected a float value between 0 and "
            f"1. Received: {name}={value}"
        )
    return value


def checked_noise_shape(noise_shape: Any) -> tuple[int | None, ...] | None:
    """`noise_shape` as a tuple of extents and None; ValueError for anything else."""
    if noise_shape is None:
        return None
    problem = "Invalid value received for argument `noise_shape`. Expected "
    received = f" Received: noise_shape={noise_shape}"
    if not isinstance(noise_shape, (list, tuple)):
        raise ValueError(f"{problem}a tuple or list of integers.{received}")
    extents = [extent for extent in noise_shape if extent is not None]
    if not all(isinstance(extent, (int, np.integer)) for extent in extents):
        raise ValueError(f"{problem}all elements to be integers or None.{received}")
    if not all(extent > 0 for extent in extents):
        raise ValueError(f"{problem}all dimensions to be positive integers or None.{received}")
    return tuple(noise_shape)
