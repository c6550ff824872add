"""Steps that are padding."""

from __future__ import annotations

from typing import Any

from fncompile import ops
from fncompile.layers.standard import StandardLayer


class Masking(StandardLayer):
    """Masks the steps whose features are all `mask_value`; they become 0.

    Takes (batch, steps, ...), gives the same shape and a mask that is False at those steps.

    >>> layers.Masking()(np.array([[[1.0, 2.0], [0.0, 0.0]]]))
    array([[[1., 2.],
            [0., 0.]]], dtype=float32)
    """

    fields = ("mask_value",)
    _stateless = True

    def __init__(self, mask_value: Any = 0.0, **kwargs: Any):
        super().__init__(**kwargs)
        self.mask_value = mask_value
        self.supports_masking = True

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        return ops.any(ops.not_equal(inputs, self.mask_value), axis=-1)

    def call(self, inputs: Any) -> Any:
        there = ops.any(ops.not_equal(inputs, self.mask_value), axis=-1, keepdims=True)
        return ops.where(there, inputs, ops.zeros_like(inputs))
