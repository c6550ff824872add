"""HDF5 beyond our subset through h5py, an optional extra: files of other programs, long attributes.

Requires h5py. Ensures that soft and external links are not followed, that every object is read
once, and that a small file cannot ask for a huge amount of memory.
"""

from __future__ import annotations

import io
import os
from typing import Any, BinaryIO

import h5py
import numpy as np

from fncompile.ir.bfloat16 import from_bits

from . import hdf5_format as fmt
from .atomic import write_atomic
from .errors import FileFormatError
from .tree import Group

# Deflate, the densest filter in common use, shrinks by at most 1032.
_MAX_EXPANSION = 1100
_BFLOAT16 = np.dtype("V2")  # as Keras writes it: opaque, in newer layouts with an attribute


def read_with_h5py(source: str | bytes, name: str) -> Group:
    """Return the tree in an HDF5 file; FileFormatError where h5py cannot read it.

    bfloat16 datasets, which are opaque, become float32, which holds their values exactly.
    """
    is_bytes = isinstance(source, bytes)
    size = len(source) if is_bytes else os.path.getsize(source)
    try:
        with h5py.File(io.BytesIO(source) if is_bytes else source, "r") as file:
            return _Reader(size).group(file, "/", 0)
    except FileFormatError as error:
        raise FileFormatError(f"{name}: {error}") from error
    except (OSError, RuntimeError, ValueError, TypeError, KeyError, OverflowError) as error:
        # What the HDF5 library reports of a damaged file arrives as any of these.
        raise FileFormatError(f"{name}: h5py cannot read it: {error}") from error


def write_with_h5py(path: str | os.PathLike[str], tree: Group) -> None:
    """Write a tree whose attributes may exceed 64 KB, atomically, in HDF5's latest format."""

    def write(stream: BinaryIO) -> None:
        with h5py.File(stream, "w", libver="latest") as file:
            _write_group(file, tree)

    write_atomic(path, write)


def _write_group(group: h5py.Group, tree: Group) -> None:
    for key, value in tree.attrs.items():
        group.attrs[key] = value.encode() if isinstance(value, str) else value
    for name, child in tree.children.items():
        if isinstance(child, Group):
            _write_group(group.create_group(name), child)
        else:
            group[name] = child


class _Reader:
    def __init__(self, file_size: int) -> None:
        self._budget = file_size * _MAX_EXPANSION
        self._seen: set[Any] = set()

    def group(self, group: h5py.Group, path: str, depth: int) -> Group:
        if depth > fmt.MAX_DEPTH:
            raise FileFormatError(fmt.too_deep(path))
        self._visit(group, path)
        tree = Group(self._attrs(group, path))
        for name in group:
            link = group.get(name, getlink=True)
            if not isinstance(link, h5py.HardLink):
                raise FileFormatError(f"{path}{name} is a link ({type(link).__name__}) to another "
                                      "place, which is not followed")  # fmt: skip
            child = group[name]
            if isinstance(child, h5py.Group):
                tree.children[name] = self.group(child, f"{path}{name}/", depth + 1)
            elif isinstance(child, h5py.Dataset):
                tree.children[name] = self._dataset(child, path + name)
        return tree

    def _visit(self, item: h5py.HLObject, path: str) -> None:
        token = h5py.h5o.get_info(item.id).addr
        if token in self._seen:
            raise FileFormatError(f"{path} is linked twice in the file")
        self._seen.add(token)

    def _attrs(self, item: h5py.HLObject, path: str) -> dict[str, Any]:
        attrs = {}
        for key in item.attrs:
            shape, dtype = item.attrs.get_id(key).shape, item.attrs.get_id(key).dtype
            self._spend(shape, dtype, f"attribute {key!r} of {path}")
            attrs[key] = _attribute(item.attrs[key])
        attrs.pop(fmt.DIGEST_NAME, None)
        return attrs

    def _dataset(self, data: h5py.Dataset, path: str) -> np.ndarray:
        self._visit(data, path)
        self._spend(data.shape, data.dtype, path)
        if data.is_virtual or data.external:
            raise FileFormatError(f"{path} keeps its data in other files, which are not followed")
        array = np.asarray(data[()])
        return from_bits(array.view(np.uint16)) if array.dtype == _BFLOAT16 else array

    def _spend(self, shape: tuple[int, ...] | None, dtype: np.dtype, what: str) -> None:
        self._budget -= fmt.count_bytes(shape or (), dtype)
        if self._budget < 0:
            raise FileFormatError(f"{what} is far larger than the file it stands in")


def _attribute(value: Any) -> Any:
    """Return an attribute as the subset's reader does: str for text, byte strings in arrays."""
    if isinstance(value, h5py.Empty):
        return ""
    if isinstance(value, np.ndarray) and value.dtype.kind == "O":
        texts = [_text(item).encode() for item in value.ravel()]
        return np.array(texts, dtype="S" if texts else "S1").reshape(value.shape)
    return _text(value) if isinstance(value, (bytes, str)) else value


def _text(value: Any) -> Any:
    return value.decode() if isinstance(value, bytes) else value
