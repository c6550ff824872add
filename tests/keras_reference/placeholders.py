"""What stands for numbers, masks and layers in a case, before it is made for Keras or for us."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class F:
    shape: tuple[int, ...]

    def make(self, rng):
        return rng.normal(size=self.shape).round(3)


@dataclasses.dataclass(frozen=True)
class B:
    shape: tuple[int, ...]
    share: float = 0.6

    def make(self, rng):
        return rng.random(self.shape) < self.share


class L:
    """A layer of that class, made with these arguments."""

    def __init__(self, kind, **init):
        self.kind, self.init = kind, init
