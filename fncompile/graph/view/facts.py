"""Facts about the operations of a model, for tables and drawings.

Requires a model: a `Functional` or `Sequential` one has a `dag`; of others, and of stacks that are
not built yet, only the layers are known.
"""

from __future__ import annotations

from typing import Any

from fncompile.graph.call import Call, FunctionOperation
from fncompile.graph.dag import Dag
from fncompile.graph.nest import flatten
from fncompile.graph.view.shown import ShownModel


def dag_of(model: ShownModel) -> Dag | None:
    """The graph of a built functional or sequential model, else None."""
    known = model.built and hasattr(type(model), "dag")
    return getattr(model, "dag", None) if known else None


def operations_of(model: ShownModel) -> list[Any]:
    """What a summary lists: operations of a graph, layers of a stack or of another model."""
    dag = dag_of(model)
    if dag is None or is_stack(model):
        return list(model.layers)
    return list(dag.operations)


def is_model(operation: Any) -> bool:
    return hasattr(operation, "layers") and hasattr(operation, "get_layer")


def is_stack(model: ShownModel) -> bool:
    """Is it a Sequential model? Its InputLayer is not shown."""
    return hasattr(model, "pop") and hasattr(model, "add")


def class_name(operation: Any) -> str:
    """`Dense`; for a function of ops its name as a class: `get_item` -> `GetItem`."""
    if isinstance(operation, FunctionOperation):
        return "".join(word.capitalize() for word in operation.fn.__name__.split("_"))
    return type(operation).__name__


def calls_of(operation: Any, dag: Dag | None) -> list[Call]:
    """Its calls in the graph, or all calls where there is none."""
    if dag is None:
        return list(operation._inbound_nodes)
    return dag.calls_of(operation) or list(operation._inbound_nodes)


def shape_text(structure: Any) -> str:
    """`(None, 64)`, or a list of shapes for several tensors."""
    shapes = [str(t.shape) for t in flatten(structure) if hasattr(t, "shape")]
    return shapes[0] if len(shapes) == 1 else f"[{', '.join(shapes)}]"


def output_shape(operation: Any, dag: Dag | None) -> str:
    """The shape that the last call gives; "?" before there was one."""
    calls = calls_of(operation, dag)
    return shape_text(calls[-1].outputs) if calls else "?"


def connections(operation: Any, dag: Dag | None) -> str:
    """`layer[call][tensor]` for each tensor that the calls in the graph take; "-" for none."""
    if dag is None:
        return "-"
    names = []
    for call in dag.calls_of(operation):
        for tensor in call.input_tensors:
            assert tensor._keras_history is not None  # of a call
            maker, node, index = tensor._keras_history
            names.append(f"{maker.name}[{node}][{index}]")
    return ", ".join(names) or "-"


def is_chain(dag: Dag) -> bool:
    """Does one call follow another, each taking one tensor?"""
    depths = [dag.depth(call) for call in dag.calls]
    single = all(len(call.input_tensors) <= 1 for call in dag.calls)
    once = all(len(dag.calls_of(op)) == 1 for op in dag.operations)
    return single and once and len(set(depths)) == len(depths)


def weights_of(operation: Any) -> list[Any]:
    return list(getattr(operation, "weights", ()))


def trainable_text(operation: Any) -> str:
    """Y or N; "-" where there is nothing to train."""
    if not weights_of(operation):
        return "-"
    return "Y" if operation.trainable else "N"
