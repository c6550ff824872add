"""Inputs that are used as indices: which numbers a model knows, and what to say of another.

A layer or loss notes what it takes an index for (`Trace.note_range`); `of_inputs` keeps what is an
input of the program, or one that was cast or reshaped. Other values give NaN, as the ops say.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from fncompile.ir.node import Node

_PLAIN = ("cast", "reshape", "broadcast", "permute")


@dataclass(frozen=True)
class Range:
    """`node` must be a whole number from 0 to `count` - 1, or `allowed`; `user` says for what."""

    node: Node
    count: int
    user: str
    allowed: int = 0

    def outside(self, values: np.ndarray) -> np.ndarray:
        """Which values are refused. A fraction is dropped, as casting to integers does."""
        with np.errstate(invalid="ignore"):
            low = values > -1 if values.dtype.kind == "f" else values >= 0
            return ~(low & (values < self.count)) & (values != self.allowed)

    def check(self, values: np.ndarray, name: str = "") -> None:
        """ValueError that names the first value, of those of the array `name`, that is refused."""
        wrong = values[self.outside(values)]
        if wrong.size:
            also = f", or {self.allowed}" if self.allowed else ""
            where = f" in {name!r}" if name else ""
            raise ValueError(
                f"{self.user} takes whole numbers from 0 to {self.count - 1}{also}. Received: "
                f"{wrong.flat[0]}{where} ({wrong.size} of {values.size} values are outside)"
            )


def of_inputs(ranges: Iterable[Range], inputs: Sequence[Node]) -> tuple[Range, ...]:
    """The ranges of nodes that are inputs but for their shape and dtype, as ranges of these."""
    known: set[Node] = set(inputs)
    found: dict[tuple[Node, int, int], Range] = {}
    for range in ranges:
        node = range.node
        while node not in known and node.op in _PLAIN:
            node = node.src[0]
        if node in known:
            found.setdefault((node, range.count, range.allowed), replace(range, node=node))
    return tuple(found.values())


def check_inputs(
    ranges: Sequence[Range], inputs: Sequence[Node], arrays: Sequence[np.ndarray]
) -> None:
    """ValueError as `Range.check`, for the arrays of a program's inputs."""
    for range in ranges:
        range.check(arrays[inputs.index(range.node)], range.node["name"])


def first_outside(
    ranges: Sequence[Range], inputs: Sequence[Node], arrays: Sequence[np.ndarray]
) -> int:
    """The first row in which a value is refused; the number of rows where there is none."""
    first = len(arrays[0])
    for range in ranges:
        array = arrays[inputs.index(range.node)]
        wrong = range.outside(array).reshape(len(array), -1).any(1)
        first = min(first, int(wrong.argmax()) if wrong.any() else first)
    return first
