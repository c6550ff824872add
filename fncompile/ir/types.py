"""Element types and tensor types of the IR."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import numpy as np

from fncompile.config import floatx
from fncompile.ir.dims import Dim, Shape, dim_text, parse_dim, product


@dataclass(frozen=True)
class DType:
    """One row: Keras' name, short name in program text, C type of an element in memory, kind
    (`b`ool `i`nt `u`nsigned `f`loat), bytes of an element; and where it is not the dtype itself:

    `compute`: the dtype that values have at hand, in registers, sums and temporaries; results are
    rounded to the dtype. `stored`: NumPy's dtype of elements in memory. `digits`: binary digits of
    a floating-point number. `tile`: the suffix of the products of csrc/kern, "" where plain loops
    compute them. `functions`: the suffix of the scalar functions of csrc/math that compute it;
    integers without their own are computed in 64 bits and cut. `outside`: the dtype that callers
    and files have, where NumPy and C lack it.
    """

    name: str
    short: str
    c: str
    kind: str
    size: int
    compute: str = ""
    stored: str = ""
    digits: int = 0
    tile: str = ""
    functions: str = "i64"
    outside: str = ""

    @property
    def in_register(self) -> str:
        """The dtype of a value at hand."""
        return self.compute or self.name

    @property
    def widens(self) -> bool:
        """Are values wider at hand than in memory?"""
        return bool(self.compute)

    @property
    def wraps(self) -> bool:
        """Is its sum not to be left to the operators of C, for which an overflow has no meaning?"""
        return self.kind == "i" and self.size >= 4

    @property
    def factor(self) -> str:
        """The C type that a factor is cast to: two of uint16_t overflow the int they become."""
        return "uint32_t" if self.size == 2 and self.kind == "u" else self.c

    @cached_property
    def numpy(self) -> np.dtype:
        """What arrays of values have: where NumPy lacks the dtype, one that holds its numbers."""
        return np.dtype(self.in_register)

    @cached_property
    def border(self) -> np.dtype:
        """What arrays of callers and files have."""
        return np.dtype(self.outside or self.name)

    @property
    def emulated(self) -> bool:
        """Is it computed in another dtype, also in products?"""
        return self.widens and not self.tile

    @cached_property
    def largest(self) -> float:
        """The largest finite number of a floating-point type."""
        most = np.finfo(self.border).maxexp
        return 2.0 ** (most - 1) * (2 - 2.0 ** (1 - self.digits))

    @cached_property
    def storage(self) -> np.dtype:
        """What elements are in memory: where NumPy lacks the dtype, their bit patterns."""
        return np.dtype(self.stored or self.name)


DTYPES = {
    row.name: row
    for row in (
        DType("bool", "bool", "uint8_t", "b", 1),
        DType("uint8", "u8", "uint8_t", "u", 1),
        DType("int8", "i8", "int8_t", "i", 1),
        DType("uint16", "u16", "uint16_t", "u", 2),
        DType("int16", "i16", "int16_t", "i", 2),
        DType("uint32", "u32", "uint32_t", "u", 4),
        DType("int32", "i32", "int32_t", "i", 4, functions="i32"),
        DType("uint64", "u64", "uint64_t", "u", 8, functions="u64"),
        DType("int64", "i64", "int64_t", "i", 8),
        DType(
            "bfloat16", "bf16", "fnc_bf16", "f", 2, "float32", "uint16", digits=8, tile="bf16",
            functions="f32", outside="float32",
        ),
        DType("float16", "f16", "uint16_t", "f", 2, "float32", digits=11, functions="f32"),
        DType("float32", "f32", "float", "f", 4, digits=24, tile="f32", functions="f32"),
        DType("float64", "f64", "double", "f", 8, digits=53, tile="f64", functions="f64"),
    )
}  # fmt: skip
SHORT = {d.short: d.name for d in DTYPES.values()}


def standard_dtype(dtype: Any) -> str:
    """A dtype as its Keras name; accepts names, NumPy dtypes and types.

    Raises ValueError on any other.

    `dtype`: one of these.

    >>> fncompile.utils.standardize_dtype(np.dtype("int32"))
    'int32'
    """
    name = getattr(dtype, "name", None) or (
        dtype if isinstance(dtype, str) else np.dtype(dtype).name
    )
    name = {"float": floatx(), "int": "int32"}.get(name, name)
    if name not in DTYPES:
        raise ValueError(f"Invalid dtype: {dtype}. Expected one of {list(DTYPES)}")
    return name


@cache
def numpy_name(dtype: np.dtype) -> str:
    """`dtype.name`, which NumPy puts together at each use."""
    return dtype.name


@dataclass(frozen=True)
class TensorType:
    """`dtype` is a key of DTYPES, `shape` a tuple of dimensions."""

    dtype: str
    shape: Shape

    def __post_init__(self) -> None:
        if self.dtype not in DTYPES:
            raise ValueError(f"Unknown dtype {self.dtype!r}. Expected one of {list(DTYPES)}")

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> Dim:
        """Number of elements."""
        return product(self.shape)

    @property
    def nbytes(self) -> Dim:
        return self.size * DTYPES[self.dtype].size

    @property
    def kind(self) -> str:
        return DTYPES[self.dtype].kind

    @property
    def parts(self) -> tuple[TensorType, ...]:
        """The tensors that a value of this type is."""
        return (self,)

    def __str__(self) -> str:
        return f"{DTYPES[self.dtype].short}[{','.join(map(dim_text, self.shape))}]"


@dataclass(frozen=True)
class Bundle(TensorType):
    """The type of an op with several results, of which `part` takes one: it has no dtype."""

    dtype: str = ""
    shape: Shape = ()
    members: tuple[TensorType, ...] = ()

    def __post_init__(self) -> None:
        pass

    @property
    def parts(self) -> tuple[TensorType, ...]:
        return self.members

    def __str__(self) -> str:
        return f"({';'.join(map(str, self.members))})"


def parse_type(text: str) -> TensorType:
    """The inverse of `str(TensorType)`: `f32[B,64]`."""
    if text.startswith("("):
        return Bundle(members=tuple(parse_type(t) for t in text[1:-1].split(";") if t))
    short, _, rest = text.partition("[")
    dims = [d for d in rest.rstrip("]").split(",") if d]
    return TensorType(SHORT[short], tuple(parse_dim(d) for d in dims))


def at_border(type: TensorType) -> TensorType:
    """The ABI type: what callers and files have for a tensor."""
    return TensorType(DTYPES[type.dtype].outside or type.dtype, type.shape)


def at_hand(type: TensorType) -> TensorType:
    """What temporaries of kernels are, which compute in it."""
    return TensorType(DTYPES[type.dtype].in_register, type.shape)


def is_float(dtype: str) -> bool:
    return DTYPES[dtype].kind == "f"


def number_text(value: Any, dtype: str) -> str:
    """The shortest decimal that reads back as the same number of that dtype."""
    if not is_float(dtype):
        return str(value)
    return repr(float(value)) if DTYPES[dtype].size > 4 else str(np.float32(value))


def is_integer(dtype: str) -> bool:
    return DTYPES[dtype].kind in "iu"
