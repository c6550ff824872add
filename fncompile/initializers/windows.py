"""Windows of short-time transforms by name, and the tables of the transform itself."""

from __future__ import annotations

from typing import Any

import numpy as np

from fncompile.initializers.constant import Initializer, numpy_dtype

# What is added of cos(2 pi k n / N), k = 0, 1, ...
_COSINES = {
    "hann": (0.5, -0.5),
    "hamming": (0.54, -0.46),
    "blackman": (0.42, -0.5, 0.08),
    "nuttall": (0.3635819, -0.4891775, 0.1365995, -0.0106411),
    "blackmanharris": (0.35875, -0.48829, 0.14128, -0.01168),
    "flattop": (0.21557895, -0.41663158, 0.277263158, -0.083578947, 0.006947368),
    "boxcar": (1.0,),
}
_NAMES = (*_COSINES, "bartlett", "tukey")
_SAME = {"hanning": "hann", "rectangular": "boxcar", "ones": "boxcar", "hamm": "hamming"}


def window_of(window: Any, length: int, periodic: bool) -> np.ndarray | None:
    """The numbers of a window: of a name, an array of that length, or None. ValueError for others.
    A periodic one is the beginning of a symmetric one that is longer by one."""
    if window is None:
        return None
    if not isinstance(window, str):
        found = np.asarray(window, "float64")
        if found.shape != (length,):
            raise ValueError(
                f"The shape of `window` must be equal to [{length}]. Received: window "
                f"shape={found.shape}"
            )
        return found
    name = _SAME.get(window, window)
    size = max(length if periodic else length - 1, 1)
    at = np.arange(length) / size
    if name not in _NAMES:
        raise ValueError(
            f"Unknown `window`. Expected an array, None or one of {_NAMES}. "
            f"Received: window={window!r}"
        )
    if length == 1:
        return np.ones(1)
    if name == "bartlett":
        return 1.0 - np.abs(2.0 * at - 1.0)
    if name == "tukey":  # flat, with a quarter of a cosine at either end
        ends = 4.0 * np.minimum(at, 1.0 - at)
        return np.where(ends < 1.0, 0.5 - 0.5 * np.cos(np.pi * ends), 1.0)
    return sum(
        (a * np.cos(2 * np.pi * k * at) for k, a in enumerate(_COSINES[name])), np.zeros(length)
    )


def transform_tables(length: int, bins: int) -> tuple[np.ndarray, np.ndarray]:
    """(length, bins) each: cosines and negative sines of the transform whose length is twice the
    number of bins but one."""
    turns = np.outer(np.arange(length), np.arange(bins)) / (2 * (bins - 1))
    turns -= np.round(turns)  # whole turns change nothing, and cost digits
    return np.cos(2 * np.pi * turns), -np.sin(2 * np.pi * turns)


class STFT(Initializer):
    """The kernel (frame, 1, bins) of a Conv1D that does a short-time Fourier transform.

    `side`: "real" or "imag"; `window`: a name such as "hann", an array or None; `scaling`: of the
    window, "density" by the root of its squares' sum, "spectrum" by its sum, None not; `periodic`:
    the kind of window.

    >>> initializers.STFT("real", None)((2, 1, 2))[:, 0]
    array([[ 1.,  1.],
           [ 1., -1.]], dtype=float32)
    """

    def __init__(
        self,
        side: str = "real",
        window: Any = "hann",
        scaling: str | None = "density",
        periodic: bool = False,
    ):
        if side not in ("real", "imag"):
            raise ValueError(f"`side` should be 'real' or 'imag'. Received: side={side}")
        if scaling not in (None, "density", "spectrum"):
            raise ValueError(
                "Scaling is invalid, it must be `None`, 'density' or 'spectrum'. "
                f"Received scaling={scaling}"
            )
        window_of(window if isinstance(window, str) else None, 2, periodic)
        self.side, self.window, self.scaling, self.periodic = side, window, scaling, periodic

    def __call__(self, shape: tuple[int, ...], dtype: str | None = None) -> np.ndarray:
        length, _, bins = shape
        table = transform_tables(length, bins)[self.side == "imag"]
        window = window_of(self.window, length, self.periodic)
        if window is not None:
            table = table * window[:, None] / self._scale(window)
        return table[:, None].astype(numpy_dtype(dtype))

    def _scale(self, window: np.ndarray) -> float:
        if self.scaling == "density":
            return float(np.sqrt(np.sum(window**2)))
        return float(np.sum(np.abs(window))) if self.scaling == "spectrum" else 1.0

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, ready for JSON."""
        plain = self.window if isinstance(self.window, (str, type(None))) else list(self.window)
        return {
            "side": self.side,
            "window": plain,
            "scaling": self.scaling,
            "periodic": self.periodic,
        }
