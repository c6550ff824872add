"""Write a tree of groups and arrays as HDF5: all headers first, then the data, 64-byte aligned.

Requires a tree as `tree.Group` describes. Ensures that equal trees give equal bytes, and that
h5py, h5dump and `hdf5_reader` open them. Sizes do not depend on addresses, so the addresses are
known before the first byte is written and the output is one forward stream.
"""

from __future__ import annotations

import hashlib
import io
import struct
from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np

from . import hdf5_format as fmt
from .errors import AttributeTooLargeError
from .hdf5_checksum import lookup3
from .tree import Group


def write_bytes(tree: Group) -> bytes:
    """Return the file of `tree` as bytes."""
    stream = io.BytesIO()
    write_stream(stream, tree)
    return stream.getvalue()


def write_stream(stream: BinaryIO, tree: Group) -> None:
    """Write `tree` forward into a binary stream.

    Raises AttributeTooLargeError for an attribute of 64 KB or more, TypeError for a value that
    the subset cannot hold, ValueError for bad names, too deep nesting and too large headers.
    """
    placed = _Plan(tree)
    placed.sign()
    stream.write(placed.metadata())
    for piece in placed.data():
        stream.write(piece)


def plan(tree: Group) -> tuple[bytes, dict[str, int]]:
    """Return all bytes up to the first dataset, and the offset of each dataset that has bytes.

    For whoever writes the data in another way: the digest is blank, csrc/io's `fnc_h5_sign` fills
    it in. `np.broadcast_to(np.float32(0), shape)` stands for an array that takes no memory.
    """
    placed = _Plan(tree)
    return placed.metadata(), placed.offsets()


_GROUP = [(fmt.LINK_INFO, fmt.LINK_INFO_COMPACT), (fmt.GROUP_INFO, fmt.GROUP_INFO_DEFAULT)]


class _Plan:
    """Where every header and every dataset of a tree lies in the file."""

    def __init__(self, root: Group) -> None:
        self._headers: list[list[tuple[int, bytes]]] = []
        self._addresses: list[int] = []
        self._links: list[tuple[int, int, int]] = []  # header, its message, header pointed to
        self._arrays: list[tuple[int, int, np.ndarray]] = []  # header, its message, contents
        self._paths: list[str] = []  # of the arrays
        self._end = fmt.SUPERBLOCK_SIZE
        unsigned = {fmt.DIGEST_NAME: fmt.digest_text(0, "0" * 64)}
        self._add_group(Group({**unsigned, **root.attrs, **unsigned}, root.children), "/", 0)
        if self._end > fmt.MAX_METADATA:
            raise ValueError(f"the headers take {self._end} bytes, more than a model file may have")
        self._place_arrays()
        self._set_digest("0" * 64)

    def _add_group(self, group: Group, path: str, depth: int) -> int:
        if depth > fmt.MAX_DEPTH:
            raise ValueError(fmt.too_deep(path))
        messages = [*_GROUP, *_attributes(group.attrs, path)]
        first = len(messages)
        messages += [(fmt.LINK, _link(name, path)) for name in group.children]
        index = self._add_header(messages, path)
        for position, (name, child) in enumerate(group.children.items(), first):
            target = self._add_child(child, f"{path}{name}", depth)
            self._links.append((index, position, target))
        return index

    def _add_child(self, child: Any, path: str, depth: int) -> int:
        if isinstance(child, Group):
            return self._add_group(child, path + "/", depth + 1)
        array = _stored(child, path)
        if array.ndim > fmt.MAX_RANK:
            raise ValueError(f"{path} has {array.ndim} dimensions; HDF5 allows {fmt.MAX_RANK}")
        messages = [
            (fmt.DATASPACE, fmt.encode_shape(array.shape)),
            (fmt.DATATYPE, fmt.encode_dtype(array.dtype)),
            (fmt.FILL_VALUE, fmt.FILL_VALUE_DEFAULT),
            (fmt.LAYOUT, _layout(fmt.UNDEFINED, array.nbytes)),
        ]
        index = self._add_header(messages, path)
        self._arrays.append((index, len(messages) - 1, array))
        self._paths.append(path[1:])
        return index

    def _add_header(self, messages: list[tuple[int, bytes]], path: str) -> int:
        size = len(_header(messages))
        if size > fmt.MAX_HEADER:
            raise ValueError(f"{path} has too many links or attributes: {size} bytes of header")
        self._headers.append(messages)
        self._addresses.append(self._end)
        self._end += size
        return len(self._headers) - 1

    def _place_arrays(self) -> None:
        """Give every array its address; fill the addresses into the messages that point."""
        self._placed: list[tuple[int, np.ndarray]] = []
        for header, message, array in self._arrays:
            if array.nbytes:
                self._end = fmt.align(self._end)
                self._headers[header][message] = (fmt.LAYOUT, _layout(self._end, array.nbytes))
                self._placed.append((self._end, array))
                self._end += array.nbytes
        for header, message, target in self._links:
            body = self._headers[header][message][1][:-8]
            address = struct.pack("<Q", self._addresses[target])
            self._headers[header][message] = (fmt.LINK, body + address)

    def sign(self) -> None:
        """Put the digest of the data into the root group."""
        digest = hashlib.blake2b(digest_size=32)
        for piece in self.data():
            digest.update(piece)
        self._set_digest(digest.hexdigest())

    def _set_digest(self, digest: str) -> None:
        # The digest is the first attribute, behind the messages that every group has.
        text = fmt.digest_text(self.data_start, digest)
        self._headers[0][len(_GROUP)] = (fmt.ATTRIBUTE, _attribute(fmt.DIGEST_NAME, text, "/"))

    @property
    def data_start(self) -> int:
        return self._placed[0][0] if self._placed else self._end

    def offsets(self) -> dict[str, int]:
        starts = iter(self._placed)
        arrays = zip(self._paths, self._arrays, strict=True)
        return {path: next(starts)[0] for path, (_, _, array) in arrays if array.nbytes}

    def metadata(self) -> bytes:
        """Return the superblock and all headers, padded up to the first dataset."""
        body = b"".join(map(_header, self._headers))
        return (_superblock(self._end) + body).ljust(self.data_start, b"\0")

    def data(self) -> Iterator[bytes | memoryview]:
        """Yield the bytes from `data_start` to the end of the file, the padding included."""
        end = self.data_start
        for address, array in self._placed:
            yield bytes(address - end)
            yield np.ascontiguousarray(array).reshape(-1).view(np.uint8).data
            end = address + array.nbytes


