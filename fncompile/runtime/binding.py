"""Call entry points of compiled libraries: `Library`, `Function`, `Env`.

    library = Library("model.so")
    predict = library.symbol("predict")
    env = Env(inputs=1, outputs=1, dims=1)
    env.set_dims(32); env.set_in(0, x); env.set_out(0, y)
    status = predict(env)            # 0, or an FNC_ERR_* of csrc/include/fnc_abi.h

Requires arrays that are dense and row-major; whether their shapes and dtypes are those that the
entry point expects is for the caller to see to. Ensures that what an `Env` points to stays alive
as long as the `Env` does, and that the interpreter lock is free during a call: Python threads run
at once as long as each has its own `Env`.

Calls go through the prebuilt extension `_trampoline`; where it was not built, through libffi,
with the same results and slower calls. A library once opened stays loaded.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from fncompile.plan.machine import machine

ALIGN = machine().align
LAST_FIELD = "state"  # of fnc_env
OK, RANGE = 0, -8
STATUS = {
    0: "ok",
    -1: "a symbolic size is negative, or sizes that must agree differ",
    -2: "the arena is smaller than these sizes need",
    -3: "a required pointer is null, or an argument is out of its range",
    -4: "memory could not be had",
    -5: "a file could not be opened, read or written",
    -6: "a file is truncated, corrupt or of another model",
    -7: "called out of turn",
    RANGE: "an index or a class number that the model does not have",
    -9: "the processor lacks instructions that the code needs",
    -10: "a library without weights of its own was given none",
}


class Binding(NamedTuple):
    """The C side: what makes cdata, and the operations on libraries and entry points; `how` calls
    are made, in words."""

    ffi: Any
    open: Callable[[bytes], Any]
    symbol: Callable[[Any, bytes], Any]
    error: Callable[[], Any]
    call: Callable[[Any, Any], int]
    call_bytes: Callable[[Any, Any], int]
    call_one: Callable[[Any, Any, int, Any, Any], int]
    how: str = "by the prebuilt extension"


def direct_binding() -> Binding:
    """The prebuilt extension. ImportError where it was not built, or from an older header."""
    from fncompile.runtime._trampoline import ffi, lib

    if LAST_FIELD not in dict(ffi.typeof("fnc_env").fields):
        raise ImportError("_trampoline was built from an older fnc_abi.h: install fncompile again")
    return Binding(ffi, lib.fnc_open, lib.fnc_symbol, lib.fnc_dlerror, lib.fnc_call,
                   lib.fnc_call_bytes, lib.fnc_call_one)


def libffi_binding(how: str = "through libffi") -> Binding:
    """The same operations through libffi: libc's own functions, and a function pointer."""
    import cffi

    from fncompile.runtime.toolchain import csrc_dir

    ffi = cffi.FFI()
    ffi.cdef((csrc_dir() / "py" / "trampoline.cdef").read_text())
    ffi.cdef("void *dlopen(const char *, int); void *dlsym(void *, const char *); char *dlerror();")
    libc = ffi.dlopen(None)
    mode = os.RTLD_NOW | os.RTLD_LOCAL
    entry = ffi.typeof("fnc_entry *")

    def symbol(library: Any, name: bytes) -> Any:
        return ffi.cast(entry, libc.dlsym(library, name))

    def call(address: Any, env: Any) -> int:
        return address(env)

    def call_bytes(address: Any, env: Any) -> int:
        return ffi.cast("fnc_bytes *", address)(env.dims)

    def call_one(address: Any, env: Any, batch: int, source: Any, target: Any) -> int:
        own = ffi.new("fnc_env *", env[0])
        arrays = ffi.new("int64_t[1]", [batch]), ffi.new("void *[1]"), ffi.new("void *[1]")
        arrays[1][0], arrays[2][0] = source, target
        own.dims, _, own.out = arrays
        setattr(own, "in", arrays[1])
        return address(own)

    return Binding(ffi, lambda path: libc.dlopen(path, mode), symbol, libc.dlerror,
                   call, call_bytes, call_one, how)


def choose_binding() -> Binding:
    try:
        return direct_binding()
    except ImportError as error:
        return libffi_binding(f"through libffi, which adds 2 us to each: {error}")


def how_calls_are_made() -> str:
    """In words, with the reason where calls are slower than they could be."""
    return _binding.how


_binding = choose_binding()
_ffi = _binding.ffi
_from_buffer = _ffi.from_buffer
_BYTES = _ffi.typeof("unsigned char[]")

_call = _binding.call
_call_one = _binding.call_one


class Function:
    """One entry point; keeps its library's name for messages."""

    __slots__ = ("address", "library", "name")

    def __init__(self, library: Library, name: str, address: Any) -> None:
        self.library = library
        self.name = name
        self.address = address

    def __call__(self, env: Env) -> int:
        return _call(self.address, env.pointer)

    def on(self, env: Env) -> Callable[[], int]:
        """The call on `env`, which has to live as long, as a function of no arguments."""
        return partial(_call, self.address, env.pointer)

    def bytes(self, env: Env) -> int:
        """The answer of an `fnc_bytes`: the scratch memory for the sizes that `env` has."""
        return _binding.call_bytes(self.address, env.pointer)

    def one(self, env: Env, batch: int, source: np.ndarray, target: np.ndarray) -> int:
        """Call with one input and one output and the batch as the only size, which stand in for
        what `env` has of these; `env` itself is not changed. The short way for small batches.
        """
        return _call_one(self.address, env.pointer, batch,
                         _from_buffer(source), _from_buffer(_BYTES, target, True))

    def __repr__(self) -> str:
        return f"<Function {self.name} of {self.library.path}>"


