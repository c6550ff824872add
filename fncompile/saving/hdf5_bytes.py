"""Bytes of a file that is not trusted: reading field by field, and who owns which range."""

from __future__ import annotations

import bisect

from .errors import FileFormatError


class Cursor:
    """The unread rest of a few bytes."""

    def __init__(self, data: bytes, what: str) -> None:
        self._data, self._at, self._what = data, 0, what

    def take(self, count: int) -> bytes:
        if count > self.left:
            raise FileFormatError(f"{self._what} ends in the middle of a field")
        self._at += count
        return self._data[self._at - count : self._at]

    def number(self, width: int) -> int:
        return int.from_bytes(self.take(width), "little")

    @property
    def left(self) -> int:
        return len(self._data) - self._at

    def finish(self) -> None:
        if self.left:
            raise FileFormatError(f"{self._what} has {self.left} bytes too many")


class Extents:
    """The byte ranges already spoken for, sorted, none overlapping."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._starts: list[int] = []
        self._ends: list[int] = []

    def claim(self, start: int, size: int, what: str) -> None:
        end = start + size
        if end > self._size:
            raise FileFormatError(f"{what} reaches beyond the end of the file")
        at = bisect.bisect_right(self._starts, start)
        if (at and self._ends[at - 1] > start) or (
            at < len(self._starts) and self._starts[at] < end
        ):
            raise FileFormatError(f"{what} overlaps another object")
        self._starts.insert(at, start)
        self._ends.insert(at, end)

    def gaps(self) -> list[tuple[int, int]]:
        edges = zip([0, *self._ends], [*self._starts, self._size], strict=True)
        return [(end, start) for end, start in edges if start > end]
