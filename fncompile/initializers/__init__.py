"""First values of weights: Keras' initializers, as NumPy arrays made at once.

The distributions are Keras', the numbers are not: those differ between its backends too.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fncompile.graph.operators import IMPLEMENTATIONS
from fncompile.identifiers import Family, by_name
from fncompile.initializers.constant import Constant, Identity, Initializer, Ones, Zeros
from fncompile.initializers.random import (
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    LecunNormal,
    LecunUniform,
    Orthogonal,
    RandomNormal,
    RandomUniform,
    TruncatedNormal,
    VarianceScaling,
)
from fncompile.initializers.windows import STFT
from fncompile.missing import explain_missing

_CLASSES = (
    Constant, Zeros, Ones, Identity, RandomNormal, TruncatedNormal, RandomUniform, Orthogonal,
    VarianceScaling, GlorotUniform, GlorotNormal, HeUniform, HeNormal, LecunUniform, LecunNormal,
    STFT,
)  # fmt: skip
_FAMILY = Family(
    "initializer",
    Initializer,
    by_name(
        _CLASSES,
        {
            "uniform": RandomUniform,
            "normal": RandomNormal,
            "one": Ones,
            "zero": Zeros,
            "IdentityInitializer": Identity,
            "OrthogonalInitializer": Orthogonal,
            "STFTInitializer": STFT,
        },
    ),
)
# Keras also offers each class under its snake-case name: `initializers.he_normal(seed=1)`.
constant = Constant
zeros = Zeros
ones = Ones
identity = Identity
random_normal = RandomNormal
truncated_normal = TruncatedNormal
random_uniform = RandomUniform
orthogonal = Orthogonal
variance_scaling = VarianceScaling
glorot_uniform = GlorotUniform
glorot_normal = GlorotNormal
he_uniform = HeUniform
he_normal = HeNormal
lecun_uniform = LecunUniform
lecun_normal = LecunNormal
stft = STFT
IdentityInitializer = Identity
OrthogonalInitializer = Orthogonal
STFTInitializer = STFT

deserialize = _FAMILY.deserialize
serialize = _FAMILY.serialize


def get(identifier: Any) -> Any:
    """The initializer for a name, config, class, function, array or instance; None for None.

    `identifier`: any of these; ValueError for another.

    >>> initializers.get("he_normal")((2, 3)).shape
    (2, 3)
    """
    if isinstance(identifier, np.ndarray):
        return Constant(identifier)
    return _FAMILY.get(identifier)


IMPLEMENTATIONS["initializer"] = get  # of a Variable, by name

__all__ = [
    "STFT",
    "Constant",
    "GlorotNormal",
    "GlorotUniform",
    "HeNormal",
    "HeUniform",
    "Identity",
    "IdentityInitializer",
    "Initializer",
    "LecunNormal",
    "LecunUniform",
    "Ones",
    "Orthogonal",
    "OrthogonalInitializer",
    "RandomNormal",
    "RandomUniform",
    "STFTInitializer",
    "TruncatedNormal",
    "VarianceScaling",
    "Zeros",
    "constant",
    "deserialize",
    "get",
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "identity",
    "lecun_normal",
    "lecun_uniform",
    "ones",
    "orthogonal",
    "random_normal",
    "random_uniform",
    "serialize",
    "stft",
    "truncated_normal",
    "variance_scaling",
    "zeros",
]

explain_missing(
    __name__, "Another can be written as a subclass of `initializers.Initializer`."
)
