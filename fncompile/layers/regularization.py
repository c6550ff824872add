"""Layers that act in training only, by chance."""

from __future__ import annotations

from typing import Any

from fncompile import ops, random
from fncompile.layers.standard import StandardLayer


class Dropout(StandardLayer):
    """In training, each input is 0 with probability `rate`, else divided by `1 - rate`.

    `noise_shape` has 1 where one decision holds for a whole axis. ValueError unless 0 <= rate <= 1.
    """

    fields = ("rate", "seed", "noise_shape")

    def __init__(
        self, rate: float, noise_shape: Any = None, seed: int | None = None, **kwargs: Any
    ):
        super().__init__(**kwargs)
        if not isinstance(rate, (int, float)) or not 0 <= rate <= 1:
            raise ValueError(
                "Invalid value received for argument `rate`. Expected a float value between 0 and "
                "1. "
                f"Received: rate={rate}"
            )
        self.rate = rate
        self.seed = seed
        self.noise_shape = None if noise_shape is None else tuple(noise_shape)
        self.supports_masking = True
        if rate > 0:
            self.seed_generator = random.SeedGenerator(seed)

    def call(self, inputs: Any, training: bool = False) -> Any:
        if not training or self.rate == 0:
            return inputs
        if self.rate == 1:
            return ops.zeros_like(inputs)
        return random.dropout(inputs, self.rate, self.noise_shape, self.seed_generator)
