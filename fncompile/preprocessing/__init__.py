"""`keras.preprocessing`: other places of what is in `utils`."""

from __future__ import annotations

from fncompile.missing import explain_missing
from fncompile.preprocessing import image, sequence
from fncompile.utils.directories import image_dataset_from_directory, text_dataset_from_directory
from fncompile.utils.timeseries import timeseries_dataset_from_array

__all__ = [
    "image",
    "image_dataset_from_directory",
    "sequence",
    "text_dataset_from_directory",
    "timeseries_dataset_from_array",
]

explain_missing(__name__, "The layers that prepare data are in `fncompile.layers`.")
