"""Draws docs/house.svg, the rooms of the package and what each imports, from the table ROOMS of
tests/test_layering.py: `python docs/make_house.py`.

An arrow that is there by way of another room as well is left out.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from functools import cache
from pathlib import Path

HERE = Path(__file__).parent
PACKAGE = HERE.parent / "fncompile"
TABLE = HERE.parent / "tests" / "test_layering.py"

Table = Mapping[str, tuple[str, Mapping[str, str]]]
Rooms = Mapping[str, list[str]]

# Where a room that stands first in a part of the house is named, the part begins; x is its column.
PARTS = (
    ("keras_names", "settings", "#f1f3f5", 3),
    ("ir", "the compiler", "#e9f7ec", 0),
    ("graph", "the functional API", "#e8f1fb", 2),
    ("callbacks", "the face", "#fdf3e1", 1),
)
WIDTH, HEIGHT, GAP, STEP, MARGIN = 250, 40, 40, 66, 30


def table_of_the_test() -> Table:
    for statement in ast.parse(TABLE.read_text()).body:
        if isinstance(statement, ast.AnnAssign) and ast.unparse(statement.target) == "ROOMS":
            assert statement.value is not None
            return ast.literal_eval(statement.value)
    raise ValueError(f"{TABLE} has no table ROOMS")


def longest_ways(table: Table) -> Rooms:
    """What each room imports, without what a room among these reaches."""
    direct = {room: [*leaves.split(), *others] for room, (leaves, others) in table.items()}

    @cache
    def below(room: str) -> frozenset[str]:
        return frozenset(direct[room]).union(*map(below, direct[room]))

    return {
        room: [r for r in rooms if not any(r in below(other) for other in rooms)]
        for room, rooms in direct.items()
    }


def note(room: str) -> str:
    """The first words of the docstring."""
    path = PACKAGE / room
    path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    text = (ast.get_docstring(ast.parse(path.read_text())) or "").replace("`", "")
    first = " ".join(text.split("\n\n")[0].split())
    for end in (": ", ". ", ", "):
        first = first.partition(end)[0]
    return first.rstrip(".") if len(first) < 46 else first[:43].rpartition(" ")[0] + " …"


def levels(rooms: Rooms) -> dict[str, int]:
    """How many arrows lie below each room."""

    @cache
    def level(room: str) -> int:
        return max((1 + level(r) for r in rooms[room]), default=0)

    return {room: level(room) for room in rooms}


def places(table: Table) -> dict[str, tuple[int, int, str]]:
    """x, y and color of each room: as high as what it imports asks for, in its part's column."""
    rooms = longest_ways(table)
    found: dict[str, tuple[int, int, str]] = {}
    taken: set[tuple[int, int]] = set()
    height, part = levels(rooms), PARTS[0]
    top = max(height.values())
    for room in rooms:
        part = next((p for p in PARTS if p[0] == room), part)
        column, row = part[3], top - height[room]
        while (column, row) in taken:
            column += 1
        taken.add((column, row))
        found[room] = (MARGIN + column * (WIDTH + GAP), MARGIN + row * STEP, part[2])
    return found


def box(room: str, x: int, y: int, color: str) -> str:
    middle = x + WIDTH / 2
    return (
        f'<rect x="{x}" y="{y}" width="{WIDTH}" height="{HEIGHT}" rx="7" fill="{color}" '
        f'stroke="#5b6770"/><text x="{middle}" y="{y + 17}" class="t">{room}</text>'
        f'<text x="{middle}" y="{y + 32}" class="n">{note(room)}</text>'
    )


def arrow(start: tuple[int, int, str], end: tuple[int, int, str]) -> str:
    x, y, to_x, to_y = start[0] + WIDTH / 2, start[1] + HEIGHT, end[0] + WIDTH / 2, end[1] - 4
    bend = max((to_y - y) / 2, 12)
    return (
        f'<path d="M{x} {y} C{x} {y + bend} {to_x} {to_y - bend} {to_x} {to_y}" fill="none" '
        'stroke="#8a96a0" marker-end="url(#a)"/>'
    )


def legend(x: int) -> str:
    return "".join(
        f'<rect x="{x}" y="{MARGIN + 24 * i}" width="16" height="16" rx="4" fill="{color}" '
        f'stroke="#5b6770"/><text x="{x + 24}" y="{MARGIN + 24 * i + 13}" class="l">{name}</text>'
        for i, (_, name, color, _) in enumerate(PARTS)
    )


def draw(table: Table) -> str:
    rooms, at = longest_ways(table), places(table)
    parts = [arrow(at[room], at[other]) for room, direct in rooms.items() for other in direct]
    parts += [box(room, *at[room]) for room in rooms]
    width = max(x for x, _, _ in at.values()) + WIDTH + MARGIN
    height = max(y for _, y, _ in at.values()) + HEIGHT + MARGIN
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        'font-family="sans-serif">'
        "<style>.t{font-size:14px;font-weight:600;text-anchor:middle;fill:#1f2933}"
        ".n{font-size:10px;text-anchor:middle;fill:#52606d}"
        ".l{font-size:12px;fill:#1f2933}</style>"
        '<defs><marker id="a" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
        'markerHeight="7" orient="auto"><path d="M0 0 8 4 0 8z" fill="#8a96a0"/></marker></defs>'
        '<rect width="100%" height="100%" fill="white"/>'
        + "\n".join([*parts, legend(width - 180)])
        + "</svg>\n"
    )


if __name__ == "__main__":
    (HERE / "house.svg").write_text(draw(table_of_the_test()))
