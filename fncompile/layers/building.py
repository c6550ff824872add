"""When and how `build` is called.

A `build` that a class defines runs on arrays, under the layer's name, at most once by itself; its
shapes are recorded, and after it the layer takes no more state.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from fncompile.graph.naming import current_path, name_scope
from fncompile.graph.trace import suspended
from fncompile.layers.call_spec import CallSpec, signature_of


def _managed(build: Callable[..., None]) -> Callable[..., None]:
    """`build` run on arrays under the layer's name, recording its shapes and closing the layer."""

    @functools.wraps(build)
    def wrapper(self: Building, *args: Any, **kwargs: Any) -> None:
        if self._building:  # a subclass called super().build()
            return build(self, *args, **kwargs)
        self._building = True
        try:
            with suspended(), name_scope(self.name, self):
                self.path = current_path()
                build(self, *args, **kwargs)
        finally:
            self._building = False
        return self._finish_build(signature_of(build).bind(args, kwargs))

    return wrapper


class Building:
    """Mixin of `Layer`."""

    name: str
    built: bool
    path: str
    _building: bool
    _locked: bool
    _build_shapes: dict[str, Any] | None

    if TYPE_CHECKING:  # of the other parts of `Layer`

        def _sublayers(self) -> list[Any]: ...
        def _trace_on_shapes(self, *args: Any, **kwargs: Any) -> Any: ...
        def _trace_on(self, shapes: dict[str, Any]) -> Any: ...

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "build" in cls.__dict__:
            cls.build = _managed(cls.__dict__["build"])  # type: ignore[method-assign]

    @_managed
    def build(self, input_shape: Any) -> None:
        """Make the weights. Here, for layers without `build`: let `call` make its sub-layers'
        weights, which a shape of None, for layers that need none, leaves until the first call."""
        plain = type(self).build is Building.build
        if plain and input_shape is not None and self._sublayers():
            self._trace_on_shapes(input_shape)

    def _build_for(self, spec: CallSpec) -> None:
        """Build with the shapes of this call's arguments, the first time."""
        if self.built:
            return
        if type(self).build is Building.build:  # sub-layers are built when `call` reaches them
            self._finish_build(spec.shapes())
            return
        self.build(**spec.shapes_for(type(self).build, type(self).__name__))

    def _build_with(self, shapes: dict[str, Any]) -> None:
        """Build with `<argument>_shape` for several arguments."""
        if type(self).build is Building.build:
            self._trace_on(shapes)
            self._finish_build(shapes)
        elif len(signature_of(type(self).build).names) == 1:
            self.build(next(iter(shapes.values())))
        else:
            self.build(**shapes)

    def _finish_build(self, shapes: dict[str, Any]) -> None:
        self._build_shapes = shapes
        self.built = True
        self._locked = True
