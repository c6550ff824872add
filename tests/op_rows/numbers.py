"""Rows of angles, bits, signs and neighbours of numbers, and of special functions."""

from __future__ import annotations

import numpy as np
from scipy import special

from fncompile import ops
from tests.op_case import Array, OpCase

SHAPES = ((17,), (3, 1, 5))
# op, reference, domain; "!" marks functions whose derivative is not asked for
UNARY = {
    "arctan": (np.arctan, "normal"),
    "arcsin": (np.arcsin, "unit"),
    "arccos": (np.arccos, "unit"),
    "arcsinh": (np.arcsinh, "wide"),
    "arccosh": (lambda x: np.arccosh(x + 1.5), "positive"),
    "arctanh": (np.arctanh, "unit"),
    "deg2rad": (np.deg2rad, "normal"),
    "rad2deg": (np.rad2deg, "normal"),
    "sinc": (np.sinc, "normal"),
    "angle": (np.angle, "away!"),
    "cbrt": (np.cbrt, "away"),
    "fabs": (np.fabs, "away"),
    "signbit": (np.signbit, "away!"),
    "isposinf": (np.isposinf, "special!"),
    "isneginf": (np.isneginf, "special!"),
    "isreal": (np.isreal, "special!"),
    "erfc": (special.erfc, "normal"),
    "i0": (special.i0, "wide"),
}
SHIFTED = {"arccosh": lambda x: ops.arccosh(x + 1.5)}
BINARY = {
    "arctan2": (np.arctan2, "away", "away"),
    "hypot": (np.hypot, "away", "away"),
    "heaviside": (np.heaviside, "int!", "normal"),
    "isclose": (np.isclose, "int!", "int"),
    "allclose": (np.allclose, "int!", "int"),
    "fmax": (np.fmax, "normal", "normal"),
    "fmin": (np.fmin, "normal", "normal"),
    "fmod": (np.fmod, "away", "positive"),
    "logaddexp2": (np.logaddexp2, "normal", "normal"),
    "nextafter": (np.nextafter, "normal!", "normal"),
}
WHOLE = {
    "gcd": (np.gcd, "int", "int"),
    "lcm": (np.lcm, "int", "int"),
    "bitwise_and": (np.bitwise_and, "int", "int"),
    "bitwise_or": (np.bitwise_or, "int", "int"),
    "bitwise_xor": (np.bitwise_xor, "int", "int"),
    "bitwise_left_shift": (np.left_shift, "int", "below:40"),
    "bitwise_right_shift": (np.right_shift, "int", "below:40"),
}


def _unary() -> list[OpCase]:
    return [
        OpCase(
            f"{name}{list(shape)}",
            SHIFTED.get(name, getattr(ops, name)),
            (Array(shape, domain.rstrip("!")),),
            reference,
            differentiable=() if domain.endswith("!") else (0,),
            batch=(0,),
            rtol=1e-11,
        )
        for name, (reference, domain) in UNARY.items()
        for shape in SHAPES
    ]


def _binary() -> list[OpCase]:
    return [
        OpCase(
            f"{name}{list(a)}{list(b)}",
            getattr(ops, name),
            (Array(a, first.rstrip("!")), Array(b, second)),
            reference,
            differentiable=() if first.endswith("!") else (0, 1),
            batch=(0, 1) if a == b else (),
        )
        for name, (reference, first, second) in BINARY.items()
        for a, b in (((17,), (17,)), ((5, 1), (1, 9)))
    ]


def _whole() -> list[OpCase]:
    return [
        OpCase(
            f"{name}:{dtype}",
            getattr(ops, name),
            (Array((9,), first, dtype), Array((9,), second, dtype)),
            reference,
            batch=(0, 1),
        )
        for name, (reference, first, second) in WHOLE.items()
        for dtype in ("int32", "int8")
        if dtype == "int32" or "shift" not in name
    ]


def _bitwise_not() -> list[OpCase]:
    return [
        OpCase(
            f"bitwise_not:{dtype}",
            ops.bitwise_not,
            (Array((9,), "bits", dtype),),
            np.bitwise_not,
            batch=(0,),
        )
        for dtype in ("bool", "uint8", "int32")
    ]


CASES = [
    *_unary(),
    OpCase("arccosh", ops.arccosh, (Array((5,), "special"),), np.arccosh, batch=(0,)),
    *_binary(),
    *_whole(),
    *_bitwise_not(),
    OpCase("ldexp", ops.ldexp, (Array((9,)), Array((9,), "int", "int32")), np.ldexp,
           differentiable=(0,), batch=(0, 1)),
    OpCase("saturate_cast", ops.saturate_cast, (Array((9,), "wide"), "uint8"),
           lambda x, d: np.clip(np.trunc(x), 0, 255).astype(d), batch=(0,)),
    OpCase("saturate_cast:int", ops.saturate_cast, (Array((9,), "int", "int32"), "uint8"),
           lambda x, d: np.clip(x, 0, 255).astype(d), batch=(0,)),
    OpCase("select", ops.select,
           ([Array((9,), "bits", "bool"), Array((9,), "bits", "bool")], [Array((9,)), Array((9,))]),
           np.select, differentiable=(2, 3), batch=(0, 1, 2, 3)),
]  # fmt: skip
