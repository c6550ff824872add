"""A table in box-drawing characters, with the wrapping that Keras' summaries have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Column:
    """`width` counts the padding of one space on either side; `align` is "<", ">" or "^"."""

    title: str
    width: int
    align: str = "<"


def table(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> str:
    """The lines of a table, every row separated; cells are wrapped at spaces, words cropped."""
    lines = [_rule(columns, "┏━┳┓")]
    lines += _row(columns, [c.title for c in columns], "┃", bottom=True)
    lines.append(_rule(columns, "┡━╇┩"))
    for number, row in enumerate(rows):
        if number:
            lines.append(_rule(columns, "├─┼┤"))
        lines += _row(columns, row, "│")
    lines.append(_rule(columns, "└─┴┘"))
    return "\n".join(lines)


def _rule(columns: Sequence[Column], marks: str) -> str:
    left, line, cross, right = tuple(marks)
    return left + cross.join(line * c.width for c in columns) + right


def _row(
    columns: Sequence[Column], cells: Sequence[str], bar: str, bottom: bool = False
) -> list[str]:
    wrapped = [wrap(text, max(c.width - 2, 1)) for c, text in zip(columns, cells, strict=True)]
    height = max(map(len, wrapped))
    padded = [
        [""] * (height - len(w)) + w if bottom else w + [""] * (height - len(w)) for w in wrapped
    ]
    return [
        bar
        + bar.join(
            f" {text:{c.align}{max(c.width - 2, 1)}} "
            for c, text in zip(columns, line, strict=True)
        )
        + bar
        for line in zip(*padded, strict=True)
    ]


def wrap(text: str, width: int) -> list[str]:
    """`text` in lines of at most `width`, broken at spaces; a longer word ends in an ellipsis."""
    lines: list[str] = []
    start = len(text) - len(text.lstrip())
    current = text[:start]
    for word in text[start:].split(" "):
        joined = current + word if not current.strip() else f"{current} {word}"
        if current.strip() and len(joined) > width and not _is_mark(current):
            lines.append(current)
            current = word
        else:
            current = joined
    return [_crop(line, width) for line in (*lines, current)]


def _is_mark(text: str) -> bool:
    """The sign of a nested row keeps its name beside it."""
    return text.strip() == "└"


def _crop(line: str, width: int) -> str:
    return line if len(line) <= width else line[: width - 1] + "…"
