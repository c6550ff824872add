"""Short-time Fourier transforms: the spectra of pieces of a signal, and the signal of the spectra.

A piece is windowed and filled up with zeros at both ends to the length of the transform.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fncompile.ir import build
from fncompile.ir.dims import Dim
from fncompile.ops.axes import display
from fncompile.ops.composing import extents, real, tensor
from fncompile.ops.creation import ones
from fncompile.ops.dispatch import node, op
from fncompile.ops.folding import extract_sequences
from fncompile.ops.joining import pad
from fncompile.ops.logic import where
from fncompile.ops.spectra import irfft, rfft
from fncompile.ops.types import Result, TensorLike

_COSINES = {"hann": (0.5, 0.5), "hamming": (0.54, 0.46)}


@op
def stft(
    x: TensorLike,
    sequence_length: int,
    sequence_stride: int,
    fft_length: int,
    window: TensorLike | str | None = "hann",
    center: bool = True,
) -> Result:
    """The spectra of pieces of a signal: from (..., time) to (..., pieces, bins), a pair of the
    real and the imaginary part.

    `x`: the signal. Pieces have `sequence_length` steps and begin `sequence_stride` apart; with
    `center` piece t is about step t * sequence_stride of `x`, mirrored at its ends. `fft_length`:
    of the transform, at least as long as a piece; there are fft_length // 2 + 1 bins. `window`:
    "hann", "hamming", sequence_length numbers, or None. ValueError where these do not fit.

    >>> ops.stft([0.0, 1.0, 2.0, 3.0, 4.0], 3, 2, 3)[0].round(3)
    array([[ 0.75 , -0.375],
           [ 3.75 , -1.875],
           [ 5.25 , -2.625]], dtype=float32)
    """
    signal: Any = real(x)
    faded = _window(window, sequence_length, fft_length)
    if center:
        half = fft_length // 2
        signal = pad(signal, [(0, 0)] * (len(signal.shape) - 1) + [(half, half)], mode="reflect")
    pieces: Any = extract_sequences(signal, fft_length, sequence_stride)
    return rfft(pieces if window is None else pieces * tensor(faded, signal.dtype))


@op
def istft(
    x: tuple[TensorLike, TensorLike],
    sequence_length: int,
    sequence_stride: int,
    fft_length: int,
    length: int | None = None,
    window: TensorLike | str | None = "hann",
    center: bool = True,
) -> Result:
    """The inverse of `stft`: from (..., pieces, bins) to (..., time).

    `x`: a pair of the real and the imaginary part; `sequence_length`, `sequence_stride`,
    `fft_length`, `window` and `center` as `stft` was given them; `length`: how many steps are
    wanted, those that are sure if None. Pieces are windowed again, added up where they lie and
    divided by the sum of the squares of the windows there, so that without a window too it is the
    inverse. (Keras gives that fft_length / sequence_stride times as large.) ValueError where these
    do not fit.

    >>> ops.istft(ops.stft([0.0, 1.0, 2.0, 3.0, 4.0], 3, 1, 3), 3, 1, 3).round(3)
    array([0., 1., 2., 3., 4.], dtype=float32)
    """
    faded = _window(window, sequence_length, fft_length)
    pieces: Any = irfft(x, fft_length)
    if len(pieces.shape) < 2:
        raise ValueError(
            "`istft` takes spectra of at least two axes, (..., pieces, bins). "
            f"Received: rank {len(pieces.shape)}"
        )
    weights: Any = tensor(np.ones(fft_length) if window is None else faded, pieces.dtype)
    if window is not None:
        pieces = pieces * weights
    count = extents(pieces)[-2]
    squares = ones((count, 1), pieces.dtype) * weights**2
    size = fft_length + sequence_stride * (count - 1)
    norm = _added(squares, size, sequence_stride)
    found = _added(pieces, size, sequence_stride) / where(norm > 1e-10, norm, 1.0)
    first = fft_length // 2 if center else 0
    last = first + length if length is not None else size - first
    return found[..., first:last]


def _added(pieces: Any, size: Dim, stride: int) -> Any:
    """Pieces (..., count, length) added up where they lie, `stride` apart."""
    axis = len(pieces.shape) - 2
    return tensor(build.unwindow(node(pieces), (axis,), (size,), (stride,), (1,), (0,)))


def _window(window: Any, length: int, fft_length: int) -> Any:
    """The numbers that a piece is multiplied by, filled up to the length of the transform."""
    if fft_length < length:
        raise ValueError(
            "`fft_length` must equal or larger than `sequence_length`. "
            f"Received: sequence_length={length}, fft_length={fft_length}"
        )
    before = (fft_length - length) // 2
    around = (before, fft_length - length - before)
    if window is None:
        return None
    if not isinstance(window, str):
        given = real(window)
        if len(given.shape) != 1 or given.shape[0] != length:
            raise ValueError(
                "The shape of `window` must be equal to [sequence_length]. "
                f"Received: window shape={display(given.shape)}, sequence_length={length}"
            )
        return pad(given, [around])
    if window not in _COSINES:
        raise ValueError(
            "If a string is passed to `window`, it must be one of "
            f'`"hann"`, `"hamming"`. Received: window={window}'
        )
    mean, wave = _COSINES[window]
    turns = np.arange(length) / max(length, 1)  # periodic: the next would be the first again
    found = mean - wave * np.cos(2 * np.pi * turns) if length > 1 else np.ones(length)
    return np.pad(found, around)
