"""Which classes and functions of a user's own a file may name: registered, or given in a scope.

Nothing is imported by a name found in a file; what is not registered, given, or ours is unknown.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import Any, TypeVar

T = TypeVar("T")

_objects: dict[str, Any] = {}
_names: dict[Any, str] = {}
_scope: ContextVar[Mapping[str, Any]] = ContextVar("custom_objects", default={})  # noqa: B039


class CustomObjectScope:
    """`with custom_object_scope({"MyLayer": MyLayer}):` makes names known while it is open.

    An inner scope adds to the outer ones and hides their objects of the same name.

    `custom_objects`: a dict of names.

    >>> with saving.custom_object_scope({"double": lambda x: 2 * x}):
    ...     print(activations.get("double")(3))
    6
    """

    def __init__(self, custom_objects: Mapping[str, Any] | None):
        self._added = dict(custom_objects or {})

    def __enter__(self) -> CustomObjectScope:
        self._token = _scope.set({**_scope.get(), **self._added})
        return self

    def __exit__(self, *exception: object) -> None:
        _scope.reset(self._token)


custom_object_scope = CustomObjectScope


def get_custom_objects() -> dict[str, Any]:
    """Return the live dictionary of registered objects, by registered name.

    >>> isinstance(saving.get_custom_objects(), dict)
    True
    """
    return _objects


def register_keras_serializable(
    package: str = "Custom", name: str | None = None
) -> Callable[[T], T]:
    """Decorate a class (with `get_config`) or a function to be known in files as "package>name".

    `package`: a word of your own; `name`: that of the class or function if None. ValueError for a
    class without `get_config`.

    >>> @saving.register_keras_serializable("mine")
    ... def double(x):
    ...     return 2 * x
    >>> saving.get_registered_name(double)
    'mine>double'
    """

    def decorator(item: T) -> T:
        if inspect.isclass(item) and not hasattr(item, "get_config"):
            raise ValueError("Cannot register a class that does not have a get_config() method.")
        registered = f"{package}>{name or item.__name__}"  # type: ignore[attr-defined]
        _objects[registered] = item
        _names[item] = registered
        return item

    return decorator


def get_registered_name(item: Any) -> str:
    """Return the name `item` is registered by, or its own name.

    `item`: a class or function.

    >>> saving.get_registered_name(layers.Dense)
    'Dense'
    """
    return _names.get(item, getattr(item, "__name__", type(item).__name__))


def get_registered_object(
    name: Any,
    custom_objects: Mapping[str, Any] | None = None,
    module_objects: Mapping[str, Any] | None = None,
) -> Any:
    """Return the object known by `name` in the scopes, the registry, or the mappings; else None.

    `custom_objects`, `module_objects`: mappings of names.

    >>> saving.get_registered_object("double", {"double": abs}) is abs
    True
    """
    for known in (_scope.get(), _objects, custom_objects or {}, module_objects or {}):
        if name in known:
            return known[name]
    return None


def find_unpackaged(name: str) -> Any:
    """Return what is registered as "<any package>>name"; Keras up to 3.6 wrote only the name."""
    known = {**_objects, **_scope.get()}
    return next((item for key, item in known.items() if key.endswith(f">{name}")), None)
