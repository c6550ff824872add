"""Layers that make one tensor of several, element by element."""

from __future__ import annotations

from typing import Any

from fncompile import ops
from fncompile.graph.symbols import is_shape
from fncompile.layers.standard import StandardLayer


class Merge(StandardLayer):
    """Base of the element-wise ones: `merge(x, y)` joins two, `finish` what came of all.

    Extents of 1 grow; an input of lower rank gets axes behind its batch axis. ValueError where the
    shapes do not fit. Where every input has a mask, the output is valid where one of them is.
    """

    def __init__(self, **kwargs: Any):
        super().__init__(**kwargs)
        self.supports_masking = True

    def merge(self, x: Any, y: Any) -> Any:
        """Two inputs as one."""
        raise NotImplementedError

    def finish(self, x: Any, number: int) -> Any:
        """The result, from what came of all inputs."""
        return x

    def build(self, input_shape: Any) -> None:
        check_list(input_shape)
        check_batches(input_shape)
        together = input_shape[0][1:]
        for shape in input_shape[1:]:
            together = broadcast(together, shape[1:])

    def call(self, inputs: Any) -> Any:
        rank = max(len(x.shape) for x in inputs)
        first, *others = (expand(x, rank) for x in inputs)
        for x in others:
            first = self.merge(first, x)
        return self.finish(first, len(inputs))

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        masks = checked_masks(inputs, previous_mask)
        if any(mask is None for mask in masks):
            return None
        first, *others = masks
        for mask in others:
            first = ops.logical_or(first, mask)
        return first


def check_list(input_shape: Any) -> None:
    if not input_shape or is_shape(input_shape):
        raise ValueError(
            "A merge layer should be called on a list of inputs. "
            f"Received: input_shape={input_shape} (not a list of shapes)"
        )


def checked_masks(inputs: Any, previous_mask: Any) -> list[Any]:
    """The masks of the inputs, [None] where there are none; ValueError unless one for each."""
    if previous_mask is None:
        return [None]
    for name, given in (("mask", previous_mask), ("inputs", inputs)):
        if not isinstance(given, (list, tuple)):
            raise ValueError(f"`{name}` should be a list. Received: {name}={given}")
    if len(inputs) != len(previous_mask):
        raise ValueError(
            "The lists `inputs` and `mask` should have the same length. Received: "
            f"{len(inputs)} inputs and {len(previous_mask)} masks"
        )
    return list(previous_mask)


def check_batches(input_shape: Any) -> None:
    if len({shape[0] for shape in input_shape if shape} - {None}) > 1:
        raise ValueError(
            "Cannot merge tensors with different batch sizes. "
            f"Received tensors with shapes {list(input_shape)}"
        )


def broadcast(a: tuple, b: tuple) -> tuple:
    """The shape, without the batch, of what two shapes give together; ValueError where nothing."""
    if len(a) > len(b):
        a, b = b, a
    ahead, behind = b[: len(b) - len(a)], b[len(b) - len(a) :]
    for i, j in zip(a, behind, strict=True):
        if i != j and None not in (i, j) and 1 not in (i, j):
            raise ValueError(f"Inputs have incompatible shapes. Received shapes {a} and {b}")
    grown = (j if i == 1 or (i is None and j != 1) else i for i, j in zip(a, behind, strict=True))
    return (*ahead, *grown)


def expand(x: Any, rank: int) -> Any:
    """`x` with axes of extent 1 behind its batch axis, up to `rank`."""
    missing = rank - len(x.shape)
    return ops.expand_dims(x, tuple(range(1, missing + 1))) if missing else x


class Add(Merge):
    """The sum of the inputs.

    Takes a list of two or more tensors of one batch size; `name` and `dtype` as for `Layer`.

    >>> layers.Add()([np.array([[1.0, 2.0]]), np.array([[3.0, 4.0]])])
    array([[4., 6.]], dtype=float32)
    """

    def merge(self, x: Any, y: Any) -> Any:
        return ops.add(x, y)


class Multiply(Merge):
    """The product of the inputs.

    Takes a list of two or more tensors of one batch size; `name` and `dtype` as for `Layer`.

    >>> layers.Multiply()([np.array([[1.0, 2.0]]), np.array([[3.0, 4.0]])])
    array([[3., 8.]], dtype=float32)
    """

    def merge(self, x: Any, y: Any) -> Any:
        return ops.multiply(x, y)


class Average(Merge):
    """The mean of the inputs.

    Takes a list of two or more tensors of one batch size; `name` and `dtype` as for `Layer`.

    >>> layers.Average()([np.array([[1.0, 2.0]]), np.array([[3.0, 4.0]])])
    array([[2., 3.]], dtype=float32)
    """

    def merge(self, x: Any, y: Any) -> Any:
        return ops.add(x, y)

    def finish(self, x: Any, number: int) -> Any:
        return x / number


class Maximum(Merge):
    """The largest of the inputs, element by element.

    Takes a list of two or more tensors of one batch size; `name` and `dtype` as for `Layer`.

    >>> layers.Maximum()([np.array([[1.0, 5.0]]), np.array([[3.0, 4.0]])])
    array([[3., 5.]], dtype=float32)
    """

    def merge(self, x: Any, y: Any) -> Any:
        return ops.maximum(x, y)


class Minimum(Merge):
    """The smallest of the inputs, element by element.

    Takes a list of two or more tensors of one batch size; `name` and `dtype` as for `Layer`.

    >>> layers.Minimum()([np.array([[1.0, 5.0]]), np.array([[3.0, 4.0]])])
    array([[1., 4.]], dtype=float32)
    """

    def merge(self, x: Any, y: Any) -> Any:
        return ops.minimum(x, y)


class Subtract(Merge):
    """The first input minus the second.

    Takes a list of two tensors, ValueError otherwise; `name` and `dtype` as for `Layer`.

    >>> layers.Subtract()([np.array([[1.0, 2.0]]), np.array([[3.0, 5.0]])])
    array([[-2., -3.]], dtype=float32)
    """

    def build(self, input_shape: Any) -> None:
        check_list(input_shape)
        if len(input_shape) != 2:
            raise ValueError(
                "A `Subtract` layer should be called on exactly 2 inputs. "
                f"Received: input_shape={input_shape}"
            )
        super().build(input_shape)

    def merge(self, x: Any, y: Any) -> Any:
        return ops.subtract(x, y)
