"""The variables of a model as nested dicts by their paths: what JAX and its tools call a tree."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from fncompile.graph.variable import Variable
from fncompile.training.trained import TrainedModel

GROUPS = (
    "trainable_variables", "non_trainable_variables", "optimizer_variables", "metrics_variables",
)  # fmt: skip


def variables_by_group(model: TrainedModel) -> dict[str, list[Variable]]:
    """The variables of each group of `GROUPS`; none of what a model was not compiled with."""
    optimizer = getattr(model, "optimizer", None)
    return dict(zip(GROUPS, (
        model.trainable_variables,
        model.non_trainable_variables,
        [] if optimizer is None else optimizer.variables,
        getattr(model, "metrics_variables", []),
    ), strict=True))  # fmt: skip


def tree_of(variables: Iterable[Variable]) -> dict[str, Any]:
    """Copies of the values of variables, by the parts of their paths; ValueError where two have the
    same path, or one's begins with another's."""
    tree: dict[str, Any] = {}
    for variable in variables:
        *way, last = variable.path.split("/")
        node = tree
        for part in way:
            node = node.setdefault(part, {})
            if not isinstance(node, dict):
                break
        if not isinstance(node, dict) or last in node:
            raise ValueError(
                f"The following variable path is found twice in the model: {variable.path}. "
                "`get_state_tree()` needs different ones: give layers different names."
            )
        node[last] = np.array(variable)
    return tree


def assign_tree(variables: Iterable[Variable], tree: Mapping[str, Any]) -> None:
    """Assign the values of a tree to the variables at their paths. ValueError for a path that no
    variable has, and for another shape; nothing is assigned then."""
    known = {variable.path: variable for variable in variables}
    pairs = []
    for path, value in _leaves(tree, ""):
        if path not in known:
            raise ValueError(f"There is no variable {path!r}; there are {sorted(known)}.")
        value = np.asarray(value)
        if value.shape != tuple(known[path].shape):
            raise ValueError(
                f"The variable {path!r} has the shape {tuple(known[path].shape)}. "
                f"Received: {value.shape}"
            )
        pairs.append((known[path], value))
    for variable, value in pairs:
        variable.assign(value)


def _leaves(tree: Mapping[str, Any], path: str) -> Iterable[tuple[str, Any]]:
    for name, value in tree.items():
        where = f"{path}/{name}".lstrip("/")
        if isinstance(value, Mapping):
            yield from _leaves(value, where)
        else:
            yield where, value
