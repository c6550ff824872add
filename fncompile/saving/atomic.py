"""Replace a file as a whole: after a crash there is the old file or the new one, never a part.

Requires a directory that can be written. Ensures that readers see one or the other, that the new
file is on disk on return, and that nothing is left behind when the writing fails.
"""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO


def write_atomic(path: str | os.PathLike[str], write: Callable[[BinaryIO], None]) -> None:
    """Let `write` fill a temporary file beside `path`, sync it and rename it to `path`.

    A symbolic link keeps pointing to its target, which is replaced; an old file's permissions
    stay. Whatever `write` raises is raised again and leaves the old file untouched.
    """
    target = Path(os.path.realpath(path))
    descriptor, temporary = tempfile.mkstemp(".tmp", f".{target.name[:100]}.", target.parent)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            write(stream)
            os.fchmod(stream.fileno(), _mode(target))
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, target)
    except BaseException:
        os.unlink(temporary)
        raise
    _sync_directory(target.parent)


def _mode(target: Path) -> int:
    """Return the permissions the target has, or those that a new file gets."""
    try:
        return stat.S_IMODE(target.stat().st_mode)
    except FileNotFoundError:
        mask = os.umask(0)
        os.umask(mask)
        return 0o666 & ~mask


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
