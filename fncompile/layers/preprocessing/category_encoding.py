"""Category numbers as vectors."""

from __future__ import annotations

from typing import Any

from fncompile.layers.preprocessing.encoding import checked_mode, encoded, refuse_sparse
from fncompile.layers.standard import StandardLayer


class CategoryEncoding(StandardLayer):
    """Whole numbers from 0 to `num_tokens` - 1 as vectors of that length.

    `output_mode`: "one_hot" for each number by itself; "multi_hot", 1 for each number that a
    sample, the last axis, has; "count", how often it has it, times `count_weights` of the call.
    ValueError for other modes and sizes; `sparse` results are refused.

    >>> layers.CategoryEncoding(4)(np.array([[0, 1], [3, 3]]))
    array([[1., 1., 0., 0.],
           [0., 0., 0., 1.]], dtype=float32)
    """

    fields = ("num_tokens", "output_mode")
    _stateless = True
    _accepts_any = True

    def __init__(
        self,
        num_tokens: int | None = None,
        output_mode: str = "multi_hot",
        sparse: bool = False,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.output_mode = checked_mode(
            type(self).__name__, output_mode, ("count", "one_hot", "multi_hot")
        )
        refuse_sparse(type(self).__name__, sparse, self.output_mode)
        if num_tokens is None:
            raise ValueError(
                "num_tokens must be set to use this layer. If the number of tokens is not known "
                "beforehand, use the IntegerLookup layer instead."
            )
        if num_tokens < 1:
            raise ValueError(f"`num_tokens` must be >= 1. Received: num_tokens={num_tokens}.")
        self.num_tokens = num_tokens

    def call(self, inputs: Any, count_weights: Any = None) -> Any:
        if count_weights is not None and self.output_mode != "count":
            raise ValueError(
                "`count_weights` is not used when `output_mode` is not `'count'`. "
                f"Received `count_weights={count_weights}`."
            )
        return encoded(
            inputs, self.output_mode, self.num_tokens, self.compute_dtype, count_weights
        )
