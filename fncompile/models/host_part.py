"""What a functional model does in Python before its compiled part: the first halves of the layers
of strings and hashes that it begins with.

    inputs ─ calls that lead to a host call ─▶ its `indices` ─▶ compiled: `encoded`, and the rest

The compiled part takes the inputs that it reads, and the indices. A model without such layers has
no host part.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fncompile.graph.call import Call
from fncompile.graph.dag import Dag
from fncompile.graph.nest import flatten, map_structure
from fncompile.graph.tensor import KerasTensor
from fncompile.graph.texts import STRING
from fncompile.graph.trace import current_trace
from fncompile.layers.preprocessing.host import HostLayer


@dataclass(frozen=True)
class HostPart:
    """`ahead`: the calls done on arrays, in order; `compiled`: those done by compiled code;
    `indices`: symbolic indices of each host call that compiled code goes on from; `inputs`: what
    the compiled part takes, with `names`."""

    ahead: tuple[Call, ...]
    compiled: tuple[Call, ...]
    indices: dict[Call, KerasTensor]
    inputs: tuple[KerasTensor, ...]
    names: tuple[str, ...]

    def convert(self, given: list[KerasTensor], arrays: list[Any]) -> list[Any]:
        """What the compiled part takes, for the arrays that the model is given."""
        known: dict[KerasTensor, Any] = dict(zip(given, arrays, strict=True))
        read = {tensor for call in self.ahead for tensor in call.input_tensors}

        def value(x: Any) -> Any:
            return known[x] if isinstance(x, KerasTensor) else x

        for call in self.ahead:
            layer: Any = call.operation
            args, kwargs = map_structure(value, (call.args, call.kwargs))
            if _is_host(call):
                found = layer.indices(*args, **kwargs)
                if call in self.indices:
                    known[self.indices[call]] = found
                if call.output_tensors[0] not in read:
                    continue
                outputs = layer.encoded(found)
            else:
                outputs = layer(*args, **kwargs)
            known.update(zip(call.output_tensors, flatten(outputs), strict=True))
        return [known[tensor] for tensor in self.inputs]

    def begin(self, known: dict[KerasTensor, Any]) -> None:
        """Add to the tensors that the compiled part is given, inside a trace, those that are made
        of indices."""
        trace = current_trace()
        for call, index in self.indices.items():
            layer: Any = call.operation
            with trace.scope(layer.name):  # type: ignore[union-attr]
                known[call.output_tensors[0]] = layer.encoded(known[index])


def host_part(dag: Dag) -> HostPart | None:
    """The part of a graph for Python, None where all of it compiles. ValueError for strings that
    reach what can only be compiled."""
    hosted = [call for call in dag.calls if _is_host(call)]
    compiled, read = _leading_to(dag, set(dag.outputs), stop=hosted)
    _refuse_strings(dag, read)
    if not hosted:
        return None
    ahead, used = _leading_to(dag, {t for call in hosted for t in call.output_tensors})
    indices = {c: _index_tensor(c) for c in hosted if c.output_tensors[0] in read}
    plain = [t for t in dag.inputs if t in read or t not in used]
    names = (*map(_name, plain), *(t.name for t in indices.values()))
    return HostPart(tuple(ahead), tuple(compiled), indices, (*plain, *indices.values()), names)


def _is_host(call: Call) -> bool:
    layer = call.operation
    return isinstance(layer, HostLayer) and layer.needs_host([t.dtype for t in call.input_tensors])


def _leading_to(
    dag: Dag, wanted: set[KerasTensor], stop: list[Call] | None = None
) -> tuple[list[Call], set[KerasTensor]]:
    """The calls that make `wanted`, in order, none beyond those to `stop` at; and all tensors that
    are read on the way, `wanted` too."""
    read, chosen = set(wanted), []
    barred = {*(stop or ()), *(c for c in dag.calls if not c.input_tensors)}  # and the Inputs
    for call in reversed(dag.calls):
        if call not in barred and read & set(call.output_tensors):
            chosen.append(call)
            read |= set(call.input_tensors)
    return chosen[::-1], read


def _index_tensor(call: Call) -> KerasTensor:
    layer: Any = call.operation
    type_ = layer.index_type([t.type for t in call.input_tensors])
    return KerasTensor.of(type_, f"{layer.name}_indices")


def _name(tensor: KerasTensor) -> str:
    return tensor._keras_history.operation.name  # type: ignore[union-attr]


def _refuse_strings(dag: Dag, read: set[KerasTensor]) -> None:
    """ValueError for strings among what compiled code reads."""
    for tensor in read:
        if tensor.dtype != STRING:
            continue
        readers = [c.operation.name for c in dag.calls if tensor in c.input_tensors]
        goes = f"goes to {readers}" if readers else "is an output of the model"
        raise ValueError(
            f"What '{_name(tensor)}' gives are strings, which compiled code has no type for, and "
            f"it {goes}. Put a StringLookup, TextVectorization, Hashing or HashedCrossing behind "
            "an Input of strings; call a layer that gives strings on what the model predicts."
        )

