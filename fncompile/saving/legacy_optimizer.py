"""The optimizer's state in whole-model `.h5` files, as four generations of Keras wrote it.

Keras 3 writes `optimizer.variables` in order: iteration, learning rate, slots variable by variable.
TF2.11 to 2.15 name slots at the front (`Adam/m/dense/kernel:0`), variable by variable too. TF2.0 to
2.10 name them at the end (`Adam/dense/kernel/m:0`), grouped by slot. Keras 2.2 and 2.3 number
everything (`training/Adam/Variable:0`), grouped by slot too. Only Keras 3 stores the learning rate.
"""

from __future__ import annotations

import re
from typing import Any

from fncompile.caller import warn_caller

from .legacy_weights import Pairs, assign_all, values_of, variables_group
from .names import read_names
from .tree import Dataset, Group

Named = list[tuple[str, Dataset]]

_ITERATION = re.compile(r"(^|/)(iter|iterations?)(:\d+)?$")
_RATE = re.compile(r"(^|/)(current_)?learning_rate(:\d+)?$")  # the configuration has it too
# What TF2 calls a slot -> what Keras 3 calls it; others have the same name in both.
_SLOTS = {
    ("Adam", "m"): "momentum", ("Adam", "v"): "velocity", ("Adam", "vhat"): "velocity_hat",
    ("AdamW", "m"): "momentum", ("AdamW", "v"): "velocity", ("AdamW", "vhat"): "velocity_hat",
    ("Adamax", "m"): "momentum", ("Adamax", "v"): "norm", ("Adamax", "u"): "norm",
    ("Nadam", "m"): "momentum", ("Nadam", "v"): "velocity", ("SGD", "m"): "momentum",
    ("RMSprop", "rms"): "velocity", ("RMSprop", "mg"): "average_gradient",
    ("Adadelta", "accum_grad"): "accumulated_grad",
    ("Adadelta", "accum_var"): "accumulated_delta_var",
}


def optimizer_group(optimizer: Any) -> Group:
    """Return the group `optimizer_weights`."""
    return variables_group(list(optimizer.variables))


def load_optimizer_group(optimizer: Any, variables: list[Any], group: Group) -> None:
    """Assign the state of `optimizer`, which is built for `variables`, from `optimizer_weights`.

    What does not fit leaves the optimizer as it is, with a warning.
    """
    named = list(zip(read_names(group, "weight_names"), values_of(group), strict=True))
    pairs = _in_order(optimizer, named)
    if pairs is None:
        pairs = _by_slot(optimizer, variables, named)
    if pairs is None:
        warn_caller(
            "Error in loading the saved optimizer state. As a result, your model is starting with "
            "a freshly initialized optimizer.")
        return
    assign_all(pairs)


def _in_order(optimizer: Any, named: Named) -> Pairs | None:
    """Keras 3: one value for each of the optimizer's variables. Its names have no ":0"."""
    if any(":" in name for name, _ in named):
        return None
    variables = list(optimizer.variables)
    without_slots = len(variables) - len(optimizer._slots)
    if len(named) == without_slots:  # it was saved before its first step
        variables = variables[:without_slots]
    return _paired(variables, [value for _, value in named])


def _by_slot(optimizer: Any, variables: list[Any], named: Named) -> Pairs | None:
    """TF2.0 and before: the iteration, then each slot of all variables."""
    scalars = [value for name, value in named if _ITERATION.search(name)]
    rest = [
        (name, value) for name, value in named
        if not (_ITERATION.search(name) or _RATE.search(name))
    ]  # fmt: skip
    if not scalars and rest and rest[0][1].shape == () and len(rest) % max(len(variables), 1) == 1:
        scalars, rest = [rest[0][1]], rest[1:]  # Keras 2.2: "training/Adam/Variable:0"
    slots = _named_slots(optimizer, rest) or _numbered_slots(optimizer, rest, len(variables))
    pairs = [(optimizer._iterations, value) for value in scalars[:1]]
    for slot, values in slots.items():
        targets = [optimizer.slot(slot, variable) for variable in variables]
        matched = _paired(targets, values)
        if matched is None:
            return None
        pairs += matched
    return pairs if slots or not optimizer.slots else None


def _named_slots(optimizer: Any, rest: Named) -> dict[str, list[Dataset]]:
    """Group by the last part of the names, or by the one behind the optimizer's; empty unless these
    are the optimizer's slots."""
    for part in (-1, 1):
        slots: dict[str, list[Dataset]] = {}
        for name, value in rest:
            slots.setdefault(_slot_at(optimizer, name, part), []).append(value)
        if set(slots) == set(optimizer.slots):
            return slots
    return {}


def _slot_at(optimizer: Any, name: str, part: int) -> str:
    """What stands at one part of a name, as Keras 3 calls it."""
    parts = name.split(":")[0].split("/")
    said = parts[part] if part < len(parts) else ""
    return _SLOTS.get((type(optimizer).__name__, said), said)


def _numbered_slots(optimizer: Any, rest: Named, count: int) -> dict[str, list[Dataset]]:
    values = [value for _, value in rest]
    slots = optimizer.slots
    if not count or len(values) < count * len(slots):
        return {}
    return {slot: values[i * count : (i + 1) * count] for i, slot in enumerate(slots)}


def _paired(variables: list[Any], values: list[Dataset]) -> Pairs | None:
    shapes = [tuple(variable.shape) for variable in variables]
    if shapes != [value.shape for value in values]:
        return None
    return list(zip(variables, values, strict=True))
