"""Calls: the nodes of the user's graph. An operation called twice is two calls."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from fncompile.graph.eager import run_eagerly
from fncompile.graph.naming import auto_name, checked_name, to_snake_case
from fncompile.graph.nest import flatten, map_structure
from fncompile.graph.tensor import KerasHistory, KerasTensor, Tensor
from fncompile.graph.trace import Trace, current_trace, placeholder


@dataclass(eq=False)
class Call:
    """One use of `operation`: its arguments with symbolic tensors in them, and what came out."""

    operation: Operation
    args: tuple
    kwargs: dict[str, Any]
    outputs: Any

    @property
    def input_tensors(self) -> list[KerasTensor]:
        return [x for x in flatten((self.args, self.kwargs)) if isinstance(x, KerasTensor)]

    @property
    def output_tensors(self) -> list[KerasTensor]:
        return [x for x in flatten(self.outputs) if isinstance(x, KerasTensor)]

    @property
    def index(self) -> int:
        return self.operation._inbound_nodes.index(self)


class Operation:
    """Something that can be called on symbolic tensors: a layer, a function of `ops`, or what a
    subclass computes in its `call`, without weights.

    `name`: made from the class if None. On symbolic tensors a call becomes part of their graph, on
    arrays it is evaluated at once. A subclass whose constructor has arguments writes `get_config`,
    for files to hold them.

    >>> class Scaled(fncompile.Operation):
    ...     def call(self, x):
    ...         return x * 2.0
    >>> Scaled()(np.array([1.0, 3.0]))
    array([2., 6.], dtype=float32)
    """

    def __init__(self, name: str | None = None):
        self.has_automatic_name = name is None
        self.name = (
            auto_name(to_snake_case(type(self).__name__)) if name is None else checked_name(name)
        )
        self._inbound_nodes: list[Call] = []
        self._outbound_nodes: list[Call] = []

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if is_symbolic(args, kwargs):
            return symbolic_call(self, args, kwargs)
        if current_trace() is not None:
            return self.run(*args, **kwargs)
        return run_eagerly(self.run, args, kwargs)

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """The computation, written in `fncompile.ops`; a subclass overrides it."""
        raise NotImplementedError(
            f"Operation {type(self).__name__} does not have a `call` method implemented."
        )

    def run(self, *args: Any, **kwargs: Any) -> Any:
        """The computation, on traced tensors, in a scope of the trace with the operation's name."""
        trace = current_trace()
        assert trace is not None
        with trace.scope(self.name):
            return self.call(*args, **kwargs)

    def symbolic_call(self, *args: Any, **kwargs: Any) -> Any:
        """Symbolic outputs for symbolic arguments: the call becomes part of their graph."""
        return symbolic_call(self, args, kwargs)

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """Symbolic outputs for symbolic arguments, without recording a call."""
        return symbolic_outputs(self.run, args, kwargs)

    def infer(self, args: tuple, kwargs: dict[str, Any], training: bool | None = None) -> Any:
        """Outputs for symbolic arguments, as traced tensors: only their types mean something."""
        if type(self).compute_output_spec is Operation.compute_output_spec:
            return infer_outputs(self.run, args, kwargs, training)
        return map_structure(
            lambda x: placeholder("output", x.type), self.compute_output_spec(*args, **kwargs)
        )

    @property
    def input(self) -> Any:
        """The symbolic inputs of the first call; AttributeError when never called."""
        args = self._first_call("input").args
        return args[0] if len(args) == 1 else list(args)

    @property
    def output(self) -> Any:
        """The symbolic outputs of the first call; AttributeError when never called."""
        return self._first_call("output").outputs

    def _first_call(self, what: str) -> Call:
        if not self._inbound_nodes:
            raise AttributeError(
                f"The layer {self.name} has never been called and thus has no defined {what}."
            )
        return self._inbound_nodes[0]

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, ready for JSON."""
        return {"name": self.name}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """An operation from what `get_config` gave."""
        return cls(**config)

    # pickle and copy ------------------------------------------------------------------------------

    _not_pickled: frozenset[str] = frozenset({"_inbound_nodes", "_outbound_nodes"})

    def __reduce__(self) -> tuple:
        return _blank, (type(self), self.name), self.__getstate__()

    def __getstate__(self) -> dict[str, Any]:
        """The attributes, without the graph around: calls are the business of the model that they
        make up, and lead through it from layer to layer to any depth."""
        return {k: v for k, v in vars(self).items() if k not in self._not_pickled}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)


def _blank(cls: type, name: str) -> Operation:
    """An operation that has no state yet, but can stand in calls."""
    operation: Operation = object.__new__(cls)
    vars(operation).update(name=name, _inbound_nodes=[], _outbound_nodes=[])
    return operation


class FunctionOperation(Operation):
    """A function of `fncompile.ops` as an operation of the graph."""

    def __init__(self, fn: Callable[..., Any], name: str | None = None):
        super().__init__(auto_name(to_snake_case(fn.__name__)) if name is None else name)
        self.has_automatic_name = name is None
        self.fn = fn
        self.constructor: dict[str, Any] = {}  # arguments that a file gave apart from the calls

    def run(self, *args: Any, **kwargs: Any) -> Any:
        trace = current_trace()
        assert trace is not None
        with trace.scope(self.name):
            return self.fn(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<Operation name={self.name}, function={self.fn.__name__}>"


def is_symbolic(*structures: Any) -> bool:
    return any(isinstance(x, KerasTensor) for x in flatten(structures))


def symbolic_call(
    operation: Operation, args: tuple, kwargs: dict[str, Any], training: bool | None = None
) -> Any:
    """Record a call on symbolic tensors; its output shapes come from tracing it on placeholders,
    or from the layer, where it declares them."""
    outputs = operation.infer(args, kwargs, training)
    return record_call(operation, args, kwargs, outputs)


def infer_outputs(
    fn: Callable[..., Any], args: tuple, kwargs: dict[str, Any], training: bool | None = None
) -> Any:
    """What `fn` gives for these symbolic arguments: the same structure, of traced tensors."""
    trace = Trace(training)
    with trace.active():
        args, kwargs = map_structure(_placeholder_for({}), (args, kwargs))
        return fn(*args, **kwargs)


def symbolic_outputs(fn: Callable[..., Any], args: tuple, kwargs: dict[str, Any]) -> Any:
    """As `infer_outputs`, of symbolic tensors that no call made."""
    outputs = infer_outputs(fn, args, kwargs)
    return map_structure(
        lambda x: KerasTensor.of(x.type, "output") if isinstance(x, Tensor) else x, outputs
    )


def _placeholder_for(seen: dict[KerasTensor, Tensor]) -> Callable[[Any], Any]:
    def convert(x: Any) -> Any:
        if not isinstance(x, KerasTensor):
            return x
        if x not in seen:
            if x.dtype == "string":
                raise ValueError(
                    f"{x} holds strings, which compiled code has no type for: a layer that takes "
                    "strings has to come first, such as StringLookup or TextVectorization."
                )
            seen[x] = placeholder(f"arg{len(seen)}", x.type)
            if x._keras_mask is not None:
                seen[x]._keras_mask = convert(x._keras_mask)
        return seen[x]

    return convert


def record_call(operation: Operation, args: tuple, kwargs: dict[str, Any], outputs: Any) -> Any:
    """Append a Call to the graph and give its outputs as symbolic tensors with their history."""
    node_index = len(operation._inbound_nodes)
    made: list[KerasTensor] = []

    def symbolic(x: Any) -> Any:
        if not isinstance(x, Tensor):
            return x
        tensor = KerasTensor.of(
            x.type, auto_name("keras_tensor"), KerasHistory(operation, node_index, len(made))
        )
        if x._keras_mask is not None:
            tensor._keras_mask = _record_mask(tensor, x._keras_mask)
        made.append(tensor)
        return tensor

    outputs = map_structure(symbolic, outputs)
    call = Call(operation, args, kwargs, outputs)
    operation._inbound_nodes.append(call)
    _note_use(call)
    return outputs


def keras_mask(x: Any) -> Any:
    """The mask that a tensor carries, as a tensor of its own."""
    if x._keras_mask is None:
        raise ValueError(f"{x} carries no mask here; it did where the graph was made.")
    return x._keras_mask


def _record_mask(of: KerasTensor, traced: Tensor) -> KerasTensor:
    """The mask of a symbolic tensor. Its call is found from it alone, where it is an output or an
    argument, and is none of those that use what the layer gives."""
    operation = FunctionOperation(keras_mask, f"{of.name}_mask")
    mask = KerasTensor.of(traced.type, operation.name, KerasHistory(operation, 0, 0))
    operation._inbound_nodes.append(Call(operation, (of,), {}, mask))
    return mask


def _note_use(call: Call) -> None:
    for tensor in call.input_tensors:
        if tensor._keras_history is not None:
            tensor._keras_history.operation._outbound_nodes.append(call)


def relink(calls: Sequence[Call]) -> None:
    """Make calls that a pickle held those of their operations again, each after what it needs."""
    new = [call for call in calls if not any(call is known for known in _calls_of(call))]
    for call in new:
        index = len(_calls_of(call))
        _calls_of(call).append(call)
        for k, tensor in enumerate(call.output_tensors):
            tensor._keras_history = KerasHistory(call.operation, index, k)
    for call in new:
        _note_use(call)


def _calls_of(call: Call) -> list[Call]:
    return call.operation._inbound_nodes
