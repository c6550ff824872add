"""How a layer describes itself, so that an equal one can be made from the description."""

from __future__ import annotations

import copy
import functools
import inspect
from typing import TYPE_CHECKING, Any

_PLAIN = (str, int, float, bool, type(None))


_signature = functools.lru_cache(maxsize=None)(inspect.signature)


def constructor_arguments(cls: Any, args: tuple, kwargs: dict[str, Any]) -> dict[str, Any] | None:
    """The arguments of `cls(*args, **kwargs)` by name, and plain defaults; None where not all are
    plain, or some have no name."""
    signature = _signature(cls.__init__)
    try:
        bound = signature.bind(None, *args, **kwargs)
    except TypeError:  # the constructor itself will say so
        return None
    rows = list(signature.parameters.values())[1:]
    out = {p.name: p.default for p in rows if _is_plain(p.default)}
    for p in rows:
        given = bound.arguments.get(p.name, {} if p.kind is p.VAR_KEYWORD else ())
        if p.kind is p.VAR_KEYWORD:
            out.update(given)
        elif p.kind is p.VAR_POSITIONAL and given:
            return None
        elif p.name in bound.arguments:
            out[p.name] = given
    return copy.deepcopy(out) if _is_plain(out) else None


def _is_plain(value: Any) -> bool:
    """Nothing but strings, numbers and None, alone or in lists, tuples and dicts by name."""
    if isinstance(value, dict):
        return all(isinstance(k, str) and _is_plain(v) for k, v in value.items())
    if isinstance(value, (list, tuple)):
        return all(map(_is_plain, value))
    return isinstance(value, _PLAIN)


class Configurable:
    """Mixin of `Layer`: `get_config` and `from_config`, `get_build_config` and
    `build_from_config`."""

    name: str
    built: bool
    dtype_policy: Any
    _auto_config: dict[str, Any] | None
    _build_shapes: dict[str, Any] | None
    activity_regularizer: Any

    if TYPE_CHECKING:  # of the other parts of `Layer`

        @property
        def trainable(self) -> bool: ...
        def build(self, *args: Any, **kwargs: Any) -> None: ...
        def _build_with(self, shapes: dict[str, Any]) -> None: ...

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments.

        A subclass whose arguments are all plain (str, int, float, bool, None) need not override
        this; others get NotImplementedError.
        """
        if type(self).get_config is Configurable.get_config:
            return self._argument_config()
        return self._base_config()

    def _base_config(self) -> dict[str, Any]:
        """The arguments of `Layer` itself."""
        base = {"name": self.name, "trainable": self.trainable, "dtype": self.dtype_policy.name}
        if self.activity_regularizer is not None:
            from fncompile import regularizers

            base["activity_regularizer"] = regularizers.serialize(self.activity_regularizer)
        return base

    def _argument_config(self) -> dict[str, Any]:
        """Those, and the subclass's own, as far as its constructor takes them."""
        if self._auto_config is None:
            raise NotImplementedError(_not_serializable(type(self).__name__))
        base = self._base_config()
        accepted = _signature(type(self).__init__).parameters.values()
        takes_all = any(p.kind is p.VAR_KEYWORD for p in accepted)
        names = {p.name for p in accepted}
        return {k: v for k, v in {**self._auto_config, **base}.items() if takes_all or k in names}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """A new, unbuilt layer from what `get_config` gave."""
        try:
            return cls(**config)
        except Exception as error:
            raise TypeError(
                f"Error when deserializing class '{cls.__name__}' using config={config}.\n\n"
                f"Exception encountered: {error}"
            ) from error

    def get_build_config(self) -> dict[str, Any] | None:
        """The shapes that `build` was called with, or None."""
        shapes = self._build_shapes
        if shapes is None:
            return None
        if len(shapes) == 1:
            return {"input_shape": next(iter(shapes.values()))}
        return {"shapes_dict": shapes}

    def build_from_config(self, config: dict[str, Any]) -> None:
        """Build with shapes that `get_build_config` gave."""
        if not config:
            return
        if "input_shape" in config:
            self.build(as_shapes(config["input_shape"]))
        elif "shapes_dict" in config:
            self._build_with(
                {name: as_shapes(shape) for name, shape in config["shapes_dict"].items()}
            )


def as_shapes(shape: Any) -> Any:
    """Shapes that went through JSON: lists of extents become tuples again."""
    if isinstance(shape, dict):
        return {key: as_shapes(item) for key, item in shape.items()}
    if isinstance(shape, (list, tuple)):
        flat = all(d is None or isinstance(d, int) for d in shape)
        return tuple(shape) if flat else [as_shapes(item) for item in shape]
    return shape


def _not_serializable(name: str) -> str:
    return (
        f"Object {name} was created by passing non-serializable argument values in `__init__()`, "
        "or some that have no name (`*args`), "
        "and therefore the object must override `get_config()` in order to be serializable. "
        "Please implement `get_config()`, calling `super().get_config()` and adding the arguments "
        "of `__init__()` to what it gives."
    )
