"""Images brought to one size."""

from __future__ import annotations

from typing import Any

from fncompile import ops
from fncompile.layers.arguments import checked_data_format
from fncompile.layers.layout import image_axes
from fncompile.layers.preprocessing.boxes_beside import TakesBoxes, along, resized
from fncompile.ops.axes import display, is_static


class ResizedImages(TakesBoxes):
    """Base of layers that give images another size, `height` by `width`; what a dict has beside
    `images` goes with them: `bounding_boxes` and `segmentation_masks`, whose numbers stay."""

    height: int
    width: int
    data_format: str

    def call(self, data: Any) -> Any:
        if not isinstance(data, dict):
            return self._resized(data, None)
        if "images" not in data:
            raise ValueError(
                f"Layer '{self.name}' takes images, or a dict of `images` and what belongs to "
                f"them. Received: a dict of {sorted(data)}"
            )
        found = {**data, "images": self._resized(data["images"], None)}
        if "segmentation_masks" in data:
            found["segmentation_masks"] = self._resized(data["segmentation_masks"], "nearest")
        if "bounding_boxes" in data:
            size = self._size(data["images"])
            found["bounding_boxes"] = self._moved_boxes(
                data["bounding_boxes"], size, (self.height, self.width),
                lambda boxes: self._resized_boxes(boxes, size),
            )  # fmt: skip
        return found

    def _size(self, images: Any) -> tuple[Any, Any]:
        """Height and width; ValueError where they are not known."""
        shape = ops.shape(images)
        high, wide = image_axes(len(shape), self.data_format)
        size = shape[high], shape[wide]
        if not is_static(size):
            raise ValueError(
                f"Layer '{self.name}' has to know height and width of its images. Give Input a "
                f"shape without None. Received: data.shape={display(shape)}"
            )
        return size

    def _resized(self, images: Any, interpolation: str | None) -> Any:
        """Images; `interpolation` in place of the layer's."""
        raise NotImplementedError

    def _resized_boxes(self, boxes: Any, size: tuple[Any, Any]) -> Any:
        """Boxes (batch, N, 4) of the format xyxy of images of this size."""
        raise NotImplementedError


class Resizing(ResizedImages):
    """Images in the size (`height`, `width`), in the layer's float type.

    Takes (batch, height, width, channels) or one image (height, width, channels); with
    `data_format` "channels_first" the channels come before the height. `interpolation`,
    `crop_to_aspect_ratio`, `pad_to_aspect_ratio`, `fill_mode`, `fill_value` and `antialias` are
    those of `ops.image.resize`. ValueError for other values. In a dict, `bounding_boxes` of the
    format `bounding_box_format` and `segmentation_masks` go with `images`.

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

    def _resized(self, images: Any, interpolation: str | None) -> Any:
        return ops.image.resize(
            ops.cast(images, self.compute_dtype),
            (self.height, self.width),
            interpolation or self.interpolation,
            self.antialias,
            self.crop_to_aspect_ratio,
            self.pad_to_aspect_ratio,
            self.fill_mode,
            self.fill_value,
            self.data_format,
        )

    def _resized_boxes(self, boxes: Any, size: tuple[Any, Any]) -> Any:
        target = self.height, self.width
        return resized(boxes, size, target, self.crop_to_aspect_ratio, self.pad_to_aspect_ratio)


class CenterCrop(ResizedImages):
    """The middle of images, `height` by `width`, in the layer's float type.

    Images that are smaller are enlarged first, as little as it takes. Takes
    (batch, height, width, channels) or one image (height, width, channels); with `data_format`
    "channels_first" the channels come before the height. ValueError for images of another rank, and
    where their size is not known. In a dict, `bounding_boxes` of the format `bounding_box_format`
    and `segmentation_masks` go with `images`.

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

    def _resized(self, images: Any, interpolation: str | None) -> Any:
        x = ops.cast(images, self.compute_dtype)
        shape, target = ops.shape(x), (self.height, self.width)
        if len(shape) not in (3, 4):
            raise ValueError(
                "Expected image tensor to have rank 3 (single image) or 4 (batch of images). "
                f"Received: data.shape={display(shape)}"
            )
        size = self._size(x)
        if any(have < want for have, want in zip(size, target)):
            return ops.image.resize(
                x, target, interpolation or "bilinear", crop_to_aspect_ratio=True,
                data_format=self.data_format,
            )  # fmt: skip
        start, extents = [0] * len(shape), list(shape)
        for axis, have, want in zip(image_axes(len(shape), self.data_format), size, target):
            start[axis], extents[axis] = (have - want) // 2, want
        return ops.slice(x, start, extents)

    def _resized_boxes(self, boxes: Any, size: tuple[Any, Any]) -> Any:
        target = self.height, self.width
        if any(have < want for have, want in zip(size, target)):
            return resized(boxes, size, target, crop=True, pad=False)
        down, right = (-((have - want) // 2) for have, want in zip(size, target))
        return along(boxes, (1, 1), (down, right))
