"""`preprocess_input` and `decode_predictions` under Keras' name of their module."""

from __future__ import annotations

from fncompile.applications.preprocessing import decode_predictions, preprocess_input

__all__ = ["decode_predictions", "preprocess_input"]
