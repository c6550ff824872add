"""Images of other hues and more or less colour by chance."""

from __future__ import annotations

from typing import Any

from fncompile import ops
from fncompile.config import epsilon
from fncompile.layers.preprocessing.random_color import (
    RandomBrightness,
    RandomColor,
    RandomContrast,
)
from fncompile.layers.preprocessing.random_images import checked_range
from fncompile.layers.preprocessing.random_tones import RandomTones


def _colours(hue: Any, saturation: Any, value: Any) -> Any:
    parts = ops.concatenate([hue, saturation, value], axis=-1)
    return ops.image.hsv_to_rgb(parts, data_format="channels_last")


class RandomHues(RandomTones):
    """Base of layers that take images of red, green and blue."""

    def _parts(self, images: Any) -> tuple[Any, Any, Any]:
        """Hue, saturation and value, (batch, height, width, 1) each."""
        self._check_colours(images)
        found = ops.image.rgb_to_hsv(images, data_format="channels_last")
        return found[..., :1], found[..., 1:2], found[..., 2:]


class RandomHue(RandomHues):
    """In training, the hues of each image are turned by an amount of chance, either way.

    `factor`: the least and the largest amount as fractions of half a turn, or the largest;
    ValueError unless from 0 to 1. `value_range`: what the numbers of images are between, and stay.

    >>> layers.RandomHue((1.0, 1.0))(np.array([[[255.0, 0.0, 0.0]]])).round(2)
    array([[[  0., 255., 255.]]], dtype=float32)
    """

    def _changed(self, images: Any) -> Any:
        low, high = self.value_range
        hue, saturation, value = self._parts((images - low) / (high - low))
        way = ops.where(self._uniform(images, 0.0, 1.0) > 0.5, -0.5, 0.5)
        hue = hue + way * self._uniform(images, *self.factor)
        x = ops.clip(_colours(hue, saturation, value), 0.0, 1.0)
        return x * (high - low) + low


class RandomSaturation(RandomHues):
    """In training, the saturation of each image is multiplied by `f / (1 - f)` of a number `f` of
    chance: 0.5 leaves it, 0 makes the image grey.

    `factor`: the least and the largest number, or the largest either way; ValueError unless from -1
    to 1. `value_range`: what the saturation, from 0 to 1, is clipped to.

    >>> layers.RandomSaturation((0.0, 0.0))(np.array([[[200.0, 100.0, 100.0]]]))
    array([[[200., 200., 200.]]], dtype=float32)
    """

    def _checked(self, factor: Any) -> tuple[float, float]:
        return checked_range("factor", factor, -1, 1)

    def _changed(self, images: Any) -> Any:
        factor = self._uniform(images, *self.factor)
        hue, saturation, value = self._parts(images)
        more = saturation * (factor / (1.0 - factor + epsilon()))
        return _colours(hue, ops.clip(more, *sorted(self.value_range)), value)


class RandomColorJitter(RandomColor):
    """In training, brightness, contrast, saturation and hue of each image are changed by chance, in
    this order, as `RandomBrightness`, `RandomContrast`, `RandomSaturation` and `RandomHue` do.

    `brightness_factor`, `contrast_factor`, `saturation_factor`, `hue_factor`: theirs, None leaves
    one out; `value_range`: what the numbers of images are between.

    >>> layers.RandomColorJitter(brightness_factor=(0.2, 0.2))(np.zeros((1, 1, 3))).ravel()
    array([51., 51., 51.], dtype=float32)
    """

    fields = (
        "value_range", "brightness_factor", "contrast_factor", "saturation_factor", "hue_factor",
        "seed", "data_format",
    )  # fmt: skip

    def __init__(
        self,
        value_range: Any = (0, 255),
        brightness_factor: Any = None,
        contrast_factor: Any = None,
        saturation_factor: Any = None,
        hue_factor: Any = None,
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self._values(value_range)
        self.brightness_factor, self.contrast_factor = brightness_factor, contrast_factor
        self.saturation_factor, self.hue_factor = saturation_factor, hue_factor
        self._start(seed, data_format)
        kinds = (
            (RandomBrightness, brightness_factor), (RandomContrast, contrast_factor),
            (RandomSaturation, saturation_factor), (RandomHue, hue_factor),
        )  # fmt: skip
        self._inner = [
            kind(factor, value_range=value_range, seed=seed, dtype=self.dtype_policy)
            for kind, factor in kinds
            if factor is not None
        ]

    def _changed(self, images: Any) -> Any:
        for layer in self._inner:
            images = layer._changed(images)
        return images
