"""Whether what two stages store is apart, though it interleaves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from fncompile.ir.dims import Dim, Poly
from fncompile.plan.types import Affine, Buffer, Stage


def stores_apart(one: Stage, other: Stage, buffer: Buffer) -> bool:
    """Does each of the two stages store elements of the buffer that the other does not?"""
    pairs = [(a, b) for a in one.stores for b in other.stores if a.buffer == b.buffer == buffer]
    return all(apart(a.at, one.domain, b.at, other.domain) for a, b in pairs)


def apart(a: Affine, of_a: Sequence[Dim], b: Affine, of_b: Sequence[Dim]) -> bool:
    """Is no element of `a`, over the domain `of_a`, one of `b` over `of_b`, for sure?

    For some step g, all strides that g divides move by multiples of g. If the others, together with
    the distance of the offsets, never reach such a multiple, the two do not meet.
    """
    ways = [*_ways(a, of_a, 1), *_ways(b, of_b, -1)]
    distance = a.offset - b.offset
    steps = {abs(c) for c, _ in ways if isinstance(c, int) and abs(c) > 1}
    return isinstance(distance, int) and any(_misses(g, distance, ways) for g in steps)


def _ways(at: Affine, domain: Sequence[Dim], sign: int) -> list[tuple[Dim, Dim]]:
    return [(c * sign, domain[axis]) for axis, c in at.terms]


def _misses(g: int, distance: int, ways: Iterable[tuple[Dim, Dim]]) -> bool:
    """Do the strides that g does not divide lead from `distance` to no multiple of g?"""
    low = high = distance
    for stride, extent in ways:
        if _divides(g, stride):
            continue
        if not isinstance(stride, int) or not isinstance(extent, int):
            return False
        low += min(0, stride * (extent - 1))
        high += max(0, stride * (extent - 1))
    return high // g * g < low


def _divides(g: int, stride: Dim) -> bool:
    if isinstance(stride, Poly):
        return all(c % g == 0 for _, c in stride.terms)
    return stride % g == 0
