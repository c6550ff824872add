"""Small helpers on arrays, as `keras.utils` has them."""

from __future__ import annotations

from typing import Any

import numpy as np

from fncompile import ops
from fncompile.config import floatx
from fncompile.graph.tensor import KerasTensor, Tensor


def to_categorical(x: Any, num_classes: int | None = None) -> Any:
    """Class numbers as one-hot vectors along a new last axis, float64 for arrays and lists.

    A last axis of extent 1 is dropped first. `num_classes` defaults to the largest number plus 1.
    ValueError where a number is negative or not below `num_classes`.

    `x`: whole numbers of any shape.

    >>> utils.to_categorical([0, 2])
    array([[1., 0., 0.],
           [0., 0., 1.]])
    """
    if isinstance(x, (KerasTensor, Tensor)):
        return _one_hot_tensor(x, num_classes)
    labels = np.asarray(x).astype(np.int64)
    if labels.ndim > 1 and labels.shape[-1] == 1:
        labels = labels[..., 0]
    if num_classes is None:
        if labels.size == 0:
            raise ValueError("`to_categorical` of no labels needs `num_classes`. Received: x=[]")
        num_classes = int(labels.max()) + 1
    if labels.size and not (labels.min() >= 0 and labels.max() < num_classes):
        raise ValueError(
            f"`to_categorical` takes class numbers from 0 to {num_classes - 1} (num_classes="
            f"{num_classes}). Received numbers from {labels.min()} to {labels.max()}."
        )
    return np.eye(num_classes)[labels]


def _one_hot_tensor(x: Any, num_classes: int | None) -> Any:
    if num_classes is None:
        raise ValueError("`num_classes` must be given for the labels of a symbolic tensor.")
    if len(x.shape) > 1 and x.shape[-1] == 1:
        x = ops.squeeze(x, -1)
    return ops.one_hot(ops.cast(x, "int32"), num_classes)


def normalize(x: Any, axis: int = -1, order: int = 2) -> Any:
    """`x` divided by its norm of the given order along `axis`; what has norm 0 stays.

    `x`: an array; `order`: 2 for the length.

    >>> utils.normalize(np.array([[3.0, 4.0]]))
    array([[0.6, 0.8]])
    """
    if isinstance(x, (KerasTensor, Tensor)):
        return ops.normalize(x, axis=axis, order=order)
    if not isinstance(order, int) or order < 1:
        raise ValueError(f"Argument `order` must be an int >= 1. Received: order={order}")
    x = np.atleast_1d(x)
    x = x if x.dtype.kind == "f" else x.astype(floatx())
    norm = np.linalg.norm(x, order, axis, keepdims=True)
    return x / np.where(norm == 0, 1, norm).astype(x.dtype)
