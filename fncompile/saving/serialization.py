"""Objects as plain JSON data and back, in Keras 3's form.

An object becomes {"module", "class_name", "config", "registered_name"}, with "build_config" and
"compile_config" where it has them; an object met twice inside a sharing scope carries the same
"shared_object_id" both times and comes back as one object. Nothing named in a config is imported
or run: see `registry` and `public_names` for what a name can reach, `lambdas` for the exception.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import numpy as np

from . import lambdas, public_names, registry

_PLAIN = (str, int, float, type(None))
_safe_mode: ContextVar[bool | None] = ContextVar("safe_mode", default=None)
_written: ContextVar[dict[int, tuple[int, Any, dict]] | None] = ContextVar("written", default=None)
_read: ContextVar[dict[Any, Any] | None] = ContextVar("read", default=None)


@dataclass(frozen=True)
class TensorReference:
    """A symbolic tensor as a file tells it; `keras_history` is [operation, call, output]."""

    shape: tuple[int | None, ...]
    dtype: str
    keras_history: tuple[str, int, int] | None


class _Serialized(dict):
    """A config that is done; it stays the same dict, so that a later mark on it is not lost."""


@contextmanager
def safe_mode_scope(safe_mode: bool | None) -> Iterator[None]:
    """Objects deserialized inside follow this safe mode, whatever they are told."""
    token = _safe_mode.set(safe_mode)
    try:
        yield
    finally:
        _safe_mode.reset(token)


def in_safe_mode() -> bool:
    """Whether code in files is refused; true unless a scope or the user said otherwise."""
    return _safe_mode.get() is not False


def enable_unsafe_deserialization() -> None:
    """Allow lambdas in files from now on (`config.enable_unsafe_deserialization`)."""
    _safe_mode.set(False)


@contextmanager
def object_sharing_scope() -> Iterator[None]:
    """Inside, objects written twice are marked, and objects marked so are read once."""
    tokens = _written.set({}), _read.set({})
    try:
        yield
    finally:
        _written.reset(tokens[0])
        _read.reset(tokens[1])


def serialize_keras_object(obj: Any) -> Any:
    """Return `obj` as data for JSON.

    Takes None, numbers, strings, lists, tuples, dicts, bytes, slices, Ellipsis, arrays, symbolic
    tensors, functions, and anything with `get_config`. Raises TypeError for anything else.
    """
    if isinstance(obj, (*_PLAIN, _Serialized)):
        return obj
    if isinstance(obj, (list, tuple)):
        return [serialize_keras_object(item) for item in obj]
    if isinstance(obj, dict):
        return serialize_dict(obj)
    for kind, encode in _LEAF_ENCODERS:
        if isinstance(obj, kind):
            return encode(obj)
    if hasattr(obj, "_keras_history"):
        return _leaf("__keras_tensor__", **_symbolic_config(obj))
    if hasattr(obj, "_storage"):  # a Variable, by value
        return _leaf("__tensor__", value=np.asarray(obj).tolist(), dtype=obj.dtype)
    return _serialize_instance(obj)


def serialize_dict(mapping: Mapping[str, Any]) -> dict[str, Any]:
    return {key: serialize_keras_object(value) for key, value in mapping.items()}


def _leaf(class_name: str, **config: Any) -> dict[str, Any]:
    return {"class_name": class_name, "config": config}


def _symbolic_config(tensor: Any) -> dict[str, Any]:
    history = tensor._keras_history
    where = None if history is None else [history[0].name, *history[1:]]
    return {"shape": list(tensor.shape), "dtype": tensor.dtype, "keras_history": where}


def _serialize_array(array: np.ndarray) -> Any:
    if array.ndim == 0:
        return array.item()
    return _leaf("__numpy__", value=array.tolist(), dtype=array.dtype.name)


def _serialize_slice(obj: slice) -> dict[str, Any]:
    return _leaf("__slice__", **serialize_dict({"start": obj.start, "stop": obj.stop, "step": obj.step}))


def _serialize_function(function: types.FunctionType) -> dict[str, Any]:
    if lambdas.is_lambda(function):
        return _leaf("__lambda__", value=serialize_keras_object(lambdas.dump_lambda(function)))
    return {
        "module": "builtins",
        "class_name": "function",
        "config": registry.get_registered_name(function),
        "registered_name": "function",
    }


_LEAF_ENCODERS: list[tuple[Any, Callable[[Any], Any]]] = [
    (np.ndarray, _serialize_array),
    (np.generic, lambda obj: obj.item()),
    (np.dtype, lambda obj: obj.name),
    (bytes, lambda obj: _leaf("__bytes__", value=obj.decode())),
    (slice, _serialize_slice),
    (type(Ellipsis), lambda obj: _leaf("__ellipsis__")),
    (types.FunctionType, _serialize_function),
]


def _serialize_instance(obj: Any) -> dict[str, Any]:
    if not hasattr(obj, "get_config"):
        raise TypeError(
            f"Cannot serialize object {obj} of type {type(obj)}. "
            "To be serializable, a class must implement the `get_config()` method."
        )
    inner = obj.get_config()
    if not isinstance(inner, dict):
        raise TypeError(
            f"The `get_config()` method of {obj} should return a dict. It returned: {inner}"
        )
    config = _Serialized(**_address(type(obj)), config=serialize_dict(inner))
    config["registered_name"] = config.pop("registered_name")  # behind "config", as in Keras
    for key in ("build_config", "compile_config"):
        extra = getattr(obj, f"get_{key}", lambda: None)()
        if extra is not None:
            config[key] = serialize_dict(extra)
    _mark_if_shared(obj, config)
    return config


def _address(cls: type) -> dict[str, Any]:
    """Return module, class name and registered name of a class, as Keras finds it."""
    public = None if cls in registry._names else public_names.keras_name(cls)
    if public is not None:
        builtin = public[0].startswith("keras.src")
        return {
            "module": public[0],
            "class_name": public[1],
            "registered_name": public[1] if builtin else None,
        }
    module = None if cls.__module__ == "__main__" else cls.__module__
    name = registry.get_registered_name(cls)
    return {"module": module, "class_name": cls.__name__, "registered_name": name}


def _mark_if_shared(obj: Any, config: _Serialized) -> None:
    written = _written.get()
    if written is None:
        return
    # Small numbers instead of addresses keep equal models equal on disk; holding the object keeps
    # its address from being used again.
    index, _, first = written.setdefault(id(obj), (len(written), obj, config))
    if first is not config:
        first["shared_object_id"] = config["shared_object_id"] = index


def deserialize_keras_object(
    config: Any,
    custom_objects: Mapping[str, Any] | None = None,
    safe_mode: bool = True,
    module_objects: Mapping[str, Any] | None = None,
) -> Any:
    """Return what `serialize_keras_object` gave `config` for.

    `module_objects` are a room's own names, for configs that are just a name. Raises TypeError
    for names that nobody knows, ValueError for lambdas in safe mode.
    """
    ambient = _safe_mode.get()
    with safe_mode_scope(safe_mode if ambient is None else ambient):
        with registry.CustomObjectScope(custom_objects):
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
        return [_deserialize(item) for item in config]
    if not isinstance(config, dict):
        return config
    if "class_name" not in config or "config" not in config:
        return {key: _deserialize(value) for key, value in config.items()}
    decode = _LEAF_DECODERS.get(config["class_name"])
    inner = config["config"] if config["config"] is not None else {}
    return decode(inner, config) if decode else _deserialize_instance(inner, config)


def _deserialize_lambda(inner: dict, config: dict) -> types.FunctionType:
    if in_safe_mode():
        raise ValueError("Requested the deserialization of a Python lambda. " + lambdas.UNSAFE)
    return lambdas.load_lambda(*inner["value"])


def _deserialize_function(name: Any, config: dict) -> Any:
    if not isinstance(name, str):
        raise TypeError(f"Expected 'config' to be the name of a function. Received: {config}")
    found = registry.get_registered_object(name)
    if found is None and _is_keras(config.get("module")):
        found = public_names.find_function(name)
    found = registry.find_unpackaged(name) if found is None else found
    if found is None:
        raise _unknown("function", name, config)
    return found


def _is_keras(module: Any) -> bool:
    return module in (None, "builtins") or str(module).split(".")[0] in ("keras", "tf_keras")


def _deserialize_tensor(inner: dict, config: dict) -> TensorReference:
    history = inner.get("keras_history")
    shape = inner.get("shape")
    return TensorReference(
        None if shape is None else tuple(shape), inner["dtype"], history and tuple(history)
    )


def _deserialize_slice(inner: dict, config: dict) -> slice:
    return slice(*(_deserialize(inner[key]) for key in ("start", "stop", "step")))


def _array(inner: dict, config: dict) -> np.ndarray:
    return np.array(inner["value"], np.dtype(inner["dtype"]))


_LEAF_DECODERS: dict[str, Callable[[Any, dict], Any]] = {
    "__keras_tensor__": _deserialize_tensor,
    "__tensor__": _array,
    "__numpy__": _array,
    "__bytes__": lambda inner, config: inner["value"].encode(),
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
    shared, key = _read.get(), config.get("shared_object_id")
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
    if found is None:
        raise _unknown("class", name, config)
    return found


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
