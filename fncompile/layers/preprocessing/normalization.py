"""Features of mean 0 and variance 1, by what their data have."""

from __future__ import annotations

from typing import Any

import numpy as np

from fncompile import ops
from fncompile.config import epsilon
from fncompile.layers.preprocessing.data import batches_of
from fncompile.layers.standard import StandardLayer


class Normalization(StandardLayer):
    """`(x - mean) / sqrt(variance)`, for each index along `axis` (one number, several, or None for
    all numbers together).

    `mean` and `variance` are given, or learnt by `adapt(data)`, which makes them weights (mean,
    variance, count) that training leaves alone. With `invert` the layer does the opposite. The
    deviation is taken as `config.epsilon()` at least. ValueError where only one of the two is
    given, where their shapes do not fit, and for axes outside of the input or of unknown extent.

    >>> layer = layers.Normalization()
    >>> layer.adapt(np.array([[1.0, 5.0], [3.0, 5.0]]))
    >>> layer(np.array([[3.0, 5.0]]))
    array([[1., 0.]], dtype=float32)
    """

    fields = ("axis", "invert")

    def __init__(
        self,
        axis: Any = -1,
        mean: Any = None,
        variance: Any = None,
        invert: bool = False,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.axis = () if axis is None else (axis,) if isinstance(axis, int) else tuple(axis)
        self.invert = invert
        self.supports_masking = True
        if (mean is None) != (variance is None):
            raise ValueError(
                "When setting values directly, both `mean` and `variance` must be set. "
                f"Received: mean={mean} and variance={variance}"
            )
        self.input_mean, self.input_variance = mean, variance
        if np.shape(mean) != np.shape(variance):
            raise ValueError(
                "When setting values directly, `mean` and `variance` must have the same shape. "
                f"Received: mean shape {np.shape(mean)} and variance shape {np.shape(variance)}"
            )
        if np.ndim(mean) > len(self.axis) and np.size(mean) > 1:
            raise ValueError(
                "The rank of `mean` must be less than or equal to the number of axes "
                f"({len(self.axis)}). Received: mean shape {np.shape(mean)} for axis {self.axis}"
            )

    def build(self, input_shape: tuple) -> None:
        rank = len(input_shape)
        if any(not -rank <= axis < rank for axis in self.axis):
            raise ValueError(
                "All `axis` values must be in the range [-ndim, ndim). Received inputs with "
                f"ndim={rank}, while axis={self.axis}"
            )
        self._kept = tuple(sorted(axis % rank for axis in self.axis))
        for axis in self._kept:
            if input_shape[axis] is None:
                raise ValueError(
                    "All `axis` values to be kept must have a known shape. Received "
                    f"axis={self.axis}, inputs.shape={input_shape}, with unknown axis at index "
                    f"{axis}"
                )
        self._wide = tuple(d if axis in self._kept else 1 for axis, d in enumerate(input_shape))
        if self.input_mean is None:
            shape = tuple(input_shape[axis] for axis in self._kept)
            self.adapt_mean = self._statistic("mean", shape, "zeros")
            self.adapt_variance = self._statistic("variance", shape, "ones")
            self.count = self._statistic("count", (), "zeros", dtype="int32")

    def _statistic(self, name: str, shape: tuple, initializer: str, **more: Any) -> Any:
        return self.add_weight(
            name=name, shape=shape, initializer=initializer, trainable=False, autocast=False, **more
        )

    @property
    def mean(self) -> Any:
        """What is subtracted, in a shape that goes with inputs."""
        given = self.adapt_mean if self.input_mean is None else self.input_mean
        return self._aligned(given)

    @property
    def variance(self) -> Any:
        """The square of what is divided by, in a shape that goes with inputs."""
        given = self.adapt_variance if self.input_mean is None else self.input_variance
        return self._aligned(given)

    def _aligned(self, given: Any) -> Any:
        """Statistics with an axis for each of the input, those that are kept filled from behind."""
        x = ops.cast(given if hasattr(given, "shape") else np.array(given), self.compute_dtype)
        extents = [1] * len(self._wide)
        if len(x.shape) <= len(self._kept):
            for i in range(1, len(x.shape) + 1):
                extents[self._kept[-i]] = x.shape[-i]
        return ops.broadcast_to(ops.reshape(x, extents), self._wide)

    def adapt(self, data: Any) -> None:
        """Learn mean and variance of `data`: an array, or an iterable of batches. ValueError for
        data of another width than what the layer was built for."""
        mean = square = 0.0
        count = 0
        for batch in batches_of(data):
            self._check_width(batch.shape)
            over = tuple(a for a in range(batch.ndim) if a not in self._kept)
            size = int(np.prod([batch.shape[a] for a in over]))
            real = batch.astype("float64")
            new, spread = real.mean(over), real.var(over)
            share = size / (count + size)
            moved = mean + (new - mean) * share
            square = (square + (mean - moved) ** 2) * (1 - share) + (
                spread + (new - moved) ** 2
            ) * share
            mean, count = moved, count + size
        self.adapt_mean.assign(np.asarray(mean, self.dtype))
        self.adapt_variance.assign(np.asarray(square, self.dtype))

    def _check_width(self, shape: tuple) -> None:
        if not self.built:
            self.build(shape)
        if len(shape) != len(self._wide) or any(shape[a] != self._wide[a] for a in self._kept):
            raise ValueError(
                f"The layer was built with input_shape={self._build_shapes}, but adapt() is being "
                f"called with data with an incompatible shape, data.shape={shape}"
            )

    def call(self, inputs: Any) -> Any:
        x = ops.cast(inputs, self.compute_dtype)
        deviation = ops.maximum(ops.sqrt(self.variance), epsilon())
        return x * deviation + self.mean if self.invert else (x - self.mean) / deviation

    def get_config(self) -> dict[str, Any]:
        given = {"mean": self.input_mean, "variance": self.input_variance}
        plain = {k: None if v is None else np.asarray(v).tolist() for k, v in given.items()}
        return {**super().get_config(), **plain}
