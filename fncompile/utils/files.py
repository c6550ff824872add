"""Files beside a program: data sets and weights that were fetched by hand."""

from __future__ import annotations

import hashlib
import os
import tarfile
import zipfile
from pathlib import Path
from typing import Any

_CHUNK = 1 << 20


def home() -> Path:
    """The folder for such files: what the variable KERAS_HOME says, or ~/.keras."""
    return Path(os.environ.get("KERAS_HOME", Path.home() / ".keras"))


def get_file(
    fname: Any = None,
    origin: str | None = None,
    untar: bool = False,
    md5_hash: str | None = None,
    file_hash: str | None = None,
    cache_subdir: str = "datasets",
    hash_algorithm: str = "auto",
    extract: bool = False,
    archive_format: Any = "auto",
    cache_dir: Any = None,
    force_download: bool = False,
) -> str:
    """The path of a file in the cache, whose content is checked against `file_hash`, or `md5_hash`.

    Nothing is downloaded: where the file is missing, FileNotFoundError says what to fetch from
    `origin` and where to put it. `fname`: its name, the last part of `origin` if None; it lies in
    `cache_subdir` of `cache_dir`, ~/.keras or the variable KERAS_HOME if None. `hash_algorithm`:
    "md5", "sha256" or "auto" by the length. With `extract` or `untar` an archive of
    `archive_format` ("auto", "tar", "zip") is unpacked beside itself, and the path is that of the
    folder. ValueError for a file with another hash, and for `force_download`.

    >>> from pathlib import Path
    >>> Path("cache/datasets").mkdir(parents=True)
    >>> _ = Path("cache/datasets/words.txt").write_text("a b")
    >>> utils.get_file("words.txt", "https://example.org/words.txt", cache_dir="cache")
    'cache/datasets/words.txt'
    """
    if origin is None and fname is None:
        raise ValueError(
            'Please specify the "origin" argument (URL of the file to download), or `fname`.'
        )
    if force_download:
        raise ValueError("fncompile downloads nothing, so `force_download=True` cannot be had.")
    name = str(fname or str(origin).rsplit("/", 1)[-1])
    path = Path(cache_dir or home()) / cache_subdir / name
    if not path.exists():
        raise FileNotFoundError(
            f"The file {path} is missing, and fncompile downloads nothing. Fetch "
            f"{origin or name} and put it there."
        )
    expected = file_hash or md5_hash
    if expected and not _has_hash(path, expected, hash_algorithm):
        raise ValueError(
            f"The file {path} has another content than expected, by its hash "
            f"({expected}): it may be incomplete or of another version. Fetch {origin} again."
        )
    return str(_unpacked(path, archive_format)) if extract or untar else str(path)


def _has_hash(path: Path, expected: str, algorithm: str) -> bool:
    if algorithm not in ("auto", "md5", "sha256"):
        raise ValueError(f"Unknown `hash_algorithm`. Received: hash_algorithm={algorithm}")
    long = algorithm == "sha256" or (algorithm == "auto" and len(expected) == 64)
    digest = hashlib.sha256() if long else hashlib.md5(usedforsecurity=False)
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest() == expected


def _unpack_tar(archive: tarfile.TarFile, folder: Path) -> None:
    """Unpack an archive of files that all lie inside `folder`; ValueError for any other."""
    for member in archive:
        inside = (folder / member.name).resolve().is_relative_to(folder.resolve())
        if not inside or not (member.isfile() or member.isdir()):
            raise ValueError(f"The archive has {member.name!r}, which is no file inside of it.")
    if hasattr(tarfile, "data_filter"):  # Python 3.11.4, and 3.10.12
        archive.extraction_filter = tarfile.data_filter  # type: ignore[assignment]
    archive.extractall(folder)


def _unpacked(path: Path, archive_format: Any) -> Path:
    """The folder that an archive was unpacked into; nothing leaves it."""
    folder = path.with_name(path.name.split(".")[0] + "_extracted")
    if folder.exists():
        return folder
    if archive_format in ("auto", "zip") and zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            archive.extractall(folder)
    elif archive_format in ("auto", "tar") and tarfile.is_tarfile(path):
        with tarfile.open(path) as archive:
            _unpack_tar(archive, folder)
    else:
        raise ValueError(f"{path} is no archive that can be unpacked. Received: {archive_format!r}")
    return folder
