"""An exported library through its public C functions, called by ctypes, or from a program: no part
of fncompile runs it."""

from __future__ import annotations

import ctypes
import re
from ctypes import POINTER, byref, c_double, c_float, c_int32, c_int64, c_void_p
from pathlib import Path

import numpy as np

from tests.tools import need, run

OK, SHAPE, ARENA, ARG, MEMORY, IO, FORMAT, STATE, RANGE = 0, -1, -2, -3, -4, -5, -6, -7, -8
PREDICT, PRIVATE, TRAIN, SPLIT = 0, 1, 2, 3
STRICT = ["-pedantic", "-Wall", "-Wextra", "-Werror"]
DIALECTS = {
    "gcc-c99": ["gcc", "-std=c99", "-Wvla", *STRICT],
    "gcc-c++11": ["g++", "-x", "c++", "-std=c++11", *STRICT],
    "clang-c99": ["clang", "-std=c99", "-Wvla", *STRICT],
    "clang-c++11": ["clang++", "-x", "c++", "-std=c++11", *STRICT],
}
C_TYPES = {
    "float *": POINTER(c_float),
    "int64_t": c_int64,
    "int32_t": c_int32,
    "float": c_float,
    "double": c_double,
}


class Library:
    """`bundle`, with the macros of its header; functions are called by name without the prefix."""

    def __init__(self, bundle):
        self.bundle, self.prefix = bundle, bundle.prefix
        self.text = bundle.header.read_text()
        self.dll = ctypes.CDLL(str(bundle.shared))

    def macro(self, name: str) -> str:
        return re.search(rf"#define {self.prefix.upper()}_{name} (.*)", self.text)[1]

    def __getattr__(self, name: str):
        function = getattr(self.dll, f"{self.prefix}_{name}")
        declared = re.search(rf"_API ([\w ]+?[ *]){self.prefix}_{name}\(([^;]*)\);", self.text)
        assert declared, f"{name} is not in the header"
        function.restype = _result(declared[1].strip())
        function.argtypes = [
            _argument(" ".join(p.split())) for p in declared[2].split(",") if p.strip() != "void"
        ]
        return function


def _result(text: str):
    if text == "void":
        return None
    if text.endswith("*"):
        return ctypes.c_char_p if "char" in text else c_void_p
    return c_int64 if text == "int64_t" else c_int32


def _argument(text: str):
    if "**" in text or "*" in text:
        return ctypes.c_char_p if "const char *" in text else c_void_p
    return C_TYPES.get(text.rsplit(" ", 1)[0], c_int32)


class Context:
    """A context in memory that this object owns, of no particular alignment."""

    def __init__(self, library: Library, mode: int, *sizes: int):
        self.library = library
        self.bytes = library.ctx_size(mode, *sizes)
        assert self.bytes > 0, self.bytes
        self.memory = np.full(self.bytes + 1, 0xAA, np.uint8)
        pointer = c_void_p()
        status = library.init(self.memory.ctypes.data + 1, self.bytes, mode, *sizes, byref(pointer))
        assert status == OK, status
        self.pointer = pointer

    def call(self, name: str, *args) -> int:
        """The status; arrays are passed by their address."""
        return getattr(self.library, name)(self.pointer, *(address(a) for a in args))

    def ok(self, name: str, *args) -> None:
        assert self.call(name, *args) == OK, name

    def params(self) -> np.ndarray:
        flat = np.empty(int(self.library.macro("NUM_PARAMS")), "float32")
        self.ok("get_params", flat, len(flat))
        return flat

    def metrics(self) -> list[float]:
        values = np.empty(int(self.library.macro("NUM_METRICS")), "float32")
        self.ok("metrics", values)
        return values.tolist()

    def checkpoint(self) -> bytes:
        """The checkpoint in memory."""
        buffer = np.empty(int(self.library.macro("CHECKPOINT_BYTES")), np.uint8)
        self.ok("save_mem", buffer, buffer.nbytes)
        return buffer.tobytes()


def address(value):
    return value.ctypes.data if isinstance(value, np.ndarray) else value


def flat_weights(model) -> np.ndarray:
    """As `get_params` gives them."""
    return np.concatenate([w.ravel() for w in model.get_weights()] or [np.empty(0, "float32")])


def build_selftest(bundle, library: Path, program: Path, dialect: str = "gcc-c99") -> Path:
    command = DIALECTS[dialect]
    need(command[0])
    run(*command, bundle.selftest, f"-I{bundle.directory}", "-x", "none", library, "-lm",
        "-pthread", f"-Wl,-rpath,{library.parent}", "-o", program)  # fmt: skip
    return program
