"""Images made brighter, darker, and of more or less contrast by chance."""

from __future__ import annotations

from typing import Any

from fncompile import ops
from fncompile.layers.preprocessing.random_images import RandomImages, checked_range


class RandomColor(RandomImages):
    """Base of layers whose results stay between the two numbers of `value_range`."""

    def _values(self, value_range: Any) -> None:
        if not isinstance(value_range, (tuple, list)) or len(value_range) != 2:
            raise ValueError(
                "The `value_range` argument should be a list of two numbers. "
                f"Received: value_range={value_range}"
            )
        self.value_range = value_range

    def _as_bytes(self, images: Any) -> Any:
        low, high = self.value_range
        return (images - low) * (255.0 / (high - low))

    def _from_bytes(self, images: Any) -> Any:
        low, high = self.value_range
        return images * ((high - low) / 255.0) + low


class RandomContrast(RandomColor):
    """In training, each image's distance from its mean, channel by channel, is multiplied by a
    number of chance from 1 - low to 1 + high.

    `factor`: low and high, or one number for both; `value_range`: what the numbers of images are
    between, and stay. ValueError unless the factors are from 0 to 1.

    >>> x = np.array([[[0.0], [2.0]]])
    >>> bool((abs(layers.RandomContrast(0.5, seed=1)(x).mean() - 1.0) < 0.5).all())
    True
    """

    fields = ("factor", "value_range", "seed", "data_format")

    def __init__(
        self,
        factor: Any,
        value_range: Any = (0, 255),
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.factor = checked_range("factor", factor, 0, 1, both=False)
        self._values(value_range)
        self._start(seed, data_format)

    def _changed(self, images: Any) -> Any:
        factor = self._uniform(images, 1.0 - self.factor[0], 1.0 + self.factor[1])
        mean = ops.mean(images, axis=(1, 2), keepdims=True)
        return ops.clip(mean + (images - mean) * factor, *self.value_range)


class RandomBrightness(RandomColor):
    """In training, a number of chance is added to each image.

    `factor`: the largest number either way as a fraction of `value_range`, or the least and the
    largest; `value_range`: what the numbers of images are between, and stay. ValueError unless the
    factors are from -1 to 1.

    >>> layers.RandomBrightness((0.2, 0.2))(np.array([[[0.0], [245.0]]])).round(2)
    array([[[ 51.],
            [255.]]], dtype=float32)
    """

    fields = ("factor", "value_range", "seed", "data_format")

    def __init__(
        self,
        factor: Any,
        value_range: Any = (0, 255),
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.factor = checked_range("factor", factor, -1, 1)
        self._values(value_range)
        self._start(seed, data_format)

    def _changed(self, images: Any) -> Any:
        span = self.value_range[1] - self.value_range[0]
        added = self._uniform(images, *self.factor) * span
        return ops.clip(images + added, *self.value_range)
