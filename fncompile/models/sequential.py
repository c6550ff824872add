"""`Sequential`: a plain stack of layers, built when its input shape is known."""

from __future__ import annotations

import inspect
from typing import Any

from fncompile.caller import warn_caller
from fncompile.config import floatx
from fncompile.graph.dag import Dag
from fncompile.graph.nest import map_structure
from fncompile.graph.symbols import is_shape, placeholders_of_shapes
from fncompile.graph.tensor import KerasTensor, Tensor
from fncompile.layers.base import Layer
from fncompile.layers.configurable import as_shapes
from fncompile.layers.input import Input, InputLayer
from fncompile.layers.input_spec import check_inputs
from fncompile.models.functional import Functional
from fncompile.models.graph_model import GraphModel
from fncompile.models.model import Model


class Sequential(GraphModel):
    """Layers applied one after another.

    Built at once where the stack begins with an `Input`, a layer with `input_shape`, or a model;
    otherwise at the first call or `build(input_shape)`. Raises ValueError for what is not a layer
    and for names used twice.

    `layers`: a list of them, or None; `name` and `trainable` as for a layer.

    >>> model = fncompile.Sequential([fncompile.Input((4,)), layers.Dense(2)])
    >>> model.add(layers.Dense(3))
    >>> model.output_shape
    (None, 3)
    """

    _not_state = GraphModel._not_state | {"_functional", "_open_for"}

    def __init__(
        self, layers: Any = None, trainable: bool = True, name: str | None = None, **kwargs: Any
    ):
        Layer.__init__(self, trainable=trainable, name=name, **kwargs)
        self._functional: Functional | None = None
        self._stack: list[Layer] = []
        for layer in (
            [] if layers is None else layers if isinstance(layers, (list, tuple)) else [layers]
        ):
            self._append(layer)
        self._rebuild()

    # the stack ------------------------------------------------------------------------------------

    def add(self, layer: Any) -> None:
        """Put a layer, or an `Input`, on top."""
        self._append(layer)
        self._rebuild()

    def pop(self, rebuild: bool = True) -> Layer:
        """Take the top layer off and return it."""
        layer = self._stack.pop()
        self._functional, self._plan, self.built = None, None, False
        if rebuild:
            self._rebuild()
        return layer

    @property
    def layers(self) -> list[Layer]:
        """The layers, without the InputLayer."""
        return [layer for layer in self._stack if not isinstance(layer, InputLayer)]

    @layers.setter
    def layers(self, _: Any) -> None:
        raise AttributeError(
            "`Sequential.layers` attribute is reserved and should not be used. Use `add()` and "
            "`pop()`."
        )

    def _sublayers(self) -> list[Layer]:
        return list(self._stack)

    def _append(self, layer: Any) -> None:
        if isinstance(layer, KerasTensor) and layer._keras_history is not None:
            layer = layer._keras_history.operation
        if not isinstance(layer, Layer):
            raise ValueError(
                "Only instances of `keras.Layer` can be added to a Sequential model. Received: "
                f"{layer} (of type {type(layer)})"
            )
        self._begin_with(layer)
        if any(known.name == layer.name for known in self._stack):
            raise ValueError(
                "All layers added to a Sequential model should have unique names. Name "
                f"'{layer.name}' is already the name of a layer in this model. Update the `name` "
                "argument to pass a unique name."
            )
        if isinstance(layer, InputLayer):
            self._stack.insert(0, layer)
        else:
            self._stack.append(layer)
        self.built = False

    def _begin_with(self, layer: Layer) -> None:
        """Check a new InputLayer, or make the one that a first layer's `input_shape` asks for."""
        if isinstance(layer, InputLayer) and self._stack and isinstance(self._stack[0], InputLayer):
            raise ValueError(
                f"Sequential model '{self.name}' has already been configured to use input shape "
                f"{self._stack[0].batch_shape}. You cannot add a different Input layer to it."
            )
        if isinstance(layer, InputLayer) and self.layers:
            raise ValueError(
                f"An Input can only be the first in a Sequential model. '{self.name}' has layers "
                f"already: {[known.name for known in self.layers]}."
            )
        if not self._stack and layer._input_shape_argument is not None:
            warn_caller(
                "Do not pass an `input_shape`/`input_dim` argument to a layer. When using "
                "Sequential models, "
                "prefer using an `Input(shape)` object as the first layer in the model instead.",
            )
            self._stack.append(
                InputLayer(batch_shape=layer._input_shape_argument, dtype=_input_dtype(layer))
            )

    # building -------------------------------------------------------------------------------------

    def _rebuild(self) -> None:
        """Make the graph, where the shape of its beginning is known."""
        self._functional, self._plan = None, None
        self.built, self._locked = False, False
        self._open_for = None  # the shapes of the last inputs, of a stack without an Input
        if not self.layers:
            return
        if isinstance(self._stack[0], InputLayer):
            self.build()
        elif isinstance(self._stack[0], Model):
            shape = getattr(self._stack[0], "input_shape", None)
            if shape is not None:
                self.build(shape)

    def build(self, input_shape: Any = None) -> None:
        """Make all weights for inputs of this shape, batch axis included; for a first layer that
        takes several tensors, a structure of shapes."""
        if not self._stack:
            raise ValueError(
                f"Sequential model {self.name} cannot be built because it has no layers. Call "
                "`model.add(layer)`."
            )
        if isinstance(self._stack[0], InputLayer):
            self._check_shape(input_shape)
            return self._connect(self._stack[0].output)
        if input_shape is None:
            raise ValueError(
                "You must provide an `input_shape` argument to build Sequential model "
                f"'{self.name}'."
            )
        dtype = _input_dtype(self._stack[0])
        if not is_shape(input_shape):
            return self._connect(self._inputs_of(input_shape, dtype))
        layer = InputLayer(batch_shape=input_shape, dtype=dtype)
        self._connect(layer.output)
        return self._stack.insert(0, layer)  # a stack that cannot be built so stays as it was

    def _inputs_of(self, shapes: Any, dtype: str | None) -> Any:
        """An Input for each shape of a structure, those of a dict by their keys."""
        if isinstance(shapes, dict) and all(map(is_shape, shapes.values())):
            taken = {layer.name for layer in self._stack}
            return {
                key: Input(shape[1:], dtype=dtype, name=None if key in taken else key)
                for key, shape in shapes.items()
            }
        like = placeholders_of_shapes(shapes, dtype or floatx())
        return map_structure(lambda x: Input(x.shape[1:], dtype=x.dtype), like)

    def _check_shape(self, shape: Any) -> None:
        first: Any = self._stack[0]  # an InputLayer
        own = first.batch_shape
        if shape is None or not is_shape(shape):
            return
        fits = len(shape) == len(own) and all(None in (a, b) or a == b for a, b in zip(shape, own))
        if not fits:
            raise ValueError(
                f"Sequential model '{self.name}' has already been configured to use input shape "
                f"{own}. You cannot build it with input_shape {tuple(shape)}"
            )

    def _connect(self, inputs: Any) -> None:
        """Make the graph from these symbolic inputs."""
        x = inputs
        for layer in self.layers:
            _check_takes_one(layer)
            x = layer(x)
        self._functional, self._plan = Functional(inputs, x, name=self.name), None

    def build_on(self, inputs: Any) -> None:
        """Build on tensors or arrays like these, for any batch size. A stack without an Input of
        its own takes those of another shape later too, as far as its layers do."""
        if self.built and self._open_for is None:
            return
        shapes = map_structure(_any_batch, inputs)
        if not self.built:
            self.build(shapes)
        elif shapes != self._open_for and is_shape(shapes) and self._differs(shapes):
            old = self._stack[0]
            layer = InputLayer(batch_shape=shapes, dtype=old.dtype, name=old.name)
            self._connect(layer.output)
            self._stack[0] = layer
        self._open_for = shapes

    def _differs(self, shape: tuple) -> bool:
        """Is this another shape than that of the graph, of the same rank?"""
        own = self.input_shape
        return is_shape(own) and len(shape) == len(own) and any(
            None not in (a, b) and a != b for a, b in zip(shape[1:], own[1:])
        )

    def _build_for(self, spec: Any) -> None:
        self.build_on(spec.first)

    # computation ----------------------------------------------------------------------------------

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        return self._graph("layers").call(inputs, training, mask)

    def _check_inputs(self, inputs: Any) -> None:
        if self._functional is not None:
            self.build_on(inputs)
            check_inputs(self._functional.input_spec, inputs, self.name)

    def flatten_inputs(self, inputs: Any) -> list[Any]:
        return self._graph("inputs").flatten_inputs(inputs)

    def run_graph(self, tensors: list[Tensor | None], training: bool | None = None) -> list[Tensor]:
        return self._graph("inputs").run_graph(tensors, training)

    def pack_outputs(self, flat: list[Any]) -> Any:
        return self._graph("outputs").pack_outputs(flat)

    @property
    def _input_structure(self) -> Any:
        return self._graph("inputs")._input_structure

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """None: the layers inside have put masks on what they gave."""
        return None

    # the graph, once there is one -----------------------------------------------------------------

    def as_functional(self) -> Functional:
        """The functional model of the stack. AttributeError before there is one."""
        return self._graph("graph")

    def _graph(self, what: str) -> Functional:
        if self._functional is None:
            raise AttributeError(f"Sequential model '{self.name}' has no defined {what} yet.")
        return self._functional

    @property
    def inputs(self) -> list[KerasTensor]:
        """The input tensors as a flat list."""
        return self._graph("inputs").inputs

    @property
    def outputs(self) -> list[KerasTensor]:
        """The output tensors as a flat list."""
        return self._graph("outputs").outputs

    @property
    def input(self) -> Any:
        return self._graph("inputs").input

    @property
    def output(self) -> Any:
        return self._graph("outputs").output

    @property
    def dag(self) -> Dag:
        """The calls between inputs and outputs, in order."""
        return self._graph("graph").dag

    @property
    def operations(self) -> list[Any]:
        """The layers of the graph."""
        return self._graph("operations").operations

    @property
    def input_names(self) -> list[str]:
        """The names of the inputs."""
        return self._graph("inputs").input_names

    @property
    def compiled_inputs(self) -> list[KerasTensor]:
        """What compiled code takes."""
        return self._graph("inputs").compiled_inputs

    @property
    def compiled_names(self) -> list[str]:
        """Their names."""
        return self._graph("inputs").compiled_names

    @property
    def host_part(self) -> Any:
        """What Python does before compiled code, if anything."""
        return self._graph("inputs").host_part

    @property
    def input_places(self) -> Any:
        """Where each input stands in the structure of inputs."""
        return self._graph("inputs").input_places

    @property
    def output_names(self) -> list[str]:
        """The names of the outputs."""
        return self._graph("outputs").output_names

    @property
    def input_shape(self) -> Any:
        """The shape of the input."""
        return self._graph("input shape").input_shape

    @property
    def output_shape(self) -> Any:
        """The shape of the output."""
        return self._graph("output shape").output_shape

    # description ----------------------------------------------------------------------------------

    def get_config(self) -> dict[str, Any]:
        """The layers, InputLayer included where there is one, in Keras 3's form."""
        from fncompile.saving.serialization import serialize_keras_object

        config = {"name": self.name, "trainable": self.trainable, "dtype": self.dtype_policy.name}
        config["layers"] = [serialize_keras_object(layer) for layer in self._stack]
        if self._functional is not None:
            config["build_input_shape"] = self.input_shape
        return config

    @classmethod
    def from_config(cls, config: Any, custom_objects: dict[str, Any] | None = None) -> Sequential:
        """A new model, with new weights; also from the list of layers of Keras before 2.2."""
        from fncompile.saving.registry import CustomObjectScope
        from fncompile.saving.serialization import deserialize_keras_object

        config = config if isinstance(config, dict) else {"name": None, "layers": config}
        if not {"name", "layers"} <= set(config):
            raise ValueError(
                "A Sequential model configuration must be a dictionary containing the 'name' and "
                f"'layers' keys. Received: config={config}"
            )
        for row in config["layers"]:
            if not isinstance(row, dict) or "config" not in row:
                raise ValueError(
                    "Expected a dictionary containing a 'config' key. Received as one of the "
                    f"layers: {row}"
                )
        with CustomObjectScope(custom_objects):
            layers = [deserialize_keras_object(row) for row in config["layers"]]
        model = cls(layers, name=config.get("name"))
        model.trainable = bool(config.get("trainable", True)) and model.trainable
        if model._functional is None and config.get("build_input_shape") and model.layers:
            model.build(as_shapes(config["build_input_shape"]))
        return model

    def get_build_config(self) -> dict[str, Any] | None:
        return None if self._functional is None else {"input_shape": self.input_shape}


def _any_batch(x: Any) -> tuple:
    shape = tuple(x.shape)
    return (None, *shape[1:]) if shape else shape


def _input_dtype(first: Layer) -> str | None:
    """What the layer says that it takes, by its input_spec or as one of texts; else floatx."""
    if getattr(first, "takes_text", False):
        return "string"
    return getattr(first.input_spec, "dtype", None)


def _check_takes_one(layer: Layer) -> None:
    """ValueError where `call` needs more than the output of the layer before, or cannot take it."""
    parameters = inspect.signature(layer.call).parameters.values()
    places = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    needed = [p.name for p in places if p.default is p.empty]
    if len(needed) > 1:
        raise ValueError(
            "Layers added to a Sequential model can only have a single required positional "
            f"argument, the input tensor. {type(layer).__name__}.call has {needed}"
        )
    if not places and not any(p.kind is p.VAR_POSITIONAL for p in parameters):
        raise ValueError(
            "Layers added to a Sequential model should have a single positional argument, the "
            f"input tensor. {type(layer).__name__}.call has none"
        )
