"""Read the HDF5 subset of `hdf5_format`, trusting nothing.

Every offset and size is checked before use. Every byte range is claimed once, so overlaps and
cycles are refused and the work is linear in the file; bytes that nothing claims are refused too,
except for zeros that align data. Arrays are read-only views of the buffer: nothing is copied and
nothing is allocated beyond the headers. Damage raises FileFormatError; what other HDF5 writers
may produce but the subset lacks raises ForeignFormatError.
"""

from __future__ import annotations

import hashlib
import hmac
import struct
from typing import Any

import numpy as np

from . import hdf5_format as fmt
from .errors import FileFormatError, ForeignFormatError
from .hdf5_bytes import Cursor, Extents
from .hdf5_checksum import lookup3
from .tree import Group


def read_buffer(buffer: Any) -> Group:
    """Return the tree in a bytes-like object; its arrays are read-only views of `buffer`."""
    return _Reader(memoryview(buffer).cast("B").toreadonly()).read()


class _Reader:
    def __init__(self, view: memoryview) -> None:
        self._view = view
        self._extents = Extents(len(view))
        self._metadata = 0
        self._first_data = len(view)

    def read(self) -> Group:
        root = self._object(self._superblock(), "/", 0)
        if not isinstance(root, Group):
            raise FileFormatError("the root object is not a group")
        self._check_gaps()
        self._check_digest(root.attrs.pop(fmt.DIGEST_NAME, None))
        return root

    def _superblock(self) -> int:
        """Check the superblock; return the address of the root group."""
        head = bytes(self._view[: fmt.SUPERBLOCK_SIZE])
        if head[:8] != fmt.SIGNATURE:
            raise FileFormatError("not an HDF5 file (its first 8 bytes are not HDF5's signature)")
        if len(head) > 8 and head[8] != 2:
            raise ForeignFormatError(f"superblock version {head[8]} is outside the subset")
        if len(head) < fmt.SUPERBLOCK_SIZE:
            raise FileFormatError("the file ends inside its superblock")
        _check_sum(head, "the superblock")
        sizes, base, extension, end, root = struct.unpack_from("<3sQQQQ", head, 9)
        if (sizes, base, extension) != (b"\x08\x08\x00", 0, fmt.UNDEFINED):
            raise ForeignFormatError("a superblock with these options is outside the subset")
        if end != len(self._view):
            size = len(self._view)
            raise FileFormatError(f"the file has {size} bytes; its superblock says {end}")
        self._extents.claim(0, fmt.SUPERBLOCK_SIZE, "the superblock")
        return root

    def _object(self, address: int, path: str, depth: int) -> Group | np.ndarray:
        if depth > fmt.MAX_DEPTH:
            raise FileFormatError(fmt.too_deep(path))
        messages = self._messages(address, path)
        if any(kind == fmt.LINK_INFO for kind, _ in messages):
            return self._group(messages, path, depth)
        return self._dataset(messages, path)

    def _messages(self, address: int, path: str) -> list[tuple[int, bytes]]:
        """Return (type, body) of each message in the object header at `address`."""
        what = f"the header of {path!r}"
        head = bytes(self._view[address : address + 14])
        if head[:5] != b"OHDR\x02":
            if head[:1] == b"\x01":
                raise ForeignFormatError(f"{what} has version 1, outside the subset")
            raise FileFormatError(f"{what} is missing or lies outside the file")
        cursor = Cursor(head[5:], what)
        flags = cursor.number(1)
        if flags & 0x3C or flags > 0x3F:
            raise ForeignFormatError(f"{what} has flags {flags:#x}, outside the subset")
        width = 1 << (flags & 3)
        body = cursor.number(width)
        size = 6 + width + body + 4
        self._metadata += size
        if size > fmt.MAX_HEADER or self._metadata > fmt.MAX_METADATA:
            raise FileFormatError(f"{what} is larger than any model needs")
        self._extents.claim(address, size, what)
        chunk = bytes(self._view[address : address + size])
        _check_sum(chunk, what)
        return _split(chunk[6 + width : -4], what)

    def _group(self, messages: list[tuple[int, bytes]], path: str, depth: int) -> Group:
        group = Group()
        seen: set[int] = set()
        for kind, body in messages:
            if kind == fmt.LINK:
                name, address = _link(body, path)
                if name in group.children:
                    raise FileFormatError(f"{path!r} has two members named {name!r}")
                child = self._object(address, f"{path}{name}/", depth + 1)
                group.children[name] = child
            elif kind == fmt.ATTRIBUTE:
                _add_attribute(group.attrs, body, path)
            else:
                _check_group_message(kind, body, path, seen)
        return group

    def _dataset(self, messages: list[tuple[int, bytes]], path: str) -> np.ndarray:
        path = path.rstrip("/")
        parts: dict[int, bytes] = {}
        for kind, body in messages:
            if kind == fmt.ATTRIBUTE:
                _add_attribute({}, body, path)
            elif parts.setdefault(kind, body) is not body:
                raise FileFormatError(f"{path!r} has two messages of type {kind:#x}")
        if parts.keys() != {fmt.DATASPACE, fmt.DATATYPE, fmt.FILL_VALUE, fmt.LAYOUT}:
            raise ForeignFormatError(f"{path!r} is an object outside the subset")
        if parts[fmt.FILL_VALUE] != fmt.FILL_VALUE_DEFAULT:
            raise ForeignFormatError(f"the fill value of {path!r} is outside the subset")
        shape, dtype = fmt.decode_shape(parts[fmt.DATASPACE]), fmt.decode_dtype(parts[fmt.DATATYPE])
        return self._array(parts[fmt.LAYOUT], shape, dtype, path)

    def _array(
        self, layout: bytes, shape: tuple[int, ...], dtype: np.dtype, path: str
    ) -> np.ndarray:
        if len(layout) != 18 or layout[:2] != b"\x03\x01":
            raise ForeignFormatError(f"the layout of {path!r} is not contiguous")
        address, size = struct.unpack_from("<QQ", layout, 2)
        if size != fmt.count_bytes(shape, dtype):
            raise FileFormatError(f"{path!r} has {size} bytes, which do not fit its shape {shape}")
        if (address == fmt.UNDEFINED) != (size == 0):
            raise FileFormatError(f"{path!r} has no place in the file for its {size} bytes")
        if size and address % fmt.ALIGNMENT:
            raise ForeignFormatError(f"the data of {path!r} are not aligned")
        if size:
            self._extents.claim(address, size, f"the data of {path!r}")
            self._first_data = min(self._first_data, address)
        data = self._view[address : address + size] if size else b""
        return _array(data, shape, dtype, path)

    def _check_gaps(self) -> None:
        for start, end in self._extents.gaps():
            if end - start >= fmt.ALIGNMENT or any(self._view[start:end]):
                raise ForeignFormatError(f"the bytes {start} to {end} belong to nothing")

    def _check_digest(self, text: Any) -> None:
        if text is None:
            return
        expected = str(text).split(":")
        if len(expected) != 3 or expected[0] != fmt.DIGEST_KIND:
            raise FileFormatError(f"the digest {text!r} is of no known kind")
        if expected[1] != f"{self._first_data:016x}":
            raise FileFormatError("the digest does not begin where the data begin")
        actual = hashlib.blake2b(self._view[self._first_data :], digest_size=32).hexdigest()
        if not hmac.compare_digest(actual, expected[2]):
            raise FileFormatError(
                "the weights are damaged: their digest differs from the one stored with them. "
                f"If you edited them on purpose, delete the root attribute {fmt.DIGEST_NAME!r}"
            )