def _superblock(end: int) -> bytes:
    body = fmt.SIGNATURE + struct.pack(
        "<BBBBQQQQ", 2, 8, 8, 0, 0, fmt.UNDEFINED, end, fmt.SUPERBLOCK_SIZE
    )
    return body + struct.pack("<I", lookup3(body))


def _header(messages: list[tuple[int, bytes]]) -> bytes:
    """Return an object header; the width of its size field is the smallest that fits."""
    body = b"".join(struct.pack("<BHB", kind, len(data), 0) + data for kind, data in messages)
    width = next(i for i, bits in enumerate((8, 16, 32)) if len(body) < 1 << bits)
    header = b"OHDR" + bytes((2, width)) + len(body).to_bytes(1 << width, "little") + body
    return header + struct.pack("<I", lookup3(header))


def _link(name: str, path: str) -> bytes:
    """Return a hard link in UTF-8 whose address, the last 8 bytes, is filled in later."""
    if not isinstance(name, str) or not name or name in (".", "..") or set("/\0") & set(name):
        raise ValueError(f"{name!r} in {path!r} cannot be the name of an HDF5 group or dataset")
    text = name.encode()
    if len(text) > 0xFF00:
        raise ValueError(f"the name {name[:40]!r}... in {path!r} is too long for HDF5")
    return struct.pack("<BBBH", 1, 0x11, 1, len(text)) + text + bytes(8)


def _layout(address: int, size: int) -> bytes:
    return struct.pack("<BBQQ", 3, 1, address, size)


def _attributes(attrs: dict[str, Any], path: str) -> list[tuple[int, bytes]]:
    return [(fmt.ATTRIBUTE, _attribute(name, value, path)) for name, value in attrs.items()]


def _attribute(name: str, value: Any, path: str) -> bytes:
    array = _stored(value, f"attribute {name!r} of {path}")
    if array.dtype.kind == "S" and not array.ndim:
        bytes(array[()]).decode()  # a scalar is read back as text
    text = name.encode() + b"\0"
    dtype, shape = fmt.encode_dtype(array.dtype), fmt.encode_shape(array.shape)
    head = struct.pack("<BBHHHB", 3, 0, len(text), len(dtype), len(shape), 1)
    body = head + text + dtype + shape + array.tobytes()
    if len(body) > fmt.MAX_MESSAGE:
        raise AttributeTooLargeError(
            f"attribute {name!r} of {path} takes {len(body)} bytes; HDF5 keeps at most "
            f"{fmt.MAX_MESSAGE} in an object header"
        )
    return body


def _stored(value: Any, what: str) -> np.ndarray:
    """Return `value` as a little-endian array of a dtype the subset has; text becomes UTF-8."""
    array = np.asarray(value.encode() if isinstance(value, str) else value)
    if array.dtype.kind == "U":
        array = np.char.encode(array, "utf-8")
    try:
        fmt.encode_dtype(array.dtype)
    except TypeError as error:
        raise TypeError(f"{what}: {error}") from None
    if array.dtype.itemsize == 0:
        array = array.astype("S1")
    return array.astype(array.dtype.newbyteorder("<"), copy=False)
