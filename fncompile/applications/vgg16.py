"""`VGG16` under Keras' name of its module."""

from __future__ import annotations

from fncompile.applications.vgg import VGG16, decode_predictions, preprocess_input

__all__ = ["VGG16", "decode_predictions", "preprocess_input"]
