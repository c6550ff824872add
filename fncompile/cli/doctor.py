"""Tell whether models can be compiled, and try it.

Ends with 1 where a model cannot be compiled.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from fncompile.devtools.about import about
from fncompile.flags import override

EXAMPLES = ("fncompile doctor",)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    del parser


def run(options: argparse.Namespace) -> int:
    text, ready = about()
    print(text)
    if not ready:
        return 1
    start = time.perf_counter()
    try:
        wrong = _differs()
    except Exception as error:
        print(f"\nA small model cannot be compiled: {error}")
        return 1
    if wrong:
        print("\nA small model was compiled, but computes wrong numbers on this machine.")
        return 1
    print(f"\nA small model was compiled in {time.perf_counter() - start:.1f} s, and is right.")
    return 0


def _differs() -> bool:
    """Does a compiled model give other numbers than NumPy?"""
    from fncompile.layers import Dense, Input
    from fncompile.models import Sequential

    rng = np.random.default_rng(0)
    x = rng.standard_normal((5, 24)).astype("float32")
    with override(cache="off"):
        model = Sequential([Input((24,)), Dense(40, activation="relu"), Dense(3)], name="doctor")
        a, b, c, d = model.get_weights()
        want = np.maximum(x.astype("float64") @ a + b, 0) @ c + d
        return not np.allclose(model.predict(x, verbose=0), want, rtol=1e-4, atol=1e-5)
