"""Inputs that are left out by chance, in training."""

from __future__ import annotations

from typing import Any

from fncompile import ops, random
from fncompile.layers.regularization.arguments import checked_fraction, checked_noise_shape
from fncompile.layers.standard import StandardLayer


class Dropout(StandardLayer):
    """In training, each input is 0 with probability `rate`, else divided by `1 - rate`.

    `noise_shape` has 1 where one decision holds for a whole axis, None where it is as the input.
    ValueError unless 0 <= rate <= 1, and for a `noise_shape` of anything else.

    `seed`: a whole number, None for another at each run, or a SeedGenerator. The result has the
    shape of the input.

    >>> layer = layers.Dropout(0.5, seed=1)
    >>> layer(np.ones((1, 4)))
    array([[1., 1., 1., 1.]], dtype=float32)
    >>> sorted(set(layer(np.ones((1, 100)), training=True).ravel().tolist()))
    [0.0, 2.0]
    """

    fields: tuple[str, ...] = ("rate", "seed", "noise_shape")
    _stateless = True

    def __init__(
        self, rate: float, noise_shape: Any = None, seed: int | None = None, **kwargs: Any
    ):
        super().__init__(**kwargs)
        self.rate = checked_fraction("rate", rate)
        self.seed = seed
        self.noise_shape = checked_noise_shape(noise_shape)
        self.supports_masking = True
        if rate > 0:
            self.seed_generator = random.SeedGenerator(seed)

    def call(self, inputs: Any, training: bool = False) -> Any:
        if not training or self.rate == 0:
            return inputs
        if self.rate == 1:
            return ops.zeros_like(inputs)
        return random.dropout(inputs, self.rate, self.noise_shape, self.seed_generator)
