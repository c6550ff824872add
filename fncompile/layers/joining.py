"""Layers that join tensors along an axis, or sum their products over one."""

from __future__ import annotations

from typing import Any

from fncompile import ops
from fncompile.graph.symbols import is_shape
from fncompile.layers.merging import Merge, check_batches, checked_masks
from fncompile.ops.products import batch_dot


class Concatenate(Merge):
    """The inputs one after the other along `axis`; the other extents must agree.

    Where an input has a mask, the output is valid where any part of it is.

    `axis`: one axis, not that of the batch. ValueError for shapes that do not fit.

    >>> layers.Concatenate()([np.array([[1.0, 2.0]]), np.array([[3.0]])])
    array([[1., 2., 3.]], dtype=float32)
    """

    fields = ("axis",)

    def __init__(self, axis: int = -1, **kwargs: Any):
        super().__init__(**kwargs)
        self.axis = axis

    def build(self, input_shape: Any) -> None:
        if not input_shape or is_shape(input_shape):
            raise ValueError(
                "A `Concatenate` layer should be called on a list of at least 1 input. "
                f"Received: input_shape={input_shape}"
            )
        rank = len(input_shape[0])
        if not -rank <= self.axis < rank:
            raise ValueError(
                f"A `Concatenate` layer of axis {self.axis} was called on inputs without such an "
                "axis. "
                f"Received: input_shape={input_shape}"
            )
        if not all(_agree(input_shape[0], shape, self.axis % rank) for shape in input_shape):
            raise ValueError(
                "A `Concatenate` layer requires inputs with matching shapes except for the "
                f"concatenation axis. Received: input_shape={input_shape}"
            )

    def call(self, inputs: Any) -> Any:
        return ops.concatenate(inputs, axis=self.axis)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        masks = checked_masks(inputs, mask)
        if all(each is None for each in masks):
            return None
        masks = [_full_mask(x, each) for x, each in zip(inputs, masks, strict=True)]
        return ops.any(ops.concatenate(masks, axis=self.axis), axis=-1)


def _agree(a: tuple, b: tuple, axis: int) -> bool:
    if len(a) != len(b):
        return False
    same = [x == y or None in (x, y) for x, y in zip(a, b, strict=True)]
    return all(fits or i == axis for i, fits in enumerate(same))


def _full_mask(x: Any, mask: Any) -> Any:
    """A mask with the shape of `x`."""
    if mask is None:
        return ops.ones_like(x, dtype="bool")
    behind = tuple(range(len(mask.shape), len(x.shape)))
    if not behind:
        return mask
    return ops.logical_or(ops.expand_dims(mask, behind), ops.zeros_like(x, dtype="bool"))


class Dot(Merge):
    """Products of two tensors summed over one axis of each, sample by sample.

    `axes` is one axis for both, or a pair. The result has the other axes of the first, then those
    of the second; of two vectors per sample it has shape (batch, 1). `normalize` gives the cosine.

    ValueError where the extents differ.

    >>> layers.Dot(axes=1)([np.array([[1.0, 2.0]]), np.array([[3.0, 4.0]])])
    array([[11.]], dtype=float32)
    """

    fields = ("axes", "normalize")

    def __init__(self, axes: Any, normalize: bool = False, **kwargs: Any):
        super().__init__(**kwargs)
        if not isinstance(axes, (int, list, tuple)):
            raise TypeError(
                "Invalid type for argument `axes`: it should be a list or an int. Received: "
                f"axes={axes}"
            )
        if not isinstance(axes, int) and (
            len(axes) != 2 or not all(isinstance(a, int) for a in axes)
        ):
            raise ValueError(
                "Invalid format for argument `axes`: it should contain two elements. Received: "
                f"axes={axes}"
            )
        self.axes = axes
        self.normalize = normalize

    def build(self, input_shape: Any) -> None:
        if not input_shape or is_shape(input_shape) or len(input_shape) != 2:
            raise ValueError(
                "A `Dot` layer should be called on a list of 2 inputs. Received: "
                f"input_shape={input_shape}"
            )
        first, second = input_shape
        check_batches(input_shape)
        i, j = self._axes_of(first, second)
        if 0 in (i, j):
            raise ValueError(
                f"A `Dot` layer cannot sum over the batch axis. Received: axes={self.axes}"
            )
        if first[i] != second[j] and None not in (first[i], second[j]):
            raise ValueError(
                f"Incompatible input shapes: axis values {first[i]} (at axis {i}) != {second[j]} "
                f"(at axis {j}). Full input shapes: {first}, {second}"
            )

    def _axes_of(self, first: tuple, second: tuple) -> tuple[int, int]:
        """The two axes, counted from the front; ValueError where there is no such axis."""
        pair = (self.axes, self.axes) if isinstance(self.axes, int) else self.axes
        for axis, shape in zip(pair, (first, second), strict=True):
            if not -len(shape) <= axis < len(shape):
                raise ValueError(
                    f"A `Dot` layer of axes {self.axes} was called on inputs without such an axis. "
                    f"Received: input_shape={[first, second]}"
                )
        return pair[0] % len(first), pair[1] % len(second)

    def call(self, inputs: Any) -> Any:
        x, y = inputs
        i, j = self._axes_of(x.shape, y.shape)
        if self.normalize:
            x, y = ops.normalize(x, axis=i), ops.normalize(y, axis=j)
        out = batch_dot(x, y, i, j)
        return ops.expand_dims(out, -1) if len(out.shape) == 1 else out

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        return None
