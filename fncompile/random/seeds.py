"""Where random bits come from: seeds that move on."""

from __future__ import annotations

import itertools
import random as python_random
from typing import Any

import numpy as np

from fncompile.flags import flag
from fncompile.graph.naming import auto_name
from fncompile.graph.tensor import Tensor
from fncompile.graph.trace import current_trace
from fncompile.graph.variable import Variable
from fncompile.ir import build
from fncompile.ir.node import Node
from fncompile.ops.dispatch import node


class SeedGenerator:
    """A source of seeds with a state, the variable `seed_generator_state` = (seed, counter).

    `seed=None` draws one, from the switch FNC_SEED or Python's `random` module. Raises ValueError
    on a seed that is not an integer.

    `seed`: a whole number or None; `name`: that of the variable's path.

    >>> seed = random.SeedGenerator(7)
    >>> bool((random.uniform((3,), seed=seed) == random.uniform((3,), seed=seed)).all())
    False
    """

    def __init__(self, seed: int | None = None, name: str | None = None, **kwargs: Any):
        if kwargs:
            raise ValueError(f"Unrecognized keyword arguments: {kwargs}")
        seed = make_default_seed() if seed is None else seed
        if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)):
            raise ValueError(f"Argument `seed` must be an integer. Received: seed={seed}")
        self.name = name or auto_name("seed_generator")
        self._initial_seed = int(seed)
        self.state = Variable(
            _key(self._initial_seed), dtype="uint32", trainable=False,
            name="seed_generator_state", path=f"{self.name}/seed_generator_state",
        )  # fmt: skip

    def __repr__(self) -> str:
        return f"SeedGenerator(seed={self._initial_seed})"

    @property
    def variables(self) -> list[Variable]:
        """The state, as the only one."""
        return [self.state]

    def next(self, ordered: bool = True) -> Any:
        """The present state, as the seed of one draw; the counter moves on."""
        seed = Tensor(node(self.state)) if current_trace() is not None else self.state.numpy()
        self.state.assign(self.state + np.array([0, 1], "uint32"))
        return seed

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, ready for JSON."""
        return {"seed": self._initial_seed}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> SeedGenerator:
        """A generator from what `get_config` gave, at its beginning."""
        return cls(**config)


_unseeded = itertools.count()


def make_default_seed() -> int:
    """A seed for what was given none: another each time, so that two layers do not start alike."""
    chosen = flag("seed")
    return python_random.randint(1, 10**9) if chosen is None else chosen + next(_unseeded)


def _key(seed: int) -> np.ndarray:
    return np.array([seed & 0xFFFFFFFF, 0], "uint32")


_global: SeedGenerator | None = None


def global_seed_generator() -> SeedGenerator:
    """The generator behind `seed=None`."""
    global _global
    if _global is None:
        _global = SeedGenerator(name="global_seed_generator")
    return _global


def set_global_seed(seed: int) -> None:
    """Start the global generator again from `seed` (part of `utils.set_random_seed`)."""
    global_seed_generator().state.assign(_key(seed))


def draw_seed(seed: Any) -> Node:
    """The node u32[2] that a `seed` argument stands for."""
    if seed is None:
        seed = global_seed_generator()
    if hasattr(seed, "next"):
        return node(seed.next(ordered=False))
    if isinstance(seed, (int, np.integer)) and not isinstance(seed, bool):
        return build.const(_key(int(seed)), "uint32")
    return node(seed, "uint32")
