"""What layers share that change images by chance."""

from __future__ import annotations

from typing import Any

from fncompile import ops, random
from fncompile.layers.arguments import checked_data_format
from fncompile.layers.layout import as_given, channels_last
from fncompile.layers.standard import StandardLayer


class RandomImages(StandardLayer):
    """Base of layers that change each image by chance in training, and none otherwise.

    A call by itself counts as training, unless it says `training=False`. Takes
    (batch, height, width, channels) or one image (height, width, channels); with `data_format`
    "channels_first" the channels come before the height, the configured layout if None. Gives the
    layer's float type. A dict of `images` and others, such as `labels`, comes back with other
    images.
    `seed`: a whole number, None for another at each run, or a SeedGenerator.
    """

    _stateless = True

    def _start(self, seed: Any, data_format: str | None) -> None:
        self.seed = seed
        self.seed_generator = random.SeedGenerator(seed)
        self.data_format = checked_data_format(data_format)

    def call(self, data: Any, training: bool = True) -> Any:
        if not isinstance(data, dict):
            return self._done(data, None, training)[0]
        self._check_parts(data)
        images, labels = self._done(data["images"], data.get("labels"), training)
        return {**data, "images": images, **({} if labels is None else {"labels": labels})}

    _moves_pixels = False  # True where boxes and masks would have to go with them

    def _check_parts(self, data: dict[str, Any]) -> None:
        beside = [name for name in ("bounding_boxes", "segmentation_masks") if name in data]
        if "images" not in data or (self._moves_pixels and beside):
            raise ValueError(
                f"Layer '{self.name}' takes images, or a dict of `images` and perhaps `labels`"
                f"{'; it does not move boxes and masks' if beside else ''}. "
                f"Received: a dict of {sorted(data)}"
            )

    def _done(self, data: Any, labels: Any, training: bool) -> tuple[Any, Any]:
        """The images as they come, changed, and their labels."""
        x = ops.cast(data, self.compute_dtype)
        single = len(x.shape) == 3
        x = ops.expand_dims(x, 0) if single else x
        if len(x.shape) != 4:
            raise ValueError(
                "Expected the input image to be rank 3 or 4. Received: "
                f"inputs.shape={tuple(data.shape)}"
            )
        x = channels_last(x, self.data_format)
        x, labels = self._changed_both(x, labels) if training else (self._unchanged(x), labels)
        x = as_given(x, self.data_format)
        return (ops.squeeze(x, 0) if single else x), labels

    def _changed_both(self, images: Any, labels: Any) -> tuple[Any, Any]:
        """Images in training and their labels, which are None where there are none."""
        return self._changed(images), labels

    def _changed(self, images: Any) -> Any:
        """Images (batch, height, width, channels) in training."""
        raise NotImplementedError

    def _unchanged(self, images: Any) -> Any:
        return images

    def _uniform(self, images: Any, low: float, high: float) -> Any:
        """A number for each image, (batch, 1, 1, 1)."""
        shape = (ops.shape(images)[0], 1, 1, 1)
        return random.uniform(shape, low, high, self.compute_dtype, self.seed_generator)

    factor: tuple[float, float]  # of those that have one

    def _chosen(self, images: Any) -> Any:
        """Which images change, (batch, 1, 1, 1): with a probability drawn from `factor`."""
        return self._uniform(images, 0.0, 1.0) < self._uniform(images, *self.factor)


def checked_pair(
    name: str, value: Any, alone: tuple[Any, Any], least: float, most: float
) -> tuple[Any, Any]:
    """`value`, or `alone` where it is one number; ValueError unless that is two numbers from
    `least` to `most`."""
    pair = tuple(value) if isinstance(value, (tuple, list)) else alone
    numbers = all(isinstance(n, (int, float)) for n in pair) and len(pair) == 2
    if not numbers or any(not least <= n <= most for n in pair):
        raise ValueError(
            f"The `{name}` argument should be a number (or a list of two numbers) in the range "
            f"[{least}, {most}]. Received: {name}={value}"
        )
    return pair


def checked_range(
    name: str, value: Any, least: float, most: float, both: bool = True
) -> tuple[float, float]:
    """(low, high) of `value`: two numbers, or one for both directions; ValueError unless they are
    from `least` to `most`. With `both` one number is negative and positive, else it is both ends.
    """
    pair = checked_pair(name, value, (value, value), least, most)
    if not isinstance(value, (tuple, list)) and both:
        pair = (-abs(value), abs(value))
    return tuple(sorted(pair)) if both else pair  # type: ignore[return-value]
