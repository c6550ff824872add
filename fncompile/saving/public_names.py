"""The names by which Keras knows our classes and functions, and the way back.

A file names a module of Keras and a name in it. Only the public names of our rooms answer: nothing
else can be reached from a file, whatever it says.
"""

from __future__ import annotations

import importlib
import inspect
from typing import Any

# Our module -> Keras' module; the first that holds a class under its own name gives its address.
_KERAS_MODULE = {
    "fncompile.layers": "keras.layers",
    "fncompile.initializers": "keras.initializers",
    "fncompile.regularizers": "keras.regularizers",
    "fncompile.constraints": "keras.constraints",
    "fncompile.losses": "keras.losses",
    "fncompile.metrics": "keras.metrics",
    "fncompile.optimizers.schedules": "keras.optimizers.schedules",
    "fncompile.optimizers": "keras.optimizers",
    "fncompile.random": "keras.random",
    "fncompile.utils": "keras.utils",
    "fncompile.models": "keras",
    "fncompile.config": "keras",
}
_FUNCTION_MODULES = ("fncompile.activations", "fncompile.losses", "fncompile.metrics")
# Keras insists on this module for functional models.
_SPECIAL = {"Functional": "keras.src.models.functional", "Layer": "keras"}
# Rooms of Keras' older packages that moved.
_MOVED = {"engine": "models", "legacy": "layers", "dtype_policies": "config"}


def keras_name(cls: type) -> tuple[str, str] | None:
    """Return (Keras' module, class name) of a public class of ours, or None."""
    if not cls.__module__.startswith("fncompile."):
        return None
    for ours, keras in _KERAS_MODULE.items():
        name = _name_in(ours, cls) if _in_room(cls, ours) else None
        if name is not None:
            return _SPECIAL.get(name, keras), name
    return None


def _name_in(room: str, cls: type) -> str | None:
    """The name that a room has for a class: its own, or, where Keras' differs, the one exported."""
    module = _module(room)
    if getattr(module, cls.__name__, None) is cls:
        return cls.__name__
    return next((name for name in module.__all__ if getattr(module, name) is cls), None)


def find_class(module: str | None, name: str) -> type | None:
    """Return our public class that a file calls `module`.`name`, or None.

    Without a module, as in `.h5` files, every room is searched.
    """
    rooms = _KERAS_MODULE if module is None else _rooms(module)
    for room in rooms:
        found = _public(room, name)
        if inspect.isclass(found) and hasattr(found, "from_config"):
            return found
    return None


def find_function(name: str) -> Any:
    """Return our activation, loss or metric function of that name, or None."""
    for room in _FUNCTION_MODULES:
        found = _public(room, name)
        if inspect.isfunction(found):
            return found
    return None


def _in_room(cls: type, room: str) -> bool:
    return f"{cls.__module__}.".startswith(f"fncompile.{room.split('.')[1]}")


def _rooms(module: str) -> list[str]:
    """Return our modules for one of Keras: "keras.src.layers.core.dense" is in fncompile.layers."""
    parts = [part for part in module.split(".") if part not in ("tensorflow", "python", "src")]
    if not parts or parts[0] not in ("keras", "tf_keras"):
        return []
    if len(parts) == 1:
        return ["fncompile.models", "fncompile.layers", "fncompile.config"]
    room = "fncompile." + _MOVED.get(parts[1], parts[1])
    return [known for known in _KERAS_MODULE if f"{known}.".startswith(f"{room}.")]


def _public(room: str, name: str) -> Any:
    """Return the attribute `name` of a room if it is public and of our making."""
    found = None if name.startswith("_") else getattr(_module(room), name, None)
    origin = getattr(found, "__module__", None)
    return found if isinstance(origin, str) and origin.startswith("fncompile.") else None


def _module(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and name.startswith(error.name):
            return None
        raise
