"""The weights of whole-model `.h5` files: groups by layer name, weights in the order of a list.

`model_weights/<layer>` has an attribute `weight_names`, and datasets at these paths in it. Names
vary with versions and are never relied on: layers go by order among those that have weights, or by
their name where the user asks for it, and weights by order. Values are checked before any is set.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fncompile.caller import warn_caller

from .errors import FileFormatError
from .names import read_names, write_names
from .saved import SavedModel
from .tree import Dataset, Group

_TOP_LEVEL = "top_level_model_weights"
Pairs = list[tuple[Any, Dataset]]


def weights_group(model: SavedModel, keras_version: str, backend: str) -> Group:
    """Return the group `model_weights` of a model."""
    group = Group()
    write_names(group, "layer_names", [layer.name for layer in model.layers])
    group.attrs.update(backend=backend, keras_version=keras_version)
    for layer in sorted(model.layers, key=lambda layer: layer.name):
        group.children[layer.name] = variables_group(legacy_weights(layer))
    group.children[_TOP_LEVEL] = variables_group(_top_level(model))
    return group


def variables_group(variables: list[Any]) -> Group:
    """Return a group with the values of variables at their paths, and their order."""
    group, names = Group(), []
    for variable in variables:
        name, count = variable.path, 0
        while name in names:
            count += 1
            name = f"{variable.path}_{count}"
        names.append(name)
        group[name] = np.asarray(variable)
    write_names(group, "weight_names", names)
    return group


def legacy_weights(layer: Any) -> list[Any]:
    return [*layer.trainable_weights, *layer.non_trainable_weights]


def _top_level(model: SavedModel) -> list[Any]:
    return list(model._own_weights()) if hasattr(model, "_own_weights") else []


def values_of(group: Group) -> list[Dataset]:
    """Return the datasets of a group in the order of its `weight_names`."""
    values = []
    for name in read_names(group, "weight_names"):
        value = group.get(name)
        if value is None or isinstance(value, Group):
            raise FileFormatError(f"The file lists a weight {name!r} that is not in it.")
        values.append(value)
    return values


def load_weights_group(
    model: SavedModel, group: Group, by_name: bool = False, skip_mismatch: bool = False
) -> None:
    """Assign the weights of a model from `model_weights`.

    Raises ValueError, before anything is assigned, where counts or shapes do not fit; with
    `skip_mismatch` a warning says what is left out.
    """
    saved = [(name, _saved_layer(group, name)) for name in read_names(group, "layer_names")]
    pairs = _by_name(model, saved, skip_mismatch) if by_name else _by_order(model, saved)
    if _TOP_LEVEL in group:
        pairs += [("top-level weights", _top_level(model), _saved_layer(group, _TOP_LEVEL))]
    found: Pairs = []
    for what, variables, values in pairs:
        found += _fitting(what, variables, values, skip_mismatch)
    assign_all(found)


def assign_all(pairs: Pairs) -> None:
    """Assign values, of the right shapes, to variables; none of them where one cannot be read."""
    read = [(variable, np.asarray(value)) for variable, value in pairs]
    for variable, value in read:
        variable.assign(value)


def _saved_layer(group: Group, name: str) -> list[Dataset]:
    child = group.get(name)
    if not isinstance(child, Group):
        raise FileFormatError(f"The file lists a layer {name!r} that is not in it.")
    return values_of(child)


def _by_order(model: SavedModel, saved: list[tuple[str, list]]) -> list[tuple[str, list, list]]:
    layers = [layer for layer in model.layers if legacy_weights(layer)]
    saved = [(name, values) for name, values in saved if values]
    if len(layers) != len(saved):
        raise ValueError(
            "Layer count mismatch when loading weights from file. Model expected "
            f"{len(layers)} layers, found {len(saved)} saved layers."
        )
    return [
        (f"layer #{k} (named {layer.name} in the current model, {name} in the save file)",
         legacy_weights(layer), values)
        for k, (layer, (name, values)) in enumerate(zip(layers, saved, strict=True))
    ]


def _by_name(
    model: SavedModel, saved: list[tuple[str, list]], skip_mismatch: bool
) -> list[tuple[str, list, list]]:
    found = [
        (f"layer #{k} (named {layer.name})", legacy_weights(layer), values)
        for k, (name, values) in enumerate(saved)
        for layer in model.layers
        if layer.name == name
    ]
    if not found and not skip_mismatch:
        warn_caller("The file has no layer of a name that the model has.")
    return found


def _fitting(what: str, variables: list, values: list, skip_mismatch: bool) -> Pairs:
    """Return (variable, value) pairs; ValueError or, with `skip_mismatch`, a warning for others."""
    if len(variables) != len(values):
        _complain(
            f"Weight count mismatch for {what}. Layer expects {len(variables)} weight(s). "
            f"Received {len(values)} saved weight(s)", skip_mismatch)
        return []
    pairs = []
    for variable, value in zip(variables, values, strict=True):
        if value.shape == tuple(variable.shape):
            pairs.append((variable, value))
            continue
        _complain(
            f"Shape mismatch in {what} for weight {variable.path}. Weight expects shape "
            f"{tuple(variable.shape)}. Received saved weight with shape {value.shape}",
            skip_mismatch)
    return pairs


def _complain(message: str, warn_only: bool) -> None:
    if not warn_only:
        raise ValueError(message)
    warn_caller(f"Skipping: {message}")
