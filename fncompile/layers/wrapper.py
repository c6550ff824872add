"""Layers around another layer."""

from __future__ import annotations

from typing import Any

from fncompile.graph.required import required
from fncompile.layers.base import Layer
from fncompile.saving.serialization import deserialize_keras_object, serialize_keras_object


class Wrapper(Layer):
    """Base of layers that hold another one, as `layer`, and say otherwise how it is called.

    `layer`: any layer; ValueError for anything else.

    >>> layers.Wrapper(layers.Dense(2)).layer.units
    2
    """

    def __init__(self, layer: Layer, **kwargs: Any):
        if not isinstance(layer, Layer):
            raise ValueError(
                f"Layer {layer} supplied to Wrapper isn't a supported layer type. Please ensure "
                "wrapped layer is a valid Keras layer."
            )
        super().__init__(**kwargs)
        self.layer = layer

    def build(self, input_shape: Any = None) -> None:
        if not self.layer.built:
            self.layer.build(input_shape)
            self.layer.built = True

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, ready for JSON."""
        return {**self._base_config(), "layer": serialize_keras_object(self.layer)}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Any:
        """A new layer from what `get_config` gave."""
        layer = required(config, "layer", cls.__name__)
        layer = deserialize_keras_object(layer, custom_objects=custom_objects)
        return super().from_config({**config, "layer": layer})
