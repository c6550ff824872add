"""Layers that make one tensor of several, and the functions of the same names."""

from __future__ import annotations

from typing import Any

from fncompile import ops
from fncompile.graph.symbols import is_shape
from fncompile.ir import build as ir
from fncompile.layers.standard import StandardLayer
from fncompile.ops.dispatch import op, promote


class Merge(StandardLayer):
    """Base of the element-wise ones: `merge(x, y)` joins two, `finish` what came of all.

    Extents of 1 grow; an input of lower rank gets axes behind its batch axis. ValueError where the
    shapes do not fit. Where every input has a mask, the output is valid where one of them is.
    """

    def __init__(self, **kwargs: Any):
        super().__init__(**kwargs)
        self.supports_masking = True

    def merge(self, x: Any, y: Any) -> Any:
        raise NotImplementedError

    def finish(self, x: Any, number: int) -> Any:
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

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        if previous_mask is None or any(m is None for m in previous_mask):
            return None
        first, *others = previous_mask
        for mask in others:
            first = ops.logical_or(first, mask)
        return first


def check_list(input_shape: Any) -> None:
    if not input_shape or is_shape(input_shape):
        raise ValueError(
            "A merge layer should be called on a list of inputs. "
            f"Received: input_shape={input_shape} (not a list of shapes)"
        )


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
    for i, j in zip(a, behind):
        if i != j and None not in (i, j) and 1 not in (i, j):
            raise ValueError(f"Inputs have incompatible shapes. Received shapes {a} and {b}")
    return (*ahead, *(j if i == 1 or i is None and j != 1 else i for i, j in zip(a, behind)))


def expand(x: Any, rank: int) -> Any:
    """`x` with axes of extent 1 behind its batch axis, up to `rank`."""
    missing = rank - len(x.shape)
    return ops.expand_dims(x, tuple(range(1, missing + 1))) if missing else x


class Add(Merge):
    """The sum of the inputs."""

    def merge(self, x: Any, y: Any) -> Any:
        return ops.add(x, y)


class Multiply(Merge):
    """The product of the inputs."""

    def merge(self, x: Any, y: Any) -> Any:
        return ops.multiply(x, y)


class Average(Merge):
    """The mean of the inputs."""

    def merge(self, x: Any, y: Any) -> Any:
        return ops.add(x, y)

    def finish(self, x: Any, number: int) -> Any:
        return x / number


class Maximum(Merge):
    """The largest of the inputs, element by element."""

    def merge(self, x: Any, y: Any) -> Any:
        return ops.maximum(x, y)


class Minimum(Merge):
    """The smallest of the inputs, element by element."""

    def merge(self, x: Any, y: Any) -> Any:
        return ops.minimum(x, y)


class Subtract(Merge):
    """The first input minus the second."""

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


