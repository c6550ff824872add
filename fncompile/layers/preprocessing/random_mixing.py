"""Images that have pieces of chance put in, and images that are mixed with each other."""

from __future__ import annotations

from typing import Any

from fncompile import ops, random
from fncompile.layers.preprocessing.random_images import RandomImages
from fncompile.layers.preprocessing.random_tones import amount_range


class RandomBoxes(RandomImages):
    """Base of layers that change a rectangle of each image."""

    def _boxes(self, images: Any, tall: Any, broad: Any) -> tuple[Any, Any]:
        """Where each image's rectangle is, (batch, height, width, 1), at a place of chance; its
        share of the image. `tall` and `broad` are those of its sides, (batch, 1, 1, 1)."""
        _, height, width, _ = ops.shape(images)
        down = self._inside(images, height, tall, (1, -1, 1, 1))
        right = self._inside(images, width, broad, (1, 1, -1, 1))
        return ops.logical_and(down, right), tall * broad

    def _inside(self, images: Any, size: Any, share: Any, along: tuple) -> Any:
        length = share * ops.cast(size, share.dtype)
        begin = self._uniform(images, 0.0, 1.0) * (ops.cast(size, share.dtype) - length)
        place = ops.reshape(ops.arange(size, dtype=share.dtype), along)
        return ops.logical_and(place >= begin, place < begin + length)


class RandomErasing(RandomBoxes):
    """In training, a rectangle of each image is filled, with a probability that is drawn from the
    range `factor` (two numbers, or the larger one).

    `scale`: the least and the largest share of the image, which is drawn for height and width, each
    being its root. `fill_value`: a number, one for each channel, or None for normal numbers times
    the larger end of `value_range`, which all are clipped to. ValueError unless factor and scale
    are from 0 to 1.

    >>> erase = layers.RandomErasing((1.0, 1.0), scale=(1.0, 1.0), fill_value=7.0)
    >>> erase(np.zeros((1, 2, 1))).ravel()
    array([7., 7.], dtype=float32)
    """

    fields = ("factor", "scale", "fill_value", "value_range", "seed", "data_format")

    def __init__(
        self,
        factor: Any = 1.0,
        scale: Any = (0.02, 0.33),
        fill_value: Any = None,
        value_range: Any = (0, 255),
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.factor = amount_range("factor", factor)
        self.scale = amount_range("scale", scale)
        if not isinstance(fill_value, (int, float, tuple, list, type(None))):
            raise ValueError(
                "The `fill_value` argument should be a number (or a list of one for each channel). "
                f"Received: fill_value={fill_value}"
            )
        self.fill_value = fill_value
        self.value_range = value_range
        self._start(seed, data_format)

    def _changed(self, images: Any) -> Any:
        tall, broad = (ops.sqrt(self._uniform(images, *self.scale)) for _ in range(2))
        inside, _ = self._boxes(images, tall, broad)
        chosen = self._chosen(images)
        return ops.where(ops.logical_and(inside, chosen), self._filling(images), images)

    def _filling(self, images: Any) -> Any:
        low, high = self.value_range
        if self.fill_value is None:
            shape = ops.shape(images)
            noise = random.normal(shape, 0.0, high, self.compute_dtype, self.seed_generator)
            return ops.clip(noise, low, high)
        value = ops.cast(self.fill_value, images.dtype)
        if value.shape not in ((), (images.shape[-1],)):
            raise ValueError(
                f"Layer '{self.name}': `fill_value` has {value.shape[0]} numbers, and images have "
                f"{images.shape[-1]} channels."
            )
        return ops.clip(value, low, high)


class MixedImages(RandomBoxes):
    """Base of layers that mix each image with another of the batch, and their labels alike."""

    _moves_pixels = True

    def _changed(self, images: Any) -> Any:
        return self._changed_both(images, None)[0]

    def _changed_both(self, images: Any, labels: Any) -> tuple[Any, Any]:
        count = ops.shape(images)[0]
        keys = random.uniform((count,), seed=self.seed_generator)
        order = ops.argsort(keys)
        images, share = self._mixed(images, ops.take(images, order, 0))
        if labels is not None:
            if not ops.is_tensor(labels) or "float" not in labels.dtype:
                labels = ops.cast(labels, self.compute_dtype)
            share = ops.reshape(share, (-1, *(1,) * (len(labels.shape) - 1)))
            share = ops.cast(share, labels.dtype)
            labels = share * labels + (1.0 - share) * ops.take(labels, order, 0)
        return images, labels

    def _shares(self, images: Any, alpha: Any) -> Any:
        """How much of each image stays, (batch, 1, 1, 1)."""
        shape = (ops.shape(images)[0], 1, 1, 1)
        return random.beta(shape, alpha, alpha, self.compute_dtype, self.seed_generator)

    def _mixed(self, images: Any, others: Any) -> tuple[Any, Any]:
        """Images of both, and the share of the first."""
        raise NotImplementedError


class MixUp(MixedImages):
    """In training, each image becomes a mean of itself and another of the batch, and its label the
    same mean of their labels (one row of numbers for each image).

    `alpha`: both parameters of the beta distribution that the shares are drawn from. Takes images,
    or a dict of `images` and `labels`. Source: Zhang et al., arXiv:1710.09412.

    >>> data = {"images": np.ones((2, 4, 4, 3)), "labels": np.eye(2)}
    >>> layers.MixUp(seed=1)(data)["labels"].sum(1)
    array([1., 1.], dtype=float32)
    """

    fields = ("alpha", "seed", "data_format")

    def __init__(
        self,
        alpha: float = 0.2,
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        if not alpha > 0:
            raise ValueError(f"`alpha` must be above 0. Received: alpha={alpha}")
        self.alpha = alpha
        self._start(seed, data_format)

    def _mixed(self, images: Any, others: Any) -> tuple[Any, Any]:
        share = self._shares(images, self.alpha)
        return share * images + (1.0 - share) * others, share


class CutMix(MixedImages):
    """In training, a rectangle of each image is that of another of the batch, and its label the
    mean of their labels by area.

    `factor`: the least and the largest parameter, or the largest, of the beta distribution that
    shares are drawn from; ValueError unless from 0 to 1. Takes images, or a dict of `images` and
    `labels` (one row of numbers for each image). Source: Yun et al., arXiv:1905.04899.

    >>> data = {"images": np.ones((2, 4, 4, 3)), "labels": np.eye(2)}
    >>> layers.CutMix(seed=1)(data)["labels"].sum(1)
    array([1., 1.], dtype=float32)
    """

    fields = ("factor", "seed", "data_format")

    def __init__(
        self,
        factor: Any = 1.0,
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.factor = amount_range("factor", factor)
        self._start(seed, data_format)

    def _mixed(self, images: Any, others: Any) -> tuple[Any, Any]:
        alpha = random.uniform((), *self.factor, self.compute_dtype, self.seed_generator) + 1e-6
        side = ops.sqrt(1.0 - self._shares(images, alpha))
        inside, share = self._boxes(images, side, side)
        return ops.where(inside, others, images), 1.0 - share
