"""`load_library`: an exported library, used from Python through its C functions.

No part of the compiler is needed, nor a C compiler: what a native program gets is what runs here.
"""

from __future__ import annotations

import ctypes
import json
import os
import threading
from collections.abc import Mapping, Sequence
from ctypes import c_char_p, c_double, c_float, c_int32, c_int64, c_void_p
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from fncompile.ir.dims import evaluate, parse_dim, symbols_of

VERSION = 1  # of the JSON that libraries describe themselves by; api/description.py writes it
PRIVATE, TRAIN = 1, 2
_ERRORS = {-1: ValueError, -2: ValueError, -3: ValueError, -4: MemoryError, -5: OSError,
           -6: ValueError, -8: ValueError}  # fmt: skip


class ArraySpec(NamedTuple):
    """One array of a library; None in the shape is open."""

    name: str
    shape: tuple[int | None, ...]
    dtype: str


def load_library(path: str | os.PathLike[str]) -> NativeModel:
    """Open the library that `model.export` wrote: `path` is its directory, or the `.so` itself.

    FileNotFoundError where there is none, or several in the directory; ValueError for a library of
    another kind, and RuntimeError where this processor lacks the instructions it was compiled for.

    >>> model = fncompile.Sequential([fncompile.Input((2,)), layers.Dense(1)], name="tiny")
    >>> bundle = model.export("build")
    >>> fncompile.load_library("build").predict(np.zeros((3, 2))).shape
    (3, 1)
    """
    return NativeModel(_file(Path(path)))


def _file(path: Path) -> Path:
    if not path.is_dir():
        if not path.is_file():
            raise FileNotFoundError(f"There is no library {str(path)!r}.")
        return path
    found = sorted(path.glob("lib*.so"))
    if len(found) != 1:
        names = ", ".join(p.name for p in found) or "none"
        raise FileNotFoundError(
            f"The directory {str(path)!r} should have one library, lib<name>.so. Found: {names}."
        )
    return found[0]


class _Options(ctypes.Structure):
    """The beginning of the options in C, as far as they are of use here."""

    _fields_ = [
        ("struct_size", c_int64), ("flags", c_int64), ("level", c_char_p),
        ("weights_file", c_char_p),
    ]  # fmt: skip


