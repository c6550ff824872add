"""The model that a command is about: its arguments, how it is read, and arrays for it."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from fncompile.models import Model

DEFAULT_LENGTH = 32


def add_model(parser: argparse.ArgumentParser) -> None:
    """The arguments that all commands on a model have."""
    parser.add_argument("model", metavar="MODEL", help="a .keras or .h5 file")
    parser.add_argument(
        "--import", dest="modules", action="append", default=[], metavar="MODULE",
        help="import this module first, for classes of your own that it registers; may be repeated",
    )  # fmt: skip
    parser.add_argument(
        "--unsafe", action="store_true",
        help="accept lambdas in the file, which run as code of whoever wrote it",
    )  # fmt: skip


def load(options: argparse.Namespace) -> Model:
    """The model of `add_model`'s arguments. ImportError, and what `load_model` raises."""
    from fncompile.saving import load_model

    sys.path.insert(0, os.getcwd())
    for name in options.modules:
        importlib.import_module(name)
    return load_model(options.model, safe_mode=not options.unsafe)


def add_sizes(parser: argparse.ArgumentParser) -> None:
    """The argument about extents that a model leaves open."""
    parser.add_argument(
        "--length", type=positive, default=DEFAULT_LENGTH, metavar="N",
        help="every unknown extent but the batch (default: %(default)s)",
    )  # fmt: skip


def positive(text: str) -> int:
    """A whole number above zero, for argparse."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{value} is not above 0")
    return value


def inputs_for(model: Model, batch: int, length: int) -> list[np.ndarray]:
    """Arrays that the model takes: small random numbers, and index 0, which every table has.

    ValueError for a model without fixed inputs.
    """
    inputs = getattr(model, "inputs", None)
    if not inputs:
        raise ValueError(
            f"The model {model.name!r} has no fixed inputs, so nothing is known of its data. Build "
            "it from `Input`s, or use Python: model.profile(x)."
        )
    return [_array(t.shape, t.dtype, batch, length, seed) for seed, t in enumerate(inputs)]


def _array(shape: Any, dtype: str, batch: int, length: int, seed: int) -> np.ndarray:
    first, rest = shape[:1], [length if n is None else n for n in shape[1:]]
    sizes = [batch if n is None else n for n in first] + rest
    if dtype.startswith(("float", "bfloat")):
        kind = "float64" if dtype == "float64" else "float32"
        return np.random.default_rng(seed).standard_normal(sizes).astype(kind)
    return np.zeros(sizes, dtype)


def one_or_list(arrays: list[Any]) -> Any:
    """What `model` takes of `arrays`."""
    return arrays[0] if len(arrays) == 1 else arrays
