"""What a user may pass for "an initializer", "a loss", "an optimizer": one rule for every family.

A `Family` knows its members by name. `get` takes a name, a configuration dict, a class, an instance
or a function, and gives the object; a name it does not know is sought among the user's registered
objects.
"""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Iterable, Mapping
from typing import Any

from fncompile.graph.naming import to_snake_case


def by_name(members: Iterable[Any], aliases: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Classes under their name and its snake-case form, functions under theirs, and `aliases`."""
    named = {name: m for m in members for name in (m.__name__, to_snake_case(m.__name__))}
    return {**named, **(aliases or {})}


class Described:
    """repr() of what has a `get_config`: the call that makes such an object, without arguments that
    are at their defaults."""

    always_shown: tuple[str, ...] = ()

    def __repr__(self) -> str:
        own: Any = type(self)
        name, defaults = own.__name__, _defaults(own)
        try:
            config = self.get_config()  # type: ignore[attr-defined]
        except Exception:  # a subclass that is half made, or has none
            return f"<{name}>"
        if any(default is _REQUIRED and key not in config for key, default in defaults.items()):
            return f"<{name}>"
        shown = [key for key in config if key in self.always_shown or (
            key in defaults and not self._is_default(key, config[key], defaults[key]))]  # fmt: skip
        return f"{name}({', '.join(f'{key}={self._shown(key, config[key])}' for key in shown)})"

    def _shown(self, key: str, value: Any) -> str:
        if isinstance(value, dict):  # an object as JSON: itself is nicer to read
            inner = value.get("config", value)
            return repr(getattr(self, f"_{key}", getattr(self, key, inner)))
        return f"{value:.7g}" if isinstance(value, float) else repr(value)

    def _is_default(self, key: str, value: Any, default: Any) -> bool:
        if key == "name" and default is None:  # made from the class
            own = type(self).__name__
            return re.sub(r"_\d+$", "", str(value)) in (own, to_snake_case(own))
        plain = isinstance(value, (bool, int, float, str, type(None)))
        return key == "dtype" or (plain and value == default)


_REQUIRED = inspect.Parameter.empty


@functools.cache
def _defaults(cls: type) -> dict[str, Any]:
    """The defaults of the constructor's arguments, those that it hands to its bases included."""
    found: dict[str, Any] = {}
    bases: tuple[Any, ...] = cls.__mro__
    for base in bases:
        own = [*inspect.signature(base.__init__).parameters.values()][1:]
        found = {**{p.name: p.default for p in own if p.kind is p.POSITIONAL_OR_KEYWORD}, **found}
        if not any(p.kind is p.VAR_KEYWORD for p in own):
            break
    return found


class Family:
    """The members of one kind of object.

    `kind` is the word that messages use; `base` the class of instances that are accepted as they
    are; a found class is instantiated, so that a name stands for the object with its default
    arguments.
    """

    def __init__(self, kind: str, base: type, members: Mapping[str, Any], any_case: bool = False):
        self.kind = kind
        self.base = base
        self.members = dict(members)
        self.any_case = any_case

    def get(self, identifier: Any) -> Any:
        """The object for `identifier`; None for None. ValueError where there is no such object.

        `identifier`: a name, a config, a class, an instance or a function.

        >>> losses.get("mse")([[0.0]], [[2.0]])
        array([4.], dtype=float32)
        """
        if identifier is None:
            return None
        if isinstance(identifier, dict):
            return self.deserialize(identifier)
        found = self.find(identifier) if isinstance(identifier, str) else identifier
        if inspect.isclass(found):
            return found()
        if isinstance(found, self.base) or callable(found):
            return found
        raise ValueError(f"Could not interpret {self.kind} identifier: {identifier}")

    def find(self, name: str, custom_objects: Mapping[str, Any] | None = None) -> Any:
        """The class or function called `name`, or None."""
        from fncompile.saving import get_registered_object

        found = get_registered_object(name, custom_objects, self.members)
        if found is None and self.any_case:
            found = {key.lower(): m for key, m in self.members.items()}.get(name.lower())
        return found

    def deserialize(self, config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
        """The object that `serialize` described; also understands older forms without a module.

        `config`: a dict, or a name; `custom_objects`: names of the user's.

        >>> losses.deserialize({"class_name": "Huber", "config": {"delta": 2.0}})
        Huber(delta=2)
        """
        from fncompile.saving import deserialize_keras_object

        if not isinstance(config, dict):
            return self.get(config)
        name, inner = self._own_name(config.get("class_name")), config.get("config")
        if name == "function" and isinstance(inner, str) and inner in self.members:
            return self.members[inner]
        named = isinstance(name, str) and name in self.members
        own = named and not config.get("registered_name")
        if own and inspect.isclass(self.members[name]) and _is_keras(config.get("module")):
            return self.members[name].from_config(dict(inner or {}))
        return deserialize_keras_object(config, custom_objects=custom_objects)

    def _own_name(self, name: Any) -> Any:
        """`name` as a member is called, where the family does not care for its case."""
        if not self.any_case or not isinstance(name, str) or name in self.members:
            return name
        return next((own for own in self.members if own.lower() == str(name).lower()), name)

    def serialize(self, instance: Any) -> Any:
        """A JSON-ready description from which `deserialize` makes an equal object.

        `instance`: an object or a function.

        >>> losses.serialize(losses.Huber(delta=2.0))["class_name"]
        'Huber'
        """
        from fncompile.saving import serialize_keras_object

        return serialize_keras_object(instance)


def _is_keras(module: str | None) -> bool:
    return module is None or module.split(".")[0] in ("keras", "fncompile", "builtins")
