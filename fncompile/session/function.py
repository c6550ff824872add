"""`fncompile.function`: a user's own function, compiled for each kind of arguments.

A call is told apart by the structure of its arguments, the shapes and dtypes of its arrays and the
values of all else. The function is run once on tensors that stand for the arrays; what it computes,
and how it changes variables, is compiled, and every later call of that kind runs that.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fncompile.caller import warn_caller
from fncompile.config import floatx
from fncompile.export.prefix import model_prefix
from fncompile.flags import of_entries, overrides
from fncompile.graph.nest import flatten, map_structure, paths
from fncompile.graph.tensor import Tensor
from fncompile.graph.trace import Trace, current_trace, default_dtype, placeholder, to_node
from fncompile.graph.variable import Variable
from fncompile.ir import build
from fncompile.ir.dims import Poly, symbol
from fncompile.ir.node import Node
from fncompile.ir.types import DTYPES, TensorType, at_border
from fncompile.passes.manager import Context
from fncompile.runtime.entry import Entry, Run, build_entry
from fncompile.session.compiled import memory_lock
from fncompile.session.memory import Memory
from fncompile.session.programs import program_of

MANY = 16  # kinds of arguments from which on somebody should know


def function(
    fn: Callable[..., Any] | None = None,
    *,
    fixed_shapes: bool = False,
    jit_compile: bool | None = None,
    reduce_retracing: bool | None = None,
) -> Any:
    """`fn`, written in ops, as a compiled function; also as a decorator, with or without options.

    Arguments and results may be structures of lists, tuples and dicts. Arrays, and numbers with a
    point, are what the compiled function takes; all else, such as `training=True` or an axis, is
    known to `fn` when it is traced, and must be hashable. What `fn` reads of variables is read in
    every call, and what it assigns, as by `optimizer.apply` or a metric's `update_state`, is
    assigned in every call; all other effects happen once, while it is traced.

    Arrays that have the same first extent are a batch, of which `fn` knows no size, so that the
    last, smaller batch of an epoch needs no code of its own. With `fixed_shapes` each shape is
    compiled for itself, and `fn` sees every extent as a number. `jit_compile` and
    `reduce_retracing` are tf.function's and mean nothing: it is compiled, and as seldom as can be.

    Results are arrays. Inside another traced function, a `train_step` or a `GradientTape` the calls
    are part of that. TypeError for an argument that is neither array nor hashable.

    >>> @fncompile.function
    ... def distance(a, b):
    ...     return ops.sqrt(ops.sum(ops.square(a - b), axis=-1))
    >>> distance(np.array([[0.0, 0.0], [1.0, 1.0]]), np.array([[3.0, 4.0], [1.0, 2.0]]))
    array([5., 1.], dtype=float32)
    """
    del jit_compile, reduce_retracing
    if fn is None:
        return functools.partial(function, fixed_shapes=fixed_shapes)
    return Function(fn, fixed_shapes)


@dataclass
class _Compiled:
    """One kind of call: its entry, the variables that it reads, and what it returns, where an
    `_Output` stands for each array."""

    entry: Entry
    types: list[TensorType]
    memory: Memory
    result: Any
    updates: bool


@dataclass(frozen=True)
class _Output:
    place: int


class Function:
    """What `function` makes: called as `fn`, and `kinds` is how many programs there are."""

    def __init__(self, fn: Callable[..., Any], fixed_shapes: bool = False):
        functools.update_wrapper(self, fn)
        self._fn, self._fixed = fn, fixed_shapes
        self._name = getattr(fn, "__name__", "function")
        self._compiled: dict[tuple, _Compiled] = {}
        self._calls: dict[tuple, tuple[_Compiled, Run]] = {}  # under `_switches`
        self._switches = overrides()
        self._lock = threading.RLock()

    def __repr__(self) -> str:
        return f"<fncompile.function {self._name!r}>"

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        return self if instance is None else functools.partial(self, instance)

    @property
    def kinds(self) -> int:
        """How many kinds of arguments it was compiled for."""
        return len(self._compiled)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if current_trace() is not None:
            return self._fn(*args, **kwargs)
        given = map_structure(_as_array, (args, kwargs))
        arrays = [x for x in flatten(given) if isinstance(x, np.ndarray)]
        with self._lock:
            made, run = self._found(given, arrays)
            if made.memory.lost or not made.entry.is_prepared(made.memory.version):
                with memory_lock:
                    made.memory.adopt()
                    made.entry.prepare(made.memory.version)
            outputs = run([_as_given(a, t) for a, t in zip(arrays, made.types)])
            made.memory.version += made.updates
        return map_structure(
            lambda x: outputs[x.place] if isinstance(x, _Output) else x, made.result
        )

    def _found(self, given: Any, arrays: list[np.ndarray]) -> tuple[_Compiled, Run]:
        """What to run for arguments like these."""
        if self._switches is not overrides():  # `of_entries` reads twelve switches: 20 us
            self._switches, self._calls = overrides(), {}
        call = _key(given, lambda a: (a.shape, a.dtype)), floatx()
        try:
            found = self._calls.get(call)
        except TypeError:
            raise TypeError(self._unhashable(given)) from None
        if found is None:
            made = self._made(given, self._types(arrays))
            fitting = [_as_given(a, t) for a, t in zip(arrays, made.types)]
            found = self._calls[call] = made, made.entry.shaped(fitting)
        return found

    def _types(self, arrays: Sequence[np.ndarray]) -> list[TensorType]:
        """Of the arrays, as `fn` sees them: with an open batch where they have one."""
        firsts = {a.shape[0] for a in arrays if a.ndim}
        opens = len(firsts) == 1 and not self._fixed
        shapes = [(symbol("B"), *a.shape[1:]) if opens and a.ndim else a.shape for a in arrays]
        return [TensorType(default_dtype(a), shape) for a, shape in zip(arrays, shapes)]

    def _made(self, given: Any, types: list[TensorType]) -> _Compiled:
        kind = _key(given, lambda a: None), tuple(types), floatx(), of_entries()
        if kind not in self._compiled:
            self._compiled[kind] = self._compile(given, types)
            if len(self._compiled) == MANY:
                warn_caller(
                    f"{self!r} was compiled for {MANY} kinds of arguments, the latest with arrays "
                    f"of {[str(t) for t in types]}. Numbers that change from call to call should "
                    "be arrays or have a point, and arrays few shapes."
                )
        return self._compiled[kind]

    def _unhashable(self, given: Any) -> str:
        for path, x in zip(paths(given), flatten(given)):
            if not isinstance(x, np.ndarray) and type(x).__hash__ is None:
                where = path.removeprefix("0.").removeprefix("1.")
                return (
                    f"The argument {where!r} of {self!r} is neither an array nor a hashable value, "
                    f"by which calls could be told apart. Received: {x!r}"
                )
        return f"An argument of {self!r} cannot be hashed"

    def _compile(self, given: Any, types: list[TensorType]) -> _Compiled:
        inputs: list[Tensor] = []
        outputs: list[Node] = []
        trace, rest = Trace(), iter(types)

        def stand_in(x: Any) -> Any:
            if not isinstance(x, np.ndarray):
                return x
            type = next(rest)
            inputs.append(placeholder(f"x{len(inputs)}", at_border(type)))
            return Tensor(build.cast(inputs[-1].node, type.dtype))

        def output(x: Any) -> Any:
            if not isinstance(x, (Tensor, Variable, Poly)):
                return x
            node = to_node(x)
            outputs.append(build.cast(node, at_border(node.type).dtype))
            return _Output(len(outputs) - 1)

        with trace.active():
            args, kwargs = map_structure(stand_in, given)
            result = map_structure(output, self._fn(*args, **kwargs))
        updates = trace.updates()
        memory = Memory("train", list(trace.params), trace.names)
        named = {f"y{i}": node for i, node in enumerate(outputs)}
        program = program_of(trace, inputs, named, updates)
        kind = "own_step" if updates else "infer"
        prefix = model_prefix(self._name)
        entry = build_entry(program, kind, "function", [memory.block], Context(), prefix)
        return _Compiled(entry, types, memory, result, bool(updates))


def _key(x: Any, of_array: Callable[[np.ndarray], Any]) -> Any:
    """What tells arguments apart: their structure, `of_array` of arrays, and all else by value."""
    if isinstance(x, np.ndarray):
        return np.ndarray, of_array(x)
    if isinstance(x, dict):
        return dict, tuple((k, _key(x[k], of_array)) for k in sorted(x))
    if isinstance(x, (list, tuple)):
        return type(x), tuple(_key(item, of_array) for item in x)
    return type(x), x  # 1 and True are equal


def _as_array(x: Any) -> Any:
    """What becomes an array: arrays of any library, tensors with numbers, numbers with a point."""
    if isinstance(x, (Variable, np.integer)):
        return x
    if isinstance(x, Tensor):
        return x.numpy()
    return np.asarray(x) if isinstance(x, float) or hasattr(x, "__array__") else x


def _as_given(array: np.ndarray, type: TensorType) -> np.ndarray:
    """As the entry takes it."""
    return np.asarray(array, DTYPES[type.dtype].border, order="C")  # keeps rank 0
