"""Arithmetic of windows: how many there are, and who sees an element.

Along an axis, window o sees element o * stride + t * dilation - low by its tap t; what lies outside
of the axis is padding.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import gcd

from fncompile.ir.dims import Dim, Poly, floordiv


def window_count(
    extent: Dim, size: int, stride: int, dilation: int, low: Dim = 0, high: Dim = 0
) -> Dim:
    """The windows that fit an axis of `extent` elements with `low` and `high` more around it."""
    room = extent + low + high - ((size - 1) * dilation + 1)
    return floordiv(room, stride) + 1


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
        return all(isinstance(n, int) for n in (first, after)) and first >= 0 >= after


def phases(extent: Dim, size: int, stride: int, dilation: int, low: Dim) -> list[Phase]:
    """All elements of an axis, by their remainder of the stride. ValueError where it depends on an
    unknown extent which taps see them."""
    if stride > 1 and isinstance(low, Poly):
        raise ValueError(
            f"Windows with a stride of {stride} and an unknown padding of {low} have no gradient: "
            'give the extent of the Input along this axis, or use padding "valid"'
        )
    tap_step = stride // gcd(stride, dilation)
    found = []
    for first in range(stride):
        count = floordiv(extent - first + stride - 1, stride)
        if isinstance(count, int) and count <= 0:
            continue
        tap, taps, shift = 0, size, first + low
        if stride > 1:
            seeing = [t for t in range(size) if (first + low - t * dilation) % stride == 0]
            tap, taps = (seeing[0] if seeing else 0), len(seeing)
            shift = floordiv(first + low - tap * dilation, stride)
        found.append(Phase(first, count, tap, tap_step, taps, shift, dilation * tap_step // stride))
    return found
