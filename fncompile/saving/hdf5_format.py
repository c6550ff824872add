"""The HDF5 subset of model files: its constants, and its datatypes and shapes as bytes.

Written after the "HDF5 File Format Specification Version 3.0". The subset: superblock version 2,
object headers version 2 of one chunk, compact links and attributes, contiguous datasets, and the
datatypes of `encode_dtype`. Everything is little-endian, offsets and lengths take 8 bytes.
csrc/io/fnc_hdf5.c reads the same subset; change both together.
"""

from __future__ import annotations

import struct

import numpy as np

from .errors import ForeignFormatError

SIGNATURE = b"\x89HDF\r\n\x1a\n"
SUPERBLOCK_SIZE = 48
UNDEFINED = 0xFFFFFFFFFFFFFFFF
ALIGNMENT = 64

# Object header message types.
DATASPACE, LINK_INFO, DATATYPE, FILL_VALUE, LINK = 0x01, 0x02, 0x03, 0x05, 0x06
LAYOUT, GROUP_INFO, ATTRIBUTE = 0x08, 0x0A, 0x0C

# Link info: version 0, no creation order, no dense storage (heap and index undefined).
LINK_INFO_COMPACT = b"\x00\x00" + b"\xff" * 16
GROUP_INFO_DEFAULT = b"\x00\x00"
# Fill value: version 3, allocated late, written if set, no value of its own.
FILL_VALUE_DEFAULT = b"\x03\x0a"

# Limits of reader and writer alike; they bound the work a hostile file can ask for.
MAX_MESSAGE = 0xFFFF
MAX_HEADER = 4 << 20
MAX_METADATA = 16 << 20
MAX_DEPTH = 64
MAX_RANK = 32

# The attribute of the root group that holds "blake2b256:<offset, 16 hex>:<digest, 64 hex>": the
# digest of all bytes from that offset, where the first dataset starts, to the end of the file.
DIGEST_NAME = "fncompile_digest"
DIGEST_KIND = "blake2b256"


def digest_text(offset: int, digest: str) -> str:
    return f"{DIGEST_KIND}:{offset:016x}:{digest}"


def too_deep(path: str) -> str:
    return f"groups nest deeper than {MAX_DEPTH} levels at {path[:80]!r}"


def align(offset: int) -> int:
    return -(-offset // ALIGNMENT) * ALIGNMENT


def _fixed_point(size: int, signed: bool) -> bytes:
    return struct.pack("<BBHIHH", 0x10, 0x08 if signed else 0, 0, size, 0, 8 * size)


def _floating_point(size: int, exponent: int) -> bytes:
    # IEEE: sign on top, then the exponent, then a mantissa with its leading 1 implied (0x20).
    bits, mantissa = 8 * size, 8 * size - 1 - exponent
    head = struct.pack("<BBBBI", 0x11, 0x20, bits - 1, 0, size)
    bias = (1 << exponent - 1) - 1
    return head + struct.pack("<HHBBBBI", 0, bits, mantissa, exponent, 0, mantissa, bias)


def _boolean() -> bytes:
    # h5py's convention: an enumeration of int8 with FALSE = 0 and TRUE = 1.
    return struct.pack("<BHBI", 0x38, 2, 0, 1) + _fixed_point(1, True) + b"FALSE\0TRUE\0\x00\x01"


_ENCODED: dict[np.dtype, bytes] = {
    np.dtype("float16"): _floating_point(2, 5),
    np.dtype("float32"): _floating_point(4, 8),
    np.dtype("float64"): _floating_point(8, 11),
    np.dtype("bool"): _boolean(),
    **{np.dtype(f"i{n}"): _fixed_point(n, True) for n in (1, 2, 4, 8)},
    **{np.dtype(f"u{n}"): _fixed_point(n, False) for n in (1, 2, 4, 8)},
}
_DECODED = {code: dtype for dtype, code in _ENCODED.items()}
_STRING_CLASS = 0x13
_NULL_PADDED_UTF8 = 0x11


def encode_dtype(dtype: np.dtype) -> bytes:
    """Return the datatype message of a NumPy dtype; TypeError where the subset has none.

    Numbers and bool, and byte strings ('S'), which are marked as UTF-8 padded with zeros.
    """
    if dtype.kind == "S":
        return struct.pack("<BBHI", _STRING_CLASS, _NULL_PADDED_UTF8, 0, max(dtype.itemsize, 1))
    code = _ENCODED.get(dtype.newbyteorder("="))
    if code is None:
        raise TypeError(f"dtype {dtype} cannot be stored in a model file; store numbers or strings")
    return code


def decode_dtype(code: bytes) -> np.dtype:
    """Return the NumPy dtype of a datatype message; ForeignFormatError if outside the subset."""
    if len(code) == 8 and code[0] == _STRING_CLASS and code[1:4] in (b"\x01\0\0", b"\x11\0\0"):
        size = struct.unpack_from("<I", code, 4)[0]
        if 0 < size <= MAX_MESSAGE:
            return np.dtype(f"S{size}")
    dtype = _DECODED.get(code)
    if dtype is None:
        raise ForeignFormatError(f"datatype {code[:8].hex()} is outside the subset")
    return dtype


def encode_shape(shape: tuple[int, ...]) -> bytes:
    kind = 1 if shape else 0
    return struct.pack(f"<BBBB{len(shape)}Q", 2, len(shape), 0, kind, *shape)


def decode_shape(code: bytes) -> tuple[int, ...]:
    """Return the shape of a dataspace message; ForeignFormatError if outside the subset."""
    rank = code[1] if len(code) >= 4 else 0
    if len(code) != 4 + 8 * rank or rank > MAX_RANK or code[:4] != bytes((2, rank, 0, rank > 0)):
        raise ForeignFormatError(f"dataspace {code[:4].hex()} is outside the subset")
    return struct.unpack_from(f"<{rank}Q", code, 4)


def count_bytes(shape: tuple[int, ...], dtype: np.dtype) -> int:
    """Return the bytes of an array; ForeignFormatError where even its strides would overflow."""
    total, nonzero = dtype.itemsize, dtype.itemsize
    for extent in shape:
        total, nonzero = total * extent, nonzero * max(extent, 1)
    if nonzero >= 1 << 62:
        raise ForeignFormatError(f"shape {shape} is beyond any memory")
    return total
