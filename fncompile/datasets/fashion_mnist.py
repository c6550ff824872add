"""Fashion-MNIST, pictures of clothes, from its four files: `load_data()` as in Keras."""

from __future__ import annotations

import numpy as np

from fncompile.datasets import idx
from fncompile.datasets.mnist import IMAGES, LABELS
from fncompile.datasets.stored import KERAS_AT, stored

Part = tuple[np.ndarray, np.ndarray]


def load_data() -> tuple[Part, Part]:
    """((x_train, y_train), (x_test, y_test)), all uint8: 60,000 and 10,000 images (n, 28, 28) and
    classes (n,).

    The files train-images-idx3-ubyte.gz and so on have to lie in `fashion-mnist` under
    ~/.keras/datasets, or under $FNC_DATA_DIR; FileNotFoundError says where to get them.
    """
    return _part("train"), _part("test")


def _part(part: str) -> Part:
    x, y = (
        idx.read(stored(f"fashion-mnist/{files[part]}", KERAS_AT + files[part]), rank=rank)
        for files, rank in ((IMAGES, 3), (LABELS, 1))
    )
    return x, y
