"""A drawing as a list of shapes, which svg.py and png.py know how to write."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Union

Point = tuple[float, float]

_NARROW, _WIDE = set("iljtfrI.,:;'()[]|!/ "), set("mwMW@%")


@dataclass(frozen=True)
class Box:
    """A rectangle with rounded corners; `square_below` leaves the lower corners sharp."""

    x: float
    y: float
    width: float
    height: float
    fill: str
    stroke: str = "none"
    radius: float = 7.0
    square_below: bool = False

    def moved(self, dx: float, dy: float) -> Box:
        return replace(self, x=self.x + dx, y=self.y + dy)


@dataclass(frozen=True)
class Label:
    """One line of text, its middle (`anchor` "middle") or start at x, its baseline at y."""

    x: float
    y: float
    text: str
    size: float
    fill: str
    bold: bool = False
    anchor: str = "middle"

    def moved(self, dx: float, dy: float) -> Label:
        return replace(self, x=self.x + dx, y=self.y + dy)


@dataclass(frozen=True)
class Arrow:
    """A smooth line through `points`; it leaves and arrives `along` an axis ("y" or "x")."""

    points: tuple[Point, ...]
    along: str = "y"

    def moved(self, dx: float, dy: float) -> Arrow:
        return replace(self, points=tuple((x + dx, y + dy) for x, y in self.points))

    def segments(self) -> list[tuple[Point, Point, Point, Point]]:
        """Cubic Béziers whose ends are parallel to the axis `along`."""
        curves = []
        for (x0, y0), (x1, y1) in itertools.pairwise(self.points):
            if self.along == "y":
                half = (y1 - y0) / 2
                curves.append(((x0, y0), (x0, y0 + half), (x1, y1 - half), (x1, y1)))
            else:
                half = (x1 - x0) / 2
                curves.append(((x0, y0), (x0 + half, y0), (x1 - half, y1), (x1, y1)))
        return curves

    def head(self, length: float = 7.0) -> tuple[Point, Point, Point]:
        """The triangle at its end."""
        (x0, y0), (x, y) = self.points[-2:]
        half = length * 0.5
        if self.along == "y":
            back = y - length if y >= y0 else y + length
            return (x, y), (x - half, back), (x + half, back)
        back = x - length if x >= x0 else x + length
        return (x, y), (back, y - half), (back, y + half)


Shape = Union[Box, Label, Arrow]  # noqa: UP007


@dataclass(frozen=True)
class Scene:
    """`shapes` in the order in which they are painted."""

    width: float
    height: float
    shapes: Sequence[Shape]

    def moved(self, dx: float, dy: float) -> list[Shape]:
        return [shape.moved(dx, dy) for shape in self.shapes]


def text_width(text: str, size: float, bold: bool = False) -> float:
    """About the width of `text` in a sans-serif font; a little more rather than less."""
    total = sum(0.34 if c in _NARROW else 0.92 if c in _WIDE else 0.62 for c in text)
    return total * size * (1.06 if bold else 1.0)