class NativeModel:
    """The library at `path`, with a context of its own; `load_library` makes it.

    `name`, `inputs`, `outputs` and `weights` (specifications), `metrics_names` and `trains` tell of
    the model. Methods take arrays as a model's do, several as a list or a dict by name. Calls from
    several threads wait for each other.

    >>> model = fncompile.Sequential([fncompile.Input((2,)), layers.Dense(1)], name="tiny")
    >>> fncompile.load_library(model.export("build").directory).inputs[0].shape
    (None, 2)
    """

    def __init__(self, path: Path):
        self.path = path.resolve()
        self._dll = _opened(self.path)
        self._about = _described(self._dll, self.path)
        about = self._about
        self.name: str = about["name"]
        self.trains = "train_step" in about["calls"]
        self.inputs = self._specs("predict", "input")
        self.outputs = self._specs("predict", "output")
        params = about["params"]
        self.weights = [ArraySpec(p["name"], tuple(p["shape"]), p["dtype"]) for p in params]
        self.metrics_names: list[str] = about.get("metrics", [])
        self._state_bytes: int = about.get("state_bytes", 0)
        self._lock = threading.RLock()
        self._sizes: dict[str, int] = {}
        self._ctx: c_void_p | None = None
        self._make_room(dict.fromkeys(about["symbols"], 1))

    def __repr__(self) -> str:
        return f"<NativeModel {self.name!r} of {str(self.path)!r}>"

    # use ----------------------------------------------------------------------------------------

    def predict(self, x: Any, batch_size: int = 32) -> Any:
        """Outputs for all rows of the inputs: an array, or a list of several."""
        arrays = self._arrays("predict", "input", x)
        with self._lock:
            size = self._about["batch"] or batch_size
            parts = [self._predicted(part) for part in _parts(arrays, size)]
        whole = len(parts) == 1  # an output without rows cannot be joined
        joined = parts[0] if whole else [np.concatenate(group) for group in zip(*parts)]
        return joined[0] if len(joined) == 1 else joined

    def fit(
        self, x: Any, y: Any, batch_size: int = 32, epochs: int = 1, shuffle: bool = True
    ) -> dict[str, list[float]]:
        """Train; the metrics of each epoch. `shuffle` is by NumPy's global generator."""
        history: dict[str, list[float]] = {name: [] for name in self.metrics_names}
        for _ in range(epochs):
            rows = self._rows("train_step", x)
            index = np.random.permutation(rows) if shuffle else np.arange(rows)
            for name, value in self._steps("train", x, y, index, batch_size).items():
                history[name].append(value)
        return history

    def evaluate(self, x: Any, y: Any, batch_size: int = 32) -> dict[str, float]:
        """The metrics of all rows, by name."""
        rows = self._rows("evaluate", x)
        return self._steps("eval", x, y, np.arange(rows), batch_size)

    def train_on_batch(self, x: Any, y: Any) -> dict[str, float]:
        """One step; the metrics of this batch, by name."""
        rows = self._rows("train_step", x)
        return self._steps("train", x, y, np.arange(rows), rows)

    def get_weights(self) -> list[np.ndarray]:
        """As a model's. ValueError where one is of another type than the library's flat array."""
        flat = self._flat()
        found = []
        for p in self._about["params"]:
            if p["first"] is None:
                raise ValueError(f"The weight {p['name']!r} is in checkpoints alone.")
            count = int(np.prod(p["shape"]))
            found.append(flat[p["first"] : p["first"] + count].reshape(p["shape"]).copy())
        return found

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Arrays as `get_weights` gives them. ValueError where they do not fit."""
        arrays = [np.asarray(w, self._about["param_dtype"]) for w in weights]
        wanted = [tuple(p["shape"]) for p in self._about["params"] if p["first"] is not None]
        if [a.shape for a in arrays] != wanted:
            raise ValueError(f"Weights of shapes {wanted} are wanted. Received: shapes "
                             f"{[a.shape for a in arrays]}")
        flat = np.concatenate([a.ravel() for a in arrays] or [np.empty(0, "float32")])
        with self._lock:
            self._call("set_params", _pointer(flat), c_int64(flat.size))

    def load_weights(self, path: str | os.PathLike[str]) -> None:
        """A checkpoint of the library's, or a `.weights.h5` file of the model's. OSError where it
        cannot be read, ValueError where it is of another model."""
        with self._lock:
            self._call("load", c_char_p(os.fsencode(path)))

    def save_weights(self, path: str | os.PathLike[str]) -> None:
        """A checkpoint, with the optimizer's state. RuntimeError for a library that only predicts,
        OSError where it cannot be written."""
        self._needs_training()
        with self._lock:
            self._call("save", c_char_p(os.fsencode(path)))

    def reset_state(self) -> None:
        """Let the next call begin with the states that a stateful model has before any."""
        if self._state_bytes:
            with self._lock:
                self._call("state_reset")

    def get_state(self) -> np.ndarray:
        """What a stateful model's last call left to the next: bytes, to be set again."""
        state = np.empty(self._state_bytes, np.uint8)
        if state.size:
            with self._lock:
                self._call("state_get", _pointer(state), c_int64(state.size))
        return state

    def set_state(self, state: Any) -> None:
        """Continue from what `get_state` gave. ValueError where it is of another size."""
        state = np.ascontiguousarray(state, np.uint8)
        if state.shape != (self._state_bytes,):
            raise ValueError(f"{self._state_bytes} bytes, as get_state() gives them, are wanted. "
                             f"Received: an array of shape {state.shape}")
        if state.size:
            with self._lock:
                self._call("state_set", _pointer(state), c_int64(state.size))

    @property
    def learning_rate(self) -> float:
        """That of the next step; can be assigned where no schedule sets it."""
        self._needs_training()
        value = self._real()
        with self._lock:
            self._call("get_lr", ctypes.byref(value))
        return float(value.value)

    @learning_rate.setter
    def learning_rate(self, rate: float) -> None:
        self._needs_training()
        if not self._about["sets_rate"]:
            raise RuntimeError("A schedule sets the learning rate of this library.")
        with self._lock:
            self._call("set_lr", self._real(rate))

    # calls --------------------------------------------------------------------------------------

    def _call(self, name: str, *arguments: Any) -> None:
        """Raises what the status means."""
        status = self._function(name)(self._ctx, *arguments)
        self._check(status, name)

    def _check(self, status: int, name: str) -> None:
        if status != 0:
            words = self._function("status_str", c_char_p)(c_int32(status)).decode()
            error = _ERRORS.get(status, RuntimeError)
            raise error(f"{name} of the library {self.name!r}: {words}")

    def _function(self, name: str, result: Any = c_int32) -> Any:
        function = getattr(self._dll, f"{self._about['prefix']}_{name}")
        function.restype = result
        return function

    def _real(self, value: float = 0.0) -> Any:
        return (c_double if self._about["real"] == "float64" else c_float)(value)

    def _predicted(self, arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
        call = self._about["calls"]["predict"]
        sizes = self._bind("predict", arrays)
        self._make_room(sizes)
        outputs: list[np.ndarray] = [
            np.empty(_shape(p, sizes) or (), p["dtype"])
            for p in call["arrays"]
            if p["role"] == "output"
        ]
        pointers = map(_pointer, (*arrays, *outputs))
        self._call("predict", *self._numbers(call, sizes, len(arrays[0])), *pointers)
        return outputs

    def _steps(
        self, name: str, x: Any, y: Any, index: np.ndarray, batch_size: int
    ) -> dict[str, float]:
        """Metrics after steps over the rows `index`."""
        self._needs_training()
        verb = "train_step" if name == "train" else "evaluate"
        arrays = [*self._given(verb, x), *self._arrays(verb, "target", y)]
        call = self._about["calls"][verb]
        rows, order = len(arrays[0]), np.ascontiguousarray(index, np.int64)
        size = self._about["batch"] or batch_size
        with self._lock:
            sizes = self._bind(verb, [a[: min(size, rows)] for a in arrays])
            self._make_room(sizes)
            self._call("reset_metrics")
            if call["many"]:
                counts = map(c_int64, (order.size, size, rows))
                more = [c_int64(sizes[s]) for s in call["symbols"] if s != "B"]
                pointers = map(_pointer, arrays)
                self._call(f"{name}_steps", _pointer(order), *counts, *more, *pointers, None)
            else:
                for start in range(0, order.size - size + 1, size):
                    part = [np.ascontiguousarray(a[order[start : start + size]]) for a in arrays]
                    numbers = self._numbers(call, sizes, size)
                    self._call(f"{name}_step", *numbers, *map(_pointer, part), None)
            values = np.empty(max(len(self.metrics_names), 1), self._about["real"])
            self._call("metrics", _pointer(values))
        return dict(zip(self.metrics_names, values.tolist(), strict=False))

    def _rows(self, verb: str, x: Any) -> int:
        return len(self._given(verb, x)[0])

    def _given(self, verb: str, x: Any) -> list[np.ndarray]:
        """The inputs, or the data of steps that the user wrote."""
        if verb not in self._about["calls"]:
            self._needs_training()
            raise RuntimeError(
                f"The library {self.name!r} has no evaluation: its step is the user's own, and was "
                "not run before the export."
            )
        return self._arrays(verb, "data" if self._specs(verb, "data") else "input", x)

    def _numbers(self, call: Mapping[str, Any], sizes: Mapping[str, int], rows: int) -> list[Any]:
        """The batch, then the other sizes."""
        return [c_int64(rows), *(c_int64(sizes[s]) for s in call["symbols"] if s != "B")]

    def _flat(self) -> np.ndarray:
        flat = np.empty(self._about["param_count"], self._about["param_dtype"])
        with self._lock:
            self._call("get_params", _pointer(flat), c_int64(flat.size))
        return flat

    def _needs_training(self) -> None:
        if not self.trains:
            raise RuntimeError(
                f"The library {self.name!r} only predicts: export a compiled model, with "
                "training=True."
            )

    # contexts -----------------------------------------------------------------------------------

    def _make_room(self, sizes: Mapping[str, int]) -> None:
        """A context for arrays of these sizes, with what the one before has learnt."""
        symbols = self._about["symbols"]
        wanted = {s: max(sizes.get(s, 1), self._sizes.get(s, 0)) for s in symbols}
        if self._ctx is not None and wanted == self._sizes:
            return
        made = c_void_p()
        mode = c_int32(TRAIN if self.trains else PRIVATE)
        create, state = self._function("create_with"), self.get_state() if self._ctx else None
        room = [c_int64(wanted[s]) for s in symbols]
        options = self._options()
        self._check(create(mode, *room, ctypes.byref(options), ctypes.byref(made)), "create")
        old, self._ctx, self._sizes = self._ctx, made, wanted
        if old is not None:
            self._carry_over(old)
            self.set_state(state)
            self._function("destroy", None)(old)

    def _options(self) -> _Options:
        """With the file of weights beside the library, where that has none in itself."""
        file = self.path.parent / f"{self._about['prefix']}.weights"
        path = None if self._about.get("embedded", True) else os.fsencode(file)
        return _Options(ctypes.sizeof(_Options), 0, None, path)

    def _carry_over(self, old: c_void_p) -> None:
        if not self.trains:
            flat = np.empty(self._about["param_count"], self._about["param_dtype"])
            arguments = _pointer(flat), c_int64(flat.size)
            self._check(self._function("get_params")(old, *arguments), "get_params")
            self._call("set_params", *arguments)
            return
        state = np.empty(self._about["checkpoint_bytes"], np.uint8)
        arguments = _pointer(state), c_int64(state.size)
        self._check(self._function("save_mem")(old, *arguments), "save_mem")
        self._call("load_mem", *arguments)

    def __del__(self) -> None:
        if getattr(self, "_ctx", None) is not None:
            self._function("destroy", None)(self._ctx)
            self._ctx = None

    # arrays -------------------------------------------------------------------------------------

    def _specs(self, verb: str, role: str) -> list[ArraySpec]:
        ports = [p for p in self._about["calls"][verb]["arrays"] if p["role"] == role]
        return [
            ArraySpec(p["name"], tuple(d if isinstance(d, int) else None for d in p["shape"]),
                      p["dtype"])
            for p in ports
        ]  # fmt: skip

    def _arrays(self, verb: str, role: str, given: Any) -> list[np.ndarray]:
        """In the order of the library. ValueError where there are others than it takes."""
        specs = self._specs(verb, role)
        if isinstance(given, Mapping):
            if given.keys() != {s.name for s in specs}:
                names = [s.name for s in specs]
                raise ValueError(f"Arrays called {names} are wanted. Received: {list(given)}")
            given = [given[s.name] for s in specs]
        elif len(specs) == 1 and not isinstance(given, (list, tuple)):
            given = [given]
        if len(given) != len(specs):
            raise ValueError(f"{len(specs)} arrays ({role}s) are wanted. Received: {len(given)}")
        return [
            np.ascontiguousarray(a, s.dtype) for a, s in zip(given, specs, strict=True)
        ]

    def _bind(self, verb: str, arrays: Sequence[np.ndarray]) -> dict[str, int]:
        """The open sizes. ValueError where an array has none of the shapes that it may have."""
        ports = [p for p in self._about["calls"][verb]["arrays"] if p["role"] != "output"]
        if len(arrays) != len(ports):
            names = [p["name"] for p in ports]
            raise ValueError(f"Arrays called {names} are wanted. Received: {len(arrays)}")
        sizes: dict[str, int] = {"B": len(arrays[0]) if arrays[0].ndim else 1}
        for port, array in zip(ports, arrays, strict=True):
            if len(port["shape"]) == array.ndim:
                found = zip(port["shape"], array.shape, strict=True)
                sizes |= {d: n for d, n in found if isinstance(d, str) and d not in sizes
                          and d in self._about["symbols"]}  # fmt: skip
        for port, array in zip(ports, arrays, strict=True):
            if array.shape != _shape(port, sizes):
                shape = tuple(d if isinstance(d, int) else str(d) for d in port["shape"])
                raise ValueError(
                    f"{port['name']!r} takes arrays of shape {shape}. Received: shape {array.shape}"
                )
        return sizes


def _opened(path: Path) -> ctypes.CDLL:
    try:
        return ctypes.CDLL(str(path))
    except OSError as error:
        raise ValueError(
            f"{str(path)!r} is no library that this machine can load: {error}"
        ) from None


def _described(dll: ctypes.CDLL, path: Path) -> dict[str, Any]:
    prefix = path.name.split(".so")[0].removeprefix("lib")
    try:
        describe = getattr(dll, f"{prefix}_describe")
    except AttributeError:
        raise ValueError(
            f"{str(path)!r} is no library of fncompile called {prefix!r}, or one that was made "
            "before they described themselves: export the model again."
        ) from None
    describe.restype = c_char_p
    found = json.loads(describe().decode())
    if found["version"] != VERSION:
        raise ValueError(f"{str(path)!r} is of another version of fncompile: {found['fncompile']}.")
    return dict(found)


def _shape(port: Mapping[str, Any], sizes: Mapping[str, int]) -> tuple[int, ...] | None:
    """None where a size is not known."""
    dims = [d if isinstance(d, int) else parse_dim(d) for d in port["shape"]]
    if any(s not in sizes for s in symbols_of(dims)):
        return None
    return tuple(evaluate(d, sizes) for d in dims)


def _pointer(array: np.ndarray) -> c_void_p:
    return c_void_p(array.ctypes.data)


def _parts(arrays: Sequence[np.ndarray], size: int) -> list[list[np.ndarray]]:
    rows = len(arrays[0])
    return [[a[i : i + size] for a in arrays] for i in range(0, max(rows, 1), size)]
