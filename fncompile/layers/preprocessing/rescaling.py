"""Numbers brought to another range."""

from __future__ import annotations

from typing import Any

from fncompile import ops
from fncompile.config import image_data_format
from fncompile.layers.standard import StandardLayer
from fncompile.saving.serialization import deserialize_keras_object, serialize_keras_object


class Rescaling(StandardLayer):
    """`inputs * scale + offset`, in the layer's float type.

    Both may be lists or arrays, which go along the last axis; with the image data format
    "channels_first", along that of the channels, the third from the end.

    `scale`, `offset`: numbers, lists or arrays. The result has the shape of the input.

    >>> layers.Rescaling(2.0, offset=-1.0)(np.array([0, 1]))
    array([-1.,  1.], dtype=float32)
    """

    fields = ("scale", "offset")

    def __init__(self, scale: Any, offset: Any = 0.0, **kwargs: Any):
        super().__init__(**kwargs)
        self.scale = scale
        self.offset = offset
        self.supports_masking = True

    def call(self, inputs: Any) -> Any:
        rank = len(inputs.shape)
        scale, offset = (self._along_channels(x, rank) for x in (self.scale, self.offset))
        return ops.cast(inputs, self.compute_dtype) * scale + offset

    def _along_channels(self, x: Any, rank: int) -> Any:
        x = ops.cast(x, self.compute_dtype)
        if len(x.shape) == 1 and rank > 2 and image_data_format() == "channels_first":
            return ops.reshape(x, (-1, 1, 1))
        return x

    def get_config(self) -> dict[str, Any]:
        own = {"scale": self.scale, "offset": self.offset}
        return {**super().get_config(), **serialize_keras_object(own)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        own = {key: deserialize_keras_object(config[key]) for key in cls.fields if key in config}
        return super().from_config({**config, **own})
