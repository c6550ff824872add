"""Vocabularies that Keras keeps beside a model's configuration: they go into it."""

from __future__ import annotations

from typing import Any

import numpy as np

from fncompile.graph.naming import to_snake_case

from .tree import Group


def add_vocabularies(config: dict[str, Any], assets: dict[str, str], weights: Group) -> None:
    """Put each vocabulary of `assets`, and its inverse document frequencies among the weights, into
    the configuration of its layer: one of a graph or stack, or of such a model in it."""
    if assets:
        _add(config, "", assets, weights)


def _add(row: dict[str, Any], path: str, assets: dict[str, str], weights: Group) -> None:
    inner = row.get("config")
    if not isinstance(inner, dict):
        return
    lines = assets.get(f"{path}/vocabulary.txt".lstrip("/"))
    if lines is not None and inner.get("vocabulary") is None:
        words: list[Any] = lines.rstrip("\n").split("\n")
        whole = inner.get("vocabulary_dtype") == "int64"
        inner["vocabulary"] = [int(word) for word in words] if whole else words
        inner["has_input_vocabulary"] = False
        if inner.get("output_mode") == "tf_idf":
            inner["idf_weights"] = _frequencies(weights, path)[: len(words)]
    used: dict[str, int] = {}
    layers = inner.get("layers")
    for layer in layers if isinstance(layers, list) else ():
        name = to_snake_case(str(layer.get("class_name")))
        count = used[name] = used.get(name, -1) + 1
        _add(layer, f"{path}/layers/{name}_{count}" if count else f"{path}/layers/{name}", assets,
             weights)  # fmt: skip


def _frequencies(weights: Group, path: str) -> list[float]:
    """Taken out of the weights: here they are no variable."""
    group: Any = weights
    for part in [*path.strip("/").split("/"), "vars"]:
        group = group.children.get(part) if isinstance(group, Group) else None
    if not isinstance(group, Group) or "idf_weights" not in group.children:
        return []
    return np.asarray(group.children.pop("idf_weights")).tolist()
