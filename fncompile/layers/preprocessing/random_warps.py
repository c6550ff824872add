"""Images sheared, tilted and bent by chance."""

from __future__ import annotations

from typing import Any

from fncompile import ops, random
from fncompile.layers.preprocessing.random_geometry import RandomTransform
from fncompile.layers.preprocessing.random_images import RandomImages, checked_range
from fncompile.layers.preprocessing.random_tones import amount_range
from fncompile.ops.image.coordinates import homography


class RandomShear(RandomTransform):
    """In training, each image is sheared by amounts of chance: pixels move along one axis by a
    fraction of their place along the other.

    `x_factor`, `y_factor`: the largest fraction either way, or the least and the largest, which are
    turned round with probability 1/2; ValueError unless from 0 to 1. `interpolation`, `fill_mode`
    and `fill_value` as for `ops.image.affine_transform`.

    >>> layers.RandomShear(0.0)(np.array([[[1.0], [2.0]]])).ravel()
    array([1., 2.], dtype=float32)
    """

    fields = (
        "x_factor", "y_factor", "fill_mode", "interpolation", "seed", "fill_value", "data_format",
    )  # fmt: skip

    def __init__(
        self,
        x_factor: Any = 0.0,
        y_factor: Any = 0.0,
        interpolation: str = "bilinear",
        fill_mode: str = "reflect",
        fill_value: float = 0.0,
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.x_factor = x_factor
        self.y_factor = y_factor
        self._ranges = [
            checked_range("x_factor", x_factor, 0, 1), checked_range("y_factor", y_factor, 0, 1)
        ]  # fmt: skip
        self._sampling(fill_mode, interpolation, fill_value)
        self._start(seed, data_format)

    def _drawn(self, images: Any) -> dict[str, Any]:
        way = ops.where(self._uniform(images, 0.0, 1.0) > 0.5, -1.0, 1.0)
        both = [way * self._uniform(images, *between) for between in self._ranges]
        return {"shear_factor": ops.concatenate([ops.reshape(n, (-1, 1)) for n in both], axis=1)}

    def _reads(self, drawn: dict[str, Any], height: Any, width: Any) -> tuple[Any, ...]:
        x, y = drawn["shear_factor"][:, 0], drawn["shear_factor"][:, 1]
        return 1.0, x, 0.0, y, 1.0, 0.0, 0.0, 0.0, 1.0


class RandomPerspective(RandomTransform):
    """In training, images are seen from another side, each with a probability that is drawn from
    the range `factor` (two numbers, or the larger one).

    `scale`: how far the corners move at most, twice as a fraction of their distance from the upper
    left one; `interpolation` and `fill_value` as for `ops.image.affine_transform`. ValueError
    unless both are from 0 to 1.

    >>> layers.RandomPerspective(0.0, seed=1)(np.ones((4, 4, 1))).shape
    (4, 4, 1)
    """

    fields = ("factor", "scale", "interpolation", "fill_value", "seed", "data_format")

    def __init__(
        self,
        factor: Any = 1.0,
        scale: float = 1.0,
        interpolation: str = "bilinear",
        fill_value: float = 0.0,
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.factor = amount_range("factor", factor)
        if not isinstance(scale, (int, float)) or not 0 <= scale <= 1:
            raise ValueError(
                "The `scale` argument should be a number in the range [0, 1]. "
                f"Received: scale={scale}"
            )
        self.scale = scale
        self._sampling("constant", interpolation, fill_value)
        self._start(seed, data_format)

    def _drawn(self, images: Any) -> dict[str, Any]:
        batch, height, width, _ = ops.shape(images)
        right, down = (ops.cast(n - 1, self.compute_dtype) for n in (width, height))
        zero = ops.zeros_like(right)
        places = (zero, zero), (right, zero), (zero, down), (right, down)
        corners = ops.stack([ops.stack(place) for place in places])
        half = 0.5 * self.scale
        moved = random.uniform((batch, 4, 2), -half, half, self.compute_dtype, self.seed_generator)
        return {
            "start_points": corners + ops.zeros_like(moved),
            "end_points": corners * (1.0 + moved),
            "apply_perspective": ops.reshape(self._chosen(images), (-1,)),
        }

    def _moved(self, images: Any, drawn: dict[str, Any], interpolation: str | None) -> Any:
        changed = ops.image.perspective_transform(
            images, drawn["start_points"], drawn["end_points"],
            interpolation or self.interpolation, self.fill_value, "channels_last",
        )  # fmt: skip
        return ops.where(ops.reshape(drawn["apply_perspective"], (-1, 1, 1, 1)), changed, images)

    def _reads(self, drawn: dict[str, Any], height: Any, width: Any) -> tuple[Any, ...]:
        reads = homography(drawn["start_points"], drawn["end_points"])
        still = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0)
        chosen = ops.convert_to_tensor(drawn["apply_perspective"])
        return (*(ops.where(chosen, reads[:, k], n) for k, n in enumerate(still)), 1.0)


class RandomElasticTransform(RandomImages):
    """In training, images are bent like rubber, each with a probability that is drawn from the
    range `factor` (two numbers, or the larger one).

    `scale`: how much, a number drawn for all images from the least to the largest, or up to the
    largest. Each pixel is moved by normal numbers under a bell of 0.05 times the shorter side,
    times 0.1 of the longer one. `interpolation`, `fill_mode` and `fill_value` as for
    `ops.image.affine_transform`; `value_range`: what the numbers of images are between, and stay.
    ValueError unless `factor` and `scale` are from 0 to 1. The size of images has to be known; the
    bell is cut off where three times the largest width is.

    >>> layers.RandomElasticTransform(0.0)(np.ones((4, 4, 1))).shape
    (4, 4, 1)
    """

    _moves_pixels = True
    fields = (
        "factor", "scale", "interpolation", "fill_mode", "fill_value", "value_range", "seed",
        "data_format",
    )  # fmt: skip

    def __init__(
        self,
        factor: Any = 1.0,
        scale: Any = 1.0,
        interpolation: str = "bilinear",
        fill_mode: str = "reflect",
        fill_value: float = 0.0,
        value_range: Any = (0, 255),
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.factor = amount_range("factor", factor)
        self.scale = amount_range("scale", scale)
        self.value_range = value_range
        self._sampling(fill_mode, interpolation, fill_value)
        self._start(seed, data_format)

    def _changed(self, images: Any) -> Any:
        from fncompile.ops.image.elastic import bent

        batch, height, width, _ = ops.shape(images)
        if self.scale[1] == 0 or self.factor[1] == 0:
            return images
        if not (isinstance(height, int) and isinstance(width, int)):
            raise ValueError(f"Layer '{self.name}' has to know the height and width of images.")
        widest = min(height, width) * 0.05
        size = (int(6 * widest * self.scale[1]) | 1,) * 2
        much = random.uniform((), *self.scale, self.compute_dtype, self.seed_generator)
        sigma, alpha = much * widest, much * (0.1 * max(height, width))
        shape = (2 * batch, height, width, 1)
        noise = random.normal(shape, 0.0, 1.0, self.compute_dtype, self.seed_generator) * sigma
        read: Any = bent(
            images, noise, size, sigma + 1e-6, alpha,
            self.interpolation, self.fill_mode, self.fill_value,
        )  # fmt: skip
        changed = ops.where(self._chosen(images), type(images)(read), images)
        return ops.clip(changed, *self.value_range)
