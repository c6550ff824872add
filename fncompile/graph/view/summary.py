"""`model.summary()`, as Keras 3 prints it."""

from __future__ import annotations

import itertools
import shutil
import sys
from collections.abc import Callable, Sequence
from typing import Any

from fncompile.graph.view import facts
from fncompile.graph.view.shown import ShownModel
from fncompile.graph.view.table import Column, table

_PLAIN = (0.45, 0.80, 1.0)
_CONNECTED = (0.3, 0.56, 0.74, 1.0)
_TITLES = ("Layer (type)", "Output Shape", "Param #", "Connected to")
_UNITS = ("B", "KB", "MB", "GB", "TB", "PB")


def summary(
    model: ShownModel,
    line_length: int | None = None,
    positions: Sequence[float] | None = None,
    print_fn: Callable[[str], Any] | None = None,
    expand_nested: bool = False,
    show_trainable: bool = False,
    layer_range: Sequence[str] | None = None,
) -> None:
    """Print the layers with their output shapes and numbers of parameters.

    A graph that is not a chain has a column more, which says what each layer is connected to.
    `positions` are the ends of the columns, in characters or as parts of `line_length`. `print_fn`
    is called once with the whole text. `layer_range` names the first and the last layer to show.
    ValueError where it does not.
    """
    dag = facts.dag_of(model)
    connected = dag is not None and not facts.is_stack(model) and not facts.is_chain(dag)
    columns = _columns(connected, show_trainable, line_length, positions)
    operations = _in_range(facts.operations_of(model), layer_range)
    rows = _rows(operations, dag, connected, show_trainable, expand_nested, "")
    text = f'Model: "{model.name}"\n{table(columns, rows)}\n{_totals(model)}\n'
    if print_fn is not None:
        print_fn(text)
    else:
        sys.stdout.write(text)
        sys.stdout.flush()


def _columns(
    connected: bool, trainable: bool, length: int | None, positions: Sequence[float] | None
) -> list[Column]:
    default = 108 if connected else 88
    ends = list(positions or (_CONNECTED if connected else _PLAIN))
    if trainable and not positions:
        default += 12
        ends = [p * 0.9 for p in ends] + [1.0]
    length = length or min(default, shutil.get_terminal_size().columns - 4)
    if ends[-1] <= 1:
        ends = [int(length * p) for p in ends]
    titles = [*_TITLES[: 4 if connected else 3], *(["Trainable"] if trainable else [])]
    aligns = {"Param #": ">", "Trainable": "^"}
    widths = _fitted([int(b - a) for a, b in itertools.pairwise([0, *ends])])
    return [Column(t, w, aligns.get(t, "<")) for t, w in zip(titles, widths, strict=True)]


def _fitted(widths: list[int]) -> list[int]:
    """Widths with padding such that columns and bars together take `sum(widths)`.

    Two characters of padding a column and the bars are 3n + 1 too many; each column gives up an
    equal part of what is left, as the table printer of Keras does.
    """
    excess, fitted = 3 * len(widths) + 1, []
    for left, width in zip(range(len(widths), 0, -1), widths, strict=True):
        share = round(excess / left)
        excess -= share
        fitted.append(max(width + 2 - share, 3))
    return fitted


def _in_range(operations: list[Any], layer_range: Sequence[str] | None) -> list[Any]:
    if not layer_range:
        return operations
    if len(layer_range) != 2:
        raise ValueError(
            "layer_range must be a list or tuple of length 2. Received: "
            f"layer_range = {layer_range} of length {len(layer_range)}"
        )
    names = [operation.name for operation in operations]
    if not set(layer_range) <= set(names):
        raise ValueError(
            "Passed layer_names do not match the layer names in the model. "
            f"Received: {list(layer_range)}"
        )
    first, last = sorted(names.index(name) for name in layer_range)
    return operations[first : last + 1]


def _rows(
    operations: list[Any], dag: Any, connected: bool, trainable: bool, nested: bool, indent: str
) -> list[list[str]]:
    rows = []
    for operation in operations:
        row = [f"{indent}{operation.name} ({facts.class_name(operation)})"]
        row += [facts.output_shape(operation, dag), _parameters(operation)]
        row += [facts.connections(operation, dag)] if connected else []
        row += [facts.trainable_text(operation)] if trainable else []
        rows.append(row)
        if nested and facts.is_model(operation):
            inner = facts.operations_of(operation)
            deeper = "   " * (len(indent) // 3 + 1) + "└ "
            inner_dag = facts.dag_of(operation)
            sub = _rows(inner, inner_dag, False, trainable, nested, deeper)
            rows += [[*r[:3], "-", *r[3:]] if connected else r for r in sub]
    return rows


def _parameters(operation: Any) -> str:
    if not getattr(operation, "built", True) and _has_weights_to_make(operation):
        return "0 (unbuilt)"
    return f"{_count(facts.weights_of(operation)):,}"


def _has_weights_to_make(layer: Any) -> bool:
    """A layer with its own `build`, or one of sub-layers, has weights that are not there yet."""
    base: Any = next(c for c in type(layer).__mro__ if c.__name__ == "Layer")
    return type(layer).build is not base.build


def _count(weights: Sequence[Any]) -> int:
    return sum(w.size for w in weights)


def _bytes(weights: Sequence[Any]) -> int:
    return sum(w.value.nbytes for w in weights)


def _totals(model: ShownModel) -> str:
    optimizer = getattr(model, "optimizer", None)
    state = list(optimizer.variables) if optimizer is not None and optimizer.built else []
    trainable, fixed = list(model.trainable_weights), list(model.non_trainable_weights)
    lines = [
        _total("Total", [*trainable, *fixed, *state]),
        _total("Trainable", trainable),
        _total("Non-trainable", fixed),
    ]
    return "\n".join([*lines, *([_total("Optimizer", state)] if state else [])])


def _total(what: str, weights: Sequence[Any]) -> str:
    return f" {what} params: {_count(weights):,} ({_readable(_bytes(weights))})"


def _readable(size: float) -> str:
    for unit in _UNITS[:-1]:
        if size < 1024:
            return f"{size:.2f} {unit}"
        size /= 1024
    return f"{size:.2f} {_UNITS[-1]}"
