"""A scene as a PNG file, painted with Pillow."""

from __future__ import annotations

from typing import Any

from fncompile.graph.view.scene import Arrow, Box, Label, Scene
from fncompile.graph.view.style import LINE

_MAX_PIXELS = 80e6
_CURVE_POINTS = 24


def write_png(scene: Scene, path: str, dpi: float) -> None:
    """Paint at `dpi` (96 is the size of the scene itself), smoothed by painting twice as large.

    Needs Pillow: ask `can_write_png`. A drawing of more than 80 million
    pixels is made smaller than asked for.
    """
    from PIL import Image, ImageDraw, ImageFont

    scale = dpi / 96
    limit = (_MAX_PIXELS / (scene.width * scene.height)) ** 0.5
    scale = min(scale, limit)
    over = 2 if scale * 2 <= limit else 1
    size = (round(scene.width * scale), round(scene.height * scale))
    image = Image.new("RGB", (size[0] * over, size[1] * over), "white")
    painter = _Painter(ImageDraw.Draw(image), ImageFont, scale * over)
    for shape in scene.shapes:
        painter.paint(shape)
    if over > 1:
        image = image.resize(size, Image.Resampling.LANCZOS)
    image.save(path, dpi=(dpi, dpi))


def can_write_png() -> bool:
    """Is Pillow there?"""
    try:
        import PIL.ImageFont  # noqa: F401
    except ImportError:
        return False
    return True


class _Painter:
    def __init__(self, draw: Any, fonts: Any, scale: float):
        self.draw = draw
        self.fonts = fonts
        self.scale = scale
        self._loaded: dict[float, Any] = {}

    def paint(self, shape: Any) -> None:
        if isinstance(shape, Box):
            self._box(shape)
        elif isinstance(shape, Label):
            self._label(shape)
        else:
            self._arrow(shape)

    def _box(self, b: Box) -> None:
        s = self.scale
        corners = (b.x * s, b.y * s, (b.x + b.width) * s, (b.y + b.height) * s)
        keep = (True, True, not b.square_below, not b.square_below)
        outline = None if b.stroke == "none" else b.stroke
        self.draw.rounded_rectangle(
            corners, b.radius * s, b.fill, outline, max(round(1.2 * s), 1), corners=keep
        )

    def _label(self, t: Label) -> None:
        s = self.scale
        anchor = "ms" if t.anchor == "middle" else "ls"
        thick = max(round(0.35 * s), 1) if t.bold else 0
        self.draw.text(
            (t.x * s, t.y * s),
            t.text,
            t.fill,
            self._font(t.size * s),
            anchor,
            stroke_width=thick // 2,
        )

    def _font(self, size: float) -> Any:
        if size not in self._loaded:
            self._loaded[size] = self.fonts.load_default(size)
        return self._loaded[size]

    def _arrow(self, a: Arrow) -> None:
        s = self.scale
        points = [p for curve in a.segments() for p in _bezier(*curve)]
        scaled = [(x * s, y * s) for x, y in points]
        self.draw.line(scaled, LINE, max(round(1.4 * s), 1), joint="curve")
        self.draw.polygon([(x * s, y * s) for x, y in a.head()], LINE)


def _bezier(p0, p1, p2, p3) -> list[tuple[float, float]]:
    points = []
    for k in range(_CURVE_POINTS + 1):
        t = k / _CURVE_POINTS
        a, b, c, d = (1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3
        corners = zip(p0, p1, p2, p3, strict=True)
        points.append(tuple(a * w + b * x + c * y + d * z for w, x, y, z in corners))
    return points
