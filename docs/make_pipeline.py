"""Draws docs/pipeline.svg: `python docs/make_pipeline.py`."""

from __future__ import annotations

from pathlib import Path

STATIONS = (
    ("layer DAG", "what you write", "#e8f1fb"),
    ("Program", "a few typed tensor ops", "#e9f7ec"),
    ("+ gradients", "one rule an op", "#e9f7ec"),
    ("+ optimizer", "one sweep over all weights", "#e9f7ec"),
    ("Plan", "fused kernels, one arena", "#fdf3e1"),
    ("C", "a function a kernel", "#fbe9e7"),
    ("library", ".so .a .h", "#f1eafa"),
)
STEPS = ("trace", "differentiate", "update", "fuse", "print", "cc")
WIDTH, HEIGHT, GAP, TOP = 128, 58, 62, 20


def box(x: int, title: str, note: str, color: str) -> str:
    middle = x + WIDTH / 2
    return (
        f'<rect x="{x}" y="{TOP}" width="{WIDTH}" height="{HEIGHT}" rx="9" fill="{color}" '
        'stroke="#5b6770"/>'
        f'<text x="{middle}" y="{TOP + 25}" class="t">{title}</text>'
        f'<text x="{middle}" y="{TOP + 44}" class="n">{note}</text>'
    )


def arrow(x: int, label: str) -> str:
    y = TOP + HEIGHT / 2
    return (
        f'<path d="M{x + 4} {y} H{x + GAP - 10}" stroke="#5b6770" marker-end="url(#a)"/>'
        f'<text x="{x + GAP / 2 - 2}" y="{y - 8}" class="n">{label}</text>'
    )


def oracle(first: float, last: float) -> str:
    """The bracket under the stations that an interpreter can run."""
    y = TOP + HEIGHT + 16
    return (
        f'<path d="M{first} {y - 8} V{y} H{last} V{y - 8}" fill="none" stroke="#9aa5ad"/>'
        f'<text x="{(first + last) / 2}" y="{y + 18}" class="n">'
        "a NumPy interpreter can run it at each of these stations: the oracle of every test</text>"
    )


def draw() -> str:
    step = WIDTH + GAP
    parts = [box(10 + i * step, *station) for i, station in enumerate(STATIONS)]
    parts += [arrow(10 + i * step + WIDTH, label) for i, label in enumerate(STEPS)]
    parts.append(oracle(10 + step, 10 + 4 * step + WIDTH))
    width = 20 + len(STATIONS) * step - GAP
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} 130" '
        'font-family="sans-serif">'
        "<style>.t{font-size:15px;font-weight:600;text-anchor:middle;fill:#1f2933}"
        ".n{font-size:10.5px;text-anchor:middle;fill:#52606d}</style>"
        '<defs><marker id="a" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
        'markerHeight="7" orient="auto">'
        '<path d="M0 0 8 4 0 8z" fill="#5b6770"/></marker></defs>'
        '<rect width="100%" height="100%" fill="white"/>' + "".join(parts) + "</svg>\n"
    )


if __name__ == "__main__":
    Path(__file__).with_name("pipeline.svg").write_text(draw())
