"""The members of a `.keras` archive as files of a directory: `save(directory, zipped=False)`.

Each file replaces an old one as a whole. The weights say which configuration they belong to, so
that those of two saves are told apart.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .atomic import write_atomic
from .errors import FileFormatError
from .files import read_bytes, read_file, write_file
from .keras_zip import CONFIG, METADATA, WEIGHTS, Archive, metadata_of, parse_json
from .tree import Group

_MARK = "fncompile_config"


def write_directory(path: Path, config: dict[str, Any], weights: Group, keras_version: str) -> None:
    """Write metadata, configuration and weights into a directory, which is made if need be."""
    path.mkdir(exist_ok=True)
    text = json.dumps(config).encode()
    weights.attrs[_MARK] = _digest(text)
    write_file(path / WEIGHTS, weights)
    write_atomic(path / CONFIG, lambda stream: stream.write(text))
    metadata = json.dumps(metadata_of(keras_version)).encode()
    write_atomic(path / METADATA, lambda stream: stream.write(metadata))


def is_model_directory(path: Path) -> bool:
    """Whether a directory holds a model, and not just anything."""
    return (path / CONFIG).is_file() and (path / WEIGHTS).is_file()


def read_directory(path: Path) -> Archive:
    """What a directory holds; FileFormatError says what is wrong with it."""
    text, weights = read_bytes(path / CONFIG), read_file(path / WEIGHTS)
    if weights.attrs.pop(_MARK, _digest(text)) != _digest(text):
        raise FileFormatError(f"{path}: {CONFIG} and {WEIGHTS} are of two different saves")
    metadata = path / METADATA
    return Archive(
        parse_json(text, str(path / CONFIG)),
        parse_json(read_bytes(metadata), str(metadata)) if metadata.exists() else {},
        weights,
        dict(_assets(path / "assets")),
    )


def _digest(text: bytes) -> str:
    return hashlib.blake2b(text, digest_size=16).hexdigest()


def _assets(directory: Path) -> Iterator[tuple[str, str]]:
    """The texts below a directory by their paths; a link is not followed."""
    for where, _, names in os.walk(directory):
        for path in (Path(where, name) for name in names if name.endswith(".txt")):
            if path.is_symlink():
                raise FileFormatError(f"{path} is a link to another place, which is not followed")
            try:
                yield path.relative_to(directory).as_posix(), read_bytes(path).decode("utf-8")
            except UnicodeDecodeError as error:
                raise FileFormatError(f"{path} is not text: {error}") from None