class Library:
    """A compiled library, opened. Raises OSError, with the loader's reason, if it cannot be."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.path.abspath(path)  # a name without a slash would be searched elsewhere
        self._handle = _binding.open(os.fsencode(self.path))
        if self._handle == _ffi.NULL:
            raise OSError(f"cannot load the compiled library {self.path}: {_loader_message()}")

    def symbol(self, name: str) -> Function:
        """The entry point of that name. Raises AttributeError if the library has none."""
        address = _binding.symbol(self._handle, name.encode())
        if address == _ffi.NULL:
            raise AttributeError(f"no entry point {name!r} in {self.path}: {_loader_message()}")
        return Function(self, name, address)


def _loader_message() -> str:
    message = _binding.error()
    return _ffi.string(message).decode(errors="replace") if message != _ffi.NULL else "no reason"


class Env:
    """An `fnc_env` and all it points to, allocated once and then only filled in.

    `pointer` is the C struct. Memory (`weights`, `train`, `state`, `prepared`, `arena`) is set as
    arrays that start at a multiple of 64 bytes, as `aligned_bytes` makes them.
    """

    __slots__ = (
        "_args",
        "_dims",
        "_in",
        "_kept",
        "_kept_in",
        "_kept_out",
        "_out",
        "arena_memory",
        "pointer",
    )

    def __init__(self, inputs: int, outputs: int, dims: int = 1, args: int = 0) -> None:
        self.pointer = _ffi.new("fnc_env *")
        self._in = _ffi.new("const void *[]", inputs)
        self._out = _ffi.new("void *[]", outputs)
        self._dims = _ffi.new("int64_t[]", dims)
        self._args = _ffi.new("int64_t[]", args)
        self._kept_in: list[Any] = [None] * inputs
        self._kept_out: list[Any] = [None] * outputs
        self._kept: dict[str, Any] = {}
        for field, array in (("in", self._in), ("out", self._out),
                             ("dims", self._dims), ("args", self._args)):
            setattr(self.pointer, field, array)

    def set_in(self, i: int, array: np.ndarray) -> None:
        """Read input `i` from this array. Raises ValueError unless it is dense and row-major."""
        data = _from_buffer(array)
        self._in[i] = data
        self._kept_in[i] = data

    def set_out(self, i: int, array: np.ndarray) -> None:
        """Write output `i` to this array. Raises ValueError as `set_in`, BufferError or
        ValueError also where the array is read-only."""
        data = _from_buffer(_BYTES, array, True)
        self._out[i] = data
        self._kept_out[i] = data

    def set_arrays(self, inputs: Iterable[np.ndarray], outputs: Iterable[np.ndarray]) -> None:
        """`set_in` and `set_out` of all."""
        pointers, kept = self._in, self._kept_in
        for i, array in enumerate(inputs):
            pointers[i] = kept[i] = _from_buffer(array)
        pointers, kept = self._out, self._kept_out
        for i, array in enumerate(outputs):
            pointers[i] = kept[i] = _from_buffer(_BYTES, array, True)

    def set_dims(self, *values: int) -> None:
        """Set the symbolic sizes, all or the first few."""
        self._dims[0:len(values)] = values

    def set_args(self, *values: int) -> None:
        """Set the integer arguments, all or the first few."""
        self._args[0:len(values)] = values

    def set_weights(self, array: np.ndarray) -> None:
        self._set_memory("weights", array, writable=False)

    def set_train(self, array: np.ndarray) -> None:
        self._set_memory("train", array)

    def set_state(self, array: np.ndarray) -> None:
        self._set_memory("state", array)

    def set_prepared(self, array: np.ndarray) -> None:
        self._set_memory("prepared", array)

    def set_arena(self, array: np.ndarray) -> None:
        self._set_memory("arena", array)
        self.arena_memory = array
        self.pointer.arena_bytes = array.nbytes

    def set_team(self, team: Any) -> None:
        """Share the work with the team of threads at this address (an int or cdata); 0: alone."""
        self.pointer.team = _ffi.cast("void *", team)
        self._kept["team"] = team

    def _set_memory(self, field: str, array: np.ndarray, writable: bool = True) -> None:
        data = _from_buffer(_BYTES, array, writable)
        if int(_ffi.cast("uintptr_t", data)) % ALIGN:
            raise ValueError(f"{field} must start at a multiple of {ALIGN} bytes: "
                             "make it with aligned_bytes()")
        setattr(self.pointer, field, data)
        self._kept[field] = data


def aligned_bytes(count: int) -> np.ndarray:
    """`count` zero bytes, uint8, that start at a multiple of 64; untouched pages cost nothing."""
    block = np.zeros(count + ALIGN, np.uint8)
    start = -block.ctypes.data % ALIGN
    return block[start:][:count]  # in two steps: an empty slice would start at the block


def return_memory() -> None:
    """Let the C library give the system what is free between pieces that are not: glibc keeps it
    where nobody asks. Elsewhere nothing happens."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def describe(status: int) -> str:
    """A status as words."""
    return STATUS.get(status, f"unknown status {status}")