def _check_sum(data: bytes, what: str) -> None:
    if lookup3(data[:-4]) != int.from_bytes(data[-4:], "little"):
        raise FileFormatError(f"{what} is damaged: its checksum is wrong")


def _split(body: bytes, what: str) -> list[tuple[int, bytes]]:
    cursor, messages = Cursor(body, what), []
    while cursor.left:
        if cursor.left < 4:
            raise ForeignFormatError(f"{what} ends in a gap, outside the subset")
        kind, size, flags = cursor.number(1), cursor.number(2), cursor.number(1)
        if flags & ~0x01:
            raise ForeignFormatError(f"{what} has a message with flags {flags:#x}")
        messages.append((kind, cursor.take(size)))
    return messages


def _link(body: bytes, path: str) -> tuple[str, int]:
    cursor = Cursor(body, f"a link of {path!r}")
    if cursor.take(3) != b"\x01\x11\x01":
        raise ForeignFormatError(f"a link of {path!r} is of a kind outside the subset")
    name = _text(cursor.take(cursor.number(2)), f"a link of {path!r}")
    if not name or name in (".", "..") or set("/\0") & set(name):
        raise FileFormatError(f"a link of {path!r} has the impossible name {name[:80]!r}")
    address = cursor.number(8)
    cursor.finish()
    return name, address


def _check_group_message(kind: int, body: bytes, path: str, seen: set[int]) -> None:
    known = {fmt.LINK_INFO: fmt.LINK_INFO_COMPACT, fmt.GROUP_INFO: fmt.GROUP_INFO_DEFAULT}
    if known.get(kind) != body:
        raise ForeignFormatError(f"the group {path!r} has a message {kind:#x} outside the subset")
    if kind in seen:
        raise FileFormatError(f"the group {path!r} has two messages of type {kind:#x}")
    seen.add(kind)


def _add_attribute(attrs: dict[str, Any], body: bytes, path: str) -> None:
    """Decode one attribute: scalar strings to str, scalar numbers to NumPy scalars, or arrays."""
    what = f"an attribute of {path!r}"
    cursor = Cursor(body, what)
    if cursor.take(2) != b"\x03\x00":
        raise ForeignFormatError(f"{what} is of a version outside the subset")
    sizes = [cursor.number(2) for _ in range(3)]
    if cursor.number(1) != 1:
        raise ForeignFormatError(f"{what} has a name that is not in UTF-8")
    name, code, space = (cursor.take(size) for size in sizes)
    if not name.endswith(b"\0") or b"\0" in name[:-1]:
        raise FileFormatError(f"{what} has a name that does not end where it says")
    key = _text(name[:-1], what)
    if key in attrs:
        raise FileFormatError(f"{path!r} has two attributes named {key!r}")
    shape, dtype = fmt.decode_shape(space), fmt.decode_dtype(code)
    data = cursor.take(fmt.count_bytes(shape, dtype))
    cursor.finish()
    array = _array(data, shape, dtype, what)
    if array.ndim:
        attrs[key] = array
    else:
        attrs[key] = _text(bytes(array[()]), what) if dtype.kind == "S" else array[()]


def _array(data: Any, shape: tuple[int, ...], dtype: np.dtype, what: str) -> np.ndarray:
    if dtype.kind == "b" and np.any(np.frombuffer(data, np.uint8) > 1):
        raise FileFormatError(f"{what!r} is Boolean but holds other values than 0 and 1")
    return np.frombuffer(data, dtype).reshape(shape)


def _text(data: bytes, what: str) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise FileFormatError(f"{what} holds text that is not UTF-8") from None
