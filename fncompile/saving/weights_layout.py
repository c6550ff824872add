"""The tree of `.weights.h5` and of the weights inside `.keras`: whose variables stand where.

Keras names a group by the way that leads to it: the attribute, and inside containers the class in
snake case with _1, _2 ... for repetitions; own variables are in `vars/0`, `vars/1` ... An object
that two ways lead to is saved on the first.

A saveable is whatever has `get_config` and variables: layers, models, optimizers, metrics, seed
generators. Loading first looks everything up and checks it, then assigns: a file that does not
fit changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from fncompile.caller import warn_caller
from fncompile.graph.naming import to_snake_case

from .legacy_weights import Pairs, assign_all
from .saved import Saveable, own_way
from .tree import Group

# Names in files of earlier versions: of containers in Keras 2.12 and 2.13, of the parts of
# attention up to 2.15.
_FORMER = {
    "layers": "_layer_checkpoint_dependencies",
    **{name: f"_{name}" for name in ("query_dense", "key_dense", "value_dense", "output_dense")},
}
_CONTAINERS = (list, tuple, dict)


def walk(
    root: Any, saved: Group | None = None, skip: Iterable[Any] = ()
) -> Iterator[tuple[str, Any]]:
    """Yield (path, saveable) for `root` and all below, each object once, in Keras' order.

    Of several ways to an object one that `saved` has goes before the others; what `skip` holds is
    left out, with what only it leads to.
    """
    # It holds what it has seen: the id of a list that died is given again.
    seen: dict[int, Any] = {id(item): item for item in skip}
    todo: list[tuple[str, Any]] = [("", root)]
    while todo:
        path, item = todo.pop()
        if id(item) in seen:
            continue
        seen[id(item)] = item
        if isinstance(item, _CONTAINERS):
            below = list(_in_container(item))
        else:
            yield path, item
            node = _node_at(saved, path) if saved is not None else None
            below = sorted(_attributes(item), key=lambda way: _below(node, way[0]) is None)
        todo.extend((f"{path}/{name}".lstrip("/"), child) for name, child in reversed(below))


def _attributes(item: Any) -> Iterator[tuple[str, Any]]:
    """The attributes of a saveable that may hold others, by name, private ones last.

    Models of a graph and stacks begin with their `layers`.
    """
    names = set(getattr(item, "__dict__", ())) - set(getattr(item, "_not_state", ()))
    names |= {name for name in ("layers", "optimizer") if hasattr(item, name)}
    names |= _properties(type(item))
    first = "layers" if hasattr(item, "_dag") or hasattr(item, "_stack") else ""
    for name in sorted(names, key=lambda name: (name != first, name.startswith("_"), name)):
        value = _value(item, name)
        if isinstance(value, _CONTAINERS) or is_saveable(value):
            yield name, value


def _properties(cls: type) -> set[str]:
    """Those that the user's classes add to ours."""
    ours = [c for c in cls.__mro__ if c.__module__.startswith("fncompile.")]
    known = {name for c in ours for name in vars(c)}
    theirs = {n: value for c in cls.__mro__ if c not in ours for n, value in vars(c).items()}
    return {n for n, value in theirs.items() if isinstance(value, property)} - known


def _value(item: Any, name: str) -> Any:
    """An attribute, None where a property of the user's has nothing to give yet."""
    try:
        return getattr(item, name)
    except Exception:
        return None


def _in_container(container: Any) -> Iterator[tuple[str, Any]]:
    used: dict[str, int] = {}
    for item in container.values() if isinstance(container, dict) else container:
        if isinstance(item, _CONTAINERS):
            name = "container"
        elif is_saveable(item):
            name = to_snake_case(type(item).__name__)
        else:
            continue
        count = used[name] = used.get(name, -1) + 1
        yield (f"{name}_{count}" if count else name), item


def is_saveable(item: Any) -> bool:
    if isinstance(item, type) or not hasattr(item, "get_config"):
        return False
    return isinstance(getattr(item, "variables", None), (list, tuple))


def own_variables(item: Any) -> list[Any]:
    """The variables of a saveable that are not those of another below it, trainable ones first."""
    if hasattr(item, "_own_weights"):
        return list(item._own_weights())
    return list(item.variables)


def weights_tree(model: Saveable, copies: bool = True, skip: Iterable[Any] = ()) -> Group:
    """Return the tree of all variables of a model, its optimizer's among them: as copies, which
    stay as they are when another thread trains, or as the numbers in place; without `skip`'s."""
    tree = Group()
    for path, item in walk(model, skip=skip):
        store = _store_of(item, copies)
        if path and not store and not hasattr(item, "_own_weights"):
            continue
        name = getattr(item, "name", None)
        group = tree.require(f"{path}/vars")
        group.attrs.update({"name": name} if isinstance(name, str) else {})
        group.children.update({key: np.asarray(value) for key, value in store.items()})
    return tree


