"""Tracing: running Python on tensors without numbers and keeping what it computed as IR nodes.

A `Trace` holds what one run of `call` functions may touch: the values of variables, their updates,
losses added on the way, the path of the layer being called, and whether it is a training run.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np

from fncompile.graph.tensor import Tensor
from fncompile.graph.tensor import recording as recording_of_numbers
from fncompile.ir import build
from fncompile.ir.dims import Poly
from fncompile.ir.infer import assumed
from fncompile.ir.node import Node, Origin, Origins, coming_from, recording
from fncompile.ir.ranges import Range
from fncompile.ir.types import DTYPES, TensorType, numpy_name

_current: ContextVar[Trace | None] = ContextVar("trace", default=None)


def current_trace() -> Trace | None:
    return _current.get()


class Trace:
    """One run of user code.

    `training` is the flag that layers fall back to; None leaves each to the default of its `call`.
    `names` gives the parameter name of each variable that is known before, `label` the names of
    layers in origins and of other variables.
    """

    def __init__(
        self,
        training: bool | None = None,
        names: Mapping[Any, str] | None = None,
        label: Callable[[str], str] = str,
    ):
        self.training = training
        self.compiles = names is not None  # the user's code ran before, and was warned about then
        self.label = label
        self.names = dict(names or {})
        self.params: dict[Any, Node] = {}  # variable -> its param node, in order of first use
        self.values: dict[Any, Node] = {}  # variable -> its value at this point of the trace
        self.losses: list[Tensor] = []
        self.masks: list[Tensor | None] = []  # of the outputs of a model's prediction
        self.adders: list[Any] = []  # the layer that added each of these
        self.ranges: list[tuple[Node, Range]] = []  # of what is used as an index
        self.bound: Mapping[Node, np.ndarray] | None = None  # numbers of leaves, in an eager call
        self.watched: dict[int, Node] = {}  # id of an array -> what stands for it
        self.autocast: str | None = None  # what reading a floating-point variable gives
        self.path: list[str] = []
        self.origins: Origins = {}
        self._taken = set(self.names.values())

    @contextmanager
    def active(self) -> Iterator[Trace]:
        token, outer = _current.set(self), recording_of_numbers.set(self._as_recording())
        try:
            with assumed(), recording(self.origins):
                yield self
        finally:
            _current.reset(token)
            recording_of_numbers.reset(outer)

    def _as_recording(self) -> Trace | None:
        """What its tensors ask for their numbers."""
        return None

    @contextmanager
    def scope(
        self, name: str | None, training: bool | None = None, autocast: str | None = None
    ) -> Iterator[None]:
        """Nodes made inside belong to the layer at path `.../name`, called with this training flag,
        and read variables in the dtype `autocast`, or in their own.

        None for name or flag leaves it as it is.
        """
        path, outer, cast = self.path, self.training, self.autocast
        self.autocast = autocast
        self.path = path if name is None else [*path, name]
        self.training = outer if training is None else bool(training)
        origin = Origin(self.label("/".join(self.path))) if self.path else None
        try:
            with coming_from(origin):
                yield
        finally:
            self.path, self.training, self.autocast = path, outer, cast

    def read(self, variable: Any) -> Node:
        if variable not in self.params:
            node = build.param(self._name(variable), variable.type)
            self.params[variable] = node
            self.values.setdefault(variable, node)
        return self.values[variable]

    def write(self, variable: Any, value: Any) -> Tensor:
        self.read(variable)
        node = build.cast(to_node(value, variable.type.dtype), variable.type.dtype)
        self.values[variable] = build.broadcast_to(node, variable.shape)
        return Tensor(self.values[variable])

    def note_range(self, node: Node, count: Any, kind: str, allowed: int = 0) -> None:
        """The layer or loss that is being traced, a `kind`, takes `node` for one of `count` indices
        from 0 on, or for `allowed`."""
        if isinstance(count, int):
            where = f" {self.label('/'.join(self.path))!r}" if self.path else ""
            self.ranges.append((node, Range(count, f"The {kind}{where}", allowed)))

    def updates(self) -> dict[Node, Node]:
        """Parameters whose variable was assigned, with their new value."""
        return {p: self.values[v] for v, p in self.params.items() if self.values[v] is not p}

    def _name(self, variable: Any) -> str:
        if variable not in self.names:
            self.names[variable] = unique_name(self.label(variable.path), self._taken)
        return self.names[variable]


def unique_name(wanted: str, taken: set[str]) -> str:
    """`wanted` as a leaf name (`[A-Za-z0-9_./:-]`, not a number), with `:1`, `:2`… where it is
    taken."""
    base = re.sub(r"[^\w./:-]", "_", wanted, flags=re.ASCII)
    base = f"_{base}" if not base or base[0].isdigit() else base
    name, k = base, 0
    while name in taken:
        k += 1
        name = f"{base}:{k}"
    taken.add(name)
    return name


@contextmanager
def suspended() -> Iterator[None]:
    """Code inside runs on arrays even while a trace is active (weight creation, callbacks)."""
    token, outer = _current.set(None), recording_of_numbers.set(None)
    try:
        yield
    finally:
        _current.reset(token)
        recording_of_numbers.reset(outer)


def to_node(x: Any, dtype: str | None = None) -> Node:
    """Anything a user may pass as a node; Python numbers become constants of `dtype`."""
    if isinstance(x, Node):
        return x
    trace = current_trace()
    if isinstance(x, Tensor):
        if x.recorded is not None and x.recorded is not trace:
            return build.const(x.numpy(), x.dtype)
        return x.node
    if trace is not None and hasattr(x, "_storage"):
        return build.cast(trace.read(x), x.dtype)
    if trace is not None and id(x) in trace.watched:
        return trace.watched[id(x)]
    if isinstance(x, Poly):
        return build.extent(x, dtype or "int32")
    array = np.asarray(x)
    if dtype is None:
        dtype = (
            default_dtype(array) if isinstance(x, (np.ndarray, np.generic)) else python_dtype(array)
        )
    if (array.dtype.kind not in "biuf" and dtype != "bfloat16") or dtype not in DTYPES:
        raise TypeError(f"Cannot make a tensor of {x!r}")
    return build.const(array, dtype)


def python_dtype(array: np.ndarray) -> str:
    """Keras' choice for Python numbers and lists of them: int32 wherever they fit."""
    fits = array.dtype == np.int64 and (array.size == 0 or np.abs(array).max() < 2**31)
    return "int32" if fits else default_dtype(array)


def default_dtype(array: np.ndarray) -> str:
    """Keras' choice for arrays: float64 becomes floatx, what the IR does not have the nearest."""
    from fncompile.config import floatx

    if array.dtype == np.float64:
        return floatx()
    name = numpy_name(array.dtype)
    if name in DTYPES:
        return name
    return "int32" if array.dtype.kind in "iu" else floatx()


def placeholder(name: str, type: TensorType) -> Tensor:
    return Tensor(build.input(name, type))
