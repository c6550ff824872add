"""Pictures as arrays and back, through Pillow, which the extra `fncompile[plot]` brings."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np

from fncompile.config import floatx, image_data_format

_MODES = {"grayscale": "L", "rgba": "RGBA", "rgb": "RGB"}
_SAMPLING = ("nearest", "bilinear", "bicubic", "hamming", "box", "lanczos")


def _pillow() -> Any:
    try:
        from PIL import Image
    except ImportError as error:
        raise ImportError(
            "Pictures are read and written by Pillow: install it with `pip install pillow`, or "
            "`pip install fncompile[plot]`."
        ) from error
    return Image


def layout(data_format: str | None) -> str:
    found = data_format or image_data_format()
    if found not in ("channels_first", "channels_last"):
        raise ValueError(f"Invalid data_format: {data_format}")
    return found


def array_to_img(
    x: Any, data_format: str | None = None, scale: bool = True, dtype: Any = None
) -> Any:
    """A picture of Pillow for an array of one image.

    `x`: (height, width, channels); `data_format`: "channels_first" or "channels_last", the
    configured one if None; with `scale` the least number becomes 0 and the largest 255; `dtype`: of
    the array, floatx if None. ValueError unless there are 1, 3 or 4 channels.

    >>> utils.array_to_img(np.zeros((2, 3, 1))).size
    (3, 2)
    """
    image = _pillow()
    x = np.asarray(x, dtype or floatx())
    if x.ndim != 3:
        raise ValueError(
            "Expected image array to have rank 3 (single image). "
            f"Got array with shape: {x.shape}"
        )
    x = x if layout(data_format) == "channels_last" else x.transpose(1, 2, 0)
    if scale:
        x = x - np.min(x)
        most = np.max(x)
        x = (x / most if most != 0 else x) * 255
    if x.shape[2] not in (1, 3, 4):
        raise ValueError(f"Unsupported channel number: {x.shape[2]}")
    if x.shape[2] == 1:
        deep = np.max(x) > 255
        return image.fromarray(x[:, :, 0].astype("int32" if deep else "uint8"))
    return image.fromarray(x.astype("uint8"))


def img_to_array(img: Any, data_format: str | None = None, dtype: Any = None) -> np.ndarray:
    """The array (height, width, channels) of a picture.

    `img`: as Pillow has it; `data_format`: "channels_first" or "channels_last", the configured one
    if None; `dtype`: floatx if None. ValueError for what is no picture.

    >>> utils.img_to_array(utils.array_to_img(np.ones((2, 3, 1)), scale=False)).shape
    (2, 3, 1)
    """
    x = np.asarray(img, dtype or floatx())
    if x.ndim not in (2, 3):
        raise ValueError(f"Unsupported image shape: {x.shape}")
    first = layout(data_format) == "channels_first"
    if x.ndim == 2:
        return x[None] if first else x[..., None]
    return x.transpose(2, 0, 1) if first else x


def load_img(
    path: Any,
    color_mode: str = "rgb",
    target_size: Any = None,
    interpolation: str = "nearest",
    keep_aspect_ratio: bool = False,
) -> Any:
    """The picture in a file, as Pillow has it.

    `path`: of the file, or a stream of bytes; `color_mode`: "rgb", "rgba" or "grayscale";
    `target_size`: (height, width) to bring it to, by `interpolation` ("nearest", "bilinear",
    "bicubic", "hamming", "box", "lanczos"); with `keep_aspect_ratio` edges are cut off first.
    ValueError for others, TypeError for a path that is none.

    >>> utils.save_img("black.png", np.zeros((4, 4, 3)))
    >>> utils.load_img("black.png", target_size=(2, 3)).size
    (3, 2)
    """
    image = _pillow()
    if color_mode not in _MODES:
        raise ValueError(
            f"color_mode must be 'grayscale', 'rgb', or 'rgba'. Received: color_mode={color_mode}"
        )
    if not isinstance(path, (str, Path, io.BytesIO)):
        raise TypeError(f"path should be path-like or io.BytesIO, not {type(path)}")
    with image.open(path) as opened:
        deep = color_mode == "grayscale" and opened.mode in ("I;16", "I")
        picture = opened.copy() if deep else opened.convert(_MODES[color_mode])
    if target_size is None:
        return picture
    size = (target_size[1], target_size[0])
    if interpolation not in _SAMPLING:
        raise ValueError(
            f"Invalid interpolation method {interpolation}. Supported methods are "
            f"{', '.join(_SAMPLING)}"
        )
    sampling = getattr(image.Resampling, interpolation.upper())
    if picture.size == size:
        return picture
    box = _middle(picture.size, size) if keep_aspect_ratio else None
    return picture.resize(size, sampling, box)


def _middle(have: tuple[int, int], want: tuple[int, int]) -> tuple[int, int, int, int]:
    """The box of a picture's middle with the proportions of another size."""
    width, height = have
    wide = min(width, (height * want[0]) // want[1])
    tall = min(height, (width * want[1]) // want[0])
    left, top = (width - wide) // 2, (height - tall) // 2
    return left, top, left + wide, top + tall


def save_img(
    path: Any,
    x: Any,
    data_format: str | None = None,
    file_format: str | None = None,
    scale: bool = True,
    **kwargs: Any,
) -> None:
    """Write an array of one image to a file at `path`.

    `x`: (height, width, channels); `data_format` and `scale` as for `array_to_img`; `file_format`:
    that of the suffix if None. Other arguments go to Pillow. A fourth channel is left out of JPEG.

    >>> utils.save_img("white.png", np.ones((2, 2, 3)), scale=False)
    """
    picture = array_to_img(x, data_format, scale)
    jpeg = str(file_format or Path(str(path)).suffix.lstrip(".")).lower() in ("jpg", "jpeg")
    kind = "jpeg" if file_format == "jpg" else file_format
    (picture.convert("RGB") if jpeg and picture.mode == "RGBA" else picture).save(
        path, format=kind, **kwargs
    )


def smart_resize(
    x: Any,
    size: Any,
    interpolation: str = "bilinear",
    data_format: str = "channels_last",
) -> np.ndarray:
    """Images in another size, undistorted: what does not fit is cut off evenly at both sides first.

    `x`: (height, width, channels) or a batch of them, with `data_format` "channels_first" the
    channels before the height; `size`: (height, width); `interpolation`: as for
    `ops.image.resize`. ValueError for other ranks and sizes.

    >>> preprocessing.image.smart_resize(np.ones((4, 6, 3)), (2, 2)).shape
    (2, 2, 3)
    """
    from fncompile import ops

    if len(size) != 2:
        raise ValueError(f"Expected `size` to be a tuple of 2 integers, but got: {size}.")
    if np.ndim(x) not in (3, 4):
        raise ValueError(
            "Expected an image array with shape `(height, width, channels)`, or `(batch_size, "
            f"height, width, channels)`, but got input with incorrect rank, of shape {np.shape(x)}."
        )
    return ops.image.resize(
        x, size, interpolation, crop_to_aspect_ratio=True, data_format=data_format
    )
