"""Fourier transforms. A complex tensor is a pair of real ones: its real and its imaginary part.

A transform of n = a b numbers is one of a, a turn of each number, and one of b; so down to sizes
that are products with tables, whose work is that of small matrices.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from fncompile.ops.axes import display
from fncompile.ops.casting import cast
from fncompile.ops.composing import extents, known, reals, tensor
from fncompile.ops.dispatch import op
from fncompile.ops.joining import concatenate, pad
from fncompile.ops.products import matmul
from fncompile.ops.shaping import flip, reshape, swapaxes
from fncompile.ops.types import Result, TensorLike

_TABLE = 32  # up to this size, and for primes, a product with a table


@op
def fft(x: tuple[TensorLike, TensorLike]) -> Result:
    """The discrete Fourier transform along the last axis.

    `x`: a pair of tensors of one shape, the real and the imaginary part, ValueError otherwise; the
    last extent is known. Gives such a pair.

    >>> ops.fft((np.array([1.0, 0.0, 0.0, 0.0]), np.zeros(4)))
    (array([1., 1., 1., 1.], dtype=float32), array([0., 0., 0., 0.], dtype=float32))
    """
    return _transformed(*_pair("fft", x, 1), -1)


@op
def fft2(x: tuple[TensorLike, TensorLike]) -> Result:
    """The discrete Fourier transform along the last two axes.

    `x`: a pair of tensors of one shape, the real and the imaginary part, ValueError otherwise; the
    last two extents are known. Gives such a pair.

    >>> ops.fft2((np.eye(2), np.zeros((2, 2))))[0]
    array([[2., 0.],
           [0., 2.]], dtype=float32)
    """
    return _both(_pair("fft2", x, 2), -1)


@op
def ifft2(x: tuple[TensorLike, TensorLike]) -> Result:
    """The inverse of `fft2`.

    `x`: a pair of tensors of one shape, the real and the imaginary part, ValueError otherwise; the
    last two extents are known. Gives such a pair.

    >>> ops.ifft2((2 * np.eye(2), np.zeros((2, 2))))[0]
    array([[1., 0.],
           [0., 1.]], dtype=float32)
    """
    real, imaginary = _pair("ifft2", x, 2)
    count = math.prod(known("The last two extents", *extents(real)[-2:]))
    a, b = _both((real, imaginary), 1)
    return a / float(count), b / float(count)


def _both(x: tuple[Any, Any], sign: int) -> tuple[Any, Any]:
    for _ in range(2):
        a, b = _transformed(*x, sign)
        x = swapaxes(a, -1, -2), swapaxes(b, -1, -2)
    return x


@op
def rfft(x: TensorLike, fft_length: int | None = None) -> Result:
    """The Fourier transform of real numbers along the last axis: its first half, and one more.

    `x`: a tensor; `fft_length`: to how many numbers it is cut or filled up with zeros, as many as
    there are if None. Gives the real and the imaginary part, of fft_length // 2 + 1 numbers each.

    >>> ops.rfft(np.array([1.0, 0.0, 0.0, 0.0]))
    (array([1., 1., 1.], dtype=float32), array([0., 0., 0.], dtype=float32))
    """
    [given] = reals(x)
    if not given.shape:
        raise ValueError("Input should have rank >= 1. Received: a scalar")
    n = fft_length or known("The last extent of what `rfft` takes", extents(given)[-1])[0]
    _positive("fft_length", n)
    numbers: Any = _sized(given, n)
    half = n // 2 + 1
    if n <= 2 * _TABLE or _divisor(n) == 1:
        return _by_table(numbers, None, n, -1, half)
    a, b = _transformed(numbers, numbers * 0.0, -1)
    return a[..., :half], b[..., :half]


@op
def irfft(x: tuple[TensorLike, TensorLike], fft_length: int | None = None) -> Result:
    """The inverse of `rfft`: real numbers.

    `x`: a pair of tensors of one shape, the real and the imaginary part, ValueError otherwise;
    `fft_length`: how many numbers, 2 (n - 1) of n if None.

    >>> abs(ops.irfft((np.ones(3), np.zeros(3))).round(4))
    array([1., 0., 0., 0.], dtype=float32)
    """
    real, imaginary = _pair("irfft", x, 1)
    have = known("The last extent of what `irfft` takes", extents(real)[-1])[0]
    n = fft_length or 2 * (have - 1)
    _positive("fft_length", n)
    half = n // 2 + 1
    real, imaginary = _sized(real, half), _sized(imaginary, half)
    # The others are the conjugates of these; the first, and of an even number the last, are alone.
    behind = slice(1, half - 1 if n % 2 == 0 else half)
    real = concatenate([real, flip(real[..., behind], -1)], axis=-1)
    alone = cast(tensor([0.0 if k in (0, n / 2) else 1.0 for k in range(half)]), real.dtype)
    imaginary = imaginary * alone
    imaginary = concatenate([imaginary, -flip(imaginary[..., behind], -1)], axis=-1)
    return _transformed(real, imaginary, 1)[0] / float(n)


def _positive(name: str, n: int) -> None:
    if n < 1:
        raise ValueError(f"`{name}` must be 1 or more. Received: {name}={n}")


def _sized(x: Any, n: int) -> Any:
    """Cut, or filled up with zeros, along the last axis."""
    have = known("The last extent", extents(x)[-1])[0]
    if have >= n:
        return x[..., :n]
    return pad(x, [(0, 0)] * (len(x.shape) - 1) + [(0, n - have)])


def _pair(name: str, x: Any, axes: int) -> tuple[Any, Any]:
    if not isinstance(x, (tuple, list)) or len(x) != 2:
        raise ValueError(
            "Input `x` should be a tuple of two tensors - real and imaginary. "
            f"`{name}` received: x={x}"
        )
    a, b = reals(*x)
    if len(a.shape) != len(b.shape) or any(m != n for m, n in zip(a.shape, b.shape)):
        raise ValueError(
            "Input `x` should be a tuple of two tensors - real and imaginary. Both the real and "
            f"imaginary parts should have the same shape. Received: x[0].shape = "
            f"{display(a.shape)}, x[1].shape = {display(b.shape)}"
        )
    if len(a.shape) < axes:
        raise ValueError(f"Input should have rank >= {axes}. Received: rank {len(a.shape)}")
    return a, b


def _transformed(a: Any, b: Any, sign: int) -> tuple[Any, Any]:
    """sum over k of (a + ib)[k] exp(sign 2 pi i j k / n), along the last axis."""
    n = known("The extent that is transformed", extents(a)[-1])[0]
    columns = _divisor(n)
    if n <= _TABLE or columns == 1:
        return _by_table(a, b, n, sign, n)
    rows = n // columns  # number r * columns + c, and its transform p + q * rows
    front = extents(a)[:-1]
    a, b = (swapaxes(reshape(x, (*front, rows, columns)), -1, -2) for x in (a, b))
    a, b = _transformed(a, b, sign)  # over r, gives p
    turns = sign * 2 * np.pi * np.outer(np.arange(columns), np.arange(rows)) / n
    cosine, sine = (tensor(t.astype(a.dtype)) for t in (np.cos(turns), np.sin(turns)))
    a, b = a * cosine - b * sine, a * sine + b * cosine
    a, b = (swapaxes(x, -1, -2) for x in (a, b))
    a, b = _transformed(a, b, sign)  # over c, gives q
    return tuple(reshape(swapaxes(x, -1, -2), (*front, n)) for x in (a, b))  # type: ignore[return-value]


def _divisor(n: int) -> int:
    """The greatest divisor up to the root."""
    return next(d for d in range(math.isqrt(n), 0, -1) if n % d == 0)


def _by_table(a: Any, b: Any | None, n: int, sign: int, count: int) -> tuple[Any, Any]:
    """The first `count` numbers of the transform, by products; `b` may be all zeros, None."""
    steps = np.outer(np.arange(n), np.arange(count)) % n  # small angles are exact ones
    turns = sign * 2 * np.pi * steps / n
    cosine, sine = (tensor(t.astype(a.dtype)) for t in (np.cos(turns), np.sin(turns)))
    if b is None:
        return matmul(a, cosine), matmul(a, sine)
    return matmul(a, cosine) - matmul(b, sine), matmul(a, sine) + matmul(b, cosine)
