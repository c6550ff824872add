"""A store of files that were made once: `Store.entry`, `open_store`.

An entry is a directory, named by its key, of files and a manifest of their digests. Ensures:

- an entry appears whole or not at all (made aside, then renamed), whoever else makes it too; of
  those who want one at the same time one makes it, and the others wait for as long as it lives;
- what is read was written by this user and by nobody else, and is what was written: the directory
  and its files belong to the user, are not writable by others, and match the manifest; a bad entry
  is made again, a bad directory is left alone for a fresh one, with a warning;
- the store stays under FNC_CACHE_MB: the entries unused for longest go first, but none that was
  used in the last minute, as another process may be about to load it.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import functools
import hashlib
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from fncompile.caller import warn_caller
from fncompile.flags import flag

_MANIFEST = "manifest"
_BUSY, _LOCK = "tmp-", "lock-"
_GRACE_SECONDS = 60


class StoreError(RuntimeError):
    """An entry can neither be used nor replaced."""


class Store:
    """Entries under one private directory."""

    def __init__(self, root: Path, limit: int) -> None:
        self.root = root
        self.limit = limit  # bytes

    def entry(self, key: str, make: Callable[[Path], None]) -> Path:
        """The directory of an entry; `make` writes its files into an empty one if it must.

        When `make` raises, what it wrote stays under the root, until the room is needed.
        """
        final = self.root / key
        with contextlib.suppress(OSError):  # not there, or not ours: seen next
            os.utime(final)  # eviction goes by this time, so first of all
        if not is_intact(final):
            with alone(self.root / f"{_LOCK}{key}", 2 * flag("cc_timeout")):
                if not is_intact(final):
                    self._make(final, make)
        return final

    def _make(self, final: Path, make: Callable[[Path], None]) -> None:
        work = Path(tempfile.mkdtemp(prefix=_BUSY, dir=self.root))
        make(work)
        _seal(work)
        size = _size(work)
        self._publish(work, final)
        self._make_room(size)

    def _publish(self, work: Path, final: Path) -> None:
        for _ in range(20):
            try:
                os.rename(work, final)
                return
            except OSError:
                if is_intact(final):  # someone else was first, with the same contents
                    shutil.rmtree(work)
                    return
                self._discard(final)
        raise StoreError(f"cannot store a compiled library as {final}: "
                         "remove that directory, or set FNC_CACHE to another place")

    def _discard(self, entry: Path) -> None:
        """Remove an entry so that nobody sees half of it."""
        aside = Path(tempfile.mkdtemp(prefix=_BUSY, dir=self.root))
        with contextlib.suppress(FileNotFoundError):  # someone else may have removed it
            os.rename(entry, aside / "entry")
        shutil.rmtree(aside, ignore_errors=True)

    def _make_room(self, added: int) -> None:
        """Evict, but look at the whole store only when this process has added a quarter of what
        was free: others may be filling it too."""
        place = (self.root, self.limit)
        _room[place] = _room.get(place, 0) - added
        if _room[place] < 0:
            _room[place] = -self._evict() // 4

    def _evict(self) -> int:
        """Remove the entries unused for longest until the rest fits; the bytes that are too many
        then."""
        used = sorted(usage(self.root))
        excess = sum(size for _, size, _ in used) - self.limit
        for last_use, size, entry in used:
            if excess <= 0 or last_use > time.time() - _GRACE_SECONDS:
                break
            self._discard(entry)
            excess -= size
        return excess


@contextlib.contextmanager
def alone(path: Path, patience: float) -> Iterator[None]:
    """Hold the lock of the file at `path`, which is there only while somebody does.

    The system lets go of the lock of a process that dies. Where it cannot be had in `patience`
    seconds, or the file system has none, the block runs without it.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        if _lock(descriptor, time.monotonic() + patience):
            try:
                yield
            finally:
                path.unlink(missing_ok=True)
                fcntl.flock(descriptor, fcntl.LOCK_UN)  # a forked child may keep the file open
        else:
            yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int, deadline: float) -> bool:
    """Wait for the lock; False where there is none to be had."""
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)
        except OSError:
            return False


_room: dict[tuple[Path, int], int] = {}  # bytes that may be added before the next look


def _size(entry: Path) -> int:
    return sum(path.stat().st_size for path in entry.iterdir())


def usage(root: Path) -> Iterator[tuple[float, int, Path]]:
    """When each entry was last used, its bytes, and where it is."""
    for entry in root.iterdir():
        try:
            yield entry.stat().st_mtime, _size(entry), entry
        except OSError:
            continue  # another process has just removed it


def is_intact(entry: Path) -> bool:
    """Whether an entry is there, this user's alone, and as it was written."""
    try:
        if not is_private(entry) or not is_private(entry / _MANIFEST):
            return False
        lines = [line.split(" ", 1) for line in (entry / _MANIFEST).read_text().splitlines()]
        return bool(lines) and all(
            is_private(entry / name) and _file_digest(entry / name) == digest
            for digest, name in lines)
    except (OSError, ValueError):  # missing, unreadable, or a manifest that is none
        return False


def is_private(path: Path) -> bool:
    """Whether a file or directory is this user's and nobody else may write it; not a link."""
    status = os.lstat(path)
    kind = stat.S_ISDIR(status.st_mode) or stat.S_ISREG(status.st_mode)
    return kind and status.st_uid == os.geteuid() and not status.st_mode & 0o022


def _seal(directory: Path) -> None:
    """Make the files private, whatever the umask, and write their manifest."""
    files = sorted(directory.iterdir())
    for path in files:
        path.chmod(0o600)
    manifest = directory / _MANIFEST
    manifest.write_text("".join(f"{_file_digest(path)} {path.name}\n" for path in files))
    manifest.chmod(0o600)


def _file_digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def open_store() -> Store:
    """The store that FNC_CACHE names, by default ~/.cache/fncompile; one of this process's own
    if it is off, or if that directory is not private, which a warning tells once."""
    limit = flag("cache_mb") * 2**20
    setting = flag("cache")
    if setting == "off":
        return Store(_temporary_root(), limit)
    root = cache_root()
    refusal = _refusal(root)
    if refusal is None:
        return Store(Path(os.path.realpath(root)), limit)
    _warn_once(f"the cache directory {root} is not used: {refusal}. Compiled models are kept for "
               "this process only; correct it, or set FNC_CACHE to a directory of your own")
    return Store(_temporary_root(), limit)


def cache_root() -> Path:
    """The directory that FNC_CACHE names, or the default; it need not be there."""
    if setting := flag("cache"):
        return Path(setting)
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(base) / "fncompile"


def _refusal(root: Path) -> str | None:
    """Why a directory cannot be the store, or None; makes it if it is not there."""
    try:
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        real = Path(os.path.realpath(root))
        if not is_private(real):
            return "it belongs to another user, or others may write to it"
        return None if os.access(real, os.W_OK | os.X_OK) else "it cannot be written"
    except OSError as error:
        return str(error)


@functools.cache
def _warn_once(message: str) -> None:
    warn_caller(message, RuntimeWarning)


@functools.cache
def _temporary_root() -> Path:
    """A private directory for this process; what failed to compile stays when it ends."""
    root = Path(tempfile.mkdtemp(prefix="fncompile-"))
    atexit.register(_remove_finished, root, os.getpid())
    return root


def _remove_finished(root: Path, owner: int) -> None:
    if os.getpid() != owner:  # a forked child must not take it from its parent
        return
    for entry in root.iterdir():
        if (entry / _MANIFEST).exists():
            shutil.rmtree(entry, ignore_errors=True)
    if not any(root.iterdir()):
        root.rmdir()
