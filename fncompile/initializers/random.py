"""Random initializers.

With an integer seed an initializer gives the same values each time it is called; without one it
draws its seed when it is made, from Python's generator or the switch FNC_SEED, so that
`utils.set_random_seed` makes it reproducible. A `random.SeedGenerator` as seed gives new values at
each call.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from fncompile.initializers.constant import Initializer, numpy_dtype
from fncompile.random import make_default_seed

# Standard deviation of a standard normal variable truncated to [-2, 2].
_TRUNCATED_STDDEV = 0.87962566103423978


class RandomInitializer(Initializer):
    """Base of the random ones: `draw(generator, shape)` gives float64 numbers."""

    def __init__(self, seed: Any = None):
        self._given_seed = seed
        self.seed = _checked_seed(seed)

    def __call__(self, shape: tuple[int, ...], dtype: str | None = None) -> np.ndarray:
        return np.asarray(self.draw(self._generator(), tuple(shape)), numpy_dtype(dtype))

    def draw(self, generator: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        """Numbers of the distribution, float64, in the given shape."""
        raise NotImplementedError

    def _generator(self) -> np.random.Generator:
        seed = self.seed
        if hasattr(seed, "next"):
            return np.random.default_rng(np.asarray(seed.next()).astype(np.uint64))
        return np.random.default_rng(seed)

    def get_config(self) -> dict[str, Any]:
        from fncompile.saving import serialize_keras_object

        return {"seed": serialize_keras_object(self._given_seed)}


def _checked_seed(seed: Any) -> Any:
    if isinstance(seed, dict):
        from fncompile.saving import deserialize_keras_object

        return deserialize_keras_object(seed)
    if seed is None:
        return make_default_seed()
    if isinstance(seed, (int, np.integer)) or hasattr(seed, "next"):
        return seed
    raise ValueError(
        "`seed` argument should be an instance of `keras.random.SeedGenerator()` or an integer. "
        f"Received: seed={seed}"
    )


class RandomNormal(RandomInitializer):
    """Normal distribution.

    `mean`, `stddev`: numbers. `seed`: a whole number, None for another at each run, or a
    SeedGenerator.

    >>> initializers.RandomNormal(stddev=0.1, seed=1)((2, 3)).shape
    (2, 3)
    """

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: Any = None):
        super().__init__(seed)
        self.mean = mean
        self.stddev = stddev

    def draw(self, generator: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        return generator.normal(self.mean, self.stddev, shape)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "mean": self.mean, "stddev": self.stddev}


class TruncatedNormal(RandomNormal):
    """Normal distribution, redrawn where more than two standard deviations from the mean.

    `mean`, `stddev`: numbers. `seed`: a whole number, None for another at each run, or a
    SeedGenerator.

    >>> bool((abs(initializers.TruncatedNormal(stddev=0.1, seed=1)((100,))) <= 0.2).all())
    True
    """

    def draw(self, generator: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        return self.mean + self.stddev * _truncated_normal(generator, shape)


class RandomUniform(RandomInitializer):
    """Uniform distribution over [minval, maxval).

    `minval`, `maxval`: numbers. `seed`: a whole number, None for another at each run, or a
    SeedGenerator.

    >>> bool((initializers.RandomUniform(0.0, 1.0, seed=1)((100,)) >= 0).all())
    True
    """

    def __init__(self, minval: float = -0.05, maxval: float = 0.05, seed: Any = None):
        super().__init__(seed)
        self.minval = minval
        self.maxval = maxval

    def draw(self, generator: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        return generator.uniform(self.minval, self.maxval, shape)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "minval": self.minval, "maxval": self.maxval}


class Orthogonal(RandomInitializer):
    """`gain` times a random (semi-)orthogonal matrix over all axes but the last, and the last.

    Q of a QR decomposition of a normal matrix, with the signs of R's diagonal (Mezzadri 2007), so
    that it is uniformly distributed.

    `seed`: a whole number, None for another at each run, or a SeedGenerator. ValueError for shapes
    of rank below 2.

    >>> q = initializers.Orthogonal(seed=1)((3, 3))
    >>> (q.T @ q).round(3) + 0.0
    array([[1., 0., 0.],
           [0., 1., 0.],
           [0., 0., 1.]], dtype=float32)
    """

    def __init__(self, gain: float = 1.0, seed: Any = None):
        super().__init__(seed)
        self.gain = gain

    def draw(self, generator: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        if len(shape) < 2:
            raise ValueError(
                "The tensor to initialize must be at least two-dimensional. "
                f"Received: shape={shape} of rank {len(shape)}."
            )
        rows, columns = math.prod(shape[:-1]), shape[-1]
        q, r = np.linalg.qr(generator.normal(size=(max(rows, columns), min(rows, columns))))
        q = q * np.sign(np.diag(r))
        return self.gain * (q.T if rows < columns else q).reshape(shape)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "gain": self.gain}


class VarianceScaling(RandomInitializer):
    """Variance `scale / n`, n being the fan-in, the fan-out or their average.

    `distribution` is "truncated_normal", "untruncated_normal" or "uniform" (limit sqrt(3 scale /
    n)).

    `mode`: "fan_in", "fan_out" or "fan_avg". `seed`: a whole number, None for another at each run,
    or a SeedGenerator. `input_axes`, `output_axes`: which axes of a kernel the fans are the extents
    of, where both are given; else as `compute_fans` has it. ValueError for other names and for a
    `scale` that is not above 0.

    >>> initializers.VarianceScaling(2.0, seed=1)((2, 3)).shape
    (2, 3)
    """

    def __init__(
        self,
        scale: float = 1.0,
        mode: str = "fan_in",
        distribution: str = "truncated_normal",
        seed: Any = None,
        input_axes: Sequence[int] | None = None,
        output_axes: Sequence[int] | None = None,
    ):
        super().__init__(seed)
        if scale <= 0.0:
            raise ValueError(f"Argument `scale` must be positive float. Received: scale={scale}")
        distribution = "truncated_normal" if distribution == "normal" else distribution
        _check_choice("mode", mode, ("fan_in", "fan_out", "fan_avg"))
        _check_choice(
            "distribution", distribution, ("truncated_normal", "untruncated_normal", "uniform")
        )
        self.scale = scale
        self.mode = mode
        self.distribution = distribution
        self.input_axes = input_axes
        self.output_axes = output_axes

    def along(self, input_axes: Sequence[int], output_axes: Sequence[int]) -> VarianceScaling:
        """This initializer with the fans of these axes of a kernel, or as it is if it has axes."""
        if self.input_axes is not None and self.output_axes is not None:
            return self
        same = copy.copy(self)
        same.input_axes, same.output_axes = list(input_axes), list(output_axes)
        return same

    def draw(self, generator: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        fan_in, fan_out = compute_fans(shape, self.input_axes, self.output_axes)
        fan = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[self.mode]
        variance = self.scale / max(1.0, fan)
        if self.distribution == "uniform":
            limit = math.sqrt(3.0 * variance)
            return generator.uniform(-limit, limit, shape)
        if self.distribution == "untruncated_normal":
            return generator.normal(0.0, math.sqrt(variance), shape)
        return math.sqrt(variance) / _TRUNCATED_STDDEV * _truncated_normal(generator, shape)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "scale": self.scale,
            "mode": self.mode,
            "distribution": self.distribution,
            **self._axes(),
        }

    def _axes(self) -> dict[str, Any]:
        """Left out where they say nothing, so that older versions of Keras read the rest."""
        axes = {"input_axes": self.input_axes, "output_axes": self.output_axes}
        return {key: list(value) for key, value in axes.items() if value is not None}


def _check_choice(what: str, value: Any, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ValueError(f"Invalid `{what}` argument: {value}. Please use one of {choices}")


def _truncated_normal(generator: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    numbers = generator.normal(size=shape)
    while (outside := np.abs(numbers) > 2.0).any():
        numbers = np.where(outside, generator.normal(size=shape), numbers)
    return numbers


def compute_fans(
    shape: tuple[int, ...],
    input_axes: Sequence[int] | None = None,
    output_axes: Sequence[int] | None = None,
) -> tuple[float, float]:
    """(fan-in, fan-out) of a kernel: matrices (in, out), convolutions (*window, in, out), or the
    extents of `input_axes` and `output_axes` where both are given."""
    if input_axes is not None and output_axes is not None:
        return math.prod(shape[a] for a in input_axes), math.prod(shape[a] for a in output_axes)
    if len(shape) < 2:
        return (shape[0], shape[0]) if shape else (1, 1)
    window = math.prod(shape[:-2])
    return window * shape[-2], window * shape[-1]


class _Preset(VarianceScaling):
    """A VarianceScaling with a name of its own; only the seed is left to choose."""

    preset: tuple[float, str, str]

    def __init__(
        self,
        seed: Any = None,
        input_axes: Sequence[int] | None = None,
        output_axes: Sequence[int] | None = None,
    ):
        super().__init__(*self.preset, seed, input_axes, output_axes)

    def get_config(self) -> dict[str, Any]:
        return {**RandomInitializer.get_config(self), **self._axes()}


class GlorotUniform(_Preset):
    """Uniform, variance 2 / (fan-in + fan-out) (Glorot and Bengio 2010).

    `seed`: a whole number, None for another at each run, or a SeedGenerator.

    >>> bool((abs(initializers.GlorotUniform(seed=1)((3, 3))) <= 1).all())
    True
    """

    preset = (1.0, "fan_avg", "uniform")


class GlorotNormal(_Preset):
    """Truncated normal, variance 2 / (fan-in + fan-out) (Glorot and Bengio 2010).

    `seed`: a whole number, None for another at each run, or a SeedGenerator.

    >>> initializers.GlorotNormal(seed=1)((2, 3)).shape
    (2, 3)
    """

    preset = (1.0, "fan_avg", "truncated_normal")


class HeUniform(_Preset):
    """Uniform, variance 2 / fan-in (He et al. 2015).

    `seed`: a whole number, None for another at each run, or a SeedGenerator.

    >>> bool((abs(initializers.HeUniform(seed=1)((6, 3))) <= 1).all())
    True
    """

    preset = (2.0, "fan_in", "uniform")


class HeNormal(_Preset):
    """Truncated normal, variance 2 / fan-in (He et al. 2015).

    `seed`: a whole number, None for another at each run, or a SeedGenerator.

    >>> initializers.HeNormal(seed=1)((2, 3)).shape
    (2, 3)
    """

    preset = (2.0, "fan_in", "truncated_normal")


class LecunUniform(_Preset):
    """Uniform, variance 1 / fan-in (LeCun et al. 1998).

    `seed`: a whole number, None for another at each run, or a SeedGenerator.

    >>> bool((abs(initializers.LecunUniform(seed=1)((3, 3))) <= 1).all())
    True
    """

    preset = (1.0, "fan_in", "uniform")


class LecunNormal(_Preset):
    """Truncated normal, variance 1 / fan-in (LeCun et al. 1998).

    `seed`: a whole number, None for another at each run, or a SeedGenerator.

    >>> initializers.LecunNormal(seed=1)((2, 3)).shape
    (2, 3)
    """

    preset = (1.0, "fan_in", "truncated_normal")
