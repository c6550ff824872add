"""Images as a network was trained on them, and what it says about them."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from fncompile import ops
from fncompile.config import image_data_format

MEAN_BGR = (103.939, 116.779, 123.68)
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
CLASSES = "imagenet_class_index.json"
CLASSES_AT = f"https://storage.googleapis.com/download.tensorflow.org/data/{CLASSES}"


def preprocess_input(x: Any, data_format: str | None = None, mode: str = "caffe") -> Any:
    """Images of bytes as a network wants them: "caffe" takes the mean colour of ImageNet off blue,
    green and red, in this order; "tf" gives numbers from -1 to 1; "torch" from 0 to 1, then by mean
    and deviation of ImageNet.

    `x`: (batch, height, width, 3) or one image, an array or a symbolic tensor; with `data_format`
    "channels_first" the channels come before the height. ValueError for other modes.

    >>> applications.imagenet_utils.preprocess_input(np.full((1, 1, 3), 255.0), mode="tf")[0, 0]
    array([1., 1., 1.], dtype=float32)
    """
    data_format = data_format or image_data_format()
    if mode not in ("caffe", "tf", "torch"):
        raise ValueError(
            "Expected mode to be one of `caffe`, `tf` or `torch`. "
            f"Received: mode={mode}"
        )
    if data_format not in ("channels_first", "channels_last"):
        raise ValueError(
            "Expected data_format to be one of `channels_first` or `channels_last`. "
            f"Received: data_format={data_format}"
        )
    x = ops.cast(x, "float32")
    if mode == "tf":
        return x / 127.5 - 1.0
    axis = -1 if data_format == "channels_last" else -3
    aligned = (3,) if axis == -1 else (3, 1, 1)
    if mode == "torch":
        mean, deviation = (np.reshape(n, aligned).astype("float32") for n in (MEAN, DEVIATION))
        return (x / 255.0 - mean) / deviation
    return ops.flip(x, axis) - np.reshape(MEAN_BGR, aligned).astype("float32")


def centred_colours(x: Any, data_format: str | None = None) -> Any:
    """Images of bytes as VGG and ResNet were trained on them, mode "caffe"."""
    return preprocess_input(x, data_format, "caffe")


def scaled_to_signs(x: Any, data_format: str | None = None) -> Any:
    """Images of bytes as MobileNet and ResNetV2 were trained on them: from -1 to 1."""
    return preprocess_input(x, data_format, "tf")


def scaled_by_deviation(x: Any, data_format: str | None = None) -> Any:
    """Images of bytes as DenseNet was trained on them: `preprocess_input` of mode "torch"."""
    return preprocess_input(x, data_format, "torch")


def scaled_to_bytes(x: Any, data_format: str | None = None) -> Any:
    """Images of bytes as they are: EfficientNet scales them itself."""
    return x


def decode_predictions(preds: Any, top: int = 5) -> list[list[tuple[str, str, float]]]:
    """For each row of `preds`, (batch, 1000), the `top` classes of ImageNet with the largest
    numbers, as (identifier, name, number).

    The names are read from Keras' file imagenet_class_index.json under ~/.keras/models; what to put
    there is said where it is missing. ValueError for another shape.
    """
    from fncompile.utils.files import get_file

    preds = np.asarray(preds)
    if preds.ndim != 2 or preds.shape[1] != 1000:
        raise ValueError(
            "`decode_predictions` expects a batch of predictions (i.e. a 2D array of shape "
            f"(samples, 1000)). Received array with shape: {preds.shape}"
        )
    digest = "c2c37ea517e94d9795004a39431a14cb"
    path = get_file(CLASSES, CLASSES_AT, cache_subdir="models", file_hash=digest)
    with open(path, encoding="utf-8") as stream:
        classes = json.load(stream)
    best = np.argsort(preds, axis=1, kind="stable")[:, -top:][:, ::-1]
    return [
        [(*classes[str(i)], float(row[i])) for i in order] for row, order in zip(preds, best)
    ]
