"""Images brought to one size."""

from __future__ import annotations

from typing import Any

from fncompile import ops
from fncompile.layers.arguments import checked_data_format
from fncompile.layers.standard import StandardLayer
from fncompile.ops.axes import display, is_static


class Resizing(StandardLayer):
    """Images in the size (`height`, `width`), in the layer's float type.

    Takes (batch, height, width, channels) or one image (height, width, channels); with
    `data_format` "channels_first" the channels come before the height. `interpolation`,
    `crop_to_aspect_ratio`, `pad_to_aspect_ratio`, `fill_mode`, `fill_value` and `antialias` are
    those of `ops.image.resize`. ValueError for other values.

    >>> layers.Resizing(2, 3)(np.ones((1, 8, 8, 1))).shape
    (1, 2, 3, 1)
    """

    fields = (
        "height", "width", "interpolation", "crop_to_aspect_ratio", "pad_to_aspect_ratio",
        "fill_mode", "fill_value", "antialias", "data_format",
    )  # fmt: skip
    _stateless = True

    def __init__(
        self,
        height: int,
        width: int,
        interpolation: str = "bilinear",
        crop_to_aspect_ratio: bool = False,
        pad_to_aspect_ratio: bool = False,
        fill_mode: str = "constant",
        fill_value: float = 0.0,
        antialias: bool = False,
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.height = height
        self.width = width
        self.interpolation = interpolation
        self.crop_to_aspect_ratio = crop_to_aspect_ratio
        self.pad_to_aspect_ratio = pad_to_aspect_ratio
        self.fill_mode = fill_mode
        self.fill_value = fill_value
        self.antialias = antialias
        self.data_format = checked_data_format(data_format)

    def call(self, data: Any) -> Any:
        return ops.image.resize(
            ops.cast(data, self.compute_dtype),
            (self.height, self.width),
            self.interpolation,
            self.antialias,
            self.crop_to_aspect_ratio,
            self.pad_to_aspect_ratio,
            self.fill_mode,
            self.fill_value,
            self.data_format,
        )


class CenterCrop(StandardLayer):
    """The middle of images, `height` by `width`, in the layer's float type.

    Images that are smaller are enlarged first, as little as it takes. Takes
    (batch, height, width, channels) or one image (height, width, channels); with `data_format`
    "channels_first" the channels come before the height. ValueError for images of another rank, and
    where their size is not known.

    >>> layers.CenterCrop(1, 2)(np.arange(12.0).reshape(1, 3, 4, 1))[0, :, :, 0]
    array([[5., 6.]], dtype=float32)
    """

    fields = ("height", "width", "data_format")
    _stateless = True

    def __init__(self, height: int, width: int, data_format: str | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.height = height
        self.width = width
        self.data_format = checked_data_format(data_format)

    def call(self, data: Any) -> Any:
        x = ops.cast(data, self.compute_dtype)
        shape, target = ops.shape(x), (self.height, self.width)
        if len(shape) not in (3, 4):
            raise ValueError(
                "Expected image tensor to have rank 3 (single image) or 4 (batch of images). "
                f"Received: data.shape={display(shape)}"
            )
        first = len(shape) - (2 if self.data_format == "channels_first" else 3)
        size = shape[first : first + 2]
        if not is_static(size):
            raise ValueError(
                f"Layer '{self.name}' has to know height and width of its images. Give Input a "
                f"shape without None. Received: data.shape={display(shape)}"
            )
        if any(have < want for have, want in zip(size, target)):
            return ops.image.resize(
                x, target, crop_to_aspect_ratio=True, data_format=self.data_format
            )
        start, extents = [0] * len(shape), list(shape)
        for axis, have, want in zip((first, first + 1), size, target):
            start[axis], extents[axis] = (have - want) // 2, want
        return ops.slice(x, start, extents)
