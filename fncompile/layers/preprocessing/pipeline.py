"""Layers one after another, as one layer."""

from __future__ import annotations

from typing import Any

from fncompile.layers.base import Layer
from fncompile.layers.call_spec import masks_of, signature_of
from fncompile.saving.serialization import deserialize_keras_object, serialize_keras_object


class Pipeline(Layer):
    """`layers` applied in order, such as those that change images; a call by itself counts as
    training, unless it says `training=False`. `name` as for a layer.

    >>> layers.Pipeline([layers.Rescaling(2.0), layers.Rescaling(1.0, 1.0)])(np.ones(2))
    array([3., 3.], dtype=float32)
    """

    def __init__(self, layers: Any, name: str | None = None, **kwargs: Any):
        super().__init__(name=name, **kwargs)
        self._pipeline_layers = list(layers)

    @property
    def layers(self) -> list[Layer]:
        """The layers, in order."""
        return self._pipeline_layers

    def call(self, inputs: Any, training: bool = True, mask: Any = None) -> Any:
        for layer in self._pipeline_layers:
            takes = signature_of(type(layer).call).names
            given = {"training": training, "mask": mask}
            inputs = layer(inputs, **{k: v for k, v in given.items() if k in takes})
            mask = masks_of(inputs)
        return inputs

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, ready for JSON."""
        return {
            **self._base_config(),
            "layers": [serialize_keras_object(layer) for layer in self._pipeline_layers],
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """A layer from what `get_config` gave; ValueError without a list of layers."""
        layers = config.get("layers")
        if not isinstance(layers, (list, tuple)):
            raise ValueError(
                "`Pipeline` config must contain a `layers` key mapping to a list of serialized "
                f"layers. Received config with layers={layers}."
            )
        return cls(**{**config, "layers": [deserialize_keras_object(row) for row in layers]})
