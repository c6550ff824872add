"""What a layer gave when it was called, and what it would give."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from fncompile.graph.call import infer_outputs, symbolic_outputs
from fncompile.graph.naming import name_scope
from fncompile.graph.nest import map_structure
from fncompile.graph.symbols import placeholders_of_shapes
from fncompile.graph.trace import placeholder, suspended
from fncompile.layers.call_spec import signature_of

if TYPE_CHECKING:
    from fncompile.layers.call_spec import CallSpec


class Inspection:
    """Mixin of `Layer`."""

    name: str
    built: bool

    if TYPE_CHECKING:  # of the other parts of `Layer`

        @property
        def dtype(self) -> str: ...
        @property
        def compute_dtype(self) -> str: ...
        def call(self, *args: Any, **kwargs: Any) -> Any: ...
        def run(self, *args: Any, **kwargs: Any) -> Any: ...
        def _build_with(self, shapes: dict[str, Any]) -> None: ...
        def _with_masks(self, inputs: Any, outputs: Any) -> Any: ...
        def _call_spec(self, args: tuple, kwargs: dict[str, Any]) -> CallSpec: ...

    def infer(self, args: tuple, kwargs: dict[str, Any], training: bool | None = None) -> Any:
        """Outputs for symbolic arguments: those that the class declares, by a `compute_output_spec`
        or `compute_output_shape` of its own, or what `call` gives."""
        if type(self).compute_output_spec is not Inspection.compute_output_spec:
            declared = self._declared_by_spec(args, kwargs)
        else:
            declared = self._declared_by_shape(args, kwargs)
        if declared is None:
            return infer_outputs(self.run, args, kwargs, training)

        def outputs(*args: Any, **kwargs: Any) -> Any:
            tensors = map_structure(lambda x: placeholder("output", x.type), declared)
            return self._with_masks(self._call_spec(args, kwargs).first, tensors)

        return infer_outputs(outputs, args, kwargs, training)

    def _declared_by_spec(self, args: tuple, kwargs: dict[str, Any]) -> Any:
        try:
            return self.compute_output_spec(*args, **kwargs)
        except NotImplementedError:  # so a class says that it cannot tell
            return None

    def _declared_by_shape(self, args: tuple, kwargs: dict[str, Any]) -> Any:
        """The outputs by the class's own `compute_output_shape`; None where it has none."""
        method = type(self).compute_output_shape
        if method is Inspection.compute_output_shape:
            return None
        shapes = self._call_spec(args, kwargs).shapes_for(method, type(self).__name__)
        return placeholders_of_shapes(self.compute_output_shape(**shapes), self.compute_dtype)

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """Symbolic outputs for symbolic inputs, without recording a call."""
        declared = self._declared_by_shape(args, kwargs)
        if declared is not None:
            return declared
        return symbolic_outputs(self.run, args, kwargs)

    def compute_output_shape(self, *shapes: Any, **named: Any) -> Any:
        """The shapes of the outputs for inputs of this shape (a nested structure of shapes), or for
        the shapes of several arguments of `call`, by position or as `<argument>_shape`.

        NotImplementedError for None, of which only a method of the class itself could tell.
        """
        names = signature_of(type(self).call).names or ["input"]
        given = dict(zip((f"{name}_shape" for name in names), shapes, strict=False)) | named
        given = {name: shape for name, shape in given.items() if shape is not None}
        if not given:
            raise NotImplementedError(
                f"Layer {type(self).__name__} does not have a `compute_output_shape` method "
                "implemented, and its `call` cannot tell the outputs of no shape."
            )
        layer = self
        if not self.built:  # shapes follow from weights, so a copy gets some
            layer = copy.deepcopy(self)
            layer._build_with(given)
        return map_structure(lambda x: x.shape, layer._trace_on(given))

    def _trace_on(self, shapes: dict[str, Any]) -> Any:
        """The outputs for `<argument>_shape`s; one alone may have any name."""
        if len(shapes) == 1:
            return self._trace_on_shapes(*shapes.values())
        return self._trace_on_shapes(
            **{name.removesuffix("_shape"): shape for name, shape in shapes.items()}
        )

    def _trace_on_shapes(self, *shapes: Any, **named: Any) -> Any:
        """The outputs of `call` on placeholders of these shapes, given by position or argument
        name."""
        dtype = self.compute_dtype
        args = tuple(placeholders_of_shapes(shape, dtype) for shape in shapes)
        kwargs = {name: placeholders_of_shapes(shape, dtype) for name, shape in named.items()}
        with suspended(), name_scope(self.name, self):
            return infer_outputs(self.run, args, kwargs)
