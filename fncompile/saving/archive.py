"""Models to files and back: `.keras`, whole-model `.h5`, and `.weights.h5`.

A file holds architecture, weights, compile configuration, optimizer state, the states of random
generators and the seed of shuffling: training that goes on after loading is the training that would
have gone on without saving.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, cast

from fncompile.caller import warn_caller

from . import keras_zip, legacy_h5, shards, unzipped
from .assets import add_vocabularies
from .errors import AttributeTooLargeError, FileFormatError
from .files import open_regular, read_file, write_file
from .legacy_compile import of_keras_2
from .legacy_config import convert_model
from .legacy_weights import load_weights_group
from .registry import CustomObjectScope
from .revive import describing, model_from_config
from .saved import Saveable, SavedModel
from .serialization import (
    in_safe_mode,
    object_sharing_scope,
    safe_mode_scope,
    serialize_keras_object,
)
from .state import load_training_state, store_training_state
from .tree import Group
from .version import KERAS_VERSION
from .weights_layout import load_weights_tree, weights_tree

_SUFFIXES = (".keras", ".h5", ".hdf5")


def save_model(
    model: Saveable,
    filepath: Any,
    overwrite: bool = True,
    include_optimizer: bool = True,
    zipped: bool | None = None,
    **kwargs: Any,
) -> None:
    """Write a model to a `.keras` or `.h5` file, or with `zipped=False` to a directory.

    The file appears as a whole or not at all. A model that is not built is saved, and loaded, so.
    Raises ValueError for other suffixes and for what cannot be serialized; FileExistsError with
    `overwrite=False`.

    `model`: a model; `filepath`: a path; `include_optimizer`: whether its state is written
    too; `zipped`: false for a directory with the members of a `.keras` file as files.

    >>> model = fncompile.Sequential([fncompile.Input((2,)), layers.Dense(1)])
    >>> saving.save_model(model, "model.keras")
    >>> saving.load_model("model.keras").count_params()
    3
    """
    path = _checked_path(filepath, overwrite)
    _check_save_format(path, kwargs.pop("save_format", None))
    if kwargs:
        raise ValueError(f"The following argument(s) are not supported: {list(kwargs)}")
    if zipped is not None and not zipped:
        _save_directory(model, path, include_optimizer)
        return
    if path.name.endswith(".weights.h5") or path.suffix not in _SUFFIXES:
        raise ValueError(
            "Invalid filepath extension for saving. Please add either a `.keras` extension for the "
            "native Keras format (recommended) or a `.h5` extension. "
            f"Received: filepath={filepath}."
        )
    if path.suffix == ".keras":
        _save_archive(model, path, include_optimizer)
    else:
        _write_h5(path, legacy_h5.model_tree(cast(SavedModel, model), include_optimizer))


def _write_h5(path: Path, tree: Group) -> None:
    """Write a tree; through h5py where an attribute exceeds the 64 KB of our subset."""
    try:
        write_file(path, tree)
    except AttributeTooLargeError as error:
        try:
            from .foreign import write_with_h5py
        except ImportError:
            raise AttributeTooLargeError(
                f"The model's configuration is too long for a `.h5` file: {error}. Save it to a "
                "`.keras` file instead, or install h5py with `pip install h5py`."
            ) from error
        write_with_h5py(path, tree)


def _save_archive(model: Saveable, path: Path, include_optimizer: bool) -> None:
    config, weights = _config_of(model, include_optimizer), _weights_of(model, include_optimizer)
    keras_zip.write_archive(path, config, weights, KERAS_VERSION)


def _save_directory(model: Saveable, path: Path, include_optimizer: bool) -> None:
    if path.suffix in _SUFFIXES:
        raise ValueError(
            "When using `zipped=False`, the `filepath` argument is a directory and should not end "
            f"in {path.suffix!r}. Received: filepath={path}"
        )
    config, weights = _config_of(model, include_optimizer), _weights_of(model, include_optimizer)
    unzipped.write_directory(path, config, weights, KERAS_VERSION)


def _config_of(model: Saveable, include_optimizer: bool) -> dict[str, Any]:
    with object_sharing_scope():
        config = serialize_keras_object(model)
    if not include_optimizer:
        config.pop("compile_config", None)
    return config


def load_model(
    filepath: Any, custom_objects: Any = None, compile: bool = True, safe_mode: bool = True
) -> Any:
    """Return the model in a `.keras` or `.h5` file, or in a directory that `save(zipped=False)`
    made, compiled as it was where `compile` is true.

    `custom_objects` maps names to the user's classes and functions. With `safe_mode`, a lambda in
    the file is an error; nothing else in a file can be executed. Raises FileFormatError, naming
    the file, where it is damaged or of another kind; TypeError for unknown classes.

    `filepath`: a path.

    >>> model = fncompile.Sequential([fncompile.Input((2,)), layers.Dense(1)])
    >>> model.save("model.h5")
    >>> saving.load_model("model.h5").count_params()
    3
    """
    path = existing_path(filepath)
    with safe_mode_scope(safe_mode and in_safe_mode()), CustomObjectScope(custom_objects):
        if path.is_dir() or path.suffix == ".keras" or _starts_with(path, b"PK"):
            return _load_archive(path, compile)
        return legacy_h5.load_model_tree(read_file(path), path, compile)


def _load_archive(path: Path, compile: bool) -> Any:
    read = unzipped.read_directory if path.is_dir() else keras_zip.read_archive
    config, metadata, weights, assets = read(path)
    with describing(path):
        add_vocabularies(config, assets, weights)
        if str(metadata.get("keras_version", "")).startswith("2."):
            config = convert_model(config)
            config["compile_config"] = of_keras_2(config.get("compile_config") or {})
        compiled = config.pop("compile_config", None)
        with object_sharing_scope():
            model = model_from_config(config, weights)
            if compile and compiled:
                model.compile_from_config(compiled)
    with describing(path):
        load_weights_tree(model, weights)
    load_training_state(model, weights)
    return model


def save_weights(
    model: SavedModel, filepath: Any, overwrite: bool = True, max_shard_size: float | None = None,
    objects_to_skip: Iterable[Any] | None = None,
) -> None:  # fmt: skip
    """Write all variables of a model, its optimizer's among them, to a `.weights.h5` file.

    `model`: a built model; `filepath`: a path; `overwrite`: whether an existing file may be
    replaced, FileExistsError otherwise. With `max_shard_size`, in GB, the path ends in
    `.weights.json`, and the numbers go into as many files beside it as are needed for none to have
    more; ValueError where one variable has. `objects_to_skip`: layers to leave out.

    >>> model = fncompile.Sequential([fncompile.Input((2,)), layers.Dense(1)])
    >>> saving.save_weights(model, "model.weights.h5")
    >>> saving.load_weights(model, "model.weights.h5")
    """
    name, sharded = os.fspath(filepath), max_shard_size is not None
    if not name.endswith((".weights.h5", shards.SUFFIX) if sharded else ".weights.h5"):
        raise ValueError(
            f"The filename must end in `{shards.SUFFIX if sharded else '.weights.h5'}`"
            f"{' when `max_shard_size` is specified' if sharded else ''}. "
            f"Received: filepath={filepath}"
        )
    if sharded and name.endswith(".h5"):
        name = name.removesuffix(".h5") + ".json"
        warn_caller(f"The index of sharded weights is a `.json` file: {filepath} becomes {name}")
    path = _checked_path(name, overwrite)
    _check_built(model, "saving")
    tree = _weights_of(model, True, objects_to_skip or ())
    if max_shard_size is not None:
        shards.write_shards(path, tree, max_shard_size)
    else:
        write_file(path, tree)


def load_weights(
    model: SavedModel, filepath: Any, skip_mismatch: bool = False, by_name: bool | None = None,
    objects_to_skip: Iterable[Any] | None = None, **kwargs: Any,
) -> None:  # fmt: skip
    """Assign a model's variables from a `.weights.h5`, `.weights.json`, `.keras` or whole-model
    `.h5` file.

    Nothing is assigned where something does not fit, unless `skip_mismatch` leaves that out.

    `model`: a built model; `filepath`: a path; `by_name`: layers of the same name, from `.h5` only;
    `objects_to_skip`: layers that keep their weights, from `.weights.h5` and `.weights.json` only.
    ValueError where something does not fit.

    >>> model = fncompile.Sequential([fncompile.Input((2,)), layers.Dense(1)])
    >>> model.save_weights("model.weights.h5")
    >>> saving.load_weights(model, "model.weights.h5")
    """
    if kwargs:
        raise ValueError(f"Invalid keyword arguments: {kwargs}")
    path = existing_path(filepath)
    if path.is_dir():
        path /= keras_zip.WEIGHTS
    _check_built(model, "loading weights into")
    tree, whole = _weights_in(path)
    if objects_to_skip is not None and whole:
        raise ValueError(
            "`objects_to_skip` only supports loading '.weights.h5' files. "
            f"Received: filepath={path}"
        )
    if whole and tree.attrs.keys() & {"layer_names", "layer_names0"}:
        load_weights_group(model, tree, bool(by_name), skip_mismatch)
    elif by_name:
        raise ValueError(
            "`by_name` only supports loading legacy '.h5' or '.hdf5' files. "
            f"Received: filepath={path}"
        )
    else:
        if "optimizer" in tree and getattr(model, "optimizer", None) is not None:
            model.optimizer.build(model.trainable_variables)  # so that its state has a place
        load_weights_tree(model, tree, skip_mismatch, objects_to_skip or ())
        load_training_state(model, tree)


def _weights_in(path: Path) -> tuple[Group, bool]:
    """The weights in a file, and whether it is one of a whole model."""
    if path.suffix == ".keras" or _starts_with(path, b"PK"):
        return keras_zip.read_archive_weights(path), True
    if path.name.endswith(shards.SUFFIX):
        return shards.read_shards(path), False
    tree = read_file(path)
    if "layer_names" not in tree.attrs and "model_weights" in tree:
        return legacy_h5.group_of(tree, "model_weights"), True
    return tree, bool(tree.attrs.keys() & {"layer_names", "layer_names0"})


def _weights_of(model: Saveable, include_optimizer: bool, skip: Iterable[Any] = ()) -> Group:
    tree = weights_tree(model, skip=skip)
    if not include_optimizer:
        tree.children.pop("optimizer", None)
    store_training_state(model, tree)
    return tree


def _checked_path(filepath: Any, overwrite: bool) -> Path:
    path = Path(os.fspath(filepath))
    if not overwrite and path.exists():
        raise FileExistsError(f"The file {path} exists; pass overwrite=True to replace it.")
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def existing_path(filepath: Any) -> Path:
    path = Path(os.fspath(filepath))
    if path.is_dir() and not unzipped.is_model_directory(path):
        raise FileFormatError(
            f"{path} is a directory, and none that a model was saved to with `zipped=False`"
        )
    if not path.exists() and path.suffix not in _SUFFIXES:
        raise ValueError(
            f"File format not supported: filepath={filepath}. There is no such file, and those "
            "that Keras and fncompile write end in `.keras`, `.h5` or `.weights.h5`."
        )
    if not path.exists():
        raise ValueError(
            f"File not found: filepath={filepath}. Please ensure the file is an accessible "
            "`.keras` zip file or `.h5` file."
        )
    return path


def _check_save_format(path: Path, save_format: Any) -> None:
    """The suffix of a path says the format: a second word of it warns, or is all there is."""
    if save_format is None:
        return
    advice = "The `save_format` argument is deprecated: the suffix of `filepath` says the format"
    if path.suffix in _SUFFIXES:
        warn_caller(f"{advice}. Received: save_format={save_format}")
    else:
        raise ValueError(
            f"{advice}, and has to be `.keras` or `.h5`. Received: filepath={path}, "
            f"save_format={save_format}"
        )


def _starts_with(path: Path, magic: bytes) -> bool:
    with open_regular(path) as stream:
        return stream.read(len(magic)) == magic


def _check_built(model: SavedModel, doing: str) -> None:
    if not getattr(model, "built", True):
        raise ValueError(
            f"You are {doing} a model that has not yet been built. Try building the model first by "
            "calling it on some data or by using `build()`."
        )
