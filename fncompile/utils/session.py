"""Random seeds and automatic names: the state that belongs to the process."""

from __future__ import annotations

import random as python_random

import numpy as np

from fncompile.graph.naming import reset_names
from fncompile.random import set_global_seed


def set_random_seed(seed: int) -> None:
    """Seed Python's `random`, NumPy and fncompile, so that a script gives the same numbers.

    `seed`: a whole number; ValueError otherwise.

    >>> utils.set_random_seed(7)
    >>> first = random.uniform((2,))
    >>> utils.set_random_seed(7)
    >>> bool((random.uniform((2,)) == first).all())
    True
    """
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)):
        raise ValueError(
            f"Expected `seed` argument to be an integer. Received: seed={seed} (of type "
            f"{type(seed)})"
        )
    set_global_seed(int(seed))  # first: making the global generator draws from Python's
    python_random.seed(int(seed))
    np.random.seed(int(seed) % 2**32)


def clear_session(free_memory: bool = True) -> None:
    """Start counting automatic names again: the next Dense is called `dense`.

    Models hold their memory themselves, so there is nothing that `free_memory` could free.

    >>> utils.clear_session()
    >>> layers.Dense(1).name
    'dense'
    """
    reset_names()
