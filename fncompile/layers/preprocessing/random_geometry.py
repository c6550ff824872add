"""Images turned, moved, enlarged, flipped and cut by chance."""

from __future__ import annotations

import math
from typing import Any

from fncompile import ops, random
from fncompile.layers.preprocessing.boxes_beside import along, resized
from fncompile.layers.preprocessing.random_images import MovingImages, checked_range


class RandomFlip(MovingImages):
    """In training, each image is flipped with probability 1/2, for each direction by itself.

    `mode`: "horizontal", "vertical" or "horizontal_and_vertical"; ValueError for others.

    >>> flip = layers.RandomFlip("horizontal", seed=1)
    >>> flip(np.array([[[[1.0], [2.0]]]]), training=False).ravel()
    array([1., 2.], dtype=float32)
    """

    fields = ("seed", "mode", "data_format")
    _axes = {"horizontal": (2,), "vertical": (1,), "horizontal_and_vertical": (2, 1)}

    def __init__(
        self,
        mode: str = "horizontal_and_vertical",
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        if mode not in self._axes:
            raise ValueError(
                f"`mode` must be one of {', '.join(map(repr, self._axes))}. Received: mode={mode!r}"
            )
        self.mode = mode
        self._start(seed, data_format)

    def _drawn(self, images: Any) -> dict[str, Any]:
        axes = self._axes[self.mode]
        flips = [self._uniform(images, 0.0, 1.0) < 0.5 for _ in axes]
        return {"flips": ops.concatenate(flips, axis=-1)}

    def _flips(self, drawn: dict[str, Any]) -> list[tuple[int, Any]]:
        """Axes, and which images are flipped along each: (batch,)."""
        flips = ops.reshape(drawn["flips"], (-1, ops.shape(drawn["flips"])[-1]))
        axes = self._axes[self.mode]
        return [(axis, flips[:, min(k, flips.shape[1] - 1)]) for k, axis in enumerate(axes)]

    def _moved(self, images: Any, drawn: dict[str, Any], interpolation: str | None) -> Any:
        for axis, chosen in self._flips(drawn):
            chosen = ops.reshape(chosen, (-1, 1, 1, 1))
            images = ops.where(chosen, ops.flip(images, axis), images)
        return images

    def _reads(self, drawn: dict[str, Any], height: Any, width: Any) -> tuple[Any, ...]:
        chosen = {axis: ops.cast(flips, "float32") for axis, flips in self._flips(drawn)}
        down, right = (
            (1.0 - 2.0 * chosen.get(axis, 0.0), chosen.get(axis, 0.0) * (size - 1))
            for axis, size in ((1, height), (2, width))
        )
        return right[0], 0.0, right[1], 0.0, down[0], down[1], 0.0, 0.0, 1.0


class RandomCrop(MovingImages):
    """In training, a piece of each batch of images at a place of chance, `height` by `width`;
    otherwise their middle, in the size that fits.

    Images that are smaller are enlarged. Their size has to be known.

    >>> layers.RandomCrop(2, 3, seed=1)(np.ones((1, 8, 8, 1))).shape
    (1, 2, 3, 1)
    """

    fields = ("height", "width", "seed", "data_format")

    def __init__(
        self,
        height: int,
        width: int,
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.height = height
        self.width = width
        self._start(seed, data_format)

    _always_moves = True

    def _drawn(self, images: Any) -> dict[str, Any]:
        size, target = ops.shape(images)[1:3], (self.height, self.width)
        known = all(isinstance(d, int) for d in size)
        if not known or any(have < want for have, want in zip(size, target)):
            return {}
        ends = [have - want + 1 for have, want in zip(size, target)]
        first = [random.randint((), 0, end, seed=self.seed_generator) for end in ends]
        return {"first": first}

    def _settled(self, images: Any) -> dict[str, Any]:
        return {}

    def _moved(self, images: Any, drawn: dict[str, Any], interpolation: str | None) -> Any:
        target = self.height, self.width
        if "first" not in drawn:
            return ops.image.resize(
                images, target, interpolation or "bilinear", crop_to_aspect_ratio=True,
                data_format="channels_last",
            )  # fmt: skip
        for axis, first, want in zip((1, 2), drawn["first"], target):
            images = ops.take(images, first + ops.arange(want), axis)
        return images

    def transform_bounding_boxes(
        self, bounding_boxes: Any, transformation: Any, training: bool = True
    ) -> Any:
        """Boxes in the piece that is cut out, as far as they are in it."""
        size, target = self._size(transformation["input_shape"]), (self.height, self.width)

        def move(boxes: Any) -> Any:
            if "first" not in transformation:
                return resized(boxes, size, target, crop=True, pad=False)
            down, right = (-ops.cast(at, boxes.dtype) for at in transformation["first"])
            return along(boxes, (1.0, 1.0), (down, right))

        return self._moved_boxes(bounding_boxes, size, target, move)


class RandomTransform(MovingImages):
    """Base of layers that read each image at places of chance. `fill_mode`, `interpolation` and
    `fill_value` are those of `ops.image.affine_transform`."""

    def _moved(self, images: Any, drawn: dict[str, Any], interpolation: str | None) -> Any:
        zero = ops.zeros_like(images[:, 0, 0, 0])
        reads = self._reads(drawn, *ops.shape(images)[1:3])[:8]
        numbers = [zero + ops.reshape(ops.cast(n, zero.dtype), (-1,)) for n in reads]
        return ops.image.affine_transform(
            images, ops.stack(numbers, axis=1), interpolation or self.interpolation,
            self.fill_mode, self.fill_value, "channels_last",
        )  # fmt: skip

    def _middle(self, *size: Any) -> list[Any]:
        """The numbers of the pixels in the middle of images of this size."""
        return [ops.cast(n - 1, self.compute_dtype) / 2.0 for n in size]


class RandomRotation(RandomTransform):
    """In training, each image is turned by an angle of chance about its middle, to the left where
    positive.

    `factor`: the largest angle either way as a fraction of a whole turn, or the least and the
    largest. ValueError unless from -1 to 1.

    >>> layers.RandomRotation((0.5, 0.5))(np.array([[[1.0], [2.0]]])).round(4)
    array([[[2.],
            [1.]]], dtype=float32)
    """

    fields = ("factor", "fill_mode", "fill_value", "interpolation", "seed", "data_format")

    def __init__(
        self,
        factor: Any,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.factor = checked_range("factor", factor, -1, 1)
        self._sampling(fill_mode, interpolation, fill_value)
        self._start(seed, data_format)

    def _drawn(self, images: Any) -> dict[str, Any]:
        return {"angle": self._uniform(images, *(2 * math.pi * f for f in self.factor))}

    def _reads(self, drawn: dict[str, Any], height: Any, width: Any) -> tuple[Any, ...]:
        cos, sin = ops.cos(drawn["angle"]), ops.sin(drawn["angle"])
        x, y = self._middle(width, height)
        right, down = x - cos * x + sin * y, y - sin * x - cos * y
        return cos, -sin, right, sin, cos, down, 0.0, 0.0, 1.0


class RandomTranslation(RandomTransform):
    """In training, each image is moved by a distance of chance: down and to the right where
    positive.

    `height_factor`, `width_factor`: the largest distance either way as a fraction of the image, or
    the least and the largest. ValueError unless from -1 to 1.

    >>> layers.RandomTranslation(0.0, (0.5, 0.5), "constant")(np.array([[[1.0], [2.0]]]))
    array([[[0.],
            [1.]]], dtype=float32)
    """

    fields = (
        "height_factor", "width_factor", "fill_mode", "interpolation", "seed", "fill_value",
        "data_format",
    )  # fmt: skip

    def __init__(
        self,
        height_factor: Any,
        width_factor: Any,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.height_factor = height_factor
        self.width_factor = width_factor
        self._down = checked_range("height_factor", height_factor, -1, 1)
        self._right = checked_range("width_factor", width_factor, -1, 1)
        self._sampling(fill_mode, interpolation, fill_value)
        self._start(seed, data_format)

    def _drawn(self, images: Any) -> dict[str, Any]:
        _, height, width, _ = ops.shape(images)
        down = self._uniform(images, *self._down) * ops.cast(height, self.compute_dtype)
        right = self._uniform(images, *self._right) * ops.cast(width, self.compute_dtype)
        both = [ops.reshape(n, (-1, 1)) for n in (right, down)]
        return {"translations": ops.concatenate(both, axis=1)}

    def _reads(self, drawn: dict[str, Any], height: Any, width: Any) -> tuple[Any, ...]:
        right, down = drawn["translations"][:, 0], drawn["translations"][:, 1]
        return 1.0, 0.0, -right, 0.0, 1.0, -down, 0.0, 0.0, 1.0


class RandomZoom(RandomTransform):
    """In training, each image is enlarged or made smaller about its middle by a factor of chance:
    smaller where positive.

    `height_factor`: the largest change either way as a fraction, or the least and the largest;
    `width_factor`: the same of the width, or None to keep proportions. ValueError unless above -1
    and up to 1.

    >>> x = np.arange(9.0).reshape(3, 3, 1)
    >>> layers.RandomZoom((-0.5, -0.5))(x)[:, :, 0]
    array([[2. , 2.5, 3. ],
           [3.5, 4. , 4.5],
           [5. , 5.5, 6. ]], dtype=float32)
    """

    fields = (
        "height_factor", "width_factor", "fill_mode", "interpolation", "seed", "fill_value",
        "data_format",
    )  # fmt: skip

    def __init__(
        self,
        height_factor: Any,
        width_factor: Any = None,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.height_factor = height_factor
        self.width_factor = width_factor
        self._tall = checked_range("height_factor", height_factor, -1, 1)
        wide = height_factor if width_factor is None else width_factor
        self._wide = checked_range("width_factor", wide, -1, 1)
        self._sampling(fill_mode, interpolation, fill_value)
        self._start(seed, data_format)

    def _drawn(self, images: Any) -> dict[str, Any]:
        tall = 1.0 + self._uniform(images, *self._tall)
        wide = tall if self.width_factor is None else 1.0 + self._uniform(images, *self._wide)
        return {"height_zoom": tall, "width_zoom": wide}

    def _reads(self, drawn: dict[str, Any], height: Any, width: Any) -> tuple[Any, ...]:
        tall, wide = drawn["height_zoom"], drawn["width_zoom"]
        x, y = self._middle(width, height)
        return wide, 0.0, x - wide * x, 0.0, tall, y - tall * y, 0.0, 0.0, 1.0
