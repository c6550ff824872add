"""Replace a file as a whole: after a crash there is the old file or the new one, never a part.

Requires a directory that can be written. Ensures that readers see one or the other, that the new
file is on disk on return, and that nothing is left behind when the writing fails. What a killed
process left is removed by the next write to the same path.

The file is filled as `.<name>.<process>-<number>.tmp` beside its target, as csrc/rt/fnc_temporary.h
does. Its writer holds a lock on it, which the system lets go when the writer dies: what can be
locked is a dead writer's, wherever that one ran.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import itertools
import os
import re
import stat
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

_NAME_PART = 100  # bytes of the target's name in those of its temporaries


def write_atomic(path: str | os.PathLike[str], write: Callable[[BinaryIO], object]) -> None:
    """Let `write` fill a temporary file beside `path`, sync it and rename it to `path`.

    A symbolic link keeps pointing to its target, which is replaced; an old file's permissions
    stay. Whatever `write` raises is raised again and leaves the old file untouched. OSError where
    the directory cannot be written, and where `path` is a device, a pipe or a directory.
    """
    target = Path(os.path.realpath(path))
    mode = _mode(target)
    _remove_leftovers(target)
    descriptor, temporary = _make_temporary(target)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            write(stream)
            os.fchmod(stream.fileno(), mode)
            stream.flush()
            os.fsync(stream.fileno())
            os.replace(temporary, target)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        raise
    _sync_directory(target.parent)


def _mode(target: Path) -> int:
    """The permissions that the target has, or those that a new file gets."""
    try:
        mode = target.stat().st_mode
    except FileNotFoundError:
        mask = os.umask(0)
        os.umask(mask)
        return 0o666 & ~mask
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "not a regular file, so it is not replaced", str(target))
    return stat.S_IMODE(mode)


def _beginning(target: Path) -> bytes:
    return b"." + os.fsencode(target.name)[:_NAME_PART] + b"."


def _make_temporary(target: Path) -> tuple[int, bytes]:
    """A new file beside the target, locked: descriptor and path."""
    start = os.path.join(os.fsencode(target.parent), _beginning(target))
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    for number in itertools.count():
        path = start + b"%d-%d.tmp" % (os.getpid(), number)
        try:
            descriptor = os.open(path, flags, 0o600)
        except FileExistsError:
            continue
        if _lock_new(descriptor):
            return descriptor, path
        os.close(descriptor)
    raise AssertionError("there are more numbers")


def _lock_new(descriptor: int) -> bool:
    """Is it ours to write now? Not if who looks for leftovers was faster. Where the file system has
    no locks nobody removes anything."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return os.fstat(descriptor).st_nlink > 0


def _remove_leftovers(target: Path) -> None:
    """Remove what dead processes left of writing to `target`."""
    pattern = re.compile(re.escape(_beginning(target)) + rb"\d+-\d+\.tmp")
    directory = os.fsencode(target.parent)
    names: list[bytes] = []
    with contextlib.suppress(OSError):  # it may be written, but not read
        names = os.listdir(directory)
    for name in filter(pattern.fullmatch, names):
        with contextlib.suppress(OSError):  # alive, or removed by another, or not ours
            _remove_dead(os.path.join(directory, name))


def _remove_dead(path: bytes) -> None:
    """Remove the file; OSError if somebody writes it."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.unlink(path)
    finally:
        os.close(descriptor)


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
