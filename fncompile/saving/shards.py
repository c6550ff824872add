"""Weights in several files: `NAME.weights.json` beside `NAME_00000.weights.h5`, `_00001` ...

The index has the groups' paths with the files that hold them, as Keras writes it. Each file, and
the index last, replaces an old one as a whole; a mark that all of one save have in common tells
files of two saves apart, so a crash between them cannot pass for weights. Names in an index are
plain names of files beside it.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np

from .atomic import write_atomic
from .errors import FileFormatError
from .files import read_bytes, read_file, write_file
from .keras_zip import parse_json
from .tree import Group

SUFFIX = ".weights.json"
_MARK = "fncompile_shards"
_MAX_SHARDS = 100_000
_NO_NAMES = ("", ".", "..")


def write_shards(path: Path, tree: Group, max_shard_size: float) -> None:
    """Write an index at `path` and beside it files of at most `max_shard_size` GB of numbers.

    ValueError where one variable is larger than that.
    """
    shards = _split(tree, max_shard_size * 1024**3)
    mark = _mark(tree)
    base = path.name.removesuffix(".json").removesuffix(".weights")
    weight_map: dict[str, Any] = {}
    for number, shard in enumerate(shards):
        name = f"{base}_{number:05}.weights.h5"
        for group in dict.fromkeys(_parent(at) for at, _ in shard.datasets()):
            weight_map.setdefault(f"/{group}", []).append(name)
        shard.attrs[_MARK] = mark
        write_file(path.with_name(name), shard)
    index = {
        "metadata": {"total_size": _size(tree), _MARK: mark},
        "weight_map": {at: names if names[1:] else names[0] for at, names in weight_map.items()},
    }
    text = json.dumps(index, indent=1).encode()
    write_atomic(path, lambda stream: stream.write(text))


def read_shards(path: Path) -> Group:
    """The tree that an index and its files hold; FileFormatError says what is wrong with them."""
    index = parse_json(read_bytes(path), f"{path}")
    tree = Group()
    metadata = index.get("metadata")
    mark = metadata.get(_MARK) if isinstance(metadata, dict) else None
    for name in _files(index, path):
        shard = read_file(path.with_name(name))
        if shard.attrs.pop(_MARK, mark) != mark:
            raise FileFormatError(f"{path}: {name} is of another save than the index")
        _merge(tree, shard, f"{path}: {name}")
    return tree


def _split(tree: Group, limit: float) -> list[Group]:
    """Trees with the datasets of one, each of at most `limit` bytes, in the same order."""
    shards, room = [Group(dict(tree.attrs))], limit
    for at, dataset in tree.datasets():
        if dataset.nbytes > limit:
            raise ValueError(
                f"The size of {at} is {dataset.nbytes} bytes, which exceeds the maximum shard size "
                f"of {limit:.0f} bytes. You can increase the `max_shard_size` parameter (in GB)."
            )
        if dataset.nbytes > room:
            shards.append(Group())
            room = limit
        room -= dataset.nbytes
        shards[-1][at] = dataset
        group, whole = shards[-1].require(_parent(at)), tree[_parent(at)]
        group.attrs.update(whole.attrs if isinstance(whole, Group) else {})
    return shards


def _parent(at: str) -> str:
    return at.rpartition("/")[0]


def _size(tree: Group) -> int:
    return sum(dataset.nbytes for _, dataset in tree.datasets())


def _mark(tree: Group) -> str:
    """A digest of all numbers and of what they belong to."""
    digest = hashlib.blake2b(digest_size=16)
    for at, dataset in tree.datasets():
        digest.update(f"{at} {dataset.dtype} {dataset.shape};".encode())
        digest.update(np.ascontiguousarray(np.asarray(dataset)).tobytes())
    return digest.hexdigest()


def _files(index: dict[str, Any], path: Path) -> list[str]:
    """The names of the files that an index lists, each once."""
    weight_map = index.get("weight_map")
    if not isinstance(weight_map, dict):
        raise FileFormatError(f"{path} has no `weight_map`: it is no index of sharded weights")
    names: dict[str, None] = {}
    for listed in weight_map.values():
        for name in listed if isinstance(listed, list) else [listed]:
            if not isinstance(name, str) or name in _NO_NAMES or set(name) & set("/\\\0"):
                raise FileFormatError(f"{path} lists {name!r}, which is no file beside it")
            names[name] = None
    if len(names) > _MAX_SHARDS:
        raise FileFormatError(f"{path} lists {len(names)} files, which is more than there can be")
    return list(names)


def _merge(tree: Group, shard: Group, what: str) -> None:
    """Put what a file holds into the tree."""
    tree.attrs.update(shard.attrs)
    for name, child in shard.children.items():
        if isinstance(child, Group):
            below = tree.children.setdefault(name, Group())
            if not isinstance(below, Group):
                raise FileFormatError(f"{what} has {name!r} a second time")
            _merge(below, child, what)
        elif name in tree.children:
            raise FileFormatError(f"{what} has {name!r} a second time")
        else:
            tree.children[name] = child
