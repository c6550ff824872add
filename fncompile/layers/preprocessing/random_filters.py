"""Images sharpened and blurred by chance."""

from __future__ import annotations

from typing import Any

import numpy as np

from fncompile import ops, random
from fncompile.layers.preprocessing.random_color import RandomColor
from fncompile.layers.preprocessing.random_tones import RandomTones, amount_range


class RandomSharpness(RandomTones):
    """In training, each image becomes sharper or less sharp: its distance from a smooth one is
    multiplied by twice a number of chance, so that 0.5 leaves it.

    `factor`: the least and the largest number, or the largest; ValueError unless from 0 to 1.
    `value_range`: what the numbers of images are between, and stay. The smooth one is a mean of the
    nine pixels around, of which the middle one counts five times.

    >>> layers.RandomSharpness((0.5, 0.5))(np.array([[[10.0], [20.0]]])).ravel()
    array([10., 20.], dtype=float32)
    """

    def _changed(self, images: Any) -> Any:
        kernel = np.full((3, 3, images.shape[-1], 1), 1 / 13)
        kernel[1, 1] = 5 / 13
        smooth = ops.depthwise_conv(
            images, ops.cast(kernel, images.dtype), 1, "same", data_format="channels_last"
        )
        amount = 2.0 * self._uniform(images, *self.factor)
        return ops.clip(smooth + amount * (images - smooth), *self.value_range)


class RandomGaussianBlur(RandomColor):
    """In training, images are blurred, each with a probability that is drawn from the range
    `factor` (two numbers, or the larger one).

    `kernel_size`: (width, height) of the bell, odd numbers, or one for both; `sigma`: the least and
    the largest width of it in pixels, or the largest; `value_range`: what the numbers of images are
    between, and stay. ValueError unless `factor` and `sigma` are from 0 to 1.

    >>> blur = layers.RandomGaussianBlur((1.0, 1.0), kernel_size=3, sigma=(1.0, 1.0))
    >>> blur(np.eye(3)[..., None])[1].round(2).ravel()
    array([0.25, 0.35, 0.25], dtype=float32)
    """

    fields = ("factor", "kernel_size", "sigma", "value_range", "seed", "data_format")

    def __init__(
        self,
        factor: Any = 1.0,
        kernel_size: Any = 3,
        sigma: Any = 1.0,
        value_range: Any = (0, 255),
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.factor = amount_range("factor", factor)
        self.sigma = amount_range("sigma", sigma)
        sizes = kernel_size if isinstance(kernel_size, (tuple, list)) else (kernel_size,) * 2
        if len(sizes) != 2 or any(not isinstance(n, int) or n < 1 or n % 2 == 0 for n in sizes):
            raise ValueError(
                "`kernel_size` must be an odd number (or a list of two). "
                f"Received: kernel_size={kernel_size}"
            )
        self.kernel_size = tuple(sizes)
        self._values(value_range)
        self._start(seed, data_format)

    def _changed(self, images: Any) -> Any:
        chosen = self._chosen(images)
        sigma = random.uniform((2,), *self.sigma, self.compute_dtype, self.seed_generator) + 1e-6
        smooth = ops.image.gaussian_blur(images, self.kernel_size, sigma, "channels_last")
        return ops.clip(ops.where(chosen, smooth, images), *self.value_range)
