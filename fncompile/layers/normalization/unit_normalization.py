"""Length 1."""

from __future__ import annotations

from typing import Any

from fncompile import ops
from fncompile.layers.standard import StandardLayer


class UnitNormalization(StandardLayer):
    """Inputs divided by their length over `axis`, one axis or several, so that it becomes 1.

    TypeError for an `axis` that is no whole number or list of them. The result has the shape of the
    input; where it is 0 throughout, it stays so.

    >>> layers.UnitNormalization()(np.array([[3.0, 4.0], [0.0, 0.0]]))
    array([[0.6, 0.8],
           [0. , 0. ]], dtype=float32)
    """

    fields = ("axis",)
    _stateless = True

    def __init__(self, axis: Any = -1, **kwargs: Any):
        super().__init__(**kwargs)
        if not isinstance(axis, (int, list, tuple)):
            raise TypeError(
                "Invalid value for `axis` argument: expected an int or a list/tuple of ints. "
                f"Received: axis={axis}"
            )
        self.axis = list(axis) if isinstance(axis, (list, tuple)) else axis
        self.supports_masking = True

    def call(self, inputs: Any) -> Any:
        return ops.normalize(inputs, self.axis, order=2, epsilon=1e-12)
