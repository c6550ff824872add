"""A scene as SVG text."""

from __future__ import annotations

from html import escape

from fncompile.graph.view.scene import Arrow, Box, Label, Scene, Shape
from fncompile.graph.view.style import LINE

_FONT = "Helvetica, Arial, 'Liberation Sans', 'DejaVu Sans', sans-serif"


def to_svg(scene: Scene, dpi: float = 96) -> str:
    """A whole SVG document, `dpi / 96` times as large as the scene."""
    width, height = scene.width * dpi / 96, scene.height * dpi / 96
    body = "\n".join(_element(shape) for shape in scene.shapes)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_n(width)}" height="{_n(height)}" '
        f'viewBox="0 0 {_n(scene.width)} {_n(scene.height)}" font-family="{_FONT}">\n'
        f"{body}\n</svg>\n"
    )


def _element(shape: Shape) -> str:
    if isinstance(shape, Box):
        return _box(shape)
    return _label(shape) if isinstance(shape, Label) else _arrow(shape)


def _box(b: Box) -> str:
    paint = f'fill="{b.fill}" stroke="{b.stroke}"'
    if not b.square_below:
        place = f'x="{_n(b.x)}" y="{_n(b.y)}" width="{_n(b.width)}" height="{_n(b.height)}"'
        return f'<rect {place} rx="{_n(b.radius)}" {paint}/>'
    r, right, bottom = b.radius, b.x + b.width, b.y + b.height
    return (
        f'<path d="M{_n(b.x)} {_n(bottom)}V{_n(b.y + r)}a{_n(r)} {_n(r)} 0 0 1 {_n(r)} {_n(-r)}'
        f'H{_n(right - r)}a{_n(r)} {_n(r)} 0 0 1 {_n(r)} {_n(r)}V{_n(bottom)}Z" {paint}/>'
    )


def _label(t: Label) -> str:
    weight = ' font-weight="bold"' if t.bold else ""
    return (
        f'<text x="{_n(t.x)}" y="{_n(t.y)}" font-size="{_n(t.size)}" text-anchor="{t.anchor}" '
        f'fill="{t.fill}"{weight}>{escape(t.text)}</text>'
    )


def _arrow(a: Arrow) -> str:
    start = a.points[0]
    curves = "".join(f"C{_p(p1)} {_p(p2)} {_p(p3)}" for _, p1, p2, p3 in a.segments())
    head = " ".join(_p(p, ",") for p in a.head())
    return (
        f'<path d="M{_p(start)}{curves}" fill="none" stroke="{LINE}" stroke-width="1.4"/>'
        f'<polygon points="{head}" fill="{LINE}"/>'
    )


def _p(point: tuple[float, float], between: str = " ") -> str:
    return f"{_n(point[0])}{between}{_n(point[1])}"


def _n(x: float) -> str:
    return f"{x:.2f}".rstrip("0").rstrip(".")
