"""Numbers as the ranges that they fall into."""

from __future__ import annotations

from typing import Any

import numpy as np

from fncompile import ops
from fncompile.graph import structure
from fncompile.layers.preprocessing.data import batches_of
from fncompile.layers.preprocessing.encoding import (
    checked_mode,
    encoded,
    rank_among,
    refuse_sparse,
)
from fncompile.layers.standard import StandardLayer


class Discretization(StandardLayer):
    """The number of the range that each input falls into: 0 below the first of `bin_boundaries`, 1
    from there on, and so forth.

    `num_bins` in place of the boundaries lets `adapt(data)` find them, so that each range holds
    about as many of the data; `epsilon` says how exactly. `output_mode`: "int", "one_hot",
    "multi_hot" or "count", see CategoryEncoding. ValueError unless one of the two is given;
    `sparse` results are refused.

    >>> layers.Discretization([0.0, 1.0])(np.array([-1.0, 0.5, 2.0]))
    array([0, 1, 2], dtype=int32)
    """

    fields = ("bin_boundaries", "num_bins", "epsilon", "output_mode", "sparse")
    _stateless = True
    _accepts_any = True

    def __init__(
        self,
        bin_boundaries: Any = None,
        num_bins: int | None = None,
        epsilon: float = 0.01,
        output_mode: str = "int",
        sparse: bool = False,
        dtype: Any = None,
        name: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(name=name, dtype=dtype, **kwargs)
        modes = ("int", "one_hot", "multi_hot", "count")
        self.output_mode = checked_mode(type(self).__name__, output_mode, modes)
        refuse_sparse(type(self).__name__, sparse, self.output_mode)
        if num_bins is not None and num_bins < 0:
            raise ValueError(
                "`num_bins` must be greater than or equal to 0. "
                f"Received: `num_bins={num_bins}`"
            )
        if num_bins is not None and bin_boundaries is not None:
            raise ValueError(
                "Both `num_bins` and `bin_boundaries` should not be set. Received: "
                f"`num_bins={num_bins}` and `bin_boundaries={bin_boundaries}`"
            )
        if num_bins is None and bin_boundaries is None:
            raise ValueError("You need to set either `num_bins` or `bin_boundaries`.")
        self.bin_boundaries = None if bin_boundaries is None else list(bin_boundaries)
        self.num_bins = num_bins
        self.epsilon = epsilon
        self.sparse = sparse
        self.reset_state()

    @property
    def output_dtype(self) -> str:
        """The dtype of results: int32, or that of the layer where they are vectors."""
        return "int32" if self.output_mode == "int" else self.compute_dtype

    def adapt(self, data: Any, steps: int | None = None) -> None:
        """Find the boundaries by `data`: an array, or an iterable of batches, of which at most
        `steps` are taken. ValueError where they were given."""
        if self.num_bins is None:
            raise ValueError(
                "Cannot adapt a Discretization layer that has been initialized with "
                "`bin_boundaries`, use `num_bins` instead."
            )
        self.reset_state()
        for batch in batches_of(data, steps):
            self.update_state(batch)
        self.finalize_state()

    def update_state(self, data: Any) -> None:
        """Take more data into the summary."""
        new = _summary(np.asarray(data, "float32"), self.epsilon)
        self.summary = _compressed(np.concatenate([new, self.summary], axis=1), self.epsilon)

    def finalize_state(self) -> None:
        """Read the boundaries off the summary."""
        if self.num_bins is not None:
            bins = _compressed(self.summary, 1.0 / self.num_bins)
            self.bin_boundaries = bins[0, :-1].tolist()
            structure.new_table(self)

    summary: np.ndarray

    def reset_state(self) -> None:
        """Forget what was seen."""
        self.summary = np.zeros((2, 0), "float32")

    def call(self, inputs: Any) -> Any:
        if self.bin_boundaries is None:
            raise ValueError(
                "You need to either pass the `bin_boundaries` argument at construction time or "
                "call `adapt(dataset)` before you can start using the `Discretization` layer."
            )
        steps = np.asarray(self.bin_boundaries, "float32")
        x = ops.cast(inputs, "float32")
        ranks = rank_among(x, steps) if len(steps) else ops.zeros_like(x, dtype="int32")
        dtype = "int32" if self.output_mode == "int" else self.compute_dtype
        return encoded(ranks, self.output_mode, len(steps) + 1, dtype)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The shape of the result, also before `adapt`: with `num_bins` for the ranges."""
        if self.bin_boundaries is not None or not self.num_bins:
            return super().compute_output_shape(input_shape)
        layer = type(self)([0.0] * (self.num_bins - 1), output_mode=self.output_mode)
        return layer.compute_output_shape(input_shape)

    def _declared_by_shape(self, args: tuple, kwargs: dict[str, Any]) -> Any:
        return None  # `call` tells the dtype too

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """A layer from what `get_config` gave; of one that adapted, with the boundaries found."""
        if config.get("num_bins") is None or config.get("bin_boundaries") is None:
            return super().from_config(config)
        layer = super().from_config({**config, "bin_boundaries": None})
        layer.bin_boundaries = list(config["bin_boundaries"])
        return layer


def _summary(values: np.ndarray, epsilon: float) -> np.ndarray:
    """Values and the number of data that each stands for, in two rows: about 1 / epsilon of the
    data at even distances."""
    ordered = np.sort(values.reshape(-1))
    step = max(ordered.size * epsilon, 1)
    chosen = ordered[int(step - 1) :: int(step)]
    return np.stack([chosen, np.full_like(chosen, step)])


def _compressed(summary: np.ndarray, epsilon: float) -> np.ndarray:
    """A summary at 1 / epsilon even steps of the share of data below."""
    summary = summary[:, np.argsort(summary[0])]
    if summary.shape[1] * epsilon < 1:
        return summary
    below = summary[1].cumsum()
    wanted = epsilon + np.arange(0.0, 1.0, epsilon)
    share = below / below[-1]
    values = np.interp(wanted, share, summary[0])
    weights = np.diff(np.interp(wanted, share, below), prepend=0)
    return np.stack([values, weights]).astype("float32")
