"""Data sets in Keras' own archives, which were fetched by hand: where they lie, and reading them
without running anything that is in them."""

from __future__ import annotations

import io
import pickle
import tarfile
from pathlib import Path
from typing import Any

import numpy as np

from fncompile.flags import flag
from fncompile.utils.files import get_file

KERAS_AT = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"


def stored(name: str, origin: str, digest: str | None = None, path: Any = None) -> Path:
    """The path of the archive `name`: `path`, absolute or in the folder of data sets; one in
    $FNC_DATA_DIR; or in ~/.keras/datasets. FileNotFoundError says where to get it."""
    wanted = Path(path or name)
    root = flag("data_dir")
    if root and (Path(root) / wanted).is_file():
        return Path(get_file(wanted.name, origin, file_hash=digest, cache_dir=Path(root),
                             cache_subdir=str(wanted.parent)))  # fmt: skip
    if wanted.is_absolute():
        return Path(get_file(wanted.name, origin, file_hash=digest, cache_dir=wanted.parent,
                             cache_subdir=""))  # fmt: skip
    return Path(get_file(str(wanted), origin, file_hash=digest))


def from_keras(name: str, digest: str, path: Any) -> Path:
    """As `stored`, of an archive that lies under its name where Keras has them."""
    return stored(name, KERAS_AT + name, digest, path)


def arrays_of(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a .npz file, those of Python's lists of numbers among them."""
    with np.load(path, allow_pickle=False) as archive:
        found = {}
        for name in archive.files:
            try:
                found[name] = archive[name]
            except ValueError:  # objects
                found[name] = _objects(archive.zip.read(f"{name}.npy"))
    return found


def _objects(data: bytes) -> np.ndarray:
    stream = io.BytesIO(data)
    version = np.lib.format.read_magic(stream)
    reader = {(1, 0): np.lib.format.read_array_header_1_0}.get(
        version, np.lib.format.read_array_header_2_0
    )
    reader(stream)
    return np.asarray(unpickled(stream), object)


class _Plain(pickle.Unpickler):
    """Reads containers, numbers and NumPy's arrays, and refuses everything else."""

    _ALLOWED = {
        ("numpy", "ndarray"), ("numpy", "dtype"),
        ("numpy.core.multiarray", "_reconstruct"), ("numpy._core.multiarray", "_reconstruct"),
        ("numpy.core.multiarray", "scalar"), ("numpy._core.multiarray", "scalar"),
        ("_codecs", "encode"),
    }  # fmt: skip

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in self._ALLOWED:
            raise pickle.UnpicklingError(
                f"The file asks for {module}.{name}, which no data set needs: it is refused."
            )
        return super().find_class(module, name)


def unpickled(stream: Any) -> Any:
    """What a pickle of plain data holds; UnpicklingError for anything else."""
    return _Plain(stream, encoding="bytes").load()


def members_of(path: Path, names: list[str]) -> list[Any]:
    """The pickles with these names in a .tar.gz file."""
    with tarfile.open(path) as archive:
        return [unpickled(archive.extractfile(name)) for name in names]


def halves(x: np.ndarray, y: np.ndarray, test_split: float, seed: int) -> tuple[Any, Any]:
    """`cut` of the rows in the order that `seed` gives."""
    return cut(*shuffled(np.random.RandomState(seed), x, y), test_split)


def shuffled(rng: np.random.RandomState, x: np.ndarray, y: np.ndarray) -> tuple[Any, Any]:
    order = np.arange(len(x))
    rng.shuffle(order)
    return x[order], y[order]


def cut(x: np.ndarray, y: np.ndarray, test_split: float) -> tuple[Any, Any]:
    """All rows but the last fraction of them, and that fraction."""
    at = int(len(x) * (1 - test_split))
    return (x[:at], y[:at]), (x[at:], y[at:])


def check_split(test_split: float) -> None:
    if not 0 <= test_split < 1:
        raise ValueError(f"`test_split` must be from 0 to below 1. Received: {test_split}")
