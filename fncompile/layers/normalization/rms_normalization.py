"""Mean square 1."""

from __future__ import annotations

from typing import Any

from fncompile import initializers, ops
from fncompile.layers.normalization.axes import check_axes
from fncompile.layers.standard import StandardLayer


class RMSNormalization(StandardLayer):
    """`x / sqrt(mean(x²) + epsilon) * scale`, over `axis` of each sample (Zhang and Sennrich, "Root
    Mean Square Layer Normalization", 2019).

    `axis`: one axis or several; `epsilon`: keeps the root from 0. TypeError for an `axis` of
    another kind. The weight `scale` has the extents of the axes. The result has the shape of the
    input.

    >>> layers.RMSNormalization()(np.array([[3.0, 4.0]])).round(4)
    array([[0.8485, 1.1314]], dtype=float32)
    """

    fields = ("axis", "epsilon")

    def __init__(self, axis: Any = -1, epsilon: float = 1e-6, **kwargs: Any):
        super().__init__(**kwargs)
        if not isinstance(axis, (int, list, tuple)):
            raise TypeError(
                "Expected an int or a list/tuple of ints for the argument 'axis', but received: "
                f"{axis!r}"
            )
        self.axis = axis
        self.epsilon = epsilon

    def build(self, input_shape: tuple) -> None:
        axes = [self.axis] if isinstance(self.axis, int) else self.axis
        check_axes(self, axes, input_shape)
        shape = tuple(input_shape[a] for a in self._axes_of(len(input_shape)))
        self.scale = self.add_weight(
            name="scale", shape=shape, initializer=initializers.Ones(), autocast=False
        )

    def _axes_of(self, rank: int) -> tuple[int, ...]:
        """Those of an input with `rank` axes, which need not be as many as when it was built."""
        axes = [self.axis] if isinstance(self.axis, int) else self.axis
        return tuple(sorted(a % rank for a in axes))

    def call(self, inputs: Any) -> Any:
        axes = self._axes_of(len(inputs.shape))
        return ops.rms_normalization(inputs, self.scale, axes, self.epsilon)
