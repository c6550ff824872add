"""Trees of groups and arrays as HDF5 files: read from a path or bytes, written atomically.

Nothing is verified in a mapping, or by a second look at a path, that others can change meanwhile.
"""

from __future__ import annotations

import os
import stat
from typing import BinaryIO

from .atomic import write_atomic
from .errors import FileFormatError, ForeignFormatError
from .hdf5_reader import read_buffer
from .hdf5_writer import write_stream
from .tree import Group


def write_file(path: str | os.PathLike[str], tree: Group) -> None:
    """Write `tree` to `path` through a temporary file; on any failure the old file stays.

    Raises OSError, and what `hdf5_writer.write_stream` raises.
    """
    write_atomic(path, lambda stream: write_stream(stream, tree))


def read_file(source: str | os.PathLike[str] | bytes, *, foreign: bool = True) -> Group:
    """Return the tree in a file or in bytes; its arrays are read-only views of its bytes.

    With `foreign`, HDF5 outside our subset is read through h5py, if that is installed.
    Raises FileFormatError, naming the file and what is wrong with it, and OSError.
    """
    name = "the bytes given" if isinstance(source, bytes) else os.fspath(source)
    try:
        return read_buffer(source if isinstance(source, bytes) else read_bytes(name))
    except ForeignFormatError as error:
        if not foreign:
            raise ForeignFormatError(f"{name}: {error}") from error
        return _read_foreign(source if isinstance(source, bytes) else name, name, error)
    except FileFormatError as error:
        raise FileFormatError(f"{name}: {error}") from error


def open_regular(path: str | os.PathLike[str]) -> BinaryIO:
    """Open a file for reading; FileFormatError where it is a device, a pipe or a directory."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return os.fdopen(descriptor, "rb")
    os.close(descriptor)
    raise FileFormatError(f"{os.fspath(path)} is not a regular file")


def read_bytes(path: str | os.PathLike[str]) -> bytes:
    with open_regular(path) as stream:
        return stream.read()


def _read_foreign(source: str | bytes, name: str, why: ForeignFormatError) -> Group:
    try:
        from .foreign import read_with_h5py
    except ImportError:
        raise FileFormatError(
            f"{name}: {why}. Other programs' HDF5 files, Keras' own among them, are read through "
            "h5py: install it with `pip install h5py`"
        ) from why
    return read_with_h5py(source, name)
