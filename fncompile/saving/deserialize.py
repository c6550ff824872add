"""Objects from the plain data that `serialize` makes, or that Keras wrote.

Nothing named in the data is imported or run: `registry` and `public_names` say what a name can
reach, `lambdas` is the exception that a user must allow.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from fncompile.graph.required import required

from . import lambdas, public_names, registry, scopes


@dataclass(frozen=True)
class TensorReference:
    """A symbolic tensor as a file tells it; `keras_history` is [operation, call, output]."""

    shape: tuple[int | None, ...] | None
    dtype: str
    keras_history: tuple[str, int, int] | None


def deserialize_keras_object(
    config: Any,
    custom_objects: Mapping[str, Any] | None = None,
    safe_mode: bool = True,
    module_objects: Mapping[str, Any] | None = None,
) -> Any:
    """Return what `serialize_keras_object` gave `config` for.

    `module_objects` are a room's own names, for configs that are just a name. Raises TypeError
    for names that nobody knows, ValueError for lambdas in safe mode.

    `custom_objects`: names of the user's; `safe_mode`: whether lambdas are refused.

    >>> config = saving.serialize_keras_object(layers.ReLU(max_value=6.0))
    >>> saving.deserialize_keras_object(config).max_value
    6.0
    """
    ambient = scopes.ambient_safe_mode()
    mode = safe_mode if ambient is None else ambient
    with scopes.safe_mode_scope(mode), registry.CustomObjectScope(custom_objects):
        return _deserialize(_resolve_name(config, module_objects))


def _resolve_name(config: Any, module_objects: Mapping[str, Any] | None) -> Any:
    """Turn a bare name into the object or the config it stands for."""
    if not isinstance(config, str):
        return config
    found = registry.get_registered_object(config, None, module_objects)
    if found is None:
        return config
    return found() if isinstance(found, type) and module_objects is not None else found


def _deserialize(config: Any) -> Any:
    if isinstance(config, str):
        found = registry.get_registered_object(config)
        return config if found is None else found
    if isinstance(config, (list, tuple)):
        return (tuple if isinstance(config, tuple) else list)(map(_deserialize, config))
    if not isinstance(config, dict):
        return config
    if "class_name" not in config or "config" not in config:
        return {key: _deserialize(value) for key, value in config.items()}
    _check_keys(config)
    decode = _LEAF_DECODERS.get(config["class_name"])
    inner = config["config"] if config["config"] is not None else {}
    return decode(inner, config) if decode else _deserialize_instance(inner, config)


# What objects are looked up by, and the type of each.
_KEYS: dict[str, type | tuple[type, ...]] = {
    "class_name": str, "registered_name": str, "module": str, "shared_object_id": (int, str),
}  # fmt: skip


def _check_keys(config: dict) -> None:
    for key, kind in _KEYS.items():
        value = config.get(key)
        if value is not None and not isinstance(value, kind):
            raise TypeError(
                f"Expected {key!r} to be a name, not a {type(value).__name__}. "
                f"Full object config: {config}"
            )


def _deserialize_lambda(inner: dict, config: dict) -> types.FunctionType:
    if scopes.in_safe_mode():
        raise ValueError("Requested the deserialization of a Python lambda. " + lambdas.UNSAFE)
    return lambdas.load_lambda(*required(inner, "value", "a lambda"))


def _deserialize_function(name: Any, config: dict) -> Any:
    if not isinstance(name, str):
        raise TypeError(
            f"Expected 'config' to be a non-null str, the name of a function. Received: {config}"
        )
    found = registry.get_registered_object(name)
    if found is None and _is_keras(config.get("module")):
        found = public_names.find_function(name)
        _check_not_registered(found, name, config)
    found = registry.find_unpackaged(name) if found is None else found
    if found is None:
        raise _unknown("function", name, config)
    return found


def _is_keras(module: Any) -> bool:
    return module in (None, "builtins") or str(module).split(".")[0] in ("keras", "tf_keras")


def _deserialize_tensor(inner: dict, config: dict) -> TensorReference:
    history = inner.get("keras_history")
    shape, dtype = inner.get("shape"), required(inner, "dtype", "a tensor")
    return TensorReference(
        None if shape is None else tuple(shape), dtype, history and tuple(history)
    )


def _deserialize_slice(inner: dict, config: dict) -> slice:
    ends = (required(inner, key, "a slice") for key in ("start", "stop", "step"))
    return slice(*map(_deserialize, ends))


def _array(inner: dict, config: dict) -> np.ndarray:
    value, dtype = (required(inner, key, "an array") for key in ("value", "dtype"))
    return np.array(value, np.dtype(dtype))


_LEAF_DECODERS: dict[str, Callable[[Any, dict], Any]] = {
    "__keras_tensor__": _deserialize_tensor,
    "__tensor__": _array,
    "__numpy__": _array,
    "__bytes__": lambda inner, config: required(inner, "value", "bytes").encode(),
    "__ellipsis__": lambda inner, config: Ellipsis,
    "__slice__": _deserialize_slice,
    "__lambda__": _deserialize_lambda,
    "function": _deserialize_function,
}


def _deserialize_instance(inner: Any, config: dict) -> Any:
    if not isinstance(inner, dict):
        raise TypeError(
            f"Expected 'config' to be a dict for {config['class_name']}, instead got "
            f"{type(inner)}. Full config: {config}"
        )
    shared, key = scopes.read.get(), config.get("shared_object_id")
    if shared is not None and key in shared:
        return shared[key]
    instance = _build(_find_class(config), inner, config)
    if shared is not None and key is not None:
        shared[key] = instance
    return instance


def _find_class(config: dict) -> Any:
    name, module = config["class_name"], config.get("module")
    registered = config.get("registered_name") or name
    found = registry.get_registered_object(registered) or registry.get_registered_object(name)
    if found is None and isinstance(name, str) and ("module" not in config or _is_keras(module)):
        found = public_names.find_class(module, name)
        _check_not_registered(found, name, config)
    if found is None:
        raise _unknown("class", name, config)
    return found


def _check_not_registered(found: Any, name: str, config: dict) -> None:
    """ValueError where the config names another object than Keras' own one that was found."""
    registered = config.get("registered_name")
    if found is not None and registered not in (None, "", name, config["class_name"]):
        raise ValueError(
            f"The config names '{registered}', which nobody registered, and '{name}', which "
            "resolved to a Keras built-in. Remove `registered_name` for the latter. "
            f"Full config: {config}"
        )


