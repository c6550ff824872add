"""Images made grey, inverted, solarized and posterized by chance, and of full contrast."""

from __future__ import annotations

from typing import Any

from fncompile import ops, random
from fncompile.layers.preprocessing.random_color import RandomColor
from fncompile.layers.preprocessing.random_images import checked_pair

_GREY = (0.2989, 0.587, 0.114)  # how much of red, green and blue


def amount_range(
    name: str, value: Any, most: float = 1.0, least: float = 0.0
) -> tuple[float, float]:
    """(low, high) of `value`: two numbers, or the high one alone; ValueError unless they are from
    `least` to `most`."""
    pair = checked_pair(name, value, (least, value), least, most)
    return min(pair), max(pair)


class RandomTones(RandomColor):
    """Base of layers whose `factor` is an amount for each image, and whose results stay between the
    two numbers of `value_range`."""

    fields: tuple[str, ...] = ("factor", "value_range", "seed", "data_format")

    def __init__(
        self,
        factor: Any,
        value_range: Any = (0, 255),
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.factor: Any = self._checked(factor)
        self._values(value_range)
        self._start(seed, data_format)

    _least: float = 0
    _most: float = 1.0

    def _checked(self, factor: Any) -> tuple[float, float]:
        return amount_range("factor", factor, self._most, self._least)

    def _check_colours(self, images: Any) -> None:
        if images.shape[-1] != 3:
            raise ValueError(
                f"Layer '{self.name}' takes images of 3 channels. Received: {images.shape[-1]} "
                "channels"
            )

    def _grey(self, images: Any) -> Any:
        self._check_colours(images)
        weights = ops.reshape(ops.cast(list(_GREY), images.dtype), (3, 1))
        return ops.matmul(images, weights)


class RandomGrayscale(RandomTones):
    """In training, each image becomes grey with the probability `factor`, from 0 to 1.

    >>> layers.RandomGrayscale(1.0)(np.array([[[100.0, 0.0, 0.0]]])).round(1)
    array([[[29.9, 29.9, 29.9]]], dtype=float32)
    """

    fields = ("factor", "data_format")

    def __init__(
        self,
        factor: float = 0.5,
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ):
        super().__init__((factor, factor), data_format=data_format, seed=seed, **kwargs)
        self.factor = factor

    def _changed(self, images: Any) -> Any:
        chosen = self._uniform(images, 0.0, 1.0) < self.factor
        return ops.where(chosen, self._grey(images), images)


class RandomInvert(RandomTones):
    """In training, each image is inverted with a probability that is drawn from the range `factor`
    (two numbers, or the larger one): the largest number of `value_range` less the image.

    ValueError unless the factors are from 0 to 1.

    >>> layers.RandomInvert((1.0, 1.0))(np.array([[[55.0], [0.0]]])).ravel()
    array([200., 255.], dtype=float32)
    """

    def __init__(
        self,
        factor: Any = 1.0,
        value_range: Any = (0, 255),
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(factor, value_range, data_format, seed, **kwargs)

    def _changed(self, images: Any) -> Any:
        chosen = self._chosen(images)
        return ops.where(chosen, self.value_range[1] - images, images)


class RandomColorDegeneration(RandomTones):
    """In training, each image goes an amount of chance of the way to its grey.

    `factor`: the least and the largest amount, or the largest; ValueError unless from 0 to 1.
    `value_range`: what the numbers of images are between, and stay.

    >>> layers.RandomColorDegeneration((0.5, 0.5))(np.array([[[100.0, 0.0, 0.0]]])).round(1)
    array([[[64.9, 14.9, 14.9]]], dtype=float32)
    """

    def _changed(self, images: Any) -> Any:
        amount = self._uniform(images, *self.factor)
        return ops.clip(images + amount * (self._grey(images) - images), *self.value_range)


class RandomPosterization(RandomTones):
    """In training, the numbers of each image keep as many bits as chance says, as bytes.

    `factor`: the least number of bits and the one above the largest, from 1 to 8, or the latter;
    ValueError for others. `value_range`: what the numbers of images are between.

    >>> layers.RandomPosterization((2, 2))(np.array([[[200.0], [70.0]]])).ravel()
    array([192.,  64.], dtype=float32)
    """

    _least, _most = 1, 8

    def _changed(self, images: Any) -> Any:
        low, high = (int(n) for n in self.factor)
        shape = (ops.shape(images)[0], 1, 1, 1)
        bits = low if low == high else random.randint(shape, low, high, seed=self.seed_generator)
        step = ops.exp2(ops.cast(8 - bits, images.dtype))
        whole = ops.floor(self._as_bytes(images) + 1e-4)  # what scaling lost
        return self._from_bytes(ops.floor(whole / step) * step)


class Solarization(RandomTones):
    """In training, a number of chance is added to each image, and what is not below a threshold of
    chance is inverted.

    `addition_factor`, `threshold_factor`: the least and the largest as fractions of `value_range`,
    or the largest; ValueError unless from 0 to 1.

    >>> layers.Solarization(threshold_factor=(0.5, 0.5))(np.array([[[100.0], [200.0]]])).ravel()
    array([155.,  55.], dtype=float32)
    """

    fields = ("addition_factor", "threshold_factor", "value_range", "seed", "data_format")

    def __init__(
        self,
        addition_factor: Any = 0.0,
        threshold_factor: Any = 0.0,
        value_range: Any = (0, 255),
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(1.0, value_range, data_format, seed, **kwargs)
        self.addition_factor = amount_range("addition_factor", addition_factor)
        self.threshold_factor = amount_range("threshold_factor", threshold_factor)

    def _changed(self, images: Any) -> Any:
        added = self._uniform(images, self.addition_factor[0], 255.0 * self.addition_factor[1])
        low, high = self.threshold_factor
        threshold = self._uniform(images, low, 255.0 * high)
        x = ops.clip(self._as_bytes(images) + added, 0.0, 255.0)
        return self._from_bytes(ops.where(x < threshold, x, 255.0 - x))


class AutoContrast(RandomTones):
    """Each channel of each image stretched to the whole of `value_range`; one that is all the same
    stays.

    >>> layers.AutoContrast()(np.array([[[10.0], [20.0]]])).ravel()
    array([  0., 255.], dtype=float32)
    """

    fields = ("value_range", "data_format")

    def __init__(
        self, value_range: Any = (0, 255), data_format: str | None = None, **kwargs: Any
    ):
        super().__init__(1.0, value_range, data_format, **kwargs)

    def _unchanged(self, images: Any) -> Any:
        return self._changed(images)

    def _changed(self, images: Any) -> Any:
        low = ops.min(images, axis=(1, 2), keepdims=True)
        high = ops.max(images, axis=(1, 2), keepdims=True)
        flat = ops.equal(low, high)
        share = (images - low) / ops.where(flat, 1.0, high - low)
        least, most = self.value_range
        return ops.where(flat, images, ops.clip(share * (most - least) + least, least, most))
