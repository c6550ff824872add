"""What layers share that change images by chance."""

from __future__ import annotations

from typing import Any

from fncompile import ops, random
from fncompile.layers.arguments import checked_data_format
from fncompile.layers.layout import as_given, channels_last, image_axes
from fncompile.layers.preprocessing.boxes_beside import TakesBoxes, through
from fncompile.ops.image.affine import check_sampling


class RandomImages(TakesBoxes):
    """Base of layers that change each image by chance in training, and none otherwise.

    A call by itself counts as training, unless it says `training=False`. Takes
    (batch, height, width, channels) or one image (height, width, channels); with `data_format`
    "channels_first" the channels come before the height, the configured layout if None. Gives the
    layer's float type. A dict of `images` and others, such as `labels`, comes back with other
    images; boxes and masks in it come back as they are.
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

    def _sampling(self, fill_mode: str, interpolation: str, fill_value: Any) -> None:
        """Note how numbers between and around pixels are read; ValueError for unknown words."""
        check_sampling(interpolation, fill_mode)
        self.fill_mode = fill_mode
        self.interpolation = interpolation
        self.fill_value = fill_value

    _moves_pixels = False  # True where boxes and masks would have to go with them, and do not

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
        x = self._taken(data)
        x, labels = self._changed_both(x, labels) if training else (self._unchanged(x), labels)
        return self._given(x, data), labels

    def _taken(self, data: Any) -> Any:
        """Images as they come, (batch, height, width, channels)."""
        x = ops.cast(data, self.compute_dtype)
        x = ops.expand_dims(x, 0) if len(x.shape) == 3 else x
        if len(x.shape) != 4:
            raise ValueError(
                "Expected the input image to be rank 3 or 4. Received: "
                f"inputs.shape={tuple(data.shape)}"
            )
        return channels_last(x, self.data_format)

    def _given(self, x: Any, data: Any) -> Any:
        """Images (batch, height, width, channels) as `data` came."""
        x = as_given(x, self.data_format)
        return ops.squeeze(x, 0) if len(data.shape) == 3 else x

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


class MovingImages(RandomImages):
    """Base of layers that move pixels by chance. What a dict has beside `images` goes with them:
    `segmentation_masks`, which are images of class numbers, and `bounding_boxes`, a dict of `boxes`
    (batch, N, 4) and `labels` (batch, N), which is -1 for boxes that left the image.

    What one call does is a dict of numbers, drawn by `get_random_transformation` and done by the
    `transform_...` methods; None does nothing.
    """

    def call(self, data: Any, training: bool = True) -> Any:
        drawn = self.get_random_transformation(data, training)
        if not isinstance(data, dict):
            return self.transform_images(data, drawn, training)
        self._check_parts(data)
        found = dict(data)
        for part in ("images", "bounding_boxes", "segmentation_masks", "labels"):
            if part in data:
                found[part] = getattr(self, f"transform_{part}")(data[part], drawn, training)
        return found

    def _changed(self, images: Any) -> Any:
        return self._moved(images, self._drawn(images), None)

    def get_random_transformation(
        self, data: Any, training: bool = True, seed: Any = None
    ) -> dict[str, Any] | None:
        """Numbers for images, or for a dict with `images`; None where `training` is not.

        `seed`: a SeedGenerator or a whole number in place of the layer's own.
        """
        images = data.get("images") if isinstance(data, dict) else data
        if images is None:
            self._check_parts(data)
        x = self._taken(images)
        if not training and not self._always_moves:
            return None
        own = self.seed_generator
        if seed is not None:
            given = isinstance(seed, random.SeedGenerator)
            self.seed_generator = seed if given else random.SeedGenerator(seed)
        try:
            drawn = self._drawn(x) if training else self._settled(x)
        finally:
            self.seed_generator = own
        return {**drawn, "input_shape": ops.shape(images)}

    _always_moves = False  # also where it is not training

    def transform_images(self, images: Any, transformation: Any, training: bool = True) -> Any:
        """Images with the numbers `transformation` done to them."""
        x = self._taken(images)
        if transformation is not None:
            x = self._moved(x, transformation, None)
        return self._given(x, images)

    def transform_segmentation_masks(
        self, segmentation_masks: Any, transformation: Any, training: bool = True
    ) -> Any:
        """Masks, as images; none of their numbers is made a mean of others."""
        x = self._taken(segmentation_masks)
        if transformation is not None:
            x = self._moved(x, transformation, "nearest")
        return self._given(x, segmentation_masks)

    def transform_labels(self, labels: Any, transformation: Any, training: bool = True) -> Any:
        """They stay as they are."""
        return labels

    def transform_bounding_boxes(
        self, bounding_boxes: Any, transformation: Any, training: bool = True
    ) -> Any:
        """The upright boxes around boxes that are moved with their pixels."""
        if transformation is None:
            self._check_boxes(bounding_boxes)
            return bounding_boxes
        size = self._size(transformation["input_shape"])
        return self._moved_boxes(
            bounding_boxes, size, size,
            lambda boxes: through(boxes, self._reads(transformation, *size)),
        )  # fmt: skip

    def _size(self, shape: Any) -> tuple[Any, Any]:
        """Height and width of images of this shape."""
        high, wide = image_axes(len(shape), self.data_format)
        return shape[high], shape[wide]

    def _drawn(self, images: Any) -> dict[str, Any]:
        """The numbers of chance for images (batch, height, width, channels)."""
        raise NotImplementedError

    def _settled(self, images: Any) -> dict[str, Any]:
        """Those of no chance, where `_always_moves`."""
        raise NotImplementedError

    def _reads(self, drawn: dict[str, Any], height: Any, width: Any) -> tuple[Any, ...]:
        """The nine numbers of `boxes_beside.through`, each one or (batch, ...)."""
        raise NotImplementedError

    def _moved(self, images: Any, drawn: dict[str, Any], interpolation: str | None) -> Any:
        """Images (batch, height, width, channels) read so; `interpolation` in place of the
        layer's."""
        raise NotImplementedError


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
