"""The parts of complex numbers, of numbers that are real: fncompile has no complex ones."""

from __future__ import annotations

from fncompile.ops.composing import tensor
from fncompile.ops.creation import zeros_like
from fncompile.ops.dispatch import op
from fncompile.ops.types import Result, TensorLike


@op
def real(x: TensorLike) -> Result:
    """The real part of a number: the number, as there are no complex ones.

    `x`: a tensor of any shape.

    >>> ops.real([1.0, -2.0])
    array([ 1., -2.], dtype=float32)
    """
    return tensor(x)


@op
def imag(x: TensorLike) -> Result:
    """The imaginary part of a number: 0, as there are no complex ones.

    `x`: a tensor of any shape.

    >>> ops.imag([1.0, -2.0])
    array([0., 0.], dtype=float32)
    """
    return zeros_like(x)


@op
def conjugate(x: TensorLike) -> Result:
    """The number with the opposite imaginary part: itself, as there are no complex ones.

    `x`: a tensor of any shape.

    >>> ops.conjugate([1.0, -2.0])
    array([ 1., -2.], dtype=float32)
    """
    return tensor(x)


conj = conjugate
