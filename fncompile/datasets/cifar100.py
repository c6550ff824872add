"""CIFAR-100, small pictures of a hundred classes, from its archive: `load_data()` as in Keras."""

from __future__ import annotations

import numpy as np

from fncompile.datasets.cifar10 import part_of
from fncompile.datasets.stored import members_of, stored

NAME = "cifar-100-python"
ORIGIN = f"https://www.cs.toronto.edu/~kriz/{NAME}.tar.gz"
DIGEST = "85cd44d02ba6437773c5bbd22e183051d648de2e7d6b014e1ef29b855ba677a7"

Part = tuple[np.ndarray, np.ndarray]


def load_data(label_mode: str = "fine") -> tuple[Part, Part]:
    """((x_train, y_train), (x_test, y_test)), all uint8: 50,000 and 10,000 images (n, 32, 32, 3)
    and classes (n, 1).

    `label_mode`: "fine" for 100 classes, "coarse" for 20 groups of them; ValueError for others. The
    archive has to lie as cifar-100-python.tar.gz in ~/.keras/datasets or $FNC_DATA_DIR;
    FileNotFoundError says where to get it. Of what it holds only plain data are read.
    """
    if label_mode not in ("fine", "coarse"):
        raise ValueError(
            f'`label_mode` must be one of `"fine"`, `"coarse"`. Received: label_mode={label_mode}.'
        )
    path = stored(f"{NAME}.tar.gz", ORIGIN, DIGEST)
    train, test = members_of(path, [f"{NAME}/train", f"{NAME}/test"])
    labels = f"{label_mode}_labels".encode()
    return part_of(train, labels), part_of(test, labels)
