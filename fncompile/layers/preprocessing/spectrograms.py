"""Signals as their spectra over time: products with tables, so that they compile and export."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from fncompile import initializers, ops
from fncompile.caller import warn_caller
from fncompile.config import epsilon
from fncompile.initializers.windows import transform_tables, window_of
from fncompile.layers.arguments import checked_data_format
from fncompile.layers.input_spec import InputSpec
from fncompile.layers.standard import StandardLayer


class STFTSpectrogram(StandardLayer):
    """The short-time Fourier transform of each channel, by kernels that are weights (real_kernel,
    imag_kernel) and can be trained.

    Takes (batch, time, channels), gives (batch, frames, channels * bins), or with `expand_dims`
    (batch, frames, bins, channels); with `data_format` "channels_first" the channels come first.
    Frames have `frame_length` steps, `frame_step` apart (half a frame if None), and there are
    `fft_length` // 2 + 1 bins (the next power of 2 above a frame if None). `mode`: "log" of the
    "magnitude", that itself, the power "psd", "real", "imag", "angle", or "stft" for the real and
    the imaginary parts. `window`, `periodic` and `scaling` are those of `initializers.STFT`;
    `padding`: "valid" or "same". ValueError for others, TypeError for whole numbers.

    >>> layers.STFTSpectrogram("magnitude", frame_length=4)(np.ones((1, 8, 1))).shape
    (1, 3, 3)
    """

    fields = (
        "mode", "frame_length", "frame_step", "fft_length", "window", "periodic", "scaling",
        "padding", "data_format", "expand_dims",
    )  # fmt: skip

    def __init__(
        self,
        mode: str = "log",
        frame_length: int = 256,
        frame_step: int | None = None,
        fft_length: int | None = None,
        window: Any = "hann",
        periodic: bool = False,
        scaling: str | None = "density",
        padding: str = "valid",
        expand_dims: bool = False,
        data_format: str | None = None,
        **kwargs: Any,
    ):
        if frame_step is not None and not 1 <= frame_step <= frame_length:
            raise ValueError(
                "`frame_step` should be a positive integer not greater than `frame_length`. "
                f"Received frame_step={frame_step}, frame_length={frame_length}"
            )
        if fft_length is not None and fft_length < frame_length:
            raise ValueError(
                "`fft_length` should be not less than `frame_length`. "
                f"Received fft_length={fft_length}, frame_length={frame_length}"
            )
        if fft_length is not None and fft_length & (fft_length - 1):
            warn_caller(
                "`fft_length` is recommended to be a power of two. "
                f"Received fft_length={fft_length}"
            )
        modes = ("log", "magnitude", "psd", "real", "imag", "angle", "stft")
        if mode not in modes:
            raise ValueError(
                f"Output mode is invalid, it must be one of {', '.join(modes)}. "
                f"Received: mode={mode}"
            )
        if padding not in ("valid", "same"):
            raise ValueError(
                f"Padding is invalid, it should be 'valid', 'same'. Received: padding={padding}"
            )
        initializers.STFT("real", window, scaling, periodic)  # which checks these
        super().__init__(**kwargs)
        self.mode, self.padding = mode, padding
        self.frame_length, self.frame_step, self.fft_length = frame_length, frame_step, fft_length
        self.window, self.periodic, self.scaling = window, periodic, scaling
        self.expand_dims = expand_dims
        self.data_format = checked_data_format(data_format)
        self.input_spec = InputSpec(ndim=3)

    @property
    def _bins(self) -> int:
        length = self.fft_length or 2 ** math.ceil(math.log2(self.frame_length))
        return length // 2 + 1

    def build(self, input_shape: tuple) -> None:
        sides = {"real": self.mode != "imag", "imag": self.mode != "real"}
        for side in (side for side, used in sides.items() if used):
            kernel = self.add_weight(
                name=f"{side}_kernel",
                shape=(self.frame_length, 1, self._bins),
                initializer=initializers.STFT(side, self.window, self.scaling, self.periodic),
            )
            setattr(self, f"{side}_kernel", kernel)

    def call(self, inputs: Any) -> Any:
        if "float" not in inputs.dtype:
            raise TypeError(
                "Invalid input type. Expected a signal of floating-point numbers. "
                f"Received: input type={inputs.dtype}"
            )
        x = inputs if self.data_format == "channels_first" else ops.transpose(inputs, (0, 2, 1))
        return self._arranged(self._spectrum(x))

    def _spectrum(self, x: Any) -> Any:
        """(batch, channels, frames, bins) of (batch, channels, time)."""
        if self.mode in ("real", "imag"):
            return self._transformed(x, self.mode)
        real, imag = self._transformed(x, "real"), self._transformed(x, "imag")
        if self.mode == "stft":
            return ops.concatenate([real, imag], axis=3)
        if self.mode == "angle":
            return ops.arctan2(imag, real)
        power = ops.square(real) + ops.square(imag)
        if self.mode == "psd":  # both halves of the spectrum, but for the ends
            inner = np.ones(self._bins)
            inner[1:-1] = 2.0
            return power * ops.cast(inner, power.dtype)
        magnitude = ops.sqrt(ops.maximum(power, epsilon()))
        return magnitude if self.mode == "magnitude" else ops.log(ops.maximum(magnitude, epsilon()))

    def _transformed(self, x: Any, side: str) -> Any:
        _, channels, time = ops.shape(x)
        rows = ops.reshape(x, (-1, time, 1))
        step = self.frame_step or self.frame_length // 2
        kernel = ops.cast(getattr(self, f"{side}_kernel"), x.dtype)
        y = ops.conv(
            rows, kernel, strides=step, padding=self.padding, data_format="channels_last"
        )
        return ops.reshape(y, (-1, channels, *ops.shape(y)[1:]))

    def _arranged(self, y: Any) -> Any:
        _, channels, frames, bins = ops.shape(y)
        first = self.data_format == "channels_first"
        if self.expand_dims:
            return y if first else ops.transpose(y, (0, 2, 3, 1))
        if first:
            return ops.reshape(ops.transpose(y, (0, 1, 3, 2)), (-1, channels * bins, frames))
        return ops.reshape(ops.transpose(y, (0, 2, 1, 3)), (-1, frames, channels * bins))


class MelSpectrogram(StandardLayer):
    """The power of a signal over time in `num_mel_bins` bands, which lie evenly on the mel scale,
    2595 log10(1 + f / 700), from `min_freq` to `max_freq` hertz (half of `sampling_rate` if None).

    Takes (batch, time) or (time,), gives (batch, bands, frames). A frame has `fft_length` steps,
    the signal mirrored at its ends, of which a `window` ("hann", "hamming" or an array) sees the
    middle `sequence_length` (all if None); frames are `sequence_stride` apart. Magnitudes are taken
    to the power `mag_exp`; `power_to_db` gives decibels relative to `ref_power`, `top_db` below the
    largest of the batch at most, and powers `min_power` at least. Two tables and a product with
    each do it, so the layer compiles and exports.

    >>> layers.MelSpectrogram(64, 32, num_mel_bins=8)(np.ones((1, 256))).shape
    (1, 8, 9)
    """

    fields = (
        "fft_length", "sequence_stride", "sequence_length", "window", "sampling_rate",
        "num_mel_bins", "min_freq", "max_freq", "power_to_db", "top_db", "mag_exp", "min_power",
        "ref_power",
    )  # fmt: skip
    _stateless = True

    def __init__(
        self,
        fft_length: int = 2048,
        sequence_stride: int = 512,
        sequence_length: int | None = None,
        window: Any = "hann",
        sampling_rate: int = 16000,
        num_mel_bins: int = 128,
        min_freq: float = 20.0,
        max_freq: float | None = None,
        power_to_db: bool = True,
        top_db: float = 80.0,
        mag_exp: float = 2.0,
        min_power: float = 1e-10,
        ref_power: float = 1.0,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.fft_length, self.sequence_stride = fft_length, sequence_stride
        self.sequence_length = sequence_length or fft_length
        if fft_length < self.sequence_length:
            raise ValueError(
                "`fft_length` must be greater than or equal to `sequence_length`. Received: "
                f"`sequence_length`={self.sequence_length}, `fft_length`={fft_length}."
            )
        self.window = window
        self.sampling_rate, self.num_mel_bins = sampling_rate, num_mel_bins
        self.min_freq, self.max_freq = min_freq, max_freq or int(sampling_rate / 2)
        self.power_to_db, self.top_db, self.mag_exp = power_to_db, top_db, mag_exp
        self.min_power, self.ref_power = min_power, ref_power

    def call(self, inputs: Any) -> Any:
        x = ops.cast(inputs, "float64" if self.compute_dtype == "float64" else "float32")
        half = self.fft_length // 2
        edges = [(0, 0)] * (len(x.shape) - 1) + [(half, half)]
        frames = ops.extract_sequences(
            ops.pad(x, edges, mode="reflect"), self.fft_length, self.sequence_stride
        )
        cos, sin = (ops.cast(table, x.dtype) for table in self._tables())
        power = ops.square(ops.matmul(frames, cos)) + ops.square(ops.matmul(frames, sin))
        power = power if self.mag_exp == 2.0 else ops.power(power, self.mag_exp / 2.0)
        bands = ops.matmul(power, ops.cast(self._bands(), x.dtype))
        bands = self._decibels(bands) if self.power_to_db else bands
        return ops.cast(ops.swapaxes(bands, -1, -2), self.compute_dtype)

    def _tables(self) -> list[np.ndarray]:
        length = self.sequence_length
        window = window_of(self.window, length, periodic=True)
        seen = np.ones(self.fft_length)
        if window is not None:
            ahead = (self.fft_length - length) // 2
            seen[:] = 0.0
            seen[ahead : ahead + length] = window
        tables = transform_tables(self.fft_length, self.fft_length // 2 + 1)
        return [table * seen[:, None] for table in tables]

    def _bands(self) -> np.ndarray:
        """(bins, bands): triangles over the mel scale, each 1 at its middle, and nothing of the
        mean."""
        hertz = np.linspace(0.0, self.sampling_rate / 2.0, self.fft_length // 2 + 1)
        ends = _mel(np.array([self.min_freq, self.max_freq]))
        edges = np.linspace(ends[0], ends[1], self.num_mel_bins + 2)
        low, middle, high = edges[:-2], edges[1:-1], edges[2:]
        at = _mel(hertz)[:, None]
        sides = np.minimum((at - low) / (middle - low), (high - at) / (high - middle))
        weights = np.maximum(0.0, sides)
        weights[0] = 0.0
        return weights

    def _decibels(self, power: Any) -> Any:
        reference = max(abs(self.ref_power), self.min_power)
        db = 10.0 * ops.log10(ops.maximum(power, self.min_power)) - 10.0 * math.log10(reference)
        return ops.maximum(db, ops.max(db) - self.top_db)


def _mel(hertz: np.ndarray) -> np.ndarray:
    return 1127.0 * np.log(1.0 + hertz / 700.0)