def _store_of(item: Any, copies: bool) -> dict[str, Any]:
    """What an object saves: its own choice, if it has `save_own_variables`, or its variables."""
    save = own_way(item, "save_own_variables")
    if save is not None:
        store: dict[str, Any] = {}
        save(store)
        return store
    variables = enumerate(own_variables(item))
    return {str(i): np.asarray(v) if copies else v.value for i, v in variables}


def load_weights_tree(
    model: Saveable, tree: Group, skip_mismatch: bool = False, skip: Iterable[Any] = ()
) -> None:
    """Assign the variables of a model from a tree, but for those of `skip`.

    Raises ValueError, naming the objects that do not fit, before anything is assigned; with
    `skip_mismatch` a warning lists them and the others are loaded. An optimizer that does not fit
    always is a warning: its state starts anew.
    """
    found, failed = [], []
    for path, item in walk(model, tree, skip):
        try:
            found += _match(item, _group_at(tree, path))
        except ValueError as error:
            if _is_optimizer(item):
                warn_caller(str(error))
            else:
                failed.append((item, error))
    if failed:
        _report(failed, skip_mismatch)
    assign_all(found)


def _report(failed: list[tuple[Any, ValueError]], warn_only: bool) -> None:
    first, error = failed[0]
    message = (
        f"A total of {len(failed)} objects could not be loaded. Example error message for object "
        f"{first}:\n\n{error}\n\nList of objects that could not be loaded:\n"
        f"{[item for item, _ in failed]}"
    )
    if not warn_only:
        raise ValueError(message)
    warn_caller(message)


def _group_at(tree: Group, path: str) -> dict[str, Any]:
    """Return the datasets of the `vars` at a path; none where the file has no such group."""
    node = _node_at(tree, f"{path}/vars".lstrip("/"))
    return node.children if isinstance(node, Group) else {}


def _node_at(tree: Group, path: str) -> Any:
    node: Any = tree
    for part in path.split("/") if path else ():
        node = _below(node, part)
    return node


def _below(node: Any, name: str) -> Any:
    children = node.children if isinstance(node, Group) else {}
    return children.get(name, children.get(_FORMER.get(name, name)))


def _is_optimizer(item: Any) -> bool:
    return hasattr(item, "iterations")


class _Arrays(Mapping):
    """Datasets by name, as arrays: what an object's own `load_own_variables` gets."""

    def __init__(self, store: dict[str, Any]):
        self._store = {k: v for k, v in store.items() if not isinstance(v, Group)}

    def __getitem__(self, name: str) -> np.ndarray:
        return np.asarray(self._store[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._store)

    def __len__(self) -> int:
        return len(self._store)


def _match(item: Any, store: dict[str, Any]) -> Pairs:
    """Return (variable, value) pairs for one object; ValueError where the file does not fit."""
    load = own_way(item, "load_own_variables")
    if load is not None:
        load(_Arrays(store))
        return []
    variables = own_variables(item)
    if not store and not hasattr(item, "_own_weights"):
        return []  # Keras does not save the states of random generators
    if _is_optimizer(item) and len(store) == len(variables) - len(getattr(item, "_slots", ())):
        variables = variables[: len(store)]  # it was saved before its first step
    elif _is_optimizer(item) and len(store) == len(variables) - 1:
        rate = getattr(item, "learning_rate", None)  # TF2.12 to 2.15 do not save it
        variables = [variable for variable in variables if variable is not rate]
    if len(store) != len(variables):
        raise ValueError(_wrong_count(item, variables, store))
    values = [store.get(str(i)) for i in range(len(store))]
    pairs = list(zip(variables, values, strict=True))
    return [(variable, _checked(item, variable, value)) for variable, value in pairs]


def _checked(item: Any, variable: Any, value: Any) -> Any:
    """`value`; ValueError where it does not fit the variable."""
    if value is None or isinstance(value, Group):
        raise ValueError(f"The weights file has no value for {variable.path!r} of {item}.")
    if value.shape != tuple(variable.shape):
        raise ValueError(
            f"The shape of the target variable and the shape of the target value in "
            f"`variable.assign(value)` must match. variable.shape={tuple(variable.shape)}, "
            f"Received: value.shape={value.shape}. Target variable: {variable.path}"
        )
    return value


def _wrong_count(item: Any, variables: list[Any], store: dict[str, Any]) -> str:
    name = getattr(item, "name", type(item).__name__)
    if _is_optimizer(item):
        return (
            f"Skipping variable loading for optimizer '{name}', because it has {len(variables)} "
            f"variables whereas the saved optimizer has {len(store)} variables."
        )
    if not variables and not getattr(item, "built", True):
        return (
            f"Layer '{name}' was never built and thus it doesn't have any variables. However the "
            f"weights file lists {len(store)} variables for it. Its parent's `build()` must "
            "build it, or it must implement `build_from_config()` and `get_build_config()`."
        )
    return (
        f"Layer '{name}' expected {len(variables)} variables, but received {len(store)} variables "
        f"during loading. Expected: {[v.name for v in variables]}"
    )
