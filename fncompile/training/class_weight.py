"""Weights of classes as weights of samples."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from fncompile.config import floatx


def class_weights_to_sample_weights(y: np.ndarray, class_weight: Any) -> np.ndarray:
    """The weight of each sample's class, 1 for classes that `class_weight` does not name.

    `y` holds class numbers, or is one-hot along its last axis. ValueError unless `class_weight`
    maps class numbers to weights.
    """
    if not isinstance(class_weight, Mapping):
        raise ValueError(
            "`class_weight` should be a dict from class numbers to weights. "
            f"Received: class_weight={class_weight}"
        )
    if y.ndim > 1:
        y = y[..., 0] if y.shape[-1] == 1 else np.argmax(y, axis=-1)
    classes = np.rint(y).astype("int64")
    weights = np.ones(classes.shape, floatx())
    for number, weight in class_weight.items():
        weights[classes == int(number)] = weight
    return weights
