"""Images turned, moved, enlarged, flipped and cut by chance."""

from __future__ import annotations

import math
from typing import Any

from fncompile import ops, random
from fncompile.layers.preprocessing.random_images import RandomImages, checked_range
from fncompile.ops.image.affine import check_sampling


class RandomFlip(RandomImages):
    """In training, each image is flipped with probability 1/2, for each direction by itself.

    `mode`: "horizontal", "vertical" or "horizontal_and_vertical"; ValueError for others.

    >>> flip = layers.RandomFlip("horizontal", seed=1)
    >>> flip(np.array([[[[1.0], [2.0]]]]), training=False).ravel()
    array([1., 2.], dtype=float32)
    """

    fields = ("seed", "mode", "data_format")
    _moves_pixels = True
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

    def _changed(self, images: Any) -> Any:
        for axis in self._axes[self.mode]:
            chosen = self._uniform(images, 0.0, 1.0) < 0.5
            images = ops.where(chosen, ops.flip(images, axis), images)
        return images


class RandomCrop(RandomImages):
    """In training, a piece of each batch of images at a place of chance, `height` by `width`;
    otherwise their middle, in the size that fits.

    Images that are smaller are enlarged. Their size has to be known.

    >>> layers.RandomCrop(2, 3, seed=1)(np.ones((1, 8, 8, 1))).shape
    (1, 2, 3, 1)
    """

    fields = ("height", "width", "seed", "data_format")
    _moves_pixels = True

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

    def _changed(self, images: Any) -> Any:
        size, target = ops.shape(images)[1:3], (self.height, self.width)
        known = all(isinstance(d, int) for d in size)
        if not known or any(have < want for have, want in zip(size, target)):
            return self._unchanged(images)
        for axis, have, want in zip((1, 2), size, target):
            first = random.randint((), 0, have - want + 1, seed=self.seed_generator)
            images = ops.take(images, first + ops.arange(want), axis)
        return images

    def _unchanged(self, images: Any) -> Any:
        return ops.image.resize(
            images, (self.height, self.width), crop_to_aspect_ratio=True,
            data_format="channels_last",
        )  # fmt: skip


class RandomTransform(RandomImages):
    """Base of layers that read each image at places of chance. `fill_mode`, `interpolation` and
    `fill_value` are those of `ops.image.affine_transform`."""

    _moves_pixels = True

    def _sampling(self, fill_mode: str, interpolation: str, fill_value: float) -> None:
        check_sampling(interpolation, fill_mode)
        self.fill_mode = fill_mode
        self.interpolation = interpolation
        self.fill_value = fill_value

    def _read(self, images: Any, *rows: Any) -> Any:
        """Images whose pixel (x, y, 1) is the input's at the products with two rows of a matrix;
        their elements are numbers, or one for each image."""
        zero = ops.zeros_like(images[:, 0, 0, 0])
        numbers = [zero + ops.reshape(n, (-1,)) for row in rows for n in row]
        transform = ops.stack([*numbers, zero, zero], axis=1)
        return ops.image.affine_transform(
            images, transform, self.interpolation, self.fill_mode, self.fill_value, "channels_last"
        )


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

    def _changed(self, images: Any) -> Any:
        angle = self._uniform(images, *(2 * math.pi * f for f in self.factor))
        cos, sin = ops.cos(angle), ops.sin(angle)
        _, height, width, _ = ops.shape(images)
        x, y = (ops.cast(n - 1, self.compute_dtype) / 2.0 for n in (width, height))
        return self._read(
            images, (cos, -sin, x - cos * x + sin * y), (sin, cos, y - sin * x - cos * y)
        )


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

    def _changed(self, images: Any) -> Any:
        _, height, width, _ = ops.shape(images)
        down = self._uniform(images, *self._down) * ops.cast(height, self.compute_dtype)
        right = self._uniform(images, *self._right) * ops.cast(width, self.compute_dtype)
        return self._read(images, (1.0, 0.0, -right), (0.0, 1.0, -down))


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

    def _changed(self, images: Any) -> Any:
        tall = 1.0 + self._uniform(images, *self._tall)
        wide = tall if self.width_factor is None else 1.0 + self._uniform(images, *self._wide)
        _, height, width, _ = ops.shape(images)
        x, y = (ops.cast(n - 1, self.compute_dtype) / 2.0 for n in (width, height))
        return self._read(images, (wide, 0.0, x - wide * x), (0.0, tall, y - tall * y))
