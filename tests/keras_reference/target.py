"""The module under test.

`fncompile`, unless `FNC_TEST_MODULE=keras` asks for real Keras: these tests are themselves checked
by running them against Keras, so an expectation that Keras does not meet is a mistake in the test
(or a quirk that we mean to differ in, marked with `better_than_keras`).
"""

from __future__ import annotations

import contextlib
import importlib
import os

import pytest

NAME = os.environ.get("FNC_TEST_MODULE", "fncompile")
keras = importlib.import_module(NAME)

if NAME == "keras":
    # Where Keras infers dtypes it narrows float64 to float32, except on TensorFlow. With the table
    # set right (and JAX_ENABLE_X64=1 on JAX) float64 stays what it is, as finite differences need.
    importlib.import_module("keras.src.backend.common.dtypes").BIT64_TO_BIT32_DTYPE.update(
        float64="float64"
    )

# For tests where Keras has a quirk and its users want something else; the test says which.
better_than_keras = pytest.mark.skipif(NAME == "keras", reason="Keras itself has this quirk")


def interpreted():
    """A block in which fncompile runs the program by its interpreter: exact, and without a C
    compiler."""
    return keras.flags(interp=True) if NAME == "fncompile" else contextlib.nullcontext()
