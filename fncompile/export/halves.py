"""Numbers of float16 in example programs and self-tests, which have them as bits.

C has no type for them that every compiler knows, so these programs carry the function that goes
from the bits to a double, and the one that goes back, where they call it.
"""

from __future__ import annotations

from fncompile.codegen.ctree import Cast, CExpr, call
from fncompile.ir.types import DTYPES

FUNCTIONS = {
    "number": """/* A number of float16. */
static double number(uint16_t bits) {
    int exponent = bits >> 10 & 31;
    double size = (bits & 1023) + (exponent ? 1024 : 0);
    if (exponent == 31) size = size > 1024 ? NAN : HUGE_VAL;
    for (exponent += exponent == 0; exponent < 25; ++exponent) size /= 2;
    for (; exponent > 25; --exponent) size *= 2;
    return bits >> 15 ? -size : size;
}

""",
    "half": """/* The bits of a number in float16, cut; not of very small and large ones. */
static uint16_t half(double x) {
    int exponent = 25;
    double size = x < 0 ? -x : x;
    if (size == 0) return 0;
    for (; size < 1024; --exponent) size *= 2;
    for (; size >= 2048; ++exponent) size /= 2;
    return (uint16_t)((x < 0 ? 32768 : 0) + exponent * 1024 + (int)size - 1024);
}

""",
}


def with_functions(text: str) -> str:
    """A program behind the functions that it calls."""
    called = [function for name, function in FUNCTIONS.items() if f"{name}(" in text]
    return "".join(called) + text


def lies_in_bits(dtype: str) -> bool:
    """Are elements in C the bits of a number?"""
    return DTYPES[dtype].widens and not DTYPES[dtype].outside


def as_double(element: CExpr, dtype: str) -> CExpr:
    """An element as a double."""
    return call("number", element) if lies_in_bits(dtype) else Cast("double", element)


def as_element(value: CExpr, dtype: str) -> CExpr:
    """A number as an element, where C does not do that."""
    return call("half", value) if lies_in_bits(dtype) else value


def number_type(dtype: str) -> str:
    """The C type of such a number."""
    return "double" if lies_in_bits(dtype) else DTYPES[dtype].c
