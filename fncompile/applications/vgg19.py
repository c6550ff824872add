"""`VGG19` under Keras' name of its module."""

from __future__ import annotations

from fncompile.applications.vgg import VGG19, decode_predictions, preprocess_input

__all__ = ["VGG19", "decode_predictions", "preprocess_input"]
