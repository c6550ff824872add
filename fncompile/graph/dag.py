"""The DAG of calls between input and output tensors: found, checked, put in order.

Calls are visited depth first from the outputs, without recursion. A call's depth is its greatest
distance to an output; calls and operations go by decreasing depth, ties in the order of the visit,
which is Keras' order of layers (and so of weights, and of a file's groups).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fncompile.graph.call import Call, Operation, symbolic_call
from fncompile.graph.nest import flatten, map_structure
from fncompile.graph.tensor import KerasTensor

if TYPE_CHECKING:
    import networkx


@dataclass(frozen=True)
class Dag:
    """`graph`: calls as nodes (with `depth`), tensors as edges (with `tensor` and `position`).

    `calls` is an order in which they can run, those of the inputs among them; `operations` each
    operation once.
    """

    inputs: list[KerasTensor]
    outputs: list[KerasTensor]
    graph: networkx.MultiDiGraph
    calls: list[Call]
    operations: list[Operation]

    def calls_of(self, operation: Operation) -> list[Call]:
        """The calls of `operation` in this graph, in the order in which they were made."""
        return [call for call in operation._inbound_nodes if call in self.graph]

    def depth(self, call: Call) -> int:
        return self.graph.nodes[call]["depth"]


def producer(tensor: KerasTensor) -> Call:
    """The call that made a tensor; ValueError for tensors that no call made."""
    if tensor._keras_history is None:
        raise ValueError(
            f"{tensor} was not made by `Input`, a layer or a function of ops; it has no place in a "
            "graph."
        )
    operation, index, _ = tensor._keras_history
    return operation._inbound_nodes[index]


def get_source_inputs(tensor: KerasTensor) -> list[KerasTensor]:
    """The symbolic tensors that `tensor` was computed from in the end: those of Inputs.

    >>> x = fncompile.Input((2,), name="x")
    >>> [t.name for t in utils.get_source_inputs(layers.Dense(1)(x * 2.0))]
    ['x']
    """
    found: dict[KerasTensor, None] = {}
    waiting, seen = [tensor], set()
    while waiting:
        tensor = waiting.pop()
        past = [] if tensor._keras_history is None else producer(tensor).input_tensors
        if not past:
            found[tensor] = None
        waiting += [t for t in reversed(past) if t not in seen]
        seen.update(past)
    return list(found)


def build_dag(inputs: Sequence[KerasTensor], outputs: Any) -> Dag:
    """The calls that lead from `inputs` to the nested structure `outputs`.

    Raises ValueError where an output needs a tensor that is not among the inputs, on a cycle, and
    where two operations have one name.
    """
    left, met = _visit(inputs, outputs)
    graph = _connect(left)
    depths = _assign_depths(graph, left)
    for call in filter(None, map(_source, inputs)):
        if call not in graph:  # no output needs it
            graph.add_node(call, depth=0)
            depths[call.operation], met[call.operation] = 0, -1
    operations = sorted(depths, key=lambda op: (-depths[op], met[op]))
    _check_unique_names(operations)
    rank = {op: i for i, op in enumerate(operations)}
    calls = sorted(graph, key=lambda call: (-graph.nodes[call]["depth"], rank[call.operation]))
    return Dag(list(inputs), flatten(outputs), graph, calls, operations)


def _visit(inputs: Sequence[KerasTensor], outputs: Any) -> tuple[list[Call], dict[Operation, int]]:
    """Calls in the order in which a depth-first visit leaves them; operations as it first meets
    them."""
    given = set(inputs)
    left: dict[Call, None] = {}
    entered: set[Call] = set()
    met: dict[Operation, int] = {}
    for path, output in _paths(outputs):
        stack: list[tuple[Call, bool]] = _sources([output], given)
        while stack:
            call, expanded = stack.pop()
            if expanded:
                left[call] = None
            elif call not in entered:
                _check_connected(call, given, path)
                entered.add(call)
                met.setdefault(call.operation, len(met))
                stack.append((call, True))
                stack.extend(_sources(call.input_tensors, given))
            elif call not in left:
                raise ValueError(
                    f"The graph has a cycle through operation '{call.operation.name}'."
                )
    return list(left), met


def _sources(tensors: list[KerasTensor], given: set[KerasTensor]) -> list[tuple[Call, bool]]:
    """Calls to visit for `tensors`, last first; not those of given tensors with a past of their
    own."""
    calls = [_source(t) if t in given else producer(t) for t in tensors]
    return [(call, False) for call in reversed(calls) if call is not None]


def _source(tensor: KerasTensor) -> Call | None:
    """The call that made a tensor of nothing, as that of an Input does."""
    call = None if tensor._keras_history is None else producer(tensor)
    return None if call is None or call.input_tensors else call


def _check_connected(call: Call, given: set[KerasTensor], path: str) -> None:
    if not call.input_tensors and not given & set(call.output_tensors):
        raise ValueError(
            f"Output with path `{path}` is not connected to `inputs`: it needs {call.outputs}, "
            f"which '{call.operation.name}' makes and which is not among the inputs "
            f"{sorted(t.name for t in given)}."
        )


def _connect(calls: list[Call]) -> networkx.MultiDiGraph:
    import networkx

    graph = networkx.MultiDiGraph()
    graph.add_nodes_from(calls)
    for call in calls:
        for position, tensor in enumerate(call.input_tensors):
            if tensor._keras_history is not None and producer(tensor) in graph:
                graph.add_edge(producer(tensor), call, position=position, tensor=tensor)
    return graph


def _assign_depths(graph: networkx.MultiDiGraph, left: list[Call]) -> dict[Operation, int]:
    """Depth of every call, as node attribute; all calls of an operation are at least as deep as its
    shallowest one. Returns the depth of every operation."""
    of_operation: dict[Operation, int] = {}
    for call in reversed(left):
        depth = max(graph.nodes[call].get("depth", 0), of_operation.get(call.operation, 0))
        graph.nodes[call]["depth"] = of_operation[call.operation] = depth
        for before in graph.predecessors(call):
            data = graph.nodes[before]
            data["depth"] = max(data.get("depth", 0), depth + 1)
    return of_operation


def _paths(structure: Any, path: str = "") -> list[tuple[str, KerasTensor]]:
    """The leaves of a nested structure with their paths: `k.0` for the first item under key `k`."""
    if isinstance(structure, dict):
        items: Any = ((key, structure[key]) for key in sorted(structure))
    elif isinstance(structure, (list, tuple)):
        items = enumerate(structure)
    else:
        return [(path, structure)]
    return [leaf for key, item in items for leaf in _paths(item, f"{path}.{key}".lstrip("."))]


def _check_unique_names(operations: list[Operation]) -> None:
    for name, count in Counter(op.name for op in operations).items():
        if count > 1:
            raise ValueError(
                f'The name "{name}" is used {count} times in the model. All operation names should '
                "be unique."
            )


def replay(
    calls: Sequence[Call], known: dict[KerasTensor, Any], apply: Callable[[Call, tuple, dict], Any]
) -> None:
    """Run `calls` in order on new values: `apply(call, args, kwargs)` gives a call's outputs.

    `known` maps tensors of the graph to values; it starts with the inputs and is filled in.
    """

    def value(x: Any) -> Any:
        return known[x] if isinstance(x, KerasTensor) else x

    for call in calls:
        tensors = call.output_tensors
        if all(t in known for t in tensors):
            continue
        args, kwargs = map_structure(value, (call.args, call.kwargs))
        outputs = [x for x in flatten(apply(call, args, kwargs)) if x is not None]
        known.update(zip(tensors, outputs, strict=True))


def rebase(inputs: dict[KerasTensor, KerasTensor], outputs: Any) -> Any:
    """`outputs` computed from new tensors in place of the old ones, by calling the operations
    again."""
    calls, _ = _visit(list(inputs), outputs)
    known: dict[KerasTensor, Any] = dict(inputs)
    replay(calls, known, lambda call, args, kwargs: symbolic_call(call.operation, args, kwargs))
    return map_structure(known.__getitem__, outputs)
