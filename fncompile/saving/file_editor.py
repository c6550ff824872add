"""`KerasFileEditor`: look into a weights file, change what stands where, and write it again."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from .archive import existing_path
from .files import read_file, write_file
from .keras_zip import read_archive
from .saved import SavedModel
from .tree import Group
from .weights_layout import weights_tree

Tree = dict[str, Any]  # objects by name; in an object its weights ("0", "1" ...) and its parts
_VARS = "vars"  # the group that an object's own weights are in


class KerasFileEditor:
    """The weights of a `.weights.h5` or `.keras` file, to be looked at, changed and written again.

    Of use where a model has changed since its weights were saved. Objects go by their path in the
    file ("layers/dense_2"), or by the last part of it where no other object has that.

    `filepath`: a path; ValueError where it has another suffix, FileFormatError where the file is
    damaged. Attributes: `weights_dict`, nested dicts of arrays; `object_metadata`, what the file
    says of each object by path; `config` and `metadata` of a `.keras` file, None of others.

    >>> model = fncompile.Sequential([fncompile.Input((2,)), layers.Dense(3)])
    >>> model.save_weights("old.weights.h5")
    >>> editor = saving.KerasFileEditor("old.weights.h5")
    >>> editor.summary()
    layers/dense
        0  (2, 3)  float32
        1  (3,)  float32
    >>> editor.rename_object("dense", "dense_1")
    >>> editor.add_object("layers/dense", {"0": np.eye(2), "1": np.zeros(2)})
    >>> editor.save("new.weights.h5")
    """

    def __init__(self, filepath: Any):
        path = existing_path(filepath)
        self.filepath = os.fspath(filepath)
        self.config: dict[str, Any] | None = None
        self.metadata: dict[str, Any] | None = None
        if path.suffix == ".keras":
            self.config, self.metadata, tree, _ = read_archive(path)
        elif path.name.endswith(".weights.h5"):
            tree = read_file(path)
        else:
            raise ValueError(
                "Invalid filename: expected a `.keras` `.weights.h5` extension. "
                f"Received: filepath={filepath}"
            )
        self.weights_dict: Tree = _objects(tree)
        self.object_metadata = dict(_attributes(tree, ""))

    def summary(self) -> None:
        """Print each object that has weights, with their shapes and dtypes."""
        for path, weights in _with_weights(self.weights_dict, ""):
            print(path or "the model itself")
            for name, value in weights.items():
                print(f"    {name}  {tuple(value.shape)}  {value.dtype}")

    def compare(self, reference_model: SavedModel) -> dict[str, Any]:
        """Compare the file with a model, and print each difference.

        Returns `status` ("success" or "error"), `error_count` and `match_count`: how many objects
        and weights are in one alone or have another shape, and how many weights are the same.
        """
        wanted = _objects(weights_tree(reference_model, copies=False))
        differences = list(_differences(self.weights_dict, wanted, ""))
        errors = [text for text in differences if text]
        print("\n".join(errors) or "The file fits the model.")
        return {
            "status": "error" if errors else "success",
            "error_count": len(errors),
            "match_count": len(differences) - len(errors),
        }

    def rename_object(self, object_name: str, new_name: str) -> None:
        """Give the object `object_name` (a path, or its last part) the name `new_name`."""
        if "/" in new_name:
            raise ValueError(
                "The new name of an object is its last part alone, not a path. "
                f"Received: new_name={new_name!r}"
            )
        parent, name = self._find(object_name)
        if new_name in parent:
            raise ValueError(f"There is an object {new_name!r} beside {object_name!r} already.")
        parent[new_name] = parent.pop(name)

    def delete_object(self, object_name: str) -> None:
        """Take the object `object_name` (a path, or its last part) out."""
        parent, name = self._find(object_name)
        del parent[name]

    def add_object(self, object_path: str, weights: dict[str, Any]) -> None:
        """Put an object with `weights` ({"0": array, "1": array ...}) at a path whose beginning is
        there."""
        *way, name = object_path.split("/")
        parent = self._down(way, object_path)
        parent[name] = _checked(weights)

    def delete_weight(self, object_name: str, weight_name: str) -> None:
        """Take one weight ("0", "1" ...) out of an object."""
        parent, name = self._find(object_name)
        if weight_name not in _own(parent[name]):
            raise ValueError(
                f"Weight {weight_name} not found in object {object_name}. "
                f"Weights found: {list(_own(parent[name]))}"
            )
        del parent[name][weight_name]

    def add_weights(self, object_name: str, weights: dict[str, Any]) -> None:
        """Put `weights` ({"1": array}) into an object; those of the same name are replaced."""
        parent, name = self._find(object_name)
        parent[name].update(_checked(weights))

    def save(self, filepath: Any) -> None:
        """Write what there is now to a `.weights.h5` file."""
        if not os.fspath(filepath).endswith(".weights.h5"):
            raise ValueError(
                "Invalid `filepath` argument: expected a `.weights.h5` extension. "
                f"Received: filepath={filepath}"
            )
        tree = Group()
        for path, weights in _with_weights(self.weights_dict, ""):
            group = tree.require(f"{path}/{_VARS}")
            group.attrs.update(self.object_metadata.get(path, {}))
            group.children.update({name: np.asarray(value) for name, value in weights.items()})
        write_file(Path(filepath), tree)

    resave_weights = save

    def _down(self, way: list[str], path: str) -> Tree:
        """The object at the end of a way."""
        here = self.weights_dict
        for part in way:
            if not isinstance(here.get(part), dict):
                raise ValueError(f"Path '{path}' not found in model: there is no {part!r}.")
            here = here[part]
        return here

    def _find(self, name: str) -> tuple[Tree, str]:
        """The object that holds another one, and the name that it has there."""
        *way, last = name.split("/")
        within = [self._down(way, name)] if way else _places(self.weights_dict)
        places = [place for place in within if isinstance(place.get(last), dict)]
        if len(places) == 1:
            return places[0], last
        if places:
            raise ValueError(
                f"Name '{name}' occurs more than once in the model; try passing a complete path"
            )
        there = [path for path, _ in _with_weights(self.weights_dict, "")]
        raise ValueError(f"There is no object '{name}' in the file; there are {there}.")


def _objects(tree: Group) -> Tree:
    """Groups as dicts, without those that hold nothing; `vars` is no object of its own."""
    found: Tree = {}
    for name, child in tree.children.items():
        if not isinstance(child, Group):
            found[name] = child
        elif below := _objects(child):
            found.update(below if name == _VARS else {name: below})
    return found


def _attributes(tree: Group, path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """What a file says of each object."""
    if tree.attrs:
        yield path.removesuffix(_VARS).strip("/"), dict(tree.attrs)
    for name, child in tree.children.items():
        if isinstance(child, Group):
            yield from _attributes(child, f"{path}/{name}")


def _own(item: Tree) -> Tree:
    return {name: value for name, value in item.items() if not isinstance(value, dict)}


def _places(item: Tree) -> Iterator[Tree]:
    """An object and all in it."""
    yield item
    for value in item.values():
        if isinstance(value, dict):
            yield from _places(value)


def _with_weights(item: Tree, path: str) -> Iterator[tuple[str, Tree]]:
    """The objects that have weights themselves, by path."""
    if _own(item):
        yield path, _own(item)
    for name, value in item.items():
        if isinstance(value, dict):
            yield from _with_weights(value, f"{path}/{name}".lstrip("/"))


def _differences(file: Tree, model: Tree, path: str) -> Iterator[str | None]:
    """A text for each difference, None for each weight that both have."""
    for name in dict.fromkeys([*model, *file]):
        where = f"{path}/{name}".lstrip("/")
        if name not in file or name not in model:
            kind = "Object" if isinstance({**file, **model}[name], dict) else "Weight"
            has, lacks = ("file", "model") if name in file else ("model", "file")
            yield f"{kind} {where} is in the {has}, and missing from the {lacks}"
        elif isinstance(file[name], dict) and isinstance(model[name], dict):
            yield from _differences(file[name], model[name], where)
        elif isinstance(file[name], dict) or isinstance(model[name], dict):
            yield f"{where} is an object in one, and a weight in the other"
        elif tuple(file[name].shape) != tuple(model[name].shape):
            yield (f"Weight {where} has the shape {tuple(file[name].shape)} in the file, and "
                   f"{tuple(model[name].shape)} in the model")  # fmt: skip
        else:
            yield None


def _checked(weights: Any) -> Tree:
    """New weights as arrays."""
    if not isinstance(weights, dict) or any(isinstance(v, dict) for v in weights.values()):
        raise ValueError(
            "Argument `weights` should be a dict where keys are weight names (usually '0', '1', "
            f"etc.) and values are NumPy arrays. Received: {type(weights).__name__}"
        )
    return {str(name): np.asarray(value) for name, value in weights.items()}

