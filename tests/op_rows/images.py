"""Rows of functions on images, held against SciPy's and Python's own."""

from __future__ import annotations

import colorsys

import numpy as np
from scipy import ndimage

from fncompile.ops import image
from tests.op_case import Array, OpCase

PHOTO = Array((2, 5, 6, 3), "unit")
PLANE = Array((5, 6))


def _by_pixel(fn):
    return lambda x: np.apply_along_axis(lambda p: fn(*p), -1, x)


def _bell(size, sigma):
    weights = np.exp(-0.5 * ((np.arange(size) - (size - 1) / 2) / sigma) ** 2)
    return weights / weights.sum()


def _correlated(x, down, across):
    """Along height and width of (batch, height, width, channels); outside is 0."""
    x = ndimage.correlate1d(x, down, 1, mode="constant")
    return ndimage.correlate1d(x, across, 2, mode="constant")


def _sobel(x):
    slope, smooth = np.array([-1.0, 0, 1]), np.array([1.0, 2, 1])
    return np.stack([_correlated(x, slope, smooth), _correlated(x, smooth, slope)], -1)


def _ssim(x, y):
    """Window by window, for 3 by 3 pixels and a standard deviation of 0.8."""
    weights = np.outer(_bell(3, 0.8), _bell(3, 0.8))[..., None]
    found = []
    for i in range(x.shape[1] - 2):
        for j in range(x.shape[2] - 2):
            a, b = (v[:, i : i + 3, j : j + 3] for v in (x, y))
            ma, mb = ((weights * v).sum((1, 2)) for v in (a, b))
            spread = sum((weights * v * v).sum((1, 2)) - m * m for v, m in ((a, ma), (b, mb)))
            both = (weights * a * b).sum((1, 2)) - ma * mb
            top = (2 * ma * mb + 1e-4) * (2 * both + 9e-4)
            found.append(top / ((ma * ma + mb * mb + 1e-4) * (spread + 9e-4)))
    return np.mean(found, (0, 2))


SCIPYS = {"constant": "grid-constant", "wrap": "grid-wrap"}  # what outside is called there
PLACES = Array((2, 9), "away")


def _mapped(mode):
    def reference(x, at):
        return ndimage.map_coordinates(x, at, order=1, mode=SCIPYS.get(mode, mode), cval=0.5)

    return OpCase(f"image.map_coordinates:{mode}",
                  lambda x, at: image.map_coordinates(x, at, 1, mode, 0.5), (PLANE, PLACES),
                  reference, differentiable=(0, 1), rtol=1e-11)  # fmt: skip


def _placed(x):
    """Each pixel as a hat that is two thirds of a pixel wide, moved by 0.5, three for two."""
    out = np.zeros((9, 6))
    for i in range(9):
        centre = (i + 0.5 - 0.5) / 1.5 - 0.5
        weights = np.maximum(1 - np.abs(centre - np.arange(5)), 0)
        if -0.5 <= centre <= 4.5:
            out[i] = weights @ x / weights.sum()
    return out


CORNERS = np.array([[0.0, 0], [5, 0], [0, 4], [5, 4]])


def _turned(x):
    """Seen with width and height, as the corners are, the other way round."""
    rows, columns = np.meshgrid(np.arange(5), np.arange(6), indexing="ij")
    at = [columns * 4 / 5, rows * 5 / 4]
    return np.stack([ndimage.map_coordinates(x[..., c], at, order=1) for c in range(3)], -1)


def _patches(x):
    """Of 2 by 3 by 2 voxels, side by side."""
    b, d, h, w, c = x.shape
    x = x.reshape(b, d // 2, 2, h // 3, 3, w // 2, 2, c).transpose(0, 1, 3, 5, 2, 4, 6, 7)
    return x.reshape(b, d // 2, h // 3, w // 2, -1)


CASES = [
    OpCase("image.rgb_to_grayscale", image.rgb_to_grayscale, (PHOTO,),
           lambda x: x @ [[0.2989], [0.587], [0.114]], differentiable=(0,), batch=(0,)),
    OpCase("image.rgb_to_hsv", image.rgb_to_hsv, (PHOTO,), _by_pixel(colorsys.rgb_to_hsv),
           differentiable=(0,), batch=(0,)),
    OpCase("image.rgb_to_hsv:equal ones", image.rgb_to_hsv, (Array((40, 1, 3), "bits"),),
           _by_pixel(colorsys.rgb_to_hsv)),
    OpCase("image.hsv_to_rgb", image.hsv_to_rgb, (PHOTO,), _by_pixel(colorsys.hsv_to_rgb),
           differentiable=(0,), batch=(0,)),
    OpCase("image.gaussian_blur", lambda x: image.gaussian_blur(x, (3, 5), (0.7, 1.2)), (PHOTO,),
           lambda x: _correlated(x, _bell(5, 1.2), _bell(3, 0.7)), differentiable=(0,), batch=(0,)),
    OpCase("image.gaussian_blur:sigma", lambda x, s: image.gaussian_blur(x, 3, s),
           (PHOTO, Array((2,), "positive")),
           lambda x, s: _correlated(x, _bell(3, s[1]), _bell(3, s[0])), differentiable=(0, 1)),
    OpCase("image.sobel_edges", image.sobel_edges, (PHOTO,), _sobel, differentiable=(0,),
           batch=(0,)),
    OpCase("image.ssim", lambda x, y: image.ssim(x, y, 1.0, 3, 0.8), (PHOTO, PHOTO), _ssim,
           differentiable=(0, 1), batch=(0, 1), rtol=1e-10),
    *map(_mapped, ("constant", "nearest", "wrap", "mirror", "reflect")),
    OpCase("image.map_coordinates:nearest place", lambda x, at: image.map_coordinates(x, at, 0),
           (PLANE, PLACES), lambda x, at: ndimage.map_coordinates(
               x, at, order=0, mode="grid-constant"), differentiable=(0,)),
    OpCase("image.scale_and_translate",
           lambda x: image.scale_and_translate(x, (9, 6), [1.5], [0.5], (0,), "linear"),
           (PLANE,), _placed, differentiable=(0,)),
    OpCase("image.perspective_transform",
           lambda x: image.perspective_transform(x, CORNERS, CORNERS[[0, 2, 1, 3]]),
           (Array((5, 6, 3)),), _turned, differentiable=(0,), rtol=1e-9),
    OpCase("image.extract_patches_3d", lambda x: image.extract_patches_3d(x, (2, 3, 2)),
           (Array((2, 4, 6, 2, 3)),), _patches, differentiable=(0,), batch=(0,)),
]  # fmt: skip
