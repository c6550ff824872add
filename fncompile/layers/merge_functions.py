"""The merging layers as functions: `add([x, y])` makes an Add and calls it."""

from __future__ import annotations

from typing import Any

from fncompile.layers.joining import Concatenate, Dot
from fncompile.layers.merging import Add, Average, Maximum, Minimum, Multiply, Subtract


def add(inputs: Any, **kwargs: Any) -> Any:
    """The sum of the inputs.

    `inputs`: a list of two or more tensors of one batch size, ValueError for shapes that do not
    fit; keyword arguments as for the layer.

    >>> layers.add([fncompile.Input((3,)), fncompile.Input((3,))]).shape
    (None, 3)
    """
    return Add(**kwargs)(inputs)


def subtract(inputs: Any, **kwargs: Any) -> Any:
    """The first input minus the second.

    `inputs`: a list of two or more tensors of one batch size, ValueError for shapes that do not
    fit; keyword arguments as for the layer.

    >>> layers.subtract([fncompile.Input((3,)), fncompile.Input((3,))]).shape
    (None, 3)
    """
    return Subtract(**kwargs)(inputs)


def multiply(inputs: Any, **kwargs: Any) -> Any:
    """The product of the inputs.

    `inputs`: a list of two or more tensors of one batch size, ValueError for shapes that do not
    fit; keyword arguments as for the layer.

    >>> layers.multiply([fncompile.Input((3,)), fncompile.Input((3,))]).shape
    (None, 3)
    """
    return Multiply(**kwargs)(inputs)


def average(inputs: Any, **kwargs: Any) -> Any:
    """The mean of the inputs.

    `inputs`: a list of two or more tensors of one batch size, ValueError for shapes that do not
    fit; keyword arguments as for the layer.

    >>> layers.average([fncompile.Input((3,)), fncompile.Input((3,))]).shape
    (None, 3)
    """
    return Average(**kwargs)(inputs)


def maximum(inputs: Any, **kwargs: Any) -> Any:
    """The largest of the inputs, element by element.

    `inputs`: a list of two or more tensors of one batch size, ValueError for shapes that do not
    fit; keyword arguments as for the layer.

    >>> layers.maximum([fncompile.Input((3,)), fncompile.Input((3,))]).shape
    (None, 3)
    """
    return Maximum(**kwargs)(inputs)


def minimum(inputs: Any, **kwargs: Any) -> Any:
    """The smallest of the inputs, element by element.

    `inputs`: a list of two or more tensors of one batch size, ValueError for shapes that do not
    fit; keyword arguments as for the layer.

    >>> layers.minimum([fncompile.Input((3,)), fncompile.Input((3,))]).shape
    (None, 3)
    """
    return Minimum(**kwargs)(inputs)


def concatenate(inputs: Any, axis: int = -1, **kwargs: Any) -> Any:
    """The inputs one after the other along `axis`.

    `inputs`: a list of two or more tensors of one batch size, ValueError for shapes that do not
    fit; keyword arguments as for the layer.

    >>> layers.concatenate([fncompile.Input((3,)), fncompile.Input((5,))]).shape
    (None, 8)
    """
    return Concatenate(axis=axis, **kwargs)(inputs)


def dot(inputs: Any, axes: Any = -1, **kwargs: Any) -> Any:
    """Products of two tensors summed over `axes`, sample by sample.

    `inputs`: a list of two or more tensors of one batch size, ValueError for shapes that do not
    fit; keyword arguments as for the layer.

    >>> layers.dot([fncompile.Input((3,)), fncompile.Input((3,))], axes=1).shape
    (None, 1)
    """
    return Dot(axes=axes, **kwargs)(inputs)
