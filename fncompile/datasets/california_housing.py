"""Prices of houses in California by eight facts, from Keras' archive: `load_data()` as in Keras."""

from __future__ import annotations

from typing import Any

import numpy as np

from fncompile.datasets.stored import arrays_of, check_split, from_keras, halves

DIGEST = "1a2e3a52e0398de6463aebe6f4a8da34fb21fbb6b934cf88c3425e766f2a1a6f"

Part = tuple[np.ndarray, np.ndarray]


def load_data(
    version: str = "large",
    path: Any = "california_housing.npz",
    test_split: float = 0.2,
    seed: int = 113,
) -> tuple[Part, Part]:
    """((x_train, y_train), (x_test, y_test)): rows of eight facts, and prices.

    `path`: of the archive, in ~/.keras/datasets or $FNC_DATA_DIR unless absolute; `version`:
    "large" for all 20,640 rows, "small" for the first 600 of them; `test_split`: the fraction of
    rows that are for tests; `seed`: of their order. FileNotFoundError says where to get the
    archive, ValueError that it is not the one expected.
    """
    check_split(test_split)
    if version not in ("small", "large"):
        raise ValueError(
            f"Argument `version` must be one of 'small' and 'large'. Received: version={version}"
        )
    arrays = arrays_of(from_keras("california_housing.npz", DIGEST, path))
    x, y = arrays["x"], arrays["y"]
    x, y = (x[:600], y[:600]) if version == "small" else (x, y)
    return halves(x, y, test_split, seed)
