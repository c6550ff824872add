"""The same numbers in another shape or order. The batch axis stays where it is."""

from __future__ import annotations

import math
from typing import Any

from fncompile import ops
from fncompile.layers.arguments import checked_data_format
from fncompile.layers.input_spec import InputSpec
from fncompile.layers.standard import StandardLayer
from fncompile.ops.axes import Dim, divide_checked, is_static, product


class Flatten(StandardLayer):
    """All axes but the batch as one; with `data_format="channels_first"`, channels last.

    Takes (batch, ...), gives (batch, features).

    >>> layers.Flatten()(np.ones((2, 3, 4))).shape
    (2, 12)
    """

    fields = ("data_format",)

    def __init__(self, data_format: str | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.data_format = checked_data_format(data_format)
        self.input_spec = InputSpec(min_ndim=1)

    def call(self, inputs: Any) -> Any:
        rank = len(inputs.shape)
        if self.data_format == "channels_first" and rank > 1:
            inputs = ops.transpose(inputs, (0, *range(2, rank), 1))
        batch, *rest = ops.shape(inputs)
        return ops.reshape(inputs, (batch, product(rest)))


class Reshape(StandardLayer):
    """Each sample in the shape `target_shape`, of which one extent may be -1.

    ValueError where a sample has another number of elements.

    >>> layers.Reshape((4, -1))(np.ones((2, 3, 4))).shape
    (2, 4, 3)
    """

    fields = ("target_shape",)
    _stateless = True

    def __init__(self, target_shape: Any, **kwargs: Any):
        super().__init__(**kwargs)
        target_shape = tuple(target_shape)
        if any(extent < -1 for extent in target_shape):
            raise ValueError(
                "Each extent must be a non-negative integer, or -1 for what is left. "
                f"Received: target_shape={target_shape}."
            )
        if target_shape.count(-1) > 1:
            raise ValueError(
                "There must be at most one unknown dimension (-1) in `target_shape`. "
                f"Received: target_shape={target_shape}."
            )
        self.target_shape = target_shape

    def call(self, inputs: Any) -> Any:
        batch, *rest = ops.shape(inputs)
        missing = self._missing_extent(product(rest), inputs.shape[1:])
        return ops.reshape(inputs, (batch, *(missing if d == -1 else d for d in self.target_shape)))

    def _missing_extent(self, total: Dim, input_shape: tuple) -> Dim:
        """The extent that -1 stands for, or 1 where there is none."""
        known = math.prod(d for d in self.target_shape if d != -1)
        extent = divide_checked(total, known) if -1 in self.target_shape else 1
        if extent is None or (is_static((total,)) and extent * known != total):
            raise ValueError(
                "The total size of the tensor must be unchanged. Received: "
                f"input_shape={input_shape}, target_shape={self.target_shape}"
            )
        return extent


class Permute(StandardLayer):
    """Axis i of a sample becomes its axis `dims[i-1]`; they are counted from 1.

    ValueError where `dims` is no permutation.

    >>> layers.Permute((2, 1))(np.ones((2, 3, 4))).shape
    (2, 4, 3)
    """

    fields = ("dims",)

    def __init__(self, dims: Any, **kwargs: Any):
        super().__init__(**kwargs)
        self.dims = tuple(dims)
        if sorted(self.dims) != list(range(1, len(self.dims) + 1)):
            raise ValueError(
                "Invalid permutation argument `dims` for Permute Layer. The set of indices in "
                "`dims` "
                f"must be consecutive and start from 1. Received dims={dims}"
            )
        self.input_spec = InputSpec(ndim=len(self.dims) + 1)

    def call(self, inputs: Any) -> Any:
        return ops.transpose(inputs, (0, *self.dims))


class RepeatVector(StandardLayer):
    """Each vector `n` times: (batch, features) becomes (batch, n, features).

    TypeError where `n` is no whole number.

    >>> layers.RepeatVector(2)(np.array([[1.0, 2.0]]))
    array([[[1., 2.],
            [1., 2.]]], dtype=float32)
    """

    fields = ("n",)

    def __init__(self, n: int, **kwargs: Any):
        super().__init__(**kwargs)
        if not isinstance(n, int):
            raise TypeError(f"Expected an integer value for `n`, got {type(n)}.")
        if n <= 0:
            raise ValueError(f"Argument `n` should be a positive integer. Received: n={n}")
        self.n = n
        self.input_spec = InputSpec(ndim=2)

    def call(self, inputs: Any) -> Any:
        batch, features = ops.shape(inputs)
        return ops.broadcast_to(ops.expand_dims(inputs, 1), (batch, self.n, features))
