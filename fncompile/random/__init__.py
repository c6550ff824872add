"""Random tensors. The bits come from Philox, so compiled code and the interpreter agree.

Every function takes `seed`: an int gives the same values at each call; a `SeedGenerator` moves on
with each call, in compiled models too; None uses one global generator (`set_global_seed`).
Uniform numbers have 24 random bits, 8 in bfloat16, from which no other distribution is made.
"""

from __future__ import annotations

from fncompile.graph.operators import IMPLEMENTATIONS
from fncompile.missing import explain_missing
from fncompile.random.distributions import bernoulli as bernoulli  # these for other rooms
from fncompile.random.distributions import (
    categorical,
    dropout,
    normal,
    randint,
    shuffle,
    truncated_normal,
    uniform,
)
from fncompile.random.gamma import beta, binomial, gamma
from fncompile.random.seeds import SeedGenerator
from fncompile.random.seeds import draw_seed as draw_seed
from fncompile.random.seeds import make_default_seed as make_default_seed
from fncompile.random.seeds import set_global_seed as set_global_seed

__all__ = [
    "SeedGenerator",
    "beta",
    "binomial",
    "categorical",
    "dropout",
    "gamma",
    "normal",
    "randint",
    "shuffle",
    "truncated_normal",
    "uniform",
]

IMPLEMENTATIONS["normal"] = normal  # of ops that draw
explain_missing(__name__)
