"""Prices of houses in Boston by 13 facts, from Keras' archive: `load_data()` as in Keras."""

from __future__ import annotations

from typing import Any

import numpy as np

from fncompile.datasets.stored import arrays_of, check_split, from_keras, halves

DIGEST = "f553886a1f8d56431e820c5b82552d9d95cfcb96d1e678153f8839538947dff5"

Part = tuple[np.ndarray, np.ndarray]


def load_data(
    path: Any = "boston_housing.npz", test_split: float = 0.2, seed: int = 113
) -> tuple[Part, Part]:
    """((x_train, y_train), (x_test, y_test)): 506 rows of 13 facts, and prices in thousands of
    dollars.

    `path`: of the archive, in ~/.keras/datasets or $FNC_DATA_DIR unless absolute; `test_split`: the
    fraction of rows that are for tests; `seed`: of their order. FileNotFoundError says where to get
    the archive, ValueError that it is not the one expected.
    """
    check_split(test_split)
    arrays = arrays_of(from_keras("boston_housing.npz", DIGEST, path))
    return halves(arrays["x"], arrays["y"], test_split, seed)
