"""Lists of names as attributes, in chunks where one would exceed what HDF5 allows."""

from __future__ import annotations

import numpy as np

from .errors import FileFormatError
from .tree import Group

# Keras' limit, below the 64 KB of an object header message.
_LIMIT = 64512


def write_names(group: Group, key: str, names: list[str]) -> None:
    """Store names as `key`, or as `key0`, `key1` ...; ValueError where one name is too long."""
    array = np.array([name.encode() for name in names], "S" if names else "S1")
    if array.itemsize > _LIMIT:
        raise ValueError(f"A name of {array.itemsize} bytes is too long for an HDF5 file.")
    if array.nbytes <= _LIMIT:
        group.attrs[key] = array
        return
    rows = _LIMIT // array.itemsize
    for chunk in range(-(-len(array) // rows)):
        group.attrs[f"{key}{chunk}"] = array[chunk * rows : (chunk + 1) * rows]


def read_names(group: Group, key: str) -> list[str]:
    """Return the names stored as `key` or in chunks; none where there is no such attribute."""
    chunks = [group.attrs[key]] if key in group.attrs else []
    while f"{key}{len(chunks)}" in group.attrs and key not in group.attrs:
        chunks.append(group.attrs[f"{key}{len(chunks)}"])
    return [_text(name, key) for chunk in chunks for name in np.asarray(chunk).ravel().tolist()]


def _text(name: object, key: str) -> str:
    try:
        return name.decode() if isinstance(name, bytes) else str(name)
    except UnicodeDecodeError:
        raise FileFormatError(f"The attribute {key!r} holds a name that is not UTF-8.") from None
