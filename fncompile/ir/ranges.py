"""Inputs that are used as indices: which numbers a model knows, and what to say of another.

A layer or loss notes what it takes an index for (`Trace.note_range`); `of_inputs` keeps what is an
input of the program, or one that was cast or reshaped. Other values give NaN, as the ops say.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from fncompile.ir.node import Node

_PLAIN = ("cast", "reshape", "broadcast", "permute")


@dataclass(frozen=True)
class Range:
    """Whole numbers from 0 to `count` - 1, or `allowed`; `user` says who takes them."""

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


def of_inputs(
    noted: Iterable[tuple[Node, Range]], inputs: Sequence[Node]
) -> tuple[tuple[str, Range], ...]:
    """Names of inputs, with the ranges that were noted of nodes which are these but for shape and
    dtype."""
    names: dict[Node, str] = {node: node["name"] for node in inputs}
    found: dict[tuple[str, int, int], Range] = {}
    for node, range in noted:
        while node not in names and node.op in _PLAIN:
            node = node.src[0]
        if node in names:
            found.setdefault((names[node], range.count, range.allowed), range)
    return tuple((name, range) for (name, _, _), range in found.items())


def check_inputs(
    ranges: Iterable[tuple[str, Range]], inputs: Sequence[Node], arrays: Sequence[np.ndarray]
) -> None:
    """ValueError as `Range.check`, for the arrays of a program's inputs."""
    values = _by_name(inputs, arrays)
    for name, range in ranges:
        range.check(values[name], name)


def first_outside(
    ranges: Iterable[tuple[str, Range]], inputs: Sequence[Node], arrays: Sequence[np.ndarray]
) -> int:
    """The first row in which a value is refused; the number of rows where there is none."""
    values, first = _by_name(inputs, arrays), len(arrays[0])
    for name, range in ranges:
        wrong = range.outside(values[name]).reshape(len(values[name]), -1).any(1)
        first = min(first, int(wrong.argmax()) if wrong.any() else first)
    return first


def _by_name(inputs: Sequence[Node], arrays: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
    return {node["name"]: array for node, array in zip(inputs, arrays)}