class Concatenate(Merge):
    """The inputs one after the other along `axis`; the other extents must agree.

    Where an input has a mask, the output is valid where any part of it is.
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
                f"A `Concatenate` layer of axis {self.axis} was called on inputs without such an axis. "
                f"Received: input_shape={input_shape}"
            )
        if not all(_agree(input_shape[0], shape, self.axis % rank) for shape in input_shape):
            raise ValueError(
                "A `Concatenate` layer requires inputs with matching shapes except for the "
                f"concatenation axis. Received: input_shape={input_shape}"
            )

    def call(self, inputs: Any) -> Any:
        return ops.concatenate(inputs, axis=self.axis)

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        if previous_mask is None:
            return None
        masks = [_full_mask(x, mask) for x, mask in zip(inputs, previous_mask)]
        return ops.any(ops.concatenate(masks, axis=self.axis), axis=-1)


def _agree(a: tuple, b: tuple, axis: int) -> bool:
    if len(a) != len(b):
        return False
    return all(i == axis or x == y or None in (x, y) for i, (x, y) in enumerate(zip(a, b)))


def _full_mask(x: Any, mask: Any) -> Any:
    """A mask with the shape of `x`."""
    if mask is None:
        return ops.ones_like(x, dtype="bool")
    behind = tuple(range(len(mask.shape), len(x.shape)))
    return ops.broadcast_to(ops.expand_dims(mask, behind) if behind else mask, ops.shape(x))


class Dot(Merge):
    """Products of two tensors summed over one axis of each, sample by sample.

    `axes` is one axis for both, or a pair. The result has the other axes of the first, then those of
    the second; of two vectors per sample it has shape (batch, 1). `normalize` gives the cosine.
    """

    fields = ("axes", "normalize")

    def __init__(self, axes: Any, normalize: bool = False, **kwargs: Any):
        super().__init__(**kwargs)
        if not isinstance(axes, (int, list, tuple)):
            raise TypeError(
                f"Invalid type for argument `axes`: it should be a list or an int. Received: axes={axes}"
            )
        if not isinstance(axes, int) and (len(axes) != 2 or not all(isinstance(a, int) for a in axes)):
            raise ValueError(
                f"Invalid format for argument `axes`: it should contain two elements. Received: axes={axes}"
            )
        self.axes = axes
        self.normalize = normalize

    def build(self, input_shape: Any) -> None:
        if not input_shape or is_shape(input_shape) or len(input_shape) != 2:
            raise ValueError(
                f"A `Dot` layer should be called on a list of 2 inputs. Received: input_shape={input_shape}"
            )
        first, second = input_shape
        check_batches(input_shape)
        i, j = self._axes_of(first, second)
        if 0 in (i, j):
            raise ValueError(f"A `Dot` layer cannot sum over the batch axis. Received: axes={self.axes}")
        if first[i] != second[j] and None not in (first[i], second[j]):
            raise ValueError(
                f"Incompatible input shapes: axis values {first[i]} (at axis {i}) != {second[j]} "
                f"(at axis {j}). Full input shapes: {first}, {second}"
            )

    def _axes_of(self, first: tuple, second: tuple) -> tuple[int, int]:
        """The two axes, counted from the front; ValueError where there is no such axis."""
        pair = (self.axes, self.axes) if isinstance(self.axes, int) else self.axes
        for axis, shape in zip(pair, (first, second)):
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
        out = _batch_dot(x, y, i, j)
        return ops.expand_dims(out, -1) if len(out.shape) == 1 else out

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        return None


@op
def _batch_dot(x: Any, y: Any, i: int, j: int) -> Any:
    return ir.dot(*promote(x, y), contract=((i,), (j,)), batch=((0,), (0,)))


def add(inputs: Any, **kwargs: Any) -> Any:
    """The sum of the inputs."""
    return Add(**kwargs)(inputs)


def subtract(inputs: Any, **kwargs: Any) -> Any:
    """The first input minus the second."""
    return Subtract(**kwargs)(inputs)


def multiply(inputs: Any, **kwargs: Any) -> Any:
    """The product of the inputs."""
    return Multiply(**kwargs)(inputs)


def average(inputs: Any, **kwargs: Any) -> Any:
    """The mean of the inputs."""
    return Average(**kwargs)(inputs)


def maximum(inputs: Any, **kwargs: Any) -> Any:
    """The largest of the inputs, element by element."""
    return Maximum(**kwargs)(inputs)


def minimum(inputs: Any, **kwargs: Any) -> Any:
    """The smallest of the inputs, element by element."""
    return Minimum(**kwargs)(inputs)


def concatenate(inputs: Any, axis: int = -1, **kwargs: Any) -> Any:
    """The inputs one after the other along `axis`."""
    return Concatenate(axis=axis, **kwargs)(inputs)


def dot(inputs: Any, axes: Any = -1, **kwargs: Any) -> Any:
    """Products of two tensors summed over `axes`, sample by sample."""
    return Dot(axes=axes, **kwargs)(inputs)
