"""A penalty on what passes through."""

from __future__ import annotations

from typing import Any

from fncompile import regularizers
from fncompile.layers.standard import StandardLayer


class ActivityRegularization(StandardLayer):
    """The inputs, with `l1` times their absolute values and `l2` times their squares added to the
    loss, divided by the batch.

    ValueError for numbers below 0. The result has the shape of the input.

    >>> layer = layers.ActivityRegularization(l2=0.5)
    >>> layer(np.array([[1.0, 3.0]])), layer.losses
    (array([[1., 3.]], dtype=float32), [array(5., dtype=float32)])
    """

    fields = ("l1", "l2")
    _stateless = True

    def __init__(self, l1: float = 0.0, l2: float = 0.0, **kwargs: Any):
        super().__init__(activity_regularizer=regularizers.L1L2(l1, l2), **kwargs)
        self.l1 = l1
        self.l2 = l2
        self.supports_masking = True

    def call(self, inputs: Any) -> Any:
        return inputs

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments; the regularizer follows from them."""
        config = super().get_config()
        del config["activity_regularizer"]
        return config
