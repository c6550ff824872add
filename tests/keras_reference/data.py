"""Seeded data, seeded weights and batches for the stored training runs.

All data is float32 or int32, so that both float32 and float64 runs see the same values;
N = 30 rows make three batches of 8 and a last one of 6.
"""

from __future__ import annotations

import numpy as np

N = 30
MODELS = {}


def case(function):
    """Register a model by the name of the function that builds it."""
    MODELS[function.__name__] = function
    return function


def floats(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=(N, *shape)).astype("float32")


def ints(high, *shape, seed=1):
    return np.random.default_rng(seed).integers(0, high, size=(N, *shape)).astype("int32")


def one_hot(high, seed=1):
    return np.eye(high, dtype="float32")[ints(high, seed=seed)]


def set_seeded_weights(model, seed=7):
    """Give every weight, in the order of `model.weights`, a value from a seeded generator."""
    rng = np.random.default_rng(seed)
    model.set_weights([rng.uniform(-0.5, 0.5, tuple(w.shape)).astype("float32")
                       + (w.name in ("gamma", "moving_variance", "gain")) for w in model.weights])


def take(data, rows):
    """The rows of every array in a list, dict or single array (or None)."""
    if isinstance(data, dict):
        return {key: take(value, rows) for key, value in data.items()}
    if isinstance(data, (list, tuple)):
        return [take(value, rows) for value in data]
    return None if data is None else data[rows]


def batches(count, size=8):
    """Row slices of `count` successive batches, the last of each epoch partial."""
    starts = list(range(0, N, size))
    return [slice(s, s + size) for s in (starts[i % len(starts)] for i in range(count))]
