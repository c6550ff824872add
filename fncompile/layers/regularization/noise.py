"""Noise that is added to inputs, or that they are multiplied by, in training."""

from __future__ import annotations

import math
from typing import Any

from fncompile import ops, random
from fncompile.layers.regularization.arguments import checked_fraction, checked_noise_shape
from fncompile.layers.standard import StandardLayer

SELU_ALPHA, SELU_SCALE = 1.6732632423543772, 1.0507009873554805


class Noise(StandardLayer):
    """Base of layers whose inputs pass unchanged where they do not train, or `_amount` is 0."""

    _stateless = True

    def _start(self, amount: float, seed: Any) -> None:
        self._amount, self.seed = amount, seed
        self.supports_masking = True
        if amount > 0:
            self.seed_generator = random.SeedGenerator(seed)

    def call(self, inputs: Any, training: bool = False) -> Any:
        return self._noisy(inputs) if training and self._amount > 0 else inputs

    def _noisy(self, inputs: Any) -> Any:
        raise NotImplementedError


class GaussianNoise(Noise):
    """In training, normal noise of mean 0 and deviation `stddev` is added to the inputs.

    ValueError unless 0 <= stddev <= 1. `seed`: a whole number, None for another at each run, or a
    SeedGenerator. The result has the shape of the input.

    >>> layers.GaussianNoise(0.1, seed=1)(np.zeros((1, 2)))
    array([[0., 0.]], dtype=float32)
    """

    fields = ("stddev", "seed")

    def __init__(self, stddev: float, seed: int | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.stddev = checked_fraction("stddev", stddev)
        self._start(stddev, seed)

    def _noisy(self, inputs: Any) -> Any:
        shape = ops.shape(inputs)
        return inputs + random.normal(
            shape, 0.0, self.stddev, self.compute_dtype, self.seed_generator
        )


class GaussianDropout(Noise):
    """In training, inputs are multiplied by normal noise of mean 1 and deviation
    sqrt(rate / (1 - rate)).

    ValueError unless 0 <= rate < 1. `seed`: a whole number, None for another at each run, or a
    SeedGenerator. The result has the shape of the input.

    >>> layers.GaussianDropout(0.1, seed=1)(np.ones((1, 2)))
    array([[1., 1.]], dtype=float32)
    """

    fields = ("rate", "seed")

    def __init__(self, rate: float, seed: int | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.rate = checked_fraction("rate", rate)
        if rate == 1:
            raise ValueError(
                "The noise of GaussianDropout has no bound at rate=1. Use a rate below 1."
            )
        self._start(rate, seed)

    def _noisy(self, inputs: Any) -> Any:
        deviation = math.sqrt(self.rate / (1.0 - self.rate))
        shape = ops.shape(inputs)
        return inputs * random.normal(
            shape, 1.0, deviation, self.compute_dtype, self.seed_generator
        )


class AlphaDropout(Noise):
    """In training, inputs become the least value of a SELU with probability `rate`, and all are
    scaled and shifted so that mean 0 and variance 1 stay so (Klambauer et al., "Self-Normalizing
    Neural Networks", 2017).

    `noise_shape` has 1 where one decision holds for a whole axis, None where it is as the input.
    ValueError unless 0 <= rate <= 1. `seed`: a whole number, None for another at each run, or a
    SeedGenerator. The result has the shape of the input.

    >>> layers.AlphaDropout(0.1, seed=1)(np.ones((1, 2)))
    array([[1., 1.]], dtype=float32)
    """

    fields = ("rate", "seed", "noise_shape")

    def __init__(
        self, rate: float, noise_shape: Any = None, seed: int | None = None, **kwargs: Any
    ):
        super().__init__(**kwargs)
        self.rate = checked_fraction("rate", rate)
        self.noise_shape = checked_noise_shape(noise_shape)
        self._start(rate, seed)

    def _noisy(self, inputs: Any) -> Any:
        if self.rate == 1:  # the limit
            return ops.zeros_like(inputs)
        least = -SELU_ALPHA * SELU_SCALE
        scale = ((1 - self.rate) * (1 + self.rate * least**2)) ** -0.5
        shape = ops.shape(inputs)
        given = self.noise_shape or (None,) * len(shape)
        noise = tuple(n if d is None else d for n, d in zip(shape, given, strict=True))
        keep = random.uniform(noise, seed=self.seed_generator) >= self.rate
        return scale * ops.where(keep, inputs, least) - scale * least * self.rate
