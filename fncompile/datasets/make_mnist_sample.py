"""Make the packaged sample from the full set: python -m fncompile.datasets.make_mnist_sample DIR

Draws each digit in proportion to how often it occurs, keeps the original order, and gives the
same files every time.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from fncompile.datasets import idx, mnist

SIZES = {"train": 12_000, "test": 2_000}


def stratified(labels: np.ndarray, size: int, seed: int) -> np.ndarray:
    """Sorted positions of `size` labels, each class within one of its exact share."""
    rng = np.random.Generator(np.random.PCG64(seed))
    classes, counts = np.unique(labels, return_counts=True)
    shares = counts * size / len(labels)
    take = np.floor(shares).astype(int)
    take[np.argsort(take - shares)[:size - take.sum()]] += 1  # largest remainders
    chosen = [rng.permutation(np.flatnonzero(labels == c))[:n]
              for c, n in zip(classes, take, strict=True)]
    return np.sort(np.concatenate(chosen))


def main(source: Path, target: Path = mnist.SAMPLE) -> None:
    target.mkdir(exist_ok=True)
    for part, size in SIZES.items():
        x, y = mnist.read_part(source, part)
        chosen = stratified(y, size, seed=0)
        idx.write(target / mnist.IMAGES[part], x[chosen])
        idx.write(target / mnist.LABELS[part], y[chosen])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
