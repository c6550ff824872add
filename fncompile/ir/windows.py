"""Arithmetic of windows: how many there are, and who sees an element.

Along an axis, window o sees element o * stride + t * dilation - low by its tap t; what lies outside
of the axis is padding.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import gcd

from fncompile.ir.dims import Dim


def window_count(
    extent: Dim, size: int, stride: int, dilation: int, low: Dim = 0, high: Dim = 0
) -> Dim:
    """The windows that fit an axis of `extent` elements with `low` and `high` more around it."""
    room = extent + low + high - ((size - 1) * dilation + 1)
    return floor_divide(room, stride) + 1


def floor_divide(a: Dim, b: int) -> Dim:
    """The largest whole number up to a / b."""
    if b == 1:
        return a
    if isinstance(a, int):
        return a // b
    raise ValueError(
        f"({a}) / {b}, rounded down, is no polynomial of the sizes: strides above 1 need an extent "
        "that is known. Give the shape of the Input along this axis"
    )


@dataclass(frozen=True)
class Phase:
    """The elements first + stride * j, j < count, of an axis, which the same taps see: window
    j + shift - u * step by its tap `tap` + u * tap_step, for each u < taps."""

    first: int
    count: Dim
    tap: int
    tap_step: int
    taps: int
    shift: Dim
    step: int

    def inside(self, windows: Dim) -> bool:
        """Are all of these among so many windows, for sure?"""
        first = self.shift - (self.taps - 1) * self.step
        after = self.shift + self.count - windows
        return all(isinstance(n, int) for n in (first, after)) and first >= 0 >= after  # type: ignore


def phases(extent: Dim, size: int, stride: int, dilation: int, low: Dim) -> list[Phase]:
    """All elements of an axis, by their remainder of the stride."""
    tap_step = stride // gcd(stride, dilation)
    found = []
    for first in range(stride):
        count = floor_divide(extent - first + stride - 1, stride)
        if isinstance(count, int) and count <= 0:
            continue
        tap, taps, shift = 0, size, first + low
        if stride > 1:
            seeing = [t for t in range(size) if (first + low - t * dilation) % stride == 0]
            tap, taps = (seeing[0] if seeing else 0), len(seeing)
            shift = floor_divide(first + low - tap * dilation, stride)
        found.append(Phase(first, count, tap, tap_step, taps, shift, dilation * tap_step // stride))
    return found
