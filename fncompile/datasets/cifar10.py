"""CIFAR-10, small pictures of ten classes, from its archive: `load_data()` as in Keras."""

from __future__ import annotations

import numpy as np

from fncompile.config import image_data_format
from fncompile.datasets.stored import members_of, stored

NAME = "cifar-10-batches-py"
ORIGIN = "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz"
DIGEST = "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce"

Part = tuple[np.ndarray, np.ndarray]


def load_data() -> tuple[Part, Part]:
    """((x_train, y_train), (x_test, y_test)), all uint8: 50,000 and 10,000 images (n, 32, 32, 3)
    and classes (n, 1).

    The archive has to lie as cifar-10-batches-py.tar.gz in ~/.keras/datasets or $FNC_DATA_DIR;
    FileNotFoundError says where to get it. Of what it holds only plain data are read.
    """
    path = stored(f"{NAME}.tar.gz", ORIGIN, DIGEST)
    names = [*(f"{NAME}/data_batch_{i}" for i in range(1, 6)), f"{NAME}/test_batch"]
    batches = [part_of(batch, b"labels") for batch in members_of(path, names)]
    train = tuple(np.concatenate(arrays) for arrays in zip(*batches[:-1]))
    return train, batches[-1]  # type: ignore[return-value]


def part_of(batch: dict[bytes, np.ndarray], labels: bytes) -> Part:
    """Images and classes of one batch of an archive."""
    x = np.asarray(batch[b"data"], "uint8").reshape(-1, 3, 32, 32)
    x = x if image_data_format() == "channels_first" else x.transpose(0, 2, 3, 1)
    return x, np.asarray(batch[labels], "uint8").reshape(-1, 1)
