"""The `.keras` archive: metadata.json, config.json and model.weights.h5, stored in a zip.

Reading trusts nothing: only regular members with plain, unique names and of sizes that the archive
can hold; compressed ones, which Keras never writes, only up to a fixed expansion.
"""

from __future__ import annotations

import contextlib
import datetime
import json
import os
import zipfile
from collections.abc import Iterator
from typing import Any, BinaryIO, NamedTuple

from .atomic import write_atomic
from .errors import FileFormatError
from .files import open_regular, read_file
from .hdf5_writer import write_stream
from .tree import Group

WEIGHTS = "model.weights.h5"
CONFIG, METADATA = "config.json", "metadata.json"
_MAX_JSON = 256 << 20
_MAX_EXPANSION = 100
_MAX_MEMBERS = 1000


def write_archive(path: Any, config: dict[str, Any], weights: Group, keras_version: str) -> None:
    """Write a model archive atomically."""
    metadata = metadata_of(keras_version)

    def write(stream: BinaryIO) -> None:
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
            archive.writestr(_member(METADATA), json.dumps(metadata))
            archive.writestr(_member(CONFIG), json.dumps(config))
            with archive.open(_member(WEIGHTS), "w", force_zip64=True) as member:
                write_stream(member, weights)  # type: ignore[arg-type]

    write_atomic(path, write)


def metadata_of(keras_version: str) -> dict[str, str]:
    """What metadata.json says: the version of Keras whose layout it is, and the time."""
    now = datetime.datetime.now().strftime("%Y-%m-%d@%H:%M:%S")
    return {"keras_version": keras_version, "date_saved": now}


def _member(name: str) -> zipfile.ZipInfo:
    member = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
    member.external_attr = 0o644 << 16
    return member


class Archive(NamedTuple):
    """What a `.keras` file holds."""

    config: dict[str, Any]
    metadata: dict[str, Any]
    weights: Group
    assets: dict[str, str]  # texts, such as vocabularies, by their path below `assets`


def read_archive(path: Any) -> Archive:
    """The members of an archive; FileFormatError says what is wrong."""
    with _opened(path) as archive:
        return Archive(
            _json(archive, CONFIG, path),
            _json(archive, METADATA, path) if METADATA in archive.namelist() else {},
            _weights(archive, path),
            _assets(archive, path),
        )


def _assets(archive: zipfile.ZipFile, path: Any) -> dict[str, str]:
    names = [n for n in archive.namelist() if n.startswith("assets/") and n.endswith(".txt")]
    try:
        return {n[len("assets/") :]: _read(archive, n, path).decode("utf-8") for n in names}
    except UnicodeDecodeError as error:
        raise FileFormatError(f"{path}: an asset is not text: {error}") from None


def read_archive_weights(path: Any) -> Group:
    """Return only the weights of an archive."""
    with _opened(path) as archive:
        return _weights(archive, path)


@contextlib.contextmanager
def _opened(path: Any) -> Iterator[zipfile.ZipFile]:
    with open_regular(path) as stream:
        try:
            archive = zipfile.ZipFile(stream)
        except (zipfile.BadZipFile, NotImplementedError, ValueError, OverflowError) as error:
            raise FileFormatError(f"{path}: not a `.keras` archive: {error}") from error
        try:
            _check_members(archive.infolist(), os.fstat(stream.fileno()).st_size)
        except FileFormatError as error:
            raise FileFormatError(f"{path}: {error}") from None
        yield archive


def _check_members(members: list[zipfile.ZipInfo], archive_size: int) -> None:
    names = [member.filename for member in members]
    if len(names) > _MAX_MEMBERS or len(set(names)) != len(names):
        raise FileFormatError("the archive has too many members, or two of one name")
    for member in members:
        parts = member.filename.split("/")
        if member.filename.startswith("/") or "\\" in member.filename or ".." in parts:
            raise FileFormatError(f"the archive has a member with the path {member.filename!r}")
        if member.flag_bits & 1:
            raise FileFormatError(f"the member {member.filename!r} is encrypted")
        allowed = member.compress_size * _MAX_EXPANSION
        if member.compress_size > archive_size or member.file_size > max(allowed, 1 << 20):
            raise FileFormatError(f"the member {member.filename!r} claims to be impossibly large")


def _read(archive: zipfile.ZipFile, name: str, path: Any) -> bytes:
    if name not in archive.namelist():
        raise FileFormatError(f"{path}: the archive has no member {name!r}")
    size = archive.getinfo(name).file_size
    try:
        with archive.open(name) as member:
            data = member.read(size + 1)
    except (zipfile.BadZipFile, NotImplementedError, OSError, EOFError, ValueError) as error:
        raise FileFormatError(f"{path}: the member {name!r} is damaged: {error}") from error
    if len(data) != size:
        raise FileFormatError(f"{path}: the member {name!r} is longer or shorter than it claims")
    return data


def _json(archive: zipfile.ZipFile, name: str, path: Any) -> dict[str, Any]:
    if name in archive.namelist() and archive.getinfo(name).file_size > _MAX_JSON:
        raise FileFormatError(f"{path}: the member {name!r} is larger than any model needs")
    return parse_json(_read(archive, name, path), f"{path}: the member {name!r}")


def parse_json(text: str | bytes, what: str) -> dict[str, Any]:
    """Return the JSON object in `text`; FileFormatError where there is none."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise FileFormatError(f"{what} is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise FileFormatError(f"{what} is not a JSON object")
    return value


def _weights(archive: zipfile.ZipFile, path: Any) -> Group:
    data = _read(archive, WEIGHTS, path)
    try:
        return read_file(data)
    except FileFormatError as error:
        raise FileFormatError(f"{path}: in {WEIGHTS}: {error}") from error
