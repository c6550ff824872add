"""MNIST, handwritten digits: `load_data()` as in Keras, without a network.

The full set is used where its four files (train-images-idx3-ubyte.gz and so on) lie in
$FNC_DATA_DIR or $FNC_DATA_DIR/mnist; otherwise the sample that the package carries, made from it
by make_mnist_sample.py.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from fncompile.datasets import idx
from fncompile.flags import flag

SAMPLE = Path(__file__).with_name("mnist_sample")
IMAGES = {"train": "train-images-idx3-ubyte.gz", "test": "t10k-images-idx3-ubyte.gz"}
LABELS = {"train": "train-labels-idx1-ubyte.gz", "test": "t10k-labels-idx1-ubyte.gz"}

Part = tuple[np.ndarray, np.ndarray]


def load_data() -> tuple[Part, Part]:
    """((x_train, y_train), (x_test, y_test)), all uint8: images (n, 28, 28), digits (n,).

    n is 60,000 and 10,000, or in the sample 12,000 and 2,000. Raises ValueError when a file is
    not what it should be.

    >>> (x_train, y_train), (x_test, y_test) = datasets.mnist.load_data()
    >>> x_train.shape[1:], x_train.dtype
    ((28, 28), dtype('uint8'))
    """
    directory = find_directory()
    return read_part(directory, "train"), read_part(directory, "test")


def find_directory() -> Path:
    """Where `load_data` reads: the directory of the full set, or of the sample."""
    root = flag("data_dir")
    for directory in (Path(root), Path(root) / "mnist") if root else ():
        if all((directory / name).is_file() for name in [*IMAGES.values(), *LABELS.values()]):
            return directory
    return SAMPLE


def read_part(directory: Path, part: str) -> Part:
    """Images and digits of "train" or "test". Raises ValueError if they do not fit together."""
    x = idx.read(directory / IMAGES[part], rank=3)
    y = idx.read(directory / LABELS[part], rank=1)
    if x.shape[1:] != (28, 28) or len(x) != len(y) or y.max(initial=0) > 9:
        raise ValueError(f"{directory}: the {part} files are not MNIST: images {x.shape}, "
                         f"labels {y.shape} up to {y.max(initial=0)}")
    return x, y
