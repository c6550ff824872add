"""Layers that make one tensor of several, element by element."""

from __future__ import annotations

from typing import Any

from fncompile import ops
from fncompile.graph.symbols import is_shape
from fncompile.layers.standard import StandardLayer


class Merge(StandardLayer):
    """Base of the element-wise ones: `merge(x, y)` joins two, `finish` what came of all.

    Extents of 1 grow; an input of lower rank gets axes behind its batch axis. ValueError where the
    shapes do not fit. Where every input has a mask, the output is valid where one of them is;
    `merge_valid` says what steps that are masked count for.
    """

    def __init__(self, **kwargs: Any):
        super().__init__(**kwargs)
        self.supports_masking = True

    def merge(self, x: Any, y: Any) -> Any:
        """Two inputs as one."""
        raise NotImplementedError

    def merge_valid(self, x: Any, y: Any, x_valid: Any, y_valid: Any) -> Any:
        """Two inputs as one, with where they are valid; None is everywhere."""
        return self.merge(x, y)

    def finish(self, x: Any, number: int, valid: Any = None) -> Any:
        """The result, from what came of all inputs, and where one of them is valid."""
        return x

    def build(self, input_shape: Any) -> None:
        check_list(input_shape)
        check_batches(input_shape)
        together = input_shape[0][1:]
        for shape in input_shape[1:]:
            together = broadcast(together, shape[1:])

    def call(self, inputs: Any) -> Any:
        rank = max(len(x.shape) for x in inputs)
        (merged, valid), *others = ((expand(x, rank), valid_steps(x, rank)) for x in inputs)
        for x, x_valid in others:
            merged = self.merge_valid(merged, x, valid, x_valid)
            valid = None if valid is None or x_valid is None else ops.logical_or(valid, x_valid)
        return self.finish(merged, len(inputs), valid)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        masks = checked_masks(inputs, mask)
        if any(each is None for each in masks):
            return None
        first, *others = masks
        for each in others:
            first = ops.logical_or(first, each)
        return first


def check_list(input_shape: Any) -> None:
    if not input_shape or is_shape(input_shape):
        raise ValueError(
            "A merge layer should be called on a list of inputs. "
            f"Received: input_shape={input_shape} (not a list of shapes)"
        )


def checked_masks(inputs: Any, mask: Any) -> list[Any]:
    """The masks of the inputs, [None] where there are none; ValueError unless one for each."""
    if mask is None:
        return [None]
    for name, given in (("mask", mask), ("inputs", inputs)):
        if not isinstance(given, (list, tuple)):
            raise ValueError(f"`{name}` should be a list. Received: {name}={given}")
    if len(inputs) != len(mask):
        raise ValueError(
            "The lists `inputs` and `mask` should have the same length. Received: "
            f"{len(inputs)} inputs and {len(mask)} masks"
        )
    return list(mask)


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


def valid_steps(x: Any, rank: int) -> Any:
    """The mask of `x` with axes of extent 1 behind it, up to `rank`; None where it has none."""
    mask = getattr(x, "_keras_mask", None)
    if mask is None:
        return None
    return ops.expand_dims(mask, tuple(range(len(mask.shape), rank)))


class Add(Merge):
    """The sum of the inputs.

    Takes a list of two or more tensors of one batch size; `name` and `dtype` as for `Layer`.

    >>> layers.Add()([np.array([[1.0, 2.0]]), np.array([[3.0, 4.0]])])
    array([[4., 6.]], dtype=float32)
    """

    def merge(self, x: Any, y: Any) -> Any:
        return ops.add(x, y)


class Multiply(Merge):
    """The product of the inputs; steps that a mask hides count as 1, where all do the result is 0.

    Takes a list of two or more tensors of one batch size; `name` and `dtype` as for `Layer`.

    >>> layers.Multiply()([np.array([[1.0, 2.0]]), np.array([[3.0, 4.0]])])
    array([[3., 8.]], dtype=float32)
    """

    def merge(self, x: Any, y: Any) -> Any:
        return ops.multiply(x, y)

    def merge_valid(self, x: Any, y: Any, x_valid: Any, y_valid: Any) -> Any:
        x = x if x_valid is None else ops.where(x_valid, x, 1)
        return self.merge(x, y if y_valid is None else ops.where(y_valid, y, 1))

    def finish(self, x: Any, number: int, valid: Any = None) -> Any:
        return x if valid is None else ops.where(valid, x, 0)


class Average(Merge):
    """The mean of the inputs.

    Takes a list of two or more tensors of one batch size; `name` and `dtype` as for `Layer`.

    >>> layers.Average()([np.array([[1.0, 2.0]]), np.array([[3.0, 4.0]])])
    array([[2., 3.]], dtype=float32)
    """

    def merge(self, x: Any, y: Any) -> Any:
        return ops.add(x, y)

    def finish(self, x: Any, number: int, valid: Any = None) -> Any:
        return x / number


class Extremum(Merge):
    """Base of those for which a step that a mask hides is as the other input."""

    def merge_valid(self, x: Any, y: Any, x_valid: Any, y_valid: Any) -> Any:
        y = y if y_valid is None else ops.where(y_valid, y, x)
        return self.merge(x if x_valid is None else ops.where(x_valid, x, y), y)


class Maximum(Extremum):
    """The largest of the inputs, element by element, of those that no mask hides.

    Takes a list of two or more tensors of one batch size; `name` and `dtype` as for `Layer`.

    >>> layers.Maximum()([np.array([[1.0, 5.0]]), np.array([[3.0, 4.0]])])
    array([[3., 5.]], dtype=float32)
    """

    def merge(self, x: Any, y: Any) -> Any:
        return ops.maximum(x, y)


class Minimum(Extremum):
    """The smallest of the inputs, element by element, of those that no mask hides.

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
