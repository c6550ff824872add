"""Vectors for integers."""

from __future__ import annotations

from typing import Any

import numpy as np

from fncompile import ops
from fncompile.caller import warn_caller
from fncompile.layers.standard import StandardLayer
from fncompile.ops.indexing import rows


class Embedding(StandardLayer):
    """The rows of a table of shape (input_dim, output_dim) that the inputs name.

    Inputs that are not int32 or int64 are cast to int32. With `mask_zero`, index 0 is padding: the
    output carries a mask that is False there. An index outside of the table is a ValueError where
    it is an input of the model (in C a status), and gives NaN where it was computed.

    `embeddings_initializer`, `embeddings_regularizer`, `embeddings_constraint`: names or objects;
    `weights`: the table itself. Takes whole numbers of any shape, gives one more axis of
    `output_dim`. ValueError for sizes that are no positive whole numbers.

    >>> layers.Embedding(3, 2, embeddings_initializer="ones")(np.array([[0, 2]])).shape
    (1, 2, 2)
    """

    fields: tuple[str, ...] = (
        "input_dim", "output_dim", "embeddings_initializer", "embeddings_regularizer",
        "embeddings_constraint", "mask_zero",
    )  # fmt: skip

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        embeddings_initializer: Any = "uniform",
        embeddings_regularizer: Any = None,
        embeddings_constraint: Any = None,
        mask_zero: bool = False,
        weights: Any = None,
        **kwargs: Any,
    ):
        if kwargs.pop("input_length", None) is not None:
            warn_caller("Argument `input_length` is deprecated. Just remove it.")
        for name, value in (("input_dim", input_dim), ("output_dim", output_dim)):
            if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value <= 0:
                raise ValueError(
                    f"`{name}` must be a positive integer. "
                    f"Received: {name}={value} (of type {type(value).__name__})."
                )
        super().__init__(**kwargs)
        self.input_dim = int(input_dim)
        self.output_dim = int(output_dim)
        self.autocast = False  # indices given as floats would lose digits in bfloat16
        self.mask_zero = mask_zero
        self.supports_masking = mask_zero
        self.embeddings_initializer: Any
        self._weight_options(
            "embeddings", embeddings_initializer, embeddings_regularizer, embeddings_constraint
        )
        if weights is not None:
            self.build()
            self.set_weights(weights if isinstance(weights, (list, tuple)) else [weights])

    def build(self, input_shape: Any = None) -> None:
        self.embeddings = self._make_weight("embeddings", (self.input_dim, self.output_dim))

    def call(self, inputs: Any) -> Any:
        if inputs.dtype not in ("int32", "int64"):
            inputs = ops.cast(inputs, "int32")
        return ops.cast(rows(self.embeddings, inputs), self.compute_dtype)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        return ops.not_equal(inputs, 0) if self.mask_zero else None