def _build(cls: Any, inner: dict, config: dict) -> Any:
    if isinstance(cls, types.FunctionType):
        return cls
    if not hasattr(cls, "from_config"):
        raise TypeError(
            f"Unable to reconstruct an instance of '{config['class_name']}' because the class is "
            f"missing a `from_config()` method. Full object config: {config}"
        )
    try:
        instance = cls.from_config(dict(inner))
    except KeyError as error:  # of a user's class: those here say it themselves
        raise ValueError(
            f"The configuration of {cls.__name__} has no {error}, which its `from_config` asks "
            f"for. Full object config: {config}"
        ) from error
    except TypeError as error:
        raise TypeError(
            f"{cls} could not be deserialized properly. Please ensure that components that are "
            "Python object instances (layers, models, etc.) returned by `get_config()` are "
            "explicitly deserialized in the model's `from_config()` method."
            f"\n\nconfig={config}.\n\nException encountered: {error}"
        ) from error
    if config.get("build_config") and not getattr(instance, "built", True):
        instance.build_from_config(config["build_config"])
        instance.built = True
    if config.get("compile_config"):
        instance.compile_from_config(config["compile_config"])
    return instance


def _unknown(kind: str, name: Any, config: dict) -> TypeError:
    return TypeError(
        f"Could not locate {kind} '{name}'. Make sure custom classes and functions are decorated "
        "with `@keras.saving.register_keras_serializable()` or given in `custom_objects`. If they "
        "are already decorated, make sure they are all imported so that the decorator is run "
        f"before trying to load them. Full object config: {config}"
    )
