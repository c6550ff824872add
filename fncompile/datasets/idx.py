"""The IDX format of gzip-compressed byte arrays that MNIST comes in: `read` and `write`.

A file is two zero bytes, the element type (8: unsigned byte), the rank, each extent as a
big-endian 32-bit integer, and the elements, row-major. The reader trusts none of it.
"""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from pathlib import Path

import numpy as np

_UNSIGNED_BYTE = 8
_LARGEST = 1 << 30  # far above any data set read here, far below what would exhaust memory


def read(path: Path, rank: int) -> np.ndarray:
    """The uint8 array of that rank in a file. Raises ValueError if the file is not one."""
    try:
        with gzip.open(path, "rb") as file:
            shape = _read_shape(path, file.read(4 + 4 * rank), rank)
            count = math.prod(shape)
            data = file.read(count + 1)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ValueError(f"{path} is not a complete gzip file ({error}): fetch it again") from error
    if len(data) != count:
        found = f"only {len(data)}" if len(data) < count else "more"
        raise ValueError(f"{path}: expected {count} bytes for shape {shape}, found {found}")
    return np.frombuffer(data, np.uint8).reshape(shape).copy()


def _read_shape(path: Path, header: bytes, rank: int) -> tuple[int, ...]:
    expected = struct.pack(">HBB", 0, _UNSIGNED_BYTE, rank)
    if len(header) != 4 + 4 * rank or header[:4] != expected:
        raise ValueError(f"{path} is not an IDX file of unsigned bytes with rank {rank}: it starts "
                         f"with {header[:4].hex()}, expected {expected.hex()}")
    shape = struct.unpack(f">{rank}I", header[4:])
    if math.prod(shape) > _LARGEST:
        raise ValueError(f"{path} claims the impossible shape {shape}")
    return shape


def write(path: Path, array: np.ndarray) -> None:
    """Write a uint8 array; the same array gives the same bytes."""
    header = struct.pack(f">HBB{array.ndim}I", 0, _UNSIGNED_BYTE, array.ndim, *array.shape)
    path.write_bytes(gzip.compress(header + array.tobytes(), compresslevel=9, mtime=0))
