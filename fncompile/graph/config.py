"""The DAG as plain data, in Keras 3's form, and back; reading also the older form of Keras 2.

    {"layers": [{…, "name": "dense", "inbound_nodes": [{"args": […], "kwargs": {…}}, …]}, …],
     "input_layers": nest of ["img", 0, 0], "output_layers": nest of ["dense", 0, 0]}

A reference is [operation, index among its calls in this DAG, index of the output]. How operations
and values look as data is the caller's business: it hands in the functions that know.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fncompile.graph.call import Call, Operation
from fncompile.graph.dag import Dag, producer
from fncompile.graph.nest import flatten, map_structure, rebuilt
from fncompile.graph.required import required
from fncompile.graph.tensor import KerasHistory, KerasTensor

MODEL = "a functional model"
Shift = Callable[[Operation], int]


def dag_config(
    dag: Dag,
    inputs: Any,
    outputs: Any,
    describe: Callable[[Operation], dict[str, Any]],
    describe_call: Callable[[Call], dict[str, Any]],
    shift: Shift,
) -> dict[str, Any]:
    """The config of a DAG. `describe_call` gives {"args", "kwargs"} with symbolic tensors as leaves
    that tell their history; `shift` is what Keras adds to the indices of an operation's calls
    where inputs and outputs are listed (1 for functional models)."""
    index = {call: i for op in dag.operations for i, call in enumerate(dag.calls_of(op))}

    def relocated(x: Any) -> Any:
        if not isinstance(x, KerasTensor):
            return x
        operation, _, output = x._keras_history  # type: ignore[misc]
        return KerasTensor.of(x.type, x.name, KerasHistory(operation, index[producer(x)], output))

    def reference(x: KerasTensor) -> list[Any]:
        operation, _, output = x._keras_history  # type: ignore[misc]
        return [operation.name, index[producer(x)] + shift(operation), output]

    layers = []
    for operation in dag.operations:
        entry = describe(operation)
        calls = [call for call in dag.calls_of(operation) if call.input_tensors]
        moved = lambda given: map_structure(relocated, given)  # noqa: E731
        nodes = [Call(operation, moved(c.args), moved(c.kwargs), c.outputs) for c in calls]
        entry.update(name=operation.name, inbound_nodes=[describe_call(node) for node in nodes])
        layers.append(entry)
    return {
        "layers": layers,
        "input_layers": map_structure(reference, inputs),
        "output_layers": map_structure(reference, outputs),
    }


@dataclass(frozen=True)
class Reference:
    """An output of a call, as a file names it."""

    operation: str
    index: int
    output: int

    def __post_init__(self) -> None:
        numbers = self.index, self.output
        if not isinstance(self.operation, str) or not all(isinstance(n, int) for n in numbers):
            raise ValueError(
                "A tensor is named by a layer, the number of a call, and the number of an output. "
                f"Received: {[self.operation, *numbers]}"
            )


@dataclass
class _Pending:
    """A call that waits for its tensors, and for the call before it of the same operation."""

    name: str
    operation: Operation
    index: int
    args: tuple
    kwargs: dict[str, Any]

    @property
    def references(self) -> list[Reference]:
        return [x for x in flatten((self.args, self.kwargs)) if isinstance(x, Reference)]

    @property
    def needs(self) -> set[tuple[str, int]]:
        before = {(self.name, self.index - 1)} if self.index else set()
        return before | {(x.operation, x.index) for x in self.references}


def dag_from_config(
    config: dict[str, Any],
    revive: Callable[[dict[str, Any]], Operation],
    revive_value: Callable[[Any], Any],
    call: Callable[[Operation, tuple, dict[str, Any]], Any],
    shift: Shift,
) -> tuple[Any, Any]:
    """(inputs, outputs) of a config: operations revived, and called again on each other's outputs.

    Raises ValueError where the config refers to calls or outputs that it does not have.
    """
    entries = required(config, "layers", MODEL)
    operations = {_name(entry): revive(entry) for entry in entries}
    pending, legacy = [], False
    for entry in entries:
        nodes = entry.get("inbound_nodes") or []
        legacy = legacy or any(isinstance(node, list) for node in nodes)
        pending += [
            _Pending(
                _name(entry),
                operations[_name(entry)],
                i,
                *_arguments(node, operations, revive_value),
            )
            for i, node in enumerate(nodes)
        ]
    inputs = _references(required(config, "input_layers", MODEL))
    outputs = _references(required(config, "output_layers", MODEL))
    if legacy:
        shifts = _legacy_shifts(pending, [*flatten(inputs), *flatten(outputs)])
        for item in pending:
            item.args, item.kwargs = map_structure(_shifted(shifts), (item.args, item.kwargs))
    else:
        shifts = {name: shift(operation) for name, operation in operations.items()}
    made = _call_all(operations, pending, call)
    ends = map_structure(_shifted(shifts), {"inputs": inputs, "outputs": outputs})
    found = map_structure(lambda x: _output(x, made), ends)
    return found["inputs"], found["outputs"]


def _name(entry: dict[str, Any]) -> str:
    name = entry.get("name")
    if not name:
        name = required(required(entry, "config", "a layer"), "name", "a layer")
    if not isinstance(name, str):
        raise ValueError(f"The name of a layer must be text. Received: name={name!r}")
    return name


def _call_all(
    operations: dict[str, Operation], pending: list[_Pending], call: Callable
) -> dict[tuple[str, int], list[KerasTensor]]:
    """Make every call once its tensors are there; gives the outputs by (name, index)."""
    sources = {
        name: op._inbound_nodes[0].output_tensors
        for name, op in operations.items()
        if _is_source(op)
    }
    made = {(name, 0): tensors for name, tensors in sources.items()}
    waiting: dict[tuple[str, int], list[_Pending]] = defaultdict(list)
    missing: dict[int, set] = {}
    ready: deque[_Pending] = deque()
    for item in pending:
        missing[id(item)] = item.needs - made.keys()
        for need in missing[id(item)]:
            waiting[need].append(item)
        if not missing[id(item)]:
            ready.append(item)
    while ready:
        item = ready.popleft()
        args, kwargs = map_structure(lambda x: _output(x, made), (item.args, item.kwargs))
        key = (item.name, item.index)
        made[key] = [
            t for t in flatten(call(item.operation, args, kwargs)) if isinstance(t, KerasTensor)
        ]
        for follower in waiting.pop(key, []):
            missing[id(follower)].discard(key)
            if not missing[id(follower)]:
                ready.append(follower)
    if waiting:
        raise ValueError(_stuck(operations, pending, waiting))
    return made


def _stuck(operations: dict[str, Operation], pending: list[_Pending], waiting: Any) -> str:
    """What is wrong where calls wait for others that will not come."""
    known = {(item.name, item.index) for item in pending}
    absent = sorted(need for need in waiting if need not in known)
    if not absent:
        return f"The calls in the config wait for each other, in a loop: {list(waiting)}"
    name, index = absent[0]
    if name not in operations:
        return f"Missing node: {name}. The config refers to a layer that it does not have."
    return f"The config refers to calls that it does not have: call {index} of '{name}'"


def _is_source(operation: Operation) -> bool:
    """An InputLayer: revived with the call that made its tensor."""
    return bool(operation._inbound_nodes) and not operation._inbound_nodes[0].input_tensors


def _output(x: Any, made: dict[tuple[str, int], list[KerasTensor]]) -> Any:
    if not isinstance(x, Reference):
        return x
    tensors = made.get((x.operation, x.index), [])
    if not 0 <= x.output < len(tensors):
        raise ValueError(
            f"The config refers to output {x.output} of call {x.index} of '{x.operation}', which "
            "is not there."
        )
    return tensors[x.output]


# the two forms of a call ------------------------------------------------------------------------


def _arguments(
    node: Any, operations: dict[str, Operation], revive_value: Callable
) -> tuple[tuple, dict[str, Any]]:
    if isinstance(node, dict):
        args, kwargs = (
            map_structure(_revived, revive_value(node[key])) for key in ("args", "kwargs")
        )
        return tuple(args), kwargs
    return _legacy_arguments(node, operations)


def _revived(x: Any) -> Any:
    history = getattr(x, "keras_history", None)
    return x if history is None else _references(history)


def _legacy_arguments(node: list, operations: dict[str, Operation]) -> tuple[tuple, dict[str, Any]]:
    """Keras 2: [["img", 0, 0, {}], …], the keyword arguments of the call beside its first
    tensor."""
    rows = node if not _is_reference(node) else [node]
    if not isinstance(rows, list) or not rows or not all(map(_is_reference, rows)):
        raise ValueError(f"Expected [[layer name, call, output, {{}}], …]. Received: {node!r}")
    kwargs = rows[0][3] if len(rows[0]) > 3 else {}
    tensors = [Reference(*row[:3]) for row in rows]
    references = {
        k: Reference(*v[:3]) if _is_reference(v) and v[0] in operations else v
        for k, v in kwargs.items()
    }
    return (tensors[0] if len(tensors) == 1 else tensors,), references


def _is_reference(x: Any) -> bool:
    return (
        isinstance(x, list) and len(x) in (3, 4) and isinstance(x[0], str) and isinstance(x[1], int)
    )


def _references(structure: Any) -> Any:
    """The nested structure with its triples as References."""
    if isinstance(structure, (list, tuple)) and _is_reference(list(structure)):
        return Reference(*structure[:3])
    if isinstance(structure, dict):
        return {key: _references(item) for key, item in structure.items()}
    if isinstance(structure, (list, tuple)):
        return rebuilt(structure, map(_references, structure))
    raise ValueError(
        f"Expected [layer name, call, output] in a model config. Received: {structure!r}"
    )


def _shifted(shifts: dict[str, int]) -> Callable[[Any], Any]:
    def shift(x: Any) -> Any:
        if not isinstance(x, Reference):
            return x
        return Reference(x.operation, x.index - shifts.get(x.operation, 0), x.output)

    return shift


def _legacy_shifts(pending: list[_Pending], ends: list[Reference]) -> dict[str, int]:
    """Keras 2 counts a call of their own for models inside: every call of a DAG is referred to, so
    the greatest index tells by how much."""
    inner = (x for item in pending for x in item.references)
    greatest: dict[str, int] = {}
    for x in (*inner, *ends):
        greatest[x.operation] = max(greatest.get(x.operation, 0), x.index)
    calls: dict[str, int] = defaultdict(int)
    for item in pending:
        calls[item.name] += 1
    return {name: max(0, index + 1 - max(1, calls[name])) for name, index in greatest.items()}
