"""Images changed by one after another of many layers, chosen by chance."""

from __future__ import annotations

import random as python_random
from typing import Any

from fncompile import ops, random
from fncompile.layers.preprocessing.equalization import Equalization
from fncompile.layers.preprocessing.random_color import (
    RandomBrightness,
    RandomColor,
    RandomContrast,
)
from fncompile.layers.preprocessing.random_filters import RandomSharpness
from fncompile.layers.preprocessing.random_geometry import RandomRotation, RandomTranslation
from fncompile.layers.preprocessing.random_tones import (
    AutoContrast,
    RandomColorDegeneration,
    RandomPosterization,
    Solarization,
    amount_range,
)
from fncompile.layers.preprocessing.random_warps import RandomShear


class RandomChoices(RandomColor):
    """Base of layers that hold other layers that change images, each with the range `factor` as its
    own."""

    _moves_pixels = True

    def _hold(self, tones: bool) -> None:
        """`tones`: whether brightness, colour, contrast and sharpness are among them."""
        both: Any = self.factor
        values: dict[str, Any] = {"value_range": self.value_range}
        read: dict[str, Any] = {"interpolation": self.interpolation}
        common: dict[str, Any] = {"seed": self.seed, "dtype": self.dtype_policy}
        self._inner: list[Any] = [
            RandomShear(both, both, **read, **common),
            RandomTranslation(both, both, **read, **common),
            RandomRotation(both, **read, **common),
            RandomPosterization(max(1, int(8 * both[1])), **values, **common),
            Solarization(both, both, **values, **common),
            AutoContrast(**values, dtype=self.dtype_policy),
            Equalization(**values, dtype=self.dtype_policy),
        ]
        if tones:
            kinds: Any = (
                RandomBrightness, RandomColorDegeneration, RandomContrast, RandomSharpness
            )  # fmt: skip
            self._inner += [kind(both, **values, **common) for kind in kinds]

    factor: tuple[float, float]
    interpolation: str


class RandAugment(RandomChoices):
    """In training, `num_ops` layers one after the other change the images of a call, each chosen by
    chance among eleven: shear, translation, rotation, posterization, solarization, contrast that is
    automatic, equalization, brightness, colour, contrast and sharpness.

    `factor`: how much they may change, from the least to the largest, or up to the largest;
    ValueError unless from 0 to 1. `value_range`: what the numbers of images are between;
    `interpolation`: of those that move pixels. Source: Cubuk et al., arXiv:1909.13719.

    >>> layers.RandAugment(seed=1)(np.ones((2, 4, 4, 3))).shape
    (2, 4, 4, 3)
    """

    fields = (
        "value_range", "num_ops", "factor", "interpolation", "seed", "data_format",
    )  # fmt: skip

    def __init__(
        self,
        value_range: Any = (0, 255),
        num_ops: int = 2,
        factor: Any = 0.5,
        interpolation: str = "bilinear",
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self._values(value_range)
        self.num_ops = num_ops
        self.factor = amount_range("factor", factor)
        self.interpolation = interpolation
        self._start(seed, data_format)
        self._hold(tones=True)

    def _changed(self, images: Any) -> Any:
        for _ in range(self.num_ops):
            chosen = random.randint((), 0, len(self._inner), seed=self.seed_generator)
            before = images
            for number, layer in enumerate(self._inner):
                images = ops.where(chosen == number, layer._changed(before), images)
        return images


class AugMix(RandomChoices):
    """In training, images are mixed with a mean of `num_chains` changed ones, each changed by up to
    `chain_depth` layers one after the other.

    Which layers, among those of `RandAugment` (without `all_ops` those but brightness, colour,
    contrast and sharpness), is chosen by `seed` when the layer is traced: a compiled model keeps to
    it, and how much they change is by chance each time. `factor` as there; `alpha`: the parameter
    of the distributions (Dirichlet's and beta) that the shares are drawn from. `value_range`: what
    the numbers of images are between, and stay; `interpolation`: of layers that move pixels.
    Source: Hendrycks et al., arXiv:1912.02781.

    >>> layers.AugMix(seed=1)(np.ones((2, 4, 4, 3))).shape
    (2, 4, 4, 3)
    """

    fields = (
        "value_range", "num_chains", "chain_depth", "factor", "alpha", "all_ops", "interpolation",
        "seed", "data_format",
    )  # fmt: skip

    def __init__(
        self,
        value_range: Any = (0, 255),
        num_chains: int = 3,
        chain_depth: int = 3,
        factor: Any = 0.3,
        alpha: float = 1.0,
        all_ops: bool = True,
        interpolation: str = "bilinear",
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self._values(value_range)
        self.num_chains = num_chains
        self.chain_depth = chain_depth
        self.factor = amount_range("factor", factor)
        self.alpha = alpha
        self.all_ops = all_ops
        self.interpolation = interpolation
        self._start(seed, data_format)
        self._hold(tones=all_ops)

    def _changed(self, images: Any) -> Any:
        choose = python_random.Random(self.seed_generator.get_config()["seed"])
        dtype, seed = self.compute_dtype, self.seed_generator
        parts = random.gamma((self.num_chains,), self.alpha, dtype, seed)
        shares = parts / ops.sum(parts)
        mixed = ops.zeros_like(images)
        for chain in range(self.num_chains):
            x = images
            for _ in range(self.chain_depth):
                layer = choose.choice([*self._inner, None])
                x = x if layer is None else layer._changed(x)
            mixed = mixed + shares[chain] * x
        share = random.beta((), self.alpha, self.alpha, dtype, seed)
        return ops.clip(share * images + (1.0 - share) * mixed, *sorted(self.value_range))
