"""HDF5 beyond our subset through h5py, an optional extra: files of other programs, long attributes.

Requires h5py. Ensures that soft and external links are not followed, that every object is read
once, and that a small file cannot ask for a huge amount of memory: datasets are read when they are
asked for, by then known to be of the wanted shape, in chunks that are no larger than the whole.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import math
import os
import zlib
from collections.abc import Iterator
from typing import Any, BinaryIO

import h5py
import numpy as np

from fncompile.ir.elements import from_bits

from . import hdf5_format as fmt
from .atomic import write_atomic
from .errors import FileFormatError
from .tree import Group, Stored

# Deflate, the densest filter in common use, shrinks by at most 1032.
_MAX_EXPANSION = 1100
_SMALL_CHUNK, _BLOCK = 1 << 20, 1 << 18
# What unpacks to no more than it says: all that the HDF5 library has, and h5py's own (lzf).
_FILTERS = (*range(1, 7), 32000)
_BFLOAT16 = np.dtype("V2")  # as Keras writes it: opaque, in newer layouts with an attribute


def read_with_h5py(source: str | bytes, name: str) -> Group:
    """Return the tree in an HDF5 file; FileFormatError where h5py cannot read it.

    bfloat16 datasets, which are opaque, become float32, which holds their values exactly.
    """
    size = len(source) if isinstance(source, bytes) else os.path.getsize(source)
    with _naming(name):  # the file stays open for as long as a `Stored` of it lives
        file = h5py.File(io.BytesIO(source) if isinstance(source, bytes) else source, "r")
        return _Reader(size, name).group(file, "/", 0)


@contextlib.contextmanager
def _naming(name: str) -> Iterator[None]:
    """Errors of the HDF5 library, and ours, as FileFormatError with the file's name."""
    try:
        yield
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
    def __init__(self, file_size: int, name: str) -> None:
        self._file_size, self._name = file_size, name
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
            what = f"attribute {key!r} of {path}"
            self._spend(shape, dtype, what)
            if dtype.kind == "O" and shape:  # each text may be the same one, as long as the file
                self._spend(shape, np.dtype(f"V{self._file_size}"), what)
            attrs[key] = _attribute(item.attrs[key])
        attrs.pop(fmt.DIGEST_NAME, None)
        return attrs

    def _dataset(self, data: h5py.Dataset, path: str) -> Stored:
        self._visit(data, path)
        self._spend(data.shape, data.dtype, path)
        if data.is_virtual or data.external:
            raise FileFormatError(f"{path} keeps its data in other files, which are not followed")

        def read() -> np.ndarray:
            with _naming(self._name):
                return _read(data, path)

        return Stored(data.shape or (), _dtype(data), read)

    def _spend(self, shape: tuple[int, ...] | None, dtype: np.dtype, what: str) -> None:
        self._budget -= fmt.count_bytes(shape or (), dtype)
        if self._budget < 0:
            raise FileFormatError(f"{what} is far larger than the file it stands in")


def _dtype(data: h5py.Dataset) -> np.dtype:
    return np.dtype(np.float32) if data.dtype == _BFLOAT16 else data.dtype


def _read(data: h5py.Dataset, path: str) -> np.ndarray:
    if data.dtype.kind == "O":
        raise FileFormatError(f"{path} is of variable length, which no weight is")
    if data.chunks is not None:
        _check_chunks(data, path)
    array = np.asarray(data[()])
    return from_bits(array.view(np.uint16)) if array.dtype == _BFLOAT16 else array


def _check_chunks(data: h5py.Dataset, path: str) -> None:
    """Refuse chunks that are, or become when they are unpacked, larger than what they are for."""
    size = math.prod(data.chunks) * data.dtype.itemsize
    if size > max(data.nbytes, _SMALL_CHUNK):
        raise FileFormatError(f"{path} has chunks of {size} bytes, more than its {data.nbytes}")
    if h5py.h5z.FILTER_DEFLATE not in _filters(data, path):
        return
    for place in itertools.product(*map(range, [0] * data.ndim, data.shape, data.chunks)):
        if data.id.get_chunk_info_by_coord(place).byte_offset is not None:
            skipped, packed = data.id.read_direct_chunk(place)
            if not skipped:
                _check_unpacked(packed, size, path)


def _filters(data: h5py.Dataset, path: str) -> list[int]:
    """The filters of a dataset; those that may make more of a chunk than it claims are refused, but
    for one deflate."""
    plist = data.id.get_create_plist()
    found = [plist.get_filter(i)[0] for i in range(plist.get_nfilters())]
    if found.count(h5py.h5z.FILTER_DEFLATE) > 1 or any(f not in _FILTERS for f in found):
        raise FileFormatError(f"{path} is packed by filters {found}, which are not read")
    return found


def _check_unpacked(packed: bytes, most: int, path: str) -> None:
    inflater, size = zlib.decompressobj(), 0
    try:
        while packed and not inflater.eof and size <= most:
            size += len(inflater.decompress(packed, _BLOCK))
            packed = inflater.unconsumed_tail
    except zlib.error as error:
        raise FileFormatError(f"{path} is damaged: {error}") from error
    if size > most:
        raise FileFormatError(f"{path} has a chunk that unpacks to more than its {most} bytes")


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
